"""``DatasetBuilder``: the two stages, from Python."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from . import _core
from ._core import Task, TaskStream
from ._errors import MissingDataError, RequestError, SymphonyDataWarning
from ._evidence import Calibration, ValidationReport

StrPath = Union[str, "os.PathLike[str]"]
"""A path, as text or as an object."""
Responses = Any
"""A path, a list of paths, or a table that speaks Arrow (polars, pandas, pyarrow)."""
Progress = Callable[[str, str, int, "int | None"], object]
"""``progress(benchmark, stage, done, total)``: stage is ``"downloading"`` (bytes), ``"scoring"`` or ``"writing"``
(rows); total is None where it is not known."""

FULL_DIR = os.path.join("data", "benchmarks", "full")
"""Where preprocessed benchmarks lie if nobody says."""
CONFIG = os.path.join("config", "data_config.yaml")
"""Where the configuration lies if nobody says."""

_logger = logging.getLogger("symphony_data")
# Who wants the log configures logging; without that, a warning is not to come twice.
_logger.addHandler(logging.NullHandler())
_PACKAGE = os.path.dirname(__file__)


class _Notes:
    """Passes on what the library says: to the logger at once, and at the end as a warning what is otherwise than asked.

    The library works on threads of its own; a warning shall point at the line that called it.
    """

    def __init__(self) -> None:
        self._warnings: list[str] = []

    def __call__(self, level: str, message: str) -> None:
        getattr(_logger, level)(message)
        if level == "warning":
            self._warnings.append(message)

    def __enter__(self) -> _Notes:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for message in self._warnings:
                warnings.warn(message, SymphonyDataWarning, stacklevel=_caller())


def _caller() -> int:
    """How many frames lie between the caller of this function and the code that called this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level


