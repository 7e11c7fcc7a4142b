"""Tasks: what they hold, and what can be done with them."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
from pathlib import Path

import pytest

from symphony_data import DatasetBuilder, Task, TaskStream


@pytest.fixture
def task(builder: DatasetBuilder) -> Task:
    return builder.build_task_stream(["gsm8k"], n_total_tasks=4, full_dir="full")[1]


def make(**changes: object) -> Task:
    keys: dict[str, object] = {
        "task_id": "exp_00000_quiz",
        "benchmark": "quiz",
        "difficulty_score": 0.5,
        "difficulty_bin": "easy",
        "raw_data": {"z": 1, "a": [1.5, None, "é"]},
        "scorer_metadata": {"words": 3},
    }
    return Task(**(keys | changes))  # type: ignore[arg-type]


def test_attributes(task: Task) -> None:
    assert task.task_id == "exp_00001_gsm8k"
    assert task.benchmark == "gsm8k"
    assert 0 <= task.difficulty_score <= 1
    assert task.difficulty_bin in ("easy", "hard")
    assert list(task.raw_data) == ["question", "answer"]
    assert set(task.scorer_metadata) >= {"reasoning_steps"}
    assert task.source_id is not None and task.source_id.startswith("gsm8k_")
    assert task.identity is not None and len(task.identity) == 16
    assert task.raw_data is task.raw_data, "what is changed in it stays changed"


def test_a_line_of_a_pool_becomes_the_task_again(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["humaneval", "gsm8k"], n_total_tasks=20, full_dir="full")
    builder.save_task_pool(stream, "pool.jsonl")
    lines = [json.loads(line) for line in Path("pool.jsonl").read_text().splitlines()]
    assert [Task(**line) for line in lines] == list(stream)
    assert [task.to_dict() for task in stream] == lines
    assert [list(task.to_dict()) for task in stream] == [list(line) for line in lines]


def test_equality(task: Task) -> None:
    assert make() == make()
    assert make() != make(difficulty_score=0.25)
    assert make() != make(raw_data={"z": 2})
    assert make() != make(identity="0123456789abcdef")
    assert make() != "task" and task != make()
    with pytest.raises(TypeError, match="unhashable"):
        hash(task)


def test_repr_fits_a_line(task: Task) -> None:
    assert repr(make()) == "Task('exp_00000_quiz', benchmark='quiz', difficulty_score=0.5, difficulty_bin='easy')"
    assert len(repr(task)) < 120 and "\n" not in repr(make(task_id="a\nb"))


@pytest.mark.parametrize("look", [False, True])
def test_pickle_and_copy(task: Task, look: bool) -> None:
    if look:
        assert task.raw_data
    for other in (pickle.loads(pickle.dumps(task)), copy.copy(task), copy.deepcopy(task)):
        assert other == task and other is not task
    deep = copy.deepcopy(task)
    deep.raw_data["question"] = "changed"
    assert task.raw_data["question"] != "changed"


def test_changes_are_saved_and_unchanged_tasks_are_saved_as_they_were(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=6, full_dir="full")
    builder.save_task_pool(stream, "before.jsonl")
    tasks = list(stream)
    assert all(task.raw_data for task in tasks)
    builder.save_task_pool(tasks, "read.jsonl")
    assert Path("read.jsonl").read_bytes() == Path("before.jsonl").read_bytes()
    tasks[2].raw_data["note"] = "é"
    tasks[3].difficulty_bin = "hard"
    builder.save_task_pool((task for task in tasks), "changed.jsonl")
    lines = [json.loads(line) for line in Path("changed.jsonl").read_text().splitlines()]
    assert lines[2]["raw_data"]["note"] == "é" and lines[3]["difficulty_bin"] == "hard"


def test_half_of_a_surrogate_pair_is_saved_as_its_escape(builder: DatasetBuilder) -> None:
    task = make(raw_data={"x": "é\ud800"})
    builder.save_task_pool([task], "pool.jsonl")
    assert "\\ud800" in Path("pool.jsonl").read_text() and TaskStream.read("pool.jsonl") == [task]


def test_a_task_is_a_dataclass() -> None:
    task = make(source_id="quiz_0")
    assert dataclasses.is_dataclass(task)
    assert dataclasses.asdict(task) == task.to_dict() | {
        "identity": None,
        "phase": None,
        "weight": None,
        "stratum": None,
    }
    changed = dataclasses.replace(task, difficulty_bin="hard")
    assert changed == make(source_id="quiz_0", difficulty_bin="hard") and task.difficulty_bin == "easy"
    assert "exp_00000_quiz" in pprint.pformat([task] * 9)


def test_wrong_values_are_refused_by_name(builder: DatasetBuilder) -> None:
    for wrong, found in (([{"task_id": "x"}], "item 0: found dict"), (None, "found NoneType")):
        with pytest.raises(TypeError, match=f"task_stream: {found}; give a TaskStream or a list of tasks"):
            builder.save_task_pool(wrong, "pool.jsonl")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="raw_data: expected a dict, found list"):
        make(raw_data=[1])
    with pytest.raises(TypeError, match="scorer_metadata: expected a dict, found str"):
        make(scorer_metadata="{}")
    for key in ("task_id", "benchmark", "difficulty_bin", "source_id", "identity"):
        with pytest.raises(TypeError, match=f"{key}: expected a text, found int"):
            make(**{key: 3})
    with pytest.raises(TypeError, match="difficulty_score: expected a number, found str"):
        make(difficulty_score="0.5")
    with pytest.raises(ValueError, match="difficulty_score: nan is not a finite number"):
        make(difficulty_score=float("nan"))
    task = make()
    with pytest.raises(ValueError, match="difficulty_score: inf is not a finite number"):
        task.difficulty_score = float("inf")
    for key in ("task_id", "benchmark", "difficulty_bin", "source_id", "identity"):
        with pytest.raises(TypeError, match=f"{key}: expected a text, found int"):
            setattr(task, key, 3)
        with pytest.raises(ValueError, match=f"{key}: .* has half of a surrogate pair"):
            setattr(task, key, "\ud800")
        setattr(task, key, "new")
        assert getattr(task, key) == "new"
    with pytest.raises(TypeError, match=r"exp_00000_quiz: raw_data cannot be written as JSON: .* set is not"):
        builder.save_task_pool([make(raw_data={"x": {1}})], "pool.jsonl")
    with pytest.raises(ValueError, match="not JSON compliant"):
        builder.save_task_pool([make(raw_data={"x": float("nan")})], "pool.jsonl")
    assert not Path("pool.jsonl").exists()


def test_the_rows_of_a_hundred_thousand_tasks_are_parsed_only_when_they_are_used(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = 0
    loads = json.loads

    def counted(text: str) -> object:
        nonlocal parsed
        parsed += 1
        return loads(text)

    stream = TaskStream([task] * 100_000)
    monkeypatch.setattr(json, "loads", counted)
    tasks = list(stream)
    assert len(tasks) == 100_000 and tasks[-1].task_id == task.task_id and parsed == 0
    assert tasks[7].raw_data == tasks[7].raw_data and parsed == 1
