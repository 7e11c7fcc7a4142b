"""Duplicates within and across benchmarks, and overlap with other text, from Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED

from symphony_data import DatasetBuilder, MissingDataError

RULE = {"features": {"n": {"words": "q"}}, "score": [{"feature": "n", "normalize": "p95"}]}
PROMPT = {"input": "{q}", "target": "{a}", "grade": "exact"}
LONG = "a question that has more than thirteen words, so that runs of words are found in it"


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetBuilder:
    """One copy, which is a conflict too, and a near-duplicate in another benchmark."""
    monkeypatch.chdir(tmp_path)
    rows = {"one": [(LONG, "x"), ("short", "x"), ("short", "y")], "two": [(LONG + "!", "x"), ("alone in here", "x")]}
    keys: dict[str, Any] = {"identity": ["q"], "difficulty": RULE, "prompt": PROMPT}
    for name, questions in rows.items():
        Path(f"{name}.jsonl").write_text("".join(json.dumps({"q": q, "a": a}) + "\n" for q, a in questions))
    builder = DatasetBuilder({"benchmarks": {name: {"path": f"file:{name}.jsonl", **keys} for name in rows}})
    builder.preprocess_all_benchmarks("full")
    return builder


def test_planted_duplicates_are_counted_and_written(planted: DatasetBuilder) -> None:
    report = planted.duplicates(full_dir="full")
    assert list(report) == ["one", "two"]
    assert report["one"] == {"rows": 3, "copies": 1, "conflicts": 2, "near": 0, "groups": 1, "largest": 2}
    assert report.across == [{"benchmarks": ["one", "two"], "groups": 1, "rows": [1, 1]}]
    assert report.complete and report.overlap == {}
    assert repr(report).splitlines()[0] == "one: 3 rows: 1 copies, 2 conflicts, 0 near-duplicates"
    lines = [json.loads(line) for line in Path("full/one_duplicates.jsonl").read_text().splitlines()]
    assert [line["kinds"] for line in lines] == [[], ["conflict"], ["copy", "conflict"]]
    # Alone, a benchmark has nothing in common with another.
    assert planted.duplicates(["two"], full_dir="full").across == []


def test_other_text_is_a_path_or_several(planted: DatasetBuilder) -> None:
    Path("texts").mkdir()
    Path("texts/other.txt").write_text(f"It was {LONG}, no doubt.\n")
    ways: list[str | Path | list[str | Path]] = ["texts/*.txt", Path("texts"), ["texts/other.txt", Path("texts")]]
    for against in ways:
        report = planted.duplicates(against=against, full_dir="full")
        assert report.overlap["one"] == {"rows": 3, "overlapping": 1, "whole": 1, "too_short": 2}
    stages = set()
    planted.duplicates(
        against="texts", output="overlap.jsonl", full_dir="full", progress=lambda *told: stages.add(told[1])
    )
    assert stages == {"comparing", "searching"}
    assert len(Path("overlap.jsonl").read_text().splitlines()) == 2
    assert report.to_pandas()["overlapping"].tolist() == [1, 1]


def test_what_is_missing_has_its_exception(planted: DatasetBuilder) -> None:
    with pytest.raises(MissingDataError, match="no file matches absent"):
        planted.duplicates(against="absent/*.txt", full_dir="full")
    with pytest.raises(MissingDataError, match="not preprocessed"):
        planted.duplicates(full_dir="absent")
    with pytest.raises(TypeError, match="against: expected a path"):
        planted.duplicates(against=3, full_dir="full")  # type: ignore[arg-type]


def test_bbh_holds_four_conflicting_rows(in_real: Path) -> None:
    report = DatasetBuilder().duplicates(["bbh"], SHARED / "data" / "gsm8k" / "train.jsonl.gz", output="overlap.jsonl")
    assert report["bbh"]["conflicts"] == 4
    assert report.overlap["bbh"]["overlapping"] == 0
