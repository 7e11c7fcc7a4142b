import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, overload

import pandas
import pyarrow

from ._report import Report

_Note = Callable[[str, str], object]

__version__: str

def cli(args: list[str]) -> int: ...
def shard_work(job: bytes, functions: list[tuple[str, Callable[..., Any], str]]) -> bytes: ...
def reference() -> str: ...
def reference_rows(benchmark: str) -> list[tuple[str, float, float]]: ...

class Task:
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    __match_args__: ClassVar[tuple[str, ...]]
    task_id: str
    benchmark: str
    difficulty_score: float
    difficulty_bin: str
    raw_data: dict[str, Any]
    scorer_metadata: dict[str, Any]
    source_id: str | None
    identity: str | None
    phase: int | None
    weight: float | None
    stratum: int | None
    def __init__(
        self,
        task_id: str,
        benchmark: str,
        difficulty_score: float,
        difficulty_bin: str,
        raw_data: dict[str, Any],
        scorer_metadata: dict[str, Any],
        source_id: str | None = None,
        identity: str | None = None,
        phase: int | None = None,
        weight: float | None = None,
        stratum: int | None = None,
    ) -> None: ...
    def to_dict(self) -> dict[str, Any]: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__ = None  # type: ignore[assignment]

class TaskStream(Sequence[Task]):
    def __init__(self, tasks: Iterable[Task]) -> None: ...
    @staticmethod
    def read(path: str | os.PathLike[str]) -> TaskStream: ...
    def filter(
        self,
        *,
        bin: str | Iterable[str] | None = None,
        benchmark: str | Iterable[str] | None = None,
        phase: int | Iterable[int] | None = None,
        where: Mapping[str, Any] | Callable[[Task], object] | None = None,
    ) -> TaskStream: ...
    def report(
        self,
        responses: Any = None,
        *,
        baseline: str | None = None,
        full_dir: str | os.PathLike[str] | None = None,
        output: str | os.PathLike[str] | None = None,
        svg: str | os.PathLike[str] | None = None,
        png: str | os.PathLike[str] | None = None,
        force: bool = False,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> Report: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> TaskStream: ...
    def __iter__(self) -> Iterator[Task]: ...
    def __reversed__(self) -> Iterator[Task]: ...
    def __contains__(self, value: object) -> bool: ...
    def index(self, value: object, start: int = 0, stop: int | None = None) -> int: ...
    def count(self, value: object) -> int: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__ = None  # type: ignore[assignment]
    def __copy__(self) -> TaskStream: ...
    def __deepcopy__(self, memo: object) -> TaskStream: ...
    def _texts(self, name: str) -> list[str]: ...
    def _phases(self) -> list[int | None]: ...
    def _home(self) -> tuple[Builder, Path] | None: ...
    def to_arrow(self) -> pyarrow.Table: ...
    def to_pandas(self) -> pandas.DataFrame: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...

class MadeReport:
    def counts(self) -> tuple[int, int, int]: ...
    def small(self) -> str: ...
    def html(self) -> str: ...
    def pictures(self) -> list[tuple[str, str]]: ...
    def save(self, path: str, force: bool) -> None: ...
    def save_svg(self, folder: str, force: bool) -> None: ...
    def save_png(self, folder: str, force: bool) -> None: ...

class Builder:
    def __init__(self, path: str | None, text: str | None) -> None: ...
    def benchmarks(self) -> list[str]: ...
    def register_feature(self, name: str, function: Callable[[dict[str, Any]], float], version: str) -> None: ...
    def preprocess(
        self,
        names: list[str],
        output_dir: str,
        force: bool,
        on_bad_row: str | None,
        locked: bool,
        format: str | None,
        parts: int | None,
        progress: Callable[[str, str, int, int | None], object] | None,
        note: _Note,
    ) -> list[tuple[str, TaskStream]]: ...
    def functions(self, benchmark: str) -> list[tuple[str, Callable[..., Any], str]]: ...
    def preprocess_on(
        self,
        name: str,
        output_dir: str,
        force: bool,
        on_bad_row: str | None,
        locked: bool,
        format: str | None,
        shards: int,
        shared: str | None,
        jobs: Callable[[list[bytes]], Iterable[tuple[int, bytes]]],
        functions: str,
        progress: Callable[[str, str, int, int | None], object] | None,
        note: _Note,
    ) -> TaskStream: ...
    def load_preprocessed(self, name: str, folder: str, note: _Note) -> TaskStream: ...
    def build(self, spec: dict[str, Any], full_dir: str, note: _Note) -> TaskStream: ...
    def power(
        self,
        spec: dict[str, Any],
        delta: float | None,
        responses: list[object],
        models: tuple[str, str] | None,
        full_dir: str,
        demo: bool,
        filter: str | None,
        metric: str | None,
        note: _Note,
    ) -> str: ...
    def run_experiments(
        self,
        name: str | None,
        text: str,
        full_dir: str,
        output_dir: str,
        strict: bool,
        force: bool,
        format: str,
        note: _Note,
    ) -> list[tuple[str, str]]: ...
    def validate(
        self,
        responses: list[object],
        tasks: Iterable[Task] | str | None,
        names: list[str],
        full_dir: str,
        demo: bool,
        difficulty: tuple[str | None, int | None],
        filter: str | None,
        metric: str | None,
        note: _Note,
    ) -> str: ...
    def results(
        self,
        pool: Iterable[Task] | str,
        responses: list[object],
        models: list[str],
        baseline: str | None,
        by: list[str],
        missing: str,
        calibrations: list[str],
        demo: bool,
        filter: str | None,
        metric: str | None,
        note: _Note,
    ) -> str: ...
    def report(
        self,
        pools: list[object],
        responses: list[object],
        baseline: str | None,
        full_dir: str,
        output: str | None,
        svg: str | None,
        png: str | None,
        force: bool,
        demo: bool,
        filter: str | None,
        metric: str | None,
        note: _Note,
    ) -> MadeReport: ...
    def duplicates(
        self,
        benchmarks: list[str],
        against: list[str],
        output: str | None,
        least: float,
        full_dir: str,
        demo: bool,
        progress: Callable[[str, str, int, int | None], object] | None,
        note: _Note,
    ) -> str: ...
    def calibrate(
        self,
        responses: list[object],
        output_dir: str,
        model: str,
        prior: str | None,
        chance: dict[str, float],
        names: list[str],
        full_dir: str,
        demo: bool,
        filter: str | None,
        metric: str | None,
        note: _Note,
    ) -> str: ...
    def responses(
        self,
        responses: list[object],
        output: str,
        names: list[str],
        full_dir: str,
        demo: bool,
        filter: str | None,
        metric: str | None,
        note: _Note,
    ) -> str: ...
    def export(
        self,
        tasks: Iterable[Task] | str,
        to: str,
        output: str,
        name: str | None,
        benchmarks: list[str],
        force: bool,
        progress: Callable[[str, str, int, int | None], object] | None,
        note: _Note,
    ) -> str: ...
    def save_task_pool(self, tasks: Iterable[Task], path: str, note: _Note) -> None: ...
    def save_statistics(self, tasks: Iterable[Task], path: str, note: _Note) -> None: ...