class DatasetBuilder:
    """Makes task pools from a configuration.

    Args:
        config_path: the configuration, YAML. Without one, ``config/data_config.yaml`` is used where it exists, else a
            built-in configuration: HumanEval, GSM8K, BBH, AMC and Medical QA from the Hugging Face Hub.

    Raises:
        MissingDataError: there is no file of this name (a FileNotFoundError).
        ConfigError: the file cannot be read or has problems, each with its line.

    >>> from symphony_data import DatasetBuilder
    >>> builder = DatasetBuilder("demo.yaml")
    >>> builder.benchmarks
    ['humaneval', 'gsm8k']
    """

    def __init__(self, config_path: StrPath | None = None) -> None:
        path = None if config_path is None else os.fspath(config_path)
        if path is None and os.path.exists(CONFIG):
            path = CONFIG
        elif path is None:
            _logger.info("there is no %s here: the built-in data_config.yaml is used", CONFIG)
        self._core = _core.Builder(path)
        self._full_dir = FULL_DIR

    def __repr__(self) -> str:
        return f"<DatasetBuilder: {', '.join(self.benchmarks)}>"

    @property
    def benchmarks(self) -> list[str]:
        """The enabled benchmarks, in the order of the configuration."""
        return self._core.benchmarks()

    def register_feature(self, name: str, function: Callable[[dict[str, Any]], float], version: str = "1") -> None:
        """Registers a function that ``{python: NAME}`` in a rule stands for.

        Args:
            name: the name in the configuration.
            function: gives a finite number for a row (the dict that ``raw_data`` will be). It is called from several
                threads. An exception ends preprocessing: the error names row and feature, and has it as its cause.
                After Ctrl-C no further call begins; the calls under way run to their end.
            version: change it when the function changes: benchmarks scored by another version are preprocessed anew.

        Raises:
            RequestError: no benchmark's rule uses the name.

        >>> builder = DatasetBuilder("loops.yaml")
        >>> builder.register_feature("n_loops", lambda row: row["prompt"].count("for "), version="1")
        """
        if not callable(function):
            raise RequestError(f"function: {function!r} cannot be called")
        if not isinstance(version, str):
            raise RequestError(f'version: {version!r}: write a text, such as "2"')
        self._core.register_feature(name, function, version)

    def preprocess_all_benchmarks(
        self,
        output_dir: StrPath = FULL_DIR,
        force_reprocess: bool = False,
        *,
        on_bad_row: Literal["stop", "skip"] | None = None,
        locked: bool = False,
        format: Literal["jsonl", "parquet"] | None = None,
        progress: bool | Progress | None = None,
    ) -> dict[str, TaskStream]:
        """Stage 1: scores every row of every enabled benchmark, once. What is up to date is left as it is.

        Args:
            output_dir: where ``{benchmark}_full.jsonl`` (or ``.parquet``) and ``{benchmark}_full_meta.json`` go. Later
                calls of this builder look there.
            force_reprocess: preprocess again what is up to date.
            on_bad_row: ``"stop"`` at a row that cannot be scored, or ``"skip"`` it into ``{benchmark}_rejected.jsonl``.
                Default: as when a benchmark was last preprocessed, else ``"stop"``.
            locked: take only the source that each meta records: the same commit on the Hub, the same files.
            format: how preprocessed benchmarks hold their rows. Default: as configured, else as they do, else jsonl.
            progress: True for tqdm bars where tqdm is installed, or a function ``(benchmark, stage, done, total)``.

        Returns:
            The scored tasks of each benchmark, by name. They are read from the disk when they are first looked at.

        Raises:
            SourceError: rows that cannot be had, or a row that cannot be scored. What lay there before is untouched.
                Where a source's files are not there, it is a FileNotFoundError too.

        >>> results = DatasetBuilder("demo.yaml").preprocess_all_benchmarks("full")
        >>> {name: len(tasks) for name, tasks in results.items()}
        {'humaneval': 164, 'gsm8k': 400}
        """
        if on_bad_row not in ("stop", "skip", None):
            raise RequestError(f'on_bad_row: {on_bad_row!r}: write "stop" or "skip"')
        if format is not None:
            _format(format)
        done = self._preprocess(self.benchmarks, output_dir, force_reprocess, on_bad_row, locked, format, progress)
        self._full_dir = os.fspath(output_dir)
        return done

    def _preprocess(
        self,
        names: list[str],
        output_dir: StrPath,
        force: bool,
        on_bad_row: str | None,
        locked: bool,
        format: str | None,
        progress: bool | Progress | None,
    ) -> dict[str, TaskStream]:
        bars = None
        if progress is True:
            from ._progress import bars as make_bars

            bars = make_bars()
        callback = bars if progress is True else (progress or None)
        try:
            with _Notes() as note:
                done = self._core.preprocess(
                    names, os.fspath(output_dir), force, on_bad_row, locked, format, callback, note
                )
            return dict(done)
        finally:
            if bars is not None:
                bars.close()

    def load_benchmark(self, name: str, *, progress: bool | Progress | None = None) -> TaskStream:
        """The scored tasks of one enabled benchmark, in the order of its rows; preprocesses it first if need be.

        >>> DatasetBuilder("demo.yaml").load_benchmark("gsm8k")[7].task_id
        'gsm8k_7'
        """
        if name not in self.benchmarks:
            raise RequestError(f"there is no enabled benchmark {name!r}; enabled: {', '.join(self.benchmarks)}")
        self._preprocess([name], self._full_dir, False, None, False, None, progress)
        return self.load_preprocessed_benchmark(name)

    def load_preprocessed_benchmark(self, name: str, preprocessed_dir: StrPath | None = None) -> TaskStream:
        """The scored tasks of one preprocessed benchmark, in the order of its rows.

        Args:
            name: the benchmark.
            preprocessed_dir: where it lies; by default where this builder last preprocessed, else data/benchmarks/full.

        Raises:
            MissingDataError: it was not preprocessed (a FileNotFoundError).

        >>> builder.load_preprocessed_benchmark("humaneval", "full")[0].benchmark
        'humaneval'
        """
        folder = self._full_dir if preprocessed_dir is None else os.fspath(preprocessed_dir)
        with _Notes() as note:
            return self._core.load_preprocessed(name, folder, note)

    def build_task_stream(
        self,
        benchmarks_to_include: Sequence[str],
        difficulty_split: str = "50:50",
        n_total_tasks: int = 1000,
        random_seed: int = 2025,
        exclude_benchmarks: Sequence[str] | None = None,
        difficulty_percentiles: Mapping[str, Sequence[float]] | None = None,
        benchmark_ratios: Mapping[str, float] | None = None,
        sample_with_replacement: bool | Literal["when_short"] | None = None,
        sampler: Literal["numpy", "stable"] = "numpy",
        full_dir: StrPath | None = None,
        difficulty: StrPath | None = None,
        min_responses: int | None = None,
    ) -> TaskStream:
        """Stage 2: draws tasks from preprocessed benchmarks.

        Args:
            benchmarks_to_include: the benchmarks to mix, in order.
            difficulty_split: shares ``easy:hard`` or ``easy:medium:hard``, whole numbers.
            n_total_tasks: how many tasks, from 1.
            random_seed: the same seed gives the same tasks in the same order; 0 to 4294967295 for ``numpy``, any 64-bit
                number for ``stable``.
            exclude_benchmarks: benchmarks to leave out of `benchmarks_to_include`.
            difficulty_percentiles: ``{benchmark: [low, high]}``, 0 to 100, in place of the configured ones.
            benchmark_ratios: each benchmark's share; rescaled, with a warning, where they do not sum to 1. Default:
                equal.
            sample_with_replacement: True for independent draws, ``"when_short"`` to repeat tasks only in a bin that is
                too small, False to deliver fewer instead. Default: as configured.
            sampler: ``"numpy"`` draws what the Python program Symphony 2.0 drew; ``"stable"`` nests smaller pools in
                larger ones.
            full_dir: where the preprocessed benchmarks lie; by default where this builder last preprocessed, else
                data/benchmarks/full.

            difficulty: the score that tasks are drawn by: ``"surface"``, a calibration
                (``{benchmark}_calibration.jsonl``), or a folder of calibrations. Default: as configured.
            min_responses: of a measured difficulty, leave out rows with responses of fewer models. Default: as
                configured.

        Returns:
            The tasks, in the order in which they are to be given.

        Raises:
            RequestError: what is asked makes no sense, or no task can be drawn (a ValueError).
            MissingDataError: a benchmark was not preprocessed (a FileNotFoundError).

        Warns:
            SymphonyDataWarning: a bin has fewer tasks than asked, or ratios were rescaled.

        >>> builder.build_task_stream(["gsm8k"], difficulty_split="80:20", n_total_tasks=10, full_dir="full")
        <TaskStream: 10 tasks (gsm8k); 8 easy, 2 hard>
        """
        if not isinstance(difficulty_split, str):
            raise RequestError(f'difficulty_split: {difficulty_split!r}: write a text, such as "50:50"')
        for name, value in (("benchmark_ratios", benchmark_ratios), ("difficulty_percentiles", difficulty_percentiles)):
            if value is not None and not isinstance(value, Mapping):
                raise RequestError(f"{name}: {value!r}: write a dict with a value for each benchmark")
        excluded = set(_names("exclude_benchmarks", exclude_benchmarks or ()))
        for name in excluded - set(self.benchmarks):
            raise RequestError(
                f"exclude_benchmarks: there is no benchmark {name!r}; known: {', '.join(self.benchmarks)}"
            )
        spec = {
            "benchmarks": [
                name for name in _names("benchmarks_to_include", benchmarks_to_include) if name not in excluded
            ],
            "difficulty_split": difficulty_split,
            "n_total_tasks": _whole("n_total_tasks", n_total_tasks),
            "random_seed": _whole("random_seed", random_seed),
            "difficulty_percentiles": None
            if difficulty_percentiles is None
            else {name: _pair(name, pair) for name, pair in difficulty_percentiles.items() if name not in excluded},
            "benchmark_ratios": None
            if benchmark_ratios is None
            else [(name, float(ratio)) for name, ratio in benchmark_ratios.items() if name not in excluded],
            "sample_with_replacement": None if sample_with_replacement is None else str(sample_with_replacement),
            "sampler": sampler,
            "difficulty": None if difficulty is None else os.fspath(difficulty),
            "min_responses": None if min_responses is None else _whole("min_responses", min_responses),
        }
        folder = self._full_dir if full_dir is None else os.fspath(full_dir)
        with _Notes() as note:
            return self._core.build(spec, folder, note)

    def run_experiments(
        self,
        experiments: Mapping[str, Mapping[str, Any]] | StrPath,
        output_dir: StrPath = "data",
        strict: bool = False,
        *,
        full_dir: StrPath | None = None,
        format: Literal["jsonl", "parquet"] = "jsonl",
        force: bool = False,
    ) -> dict[str, Path]:
        """Stage 2 for named experiments: writes a pool, its statistics and its manifest for each.

        Args:
            experiments: ``{id: {"name": ..., "benchmarks": [...], "benchmark_ratios": {...}, "difficulty_split":
                "50:50", "n_total_tasks": ..., "random_seed": ...}}``, or the path of a YAML file with them.
            output_dir: each pool goes to ``output_dir/id``.
            strict: where one cannot be met in full, make none.
            full_dir: where the preprocessed benchmarks lie, as for `build_task_stream`.
            format: how the pools hold their tasks: ``task_pool.jsonl`` or ``task_pool.parquet``.
            force: replace whatever is in a pool's folder. By default only a pool that the same experiment made is
                replaced.

        Returns:
            The folder of each pool, by the experiment's id.

        Raises:
            RequestError: an experiment makes no sense, or cannot be met under `strict`. Nothing is written then.
            MissingDataError: a benchmark was not preprocessed, or there is no file of this name (a FileNotFoundError).

        >>> builder.run_experiments({"tiny": {"benchmarks": ["gsm8k"], "n_total_tasks": 6}}, full_dir="full")
        {'tiny': PosixPath('data/tiny')}
        """
        if isinstance(experiments, Mapping):
            name, text = "experiments", json.dumps(_plain({"experiments": experiments}), ensure_ascii=False)
        else:
            name = os.fspath(experiments)
            try:
                text = Path(name).read_text(encoding="utf-8")
            except FileNotFoundError as error:
                raise MissingDataError(f"{name}: there is no such file; check the path") from error
            except OSError as error:
                raise RequestError(f"{name}: cannot read this file: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise RequestError(f"{name}: this file is not UTF-8; save it as UTF-8") from error
        _format(format)
        folder = self._full_dir if full_dir is None else os.fspath(full_dir)
        with _Notes() as note:
            made = self._core.run_experiments(name, text, folder, os.fspath(output_dir), strict, force, format, note)
        return {experiment: Path(pool) for experiment, pool in made}

    def save_task_pool(self, task_stream: Iterable[Task], output_path: StrPath) -> None:
        """Writes tasks as JSON lines, or as Parquet where the path ends in ``.parquet``; whole or not at all.

        Beside a stream that :meth:`build_task_stream` gave, its manifest is written: the request, and where each task
        came from. It is ``manifest.json`` beside ``task_pool.jsonl``, and ``NAME.manifest.json`` beside ``NAME.jsonl``.

        >>> builder.save_task_pool(builder.build_task_stream(["gsm8k"], n_total_tasks=4, full_dir="full"), "pool.jsonl")
        """
        with _Notes() as note:
            self._core.save_task_pool(task_stream, os.fspath(output_path), note)

    def save_statistics(self, task_stream: Iterable[Task], output_path: StrPath) -> None:
        """Writes counts and scores by benchmark and bin, distinct tasks and repeats as JSON, whole or not at all.

        >>> stream = builder.build_task_stream(["gsm8k"], n_total_tasks=4, full_dir="full")
        >>> builder.save_statistics(stream, "statistics.json")
        """
        with _Notes() as note:
            self._core.save_statistics(task_stream, os.fspath(output_path), note)

    def validate(
        self,
        responses: Responses,
        tasks: Iterable[Task] | StrPath | None = None,
        *,
        benchmarks: Sequence[str] | None = None,
        full_dir: StrPath | None = None,
        difficulty: StrPath | None = None,
        min_responses: int | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> ValidationReport:
        """Compares difficulty scores with how real models did.

        Args:
            responses: who answered what how well: a path, a list of paths, or a table (polars, pandas, Arrow) with the
                columns ``benchmark``, ``source_id`` or ``identity``, ``model``, ``score`` (0 to 1), and, if there are
                such, ``family`` and ``tries``. Files may also be logs of lm-evaluation-harness or of Inspect.
            tasks: the tasks of a pool, looked at too, or its folder or file: its manifest says which models set the
                difficulty, if it was measured.
            benchmarks: which benchmarks; by default all that have responses.
            full_dir: where the preprocessed benchmarks lie; by default where this builder last preprocessed, else
                data/benchmarks/full.
            difficulty, min_responses: which difficulty is compared, as for :meth:`build_task_stream`.
            demo: take responses to the generated tasks that a demo makes.
            filter: of a log with several filters, the lines of this one.
            metric: of a log with several metrics or scorers, this one.

        Raises:
            ResponseError: the responses cannot be used (a ValueError).
            MissingDataError: a benchmark was not preprocessed, or a file that was named is not there (a
                FileNotFoundError).

        Warns:
            SymphonyDataWarning: answers could not be mapped to a row, and were left out.

        >>> builder.validate("responses.jsonl", full_dir="full")["gsm8k"]["in_sample"]
        False
        """
        folder = self._full_dir if full_dir is None else os.fspath(full_dir)
        names = [] if benchmarks is None else _names("benchmarks", benchmarks)
        with _Notes() as note:
            pool = os.fspath(tasks) if isinstance(tasks, (str, os.PathLike)) else tasks
            by = (
                None if difficulty is None else os.fspath(difficulty),
                None if min_responses is None else _whole("min_responses", min_responses),
            )
            found = self._core.validate(_inputs(responses), pool, names, folder, demo, by, filter, metric, note)
        return ValidationReport(json.loads(found))

    def calibrate(
        self,
        responses: Responses,
        output_dir: StrPath,
        *,
        model: Literal["1pl", "2pl"] = "1pl",
        chance: Mapping[str, float] | None = None,
        benchmarks: Sequence[str] | None = None,
        full_dir: StrPath | None = None,
        demo: bool = False,
        filter: str | None = None,
        metric: str | None = None,
    ) -> dict[str, Calibration]:
        """Fits a difficulty to the answers of models, and writes it as ``{benchmark}_calibration.jsonl`` with its meta.

        Args:
            responses: as for :meth:`validate`.
            output_dir: where the files go.
            model: ``"1pl"``: a difficulty for each row; ``"2pl"``: a discrimination too, for 20 models and more.
            chance: how often a guess is right, by benchmark, as ``{"medical_qa": 0.25}``; for others as configured.
            benchmarks, full_dir, demo, filter, metric: as for :meth:`validate`.

        Returns:
            What was fitted, by benchmark.

        Raises:
            ResponseError: the responses cannot be used (a ValueError).
            MissingDataError: a benchmark was not preprocessed, or a file that was named is not there (a
                FileNotFoundError).

        >>> builder.calibrate("responses.jsonl", "calibration", full_dir="full")["gsm8k"].path
        'calibration/gsm8k_calibration.jsonl'
        """
        if model not in ("1pl", "2pl"):
            raise RequestError(f'model: {model!r}: write "1pl" or "2pl"')
        folder = self._full_dir if full_dir is None else os.fspath(full_dir)
        names = [] if benchmarks is None else _names("benchmarks", benchmarks)
        chances = _chances(chance)
        to = os.fspath(output_dir)
        with _Notes() as note:
            given = _inputs(responses)
            fitted = self._core.calibrate(given, to, model, chances, names, folder, demo, filter, metric, note)
        return {meta["benchmark"]: Calibration(meta, to) for meta in json.loads(fitted)}


def _chances(chance: object) -> dict[str, float]:
    """How often a guess is right, by benchmark."""
    if chance is None:
        return {}
    if isinstance(chance, Mapping):
        values = list(chance.values())
        if all(isinstance(value, (int, float)) and 0 <= value < 1 for value in values):
            return {str(name): float(value) for name, value in chance.items()}
    raise RequestError(f'chance: {chance!r}: write benchmarks and a chance from 0 up to 1, as {{"medical_qa": 0.25}}')


def _inputs(responses: Responses) -> list[object]:
    """The files and tables that responses are."""
    given = responses if isinstance(responses, (list, tuple)) else [responses]
    inputs: list[object] = []
    for one in given:
        if isinstance(one, (str, os.PathLike)):
            inputs.append(os.fspath(one))
        elif hasattr(one, "__arrow_c_stream__"):
            inputs.append(one)
        else:
            raise RequestError(
                f"responses: {type(one).__name__}: give a path, a list of paths, or a table of polars, pandas or Arrow"
            )
    return inputs


def _format(name: str) -> None:
    if name not in ("jsonl", "parquet"):
        raise RequestError(f'format: {name!r}: write "jsonl" or "parquet"')


def _names(parameter: str, names: Sequence[str]) -> list[str]:
    """The names, in an order that is the same each time."""
    if isinstance(names, (str, set, frozenset)) or not all(isinstance(name, str) for name in names):
        raise RequestError(
            f"{parameter}: {names!r}: write a list of names, as [{', '.join(map(repr, ['gsm8k', 'amc']))}]"
        )
    return list(names)


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 0:
        raise RequestError(f"{name}: {value!r}: write a whole number from 0 up")
    return int(value)


def _pair(name: str, pair: Sequence[float]) -> tuple[float, float]:
    if isinstance(pair, str) or len(pair) != 2:
        raise RequestError(f"difficulty_percentiles: {name}: {pair!r}: write [low, high], such as [20, 80]")
    return float(pair[0]), float(pair[1])


def _plain(value: Any) -> Any:
    """The value in types that JSON has, whatever mappings and sequences it is made of."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    # Numbers of numpy's.
    return value.item() if hasattr(value, "item") and callable(value.item) else value
