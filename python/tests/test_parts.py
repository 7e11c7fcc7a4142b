"""Stores in parts, from Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symphony_data import DatasetBuilder, RequestError

CONFIG = {"benchmarks": {"bbh": {"path": "synthetic:bbh?rows=600"}}}


def test_tasks_and_pools_are_those_of_one_file(tmp_path: Path) -> None:
    builder = DatasetBuilder(CONFIG)
    one = builder.preprocess_all_benchmarks(tmp_path / "one")["bbh"]
    many = builder.preprocess_all_benchmarks(tmp_path / "many", parts=4)["bbh"]
    assert len(list((tmp_path / "many" / "bbh_full").glob("part-*.jsonl"))) == 4
    assert list(many) == list(one)
    drawn = [
        builder.build_task_stream(["bbh"], n_total_tasks=40, full_dir=tmp_path / folder) for folder in ("one", "many")
    ]
    assert list(drawn[0]) == list(drawn[1])
    # As they are until another number is asked for.
    builder.preprocess_all_benchmarks(tmp_path / "many", force_reprocess=True)
    meta = json.loads((tmp_path / "many" / "bbh_full_meta.json").read_text())
    assert [part["rows"] for part in meta["store"]["parts"]] == [150] * 4
    builder.preprocess_all_benchmarks(tmp_path / "many", parts=1)
    assert (tmp_path / "many" / "bbh_full.jsonl").exists() and not (tmp_path / "many" / "bbh_full").exists()


@pytest.mark.parametrize(("parts", "why"), [(0, "less than 1"), (-1, "whole number"), ("2", "whole number")])
def test_a_number_of_parts_that_there_cannot_be_is_refused(tmp_path: Path, parts: object, why: str) -> None:
    with pytest.raises(RequestError, match=f"parts: .*{why}"):
        DatasetBuilder(CONFIG).preprocess_all_benchmarks(tmp_path, parts=parts)  # type: ignore[arg-type]
