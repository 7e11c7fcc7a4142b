"""Calibrations that start from features, the reference difficulty or an earlier calibration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from symphony_data import DatasetBuilder, ReferenceCard, ResponseError, SymphonyDataWarning


def humaneval(first: int, last: int) -> DatasetBuilder:
    """Rows in the form of HumanEval, whose task ids are their identity: the reference knows those before 164."""
    rows = [
        {"task_id": f"HumanEval/{row}", "prompt": "word " * (20 + row * 7 % 90), "test": "assert x " * (1 + row % 11)}
        for row in range(first, last)
    ]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    builder = DatasetBuilder({"benchmarks": {"humaneval": {"path": "file:rows.jsonl"}}})
    builder.preprocess_all_benchmarks("full")
    return builder


def answers(*models: str, rows: int = 80, benchmark: str = "humaneval") -> pyarrow.Table:
    """Each model solves two rows of three, and each model others."""
    every = [(row, place) for row in range(rows) for place in range(len(models))]
    return pyarrow.table(
        {
            "benchmark": [benchmark] * len(every),
            "source_id": [f"{benchmark}_{row}" for row, _ in every],
            "model": [models[place] for _, place in every],
            "score": [float((row + place) % 3 > 0) for row, place in every],
        }
    )


def names(models: list[dict[str, Any]]) -> list[str]:
    return [model["name"] for model in models]


def card() -> ReferenceCard:
    return DatasetBuilder.reference(["humaneval"])["humaneval"]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("first", "prior", "known"), [(0, "reference", 80), (124, "reference", 40), (125, "features", 0)]
)
def test_the_default_is_the_reference_where_it_knows_half_of_the_rows(first: int, prior: str, known: int) -> None:
    fitted = humaneval(first, first + 80).calibrate(answers("mine"), "fitted")["humaneval"]
    assert fitted["prior"] == prior
    if prior == "reference":
        assert fitted["prior_difficulty"]["n_known"] == known
        assert fitted["prior_difficulty"]["checksum"] == card()["checksum"]
        assert names(fitted["prior_difficulty"]["panel"]) == names(card()["panel"])
        assert "explained by the reference; in fitted" in repr(fitted)
    else:
        assert "prior_difficulty" not in fitted
        assert "explained by features; in fitted" in repr(fitted)


def test_generated_rows_have_no_reference(builder: DatasetBuilder) -> None:
    given = answers("mine", rows=400, benchmark="gsm8k")
    assert builder.calibrate(given, "fitted")["gsm8k"]["prior"] == "features"
    with pytest.raises(
        ResponseError, match="generated rows have no reference difficulty; take the prior from features"
    ):
        builder.calibrate(given, "not_written", prior="reference")
    assert not Path("not_written").exists()


def test_a_calibration_is_a_prior_and_both_panels_are_left_out_of_a_validation() -> None:
    builder = humaneval(200, 280)
    builder.calibrate(answers("p", "q"), "before")
    with pytest.warns(SymphonyDataWarning, match="the prior was fitted to answers of q too, so they count twice"):
        by_folder = builder.calibrate(answers("q", "r"), "fitted", prior="before")["humaneval"]
    path = Path("before/humaneval_calibration.jsonl")
    with pytest.warns(SymphonyDataWarning, match="count twice"):
        by_file = builder.calibrate(answers("q", "r"), "again", prior=path)["humaneval"]
    assert dict(by_file) == dict(by_folder)
    assert Path(by_file.path).read_bytes() == Path(by_folder.path).read_bytes()
    assert (by_file["prior"], names(by_file["prior_difficulty"]["panel"])) == ("calibration", ["p", "q"])
    assert "explained by an earlier calibration; in again" in repr(by_file)
    tasks = builder.build_task_stream(["humaneval"], n_total_tasks=20, full_dir="full", difficulty="fitted")
    builder.save_task_pool(tasks, "pool/task_pool.jsonl")
    recorded = json.loads(Path("pool/manifest.json").read_text())["benchmarks"][0]["difficulty"]
    assert (recorded["prior"], names(recorded["panel"])) == ("calibration", ["q", "r", "p"])
    report = builder.validate(answers("p", "q", "r", "new"), tasks, full_dir="full", difficulty="fitted")
    for found in report.values():
        assert sorted(found["left_out"]) == ["p", "q", "r"]
        assert not found["in_sample"]


def test_a_prior_that_cannot_be_used_is_refused_and_nothing_is_written() -> None:
    builder = humaneval(200, 280)
    given = answers("mine")
    builder.calibrate(given, "before")
    Path("empty").mkdir()
    changed = Path("changed")
    changed.mkdir()
    for path in Path("before").iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    with (changed / "humaneval_calibration.jsonl").open("a") as file:
        file.write("\n")
    cases: list[tuple[str | Path, str]] = [
        ("nowhere", "there is no such calibration"),
        ("empty", "there is no such calibration"),
        ("changed", "it was changed since it was written"),
        ("reference", "the reference difficulty of humaneval knows none of these rows"),
        # A path object is a path, whatever its name.
        (Path("features"), r"its prior cannot be taken from \./features: there is no such calibration"),
    ]
    for prior, why in cases:
        with pytest.raises(ResponseError, match=why):
            builder.calibrate(given, "not_written", prior=prior)
    with pytest.raises(TypeError, match="prior: expected a path or a calibration, found an int"):
        builder.calibrate(given, "not_written", prior=3)  # type: ignore[arg-type]
    assert not Path("not_written").exists()
    humaneval(300, 380)
    with pytest.raises(ResponseError, match="the calibration before knows none of these rows"):
        builder.calibrate(given, "not_written", prior="before")
    assert not Path("not_written").exists()
