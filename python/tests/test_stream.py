"""Streams: a sequence of tasks that is also a table, for the libraries that read tables."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets
import duckdb
import polars
import pyarrow
import pyarrow.parquet
import pytest

from symphony_data import DatasetBuilder, Task, TaskStream

COLUMNS = [
    "task_id",
    "benchmark",
    "difficulty_score",
    "difficulty_bin",
    "raw_data",
    "scorer_metadata",
    "source_id",
    "identity",
]


@pytest.fixture
def stream(builder: DatasetBuilder) -> TaskStream:
    return builder.build_task_stream(["humaneval", "gsm8k"], n_total_tasks=60, full_dir="full")


def test_it_is_a_sequence(stream: TaskStream) -> None:
    assert isinstance(stream, Sequence)
    tasks = list(stream)
    assert len(stream) == len(tasks) == 60
    assert stream[0] == tasks[0] and stream[-1] == tasks[59] and stream[-60] == tasks[0]
    for index in (60, -61):
        with pytest.raises(IndexError):
            stream[index]
    assert list(reversed(stream)) == tasks[::-1]
    assert tasks[7] in stream and "task" not in stream
    assert stream.index(tasks[7]) == 7 and stream.count(tasks[7]) == 1
    with pytest.raises(ValueError, match="not in the stream"):
        stream.index(tasks[7], 8)


@pytest.mark.parametrize(
    "cut",
    [
        slice(None),
        slice(3, 9),
        slice(-5, None),
        slice(None, None, 7),
        slice(None, None, -1),
        slice(50, 5, -9),
        slice(9, 3),
    ],
)
def test_slices_are_streams(stream: TaskStream, cut: slice) -> None:
    part = stream[cut]
    assert isinstance(part, TaskStream)
    assert list(part) == list(stream)[cut] and part == list(stream)[cut]


def test_equality_and_pickling(stream: TaskStream) -> None:
    assert stream == stream[:] and stream == list(stream) and stream == TaskStream(stream)
    assert stream != stream[:59] and stream != stream[::-1] and stream != 60
    assert pickle.loads(pickle.dumps(stream)) == stream


def test_streams_that_mean_the_same_are_equal(builder: DatasetBuilder, stream: TaskStream) -> None:
    builder.save_task_pool(stream, "pool.jsonl")
    again = TaskStream([Task(**json.loads(line)) for line in Path("pool.jsonl").read_text().splitlines()])
    assert again == stream and again.to_arrow() != stream.to_arrow(), "equal, though not written alike"


def test_forked_processes_work(builder: DatasetBuilder, stream: TaskStream) -> None:
    # The parent has used its threads; a fork has none of them.
    code = "import multiprocessing as m; import symphony_data as s; "
    code += "b = s.DatasetBuilder('demo.yaml'); b.preprocess_all_benchmarks('full', force_reprocess=True); "
    code += "f = lambda q: q.put(len(b.build_task_stream(['gsm8k'], n_total_tasks=8, full_dir='full'))); "
    code += "c = m.get_context('fork'); q = c.Queue(); p = c.Process(target=f, args=(q,)); p.start(); print(q.get(timeout=20))"
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "8\n", ran.stderr


def test_repr(stream: TaskStream) -> None:
    assert "60 tasks" in repr(stream) and "30 easy" in repr(stream) and "30 hard" in repr(stream)
    assert repr(stream[:0]) == "<TaskStream: 0 tasks>"


def test_pyarrow(stream: TaskStream) -> None:
    table = pyarrow.table(stream)
    assert table.column_names == COLUMNS and table.num_rows == 60
    assert table == stream.to_arrow()
    assert [json.loads(text) for text in table["raw_data"].to_pylist()] == [task.raw_data for task in stream]
    assert table["difficulty_score"].to_pylist() == [task.difficulty_score for task in stream]
    assert pyarrow.schema(stream) == table.schema


def test_nothing_is_copied(stream: TaskStream) -> None:
    def addresses(table: pyarrow.Table) -> list[int]:
        return [buffer.address for chunk in table["raw_data"].chunks for buffer in chunk.buffers() if buffer]

    assert addresses(pyarrow.table(stream)) == addresses(pyarrow.table(stream)) != []


def test_polars(stream: TaskStream) -> None:
    frame = polars.from_arrow(stream.to_arrow())
    assert isinstance(frame, polars.DataFrame) and frame.columns == COLUMNS
    hard = frame.filter((polars.col("difficulty_bin") == "hard") & (polars.col("benchmark") == "gsm8k"))
    expected = [task for task in stream if task.difficulty_bin == "hard" and task.benchmark == "gsm8k"]
    assert hard["task_id"].to_list() == [task.task_id for task in expected]


def test_duckdb(stream: TaskStream) -> None:
    counts = duckdb.sql(
        "select benchmark, count(*), min(raw_data ->> '$.question') from stream group by all order by all"
    )
    assert counts is not None
    rows = counts.fetchall()
    assert [row[:2] for row in rows] == [("gsm8k", 30), ("humaneval", 30)]
    assert rows[0][2] == min(task.raw_data["question"] for task in stream if task.benchmark == "gsm8k")


def test_datasets(stream: TaskStream) -> None:
    dataset = datasets.Dataset(pyarrow.table(stream))
    assert dataset.num_rows == 60
    assert (
        Task(**(dataset[5] | {key: json.loads(dataset[5][key]) for key in ("raw_data", "scorer_metadata")}))
        == stream[5]
    )


def test_pandas(stream: TaskStream) -> None:
    frame = stream.to_pandas()
    assert list(frame.columns) == COLUMNS and len(frame) == 60
    assert frame["difficulty_score"].tolist() == [task.difficulty_score for task in stream]
    assert frame["raw_data"].map(json.loads).tolist() == [task.raw_data for task in stream]


def test_preprocessed_benchmarks_are_streams_too(builder: DatasetBuilder) -> None:
    results = builder.preprocess_all_benchmarks("full")
    assert {name: len(tasks) for name, tasks in results.items()} == {"humaneval": 164, "gsm8k": 400}
    assert results["gsm8k"] == builder.load_preprocessed_benchmark("gsm8k") == builder.load_benchmark("gsm8k")
    assert [task.task_id for task in results["gsm8k"][:2]] == ["gsm8k_0", "gsm8k_1"]
    assert {task.difficulty_bin for task in results["gsm8k"]} == {"easy", "medium", "hard"}


def test_parquet_stores_and_pools_are_read_by_others(builder: DatasetBuilder) -> None:
    lines = list(builder.load_preprocessed_benchmark("gsm8k", "full"))
    stored = builder.preprocess_all_benchmarks("columns", format="parquet")
    assert list(stored["gsm8k"]) == lines
    path = "columns/gsm8k_full.parquet"
    names = ["task_id", "source_id", "difficulty_score", "difficulty_bin", "reasoning_steps", "raw_data"]
    names += ["scorer_metadata", "identity"]
    scores = [task.difficulty_score for task in lines]
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == names and table["difficulty_score"].to_pylist() == scores
    assert polars.read_parquet(path)["difficulty_score"].to_list() == scores
    found = duckdb.sql(f"SELECT difficulty_score FROM '{path}'")
    assert found is not None and [row[0] for row in found.fetchall()] == scores
    loaded = datasets.load_dataset("parquet", data_files=path, split="train", cache_dir="cache")
    assert loaded.column_names == names and len(loaded) == len(lines)
    assert json.loads(loaded[5]["raw_data"]) == lines[5].raw_data
    assert json.loads(loaded[5]["scorer_metadata"])["reasoning_steps"] == loaded[5]["reasoning_steps"]

    experiments = {"tiny": {"benchmarks": ["gsm8k"], "n_total_tasks": 10}}
    pool = builder.run_experiments(experiments, full_dir="columns", format="parquet")["tiny"] / "task_pool.parquet"
    drawn = builder.build_task_stream(["gsm8k"], n_total_tasks=10, full_dir="columns")
    assert polars.read_parquet(pool)["task_id"].to_list() == [task.task_id for task in drawn]
    builder.save_task_pool(drawn, "mine.parquet")
    assert pyarrow.parquet.read_table("mine.parquet").equals(pyarrow.table(drawn))
    with pytest.raises(ValueError, match="format: 'csv'"):
        builder.preprocess_all_benchmarks("columns", format="csv")  # type: ignore[arg-type]


def test_a_stream_that_was_not_looked_at_yet_survives_a_change_of_folder(
    builder: DatasetBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = builder.preprocess_all_benchmarks("full")["gsm8k"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tasks[7].task_id == "gsm8k_7"
