"""Every pool that the Python program Symphony 2.0 published comes out of `build_task_stream`, in its order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import GOLDEN

from symphony_data import DatasetBuilder

POOLS = sorted((GOLDEN / "pools").glob("*.json"))


@pytest.mark.filterwarnings("ignore::symphony_data.SymphonyDataWarning")
@pytest.mark.parametrize("path", POOLS, ids=lambda path: path.stem)
def test_pool(path: Path, in_real: Path) -> None:
    golden = json.loads(path.read_text())
    # The Python program repeated tasks in short bins whatever its flag said, unless the request says otherwise.
    request = {"sample_with_replacement": "when_short"} | golden["request"]
    tasks = DatasetBuilder().build_task_stream(**request)
    drawn = [[task.task_id, task.source_id, task.difficulty_bin, task.difficulty_score] for task in tasks]
    assert drawn == golden["tasks"]


def test_there_are_pools() -> None:
    assert len(POOLS) == 7
