"""Features that are Python functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy
import pytest

from symphony_data import ConfigError, DatasetBuilder, RequestError, SourceError

CONFIG = """
benchmarks:
  humaneval:
    path: 'synthetic:humaneval'
    difficulty:
      features:
        loops: {python: n_loops}
        prompt_len: {words: prompt}
      score:
        - {feature: loops, weight: 0.7, normalize: p95}
        - {feature: prompt_len, weight: 0.3, normalize: p95}
"""


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetBuilder:
    monkeypatch.chdir(tmp_path)
    Path("loops.yaml").write_text(CONFIG)
    return DatasetBuilder("loops.yaml")


def n_loops(row: dict[str, Any]) -> float:
    return len(str(row["canonical_solution"]).split("for ")) - 1


def fingerprint() -> str:
    meta = json.loads(Path("full/humaneval_full_meta.json").read_text())
    return str(meta["benchmark_config_fingerprint"])


def test_its_value_is_scored_and_kept(builder: DatasetBuilder) -> None:
    builder.register_feature("n_loops", n_loops)
    tasks = builder.preprocess_all_benchmarks("full")["humaneval"]
    assert [task.scorer_metadata["loops"] for task in tasks] == [n_loops(task.raw_data) for task in tasks]
    assert len({task.difficulty_score for task in tasks}) > 10


def test_name_and_version_enter_the_fingerprint(builder: DatasetBuilder) -> None:
    calls = 0

    def counted(row: dict[str, Any]) -> float:
        nonlocal calls
        calls += 1
        return n_loops(row)

    builder.register_feature("n_loops", counted, version="1")
    builder.preprocess_all_benchmarks("full")
    first, called = fingerprint(), calls
    assert called == 164, "once a row"
    builder.preprocess_all_benchmarks("full")
    assert calls == called, "what is up to date is not computed again"
    builder.register_feature("n_loops", counted, version="2")
    builder.preprocess_all_benchmarks("full")
    assert calls == 2 * called and fingerprint() != first


def test_an_exception_names_the_row_and_is_the_cause(builder: DatasetBuilder) -> None:
    def broken(row: dict[str, Any]) -> float:
        if row["task_id"] == "SyntheticHumanEval/7":
            raise LookupError("no such loop")
        return 1.0

    builder.register_feature("n_loops", broken)
    with pytest.raises(SourceError, match="row 7 of humaneval: `n_loops`: raised LookupError: no such loop") as caught:
        builder.preprocess_all_benchmarks("full")
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "three", None])
def test_what_is_no_number_is_refused(builder: DatasetBuilder, value: Any) -> None:
    builder.register_feature("n_loops", lambda row: value)
    with pytest.raises(SourceError, match="row 0 of humaneval: `n_loops`: "):
        builder.preprocess_all_benchmarks("full")


def test_what_wants_the_program_to_end_ends_it(builder: DatasetBuilder) -> None:
    def leaving(row: dict[str, Any]) -> float:
        raise SystemExit(3)

    builder.register_feature("n_loops", leaving)
    choices: tuple[Literal["stop", "skip"], ...] = ("stop", "skip")
    for on_bad_row in choices:
        with pytest.raises(SystemExit):
            builder.preprocess_all_benchmarks("full", on_bad_row=on_bad_row)
        assert not Path("full/humaneval_full.jsonl").exists()


def test_an_unregistered_name_is_an_error_when_it_is_needed(builder: DatasetBuilder) -> None:
    with pytest.raises(ConfigError, match="no function `n_loops` is registered"):
        builder.preprocess_all_benchmarks("full")
    with pytest.raises(RequestError, match="no benchmark's rule uses the function `n_lops`"):
        builder.register_feature("n_lops", n_loops)


@pytest.mark.parametrize(
    ("value", "text"),
    [(numpy.int64(3), "3"), (numpy.bool_(True), "true"), (numpy.float32(0.5), "0.5"), (7, "7"), (False, "false")],
)
def test_numbers_of_numpy_are_what_they_stand_for(builder: DatasetBuilder, value: Any, text: str) -> None:
    builder.register_feature("n_loops", lambda row: value)
    builder.preprocess_all_benchmarks("full")
    line = Path("full/humaneval_full.jsonl").read_text().splitlines()[0]
    assert f'"loops":{text},' in line
