"""Streams: a sequence of tasks that is also a table, for the libraries that read tables."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

from symphony_data import (
    DatasetBuilder,
    MissingDataError,
    RequestError,
    SymphonyDataError,
    SymphonyDataWarning,
    Task,
    TaskStream,
)

COLUMNS = [
    "task_id",
    "benchmark",
    "difficulty_score",
    "difficulty_bin",
    "raw_data",
    "scorer_metadata",
    "source_id",
    "identity",
    "phase",
    "weight",
    "stratum",
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


def test_a_copy_is_the_stream_itself_as_it_cannot_be_changed(builder: DatasetBuilder, stream: TaskStream) -> None:
    assert copy.copy(stream) is stream and copy.deepcopy(stream) is stream
    builder.save_task_pool(copy.deepcopy(stream), "copy/task_pool.jsonl")
    assert Path("copy/manifest.json").exists()


def test_streams_with_the_same_tasks_are_equal(builder: DatasetBuilder, stream: TaskStream) -> None:
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
    frame = polars.DataFrame(stream)
    assert frame.columns == COLUMNS and frame["raw_data"].dtype == polars.String
    same = polars.from_arrow(stream.to_arrow())
    assert isinstance(same, polars.DataFrame) and frame.equals(same)
    assert frame.equals(polars.DataFrame(list(stream)))
    assert polars.DataFrame(stream, schema_overrides={"difficulty_score": polars.Float32}).dtypes[2] == polars.Float32
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
    assert frame["raw_data"].tolist() == [task.raw_data for task in stream]
    assert frame["scorer_metadata"].tolist() == [task.scorer_metadata for task in stream]
    pandas.testing.assert_frame_equal(pandas.DataFrame(stream), frame)
    pandas.testing.assert_frame_equal(pandas.DataFrame(list(stream)), frame)


def test_tables_of_benchmarks_whose_rows_differ_in_form(tmp_path: Path) -> None:
    names = ["amc", "bbh", "gsm8k", "humaneval", "medical_qa"]
    builder = DatasetBuilder({"benchmarks": {name: {"path": f"synthetic:{name}?rows=200"} for name in names}})
    builder.preprocess_all_benchmarks(tmp_path)
    stream = builder.build_task_stream(names, n_total_tasks=150)
    assert pandas.DataFrame(stream)["raw_data"].tolist() == [task.raw_data for task in stream]
    read = [json.loads(text) for text in polars.DataFrame(stream)["raw_data"]]
    assert read == [task.raw_data for task in stream]


def test_polars_that_is_imported_later_makes_a_table_too(tmp_path: Path) -> None:
    code = "from symphony_data import Task, TaskStream; "
    code += "s = TaskStream([Task('t', 'quiz', 0.5, 'easy', {'a': [1, 'x']}, {})]); list(s); import polars; "
    code += "print(polars.DataFrame(s).shape, polars.DataFrame(s)['raw_data'][0])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.stdout == '(1, 11) {"a": [1, "x"]}\n', ran.stderr


def test_a_saved_pool_is_read_back(builder: DatasetBuilder, stream: TaskStream) -> None:
    builder.save_task_pool(stream, "pool/task_pool.jsonl")
    builder.save_task_pool(stream, "columns/task_pool.parquet")
    builder.save_task_pool(stream[:0], "none.jsonl")
    for path in ("pool", Path("pool"), "pool/task_pool.jsonl", "columns", Path("columns/task_pool.parquet")):
        assert TaskStream.read(path) == stream
    assert TaskStream.read("none.jsonl") == stream[:0]
    experiments = {"tiny": {"benchmarks": ["gsm8k"], "n_total_tasks": 6}}
    pool = builder.run_experiments(experiments, full_dir="full")["tiny"]
    assert TaskStream.read(pool) == builder.build_task_stream(["gsm8k"], n_total_tasks=6, full_dir="full")


def test_the_manifest_stays_beside_the_same_tasks_and_goes_with_others(
    builder: DatasetBuilder, stream: TaskStream
) -> None:
    builder.save_task_pool(stream, "pool/task_pool.jsonl")
    manifest = Path("pool/manifest.json").read_text()
    builder.save_task_pool(TaskStream.read("pool"), "pool/task_pool.jsonl")
    assert Path("pool/manifest.json").read_text() == manifest
    with pytest.warns(SymphonyDataWarning, match=r"pool/manifest\.json: removed, because the tasks that it lists were"):
        builder.save_task_pool(stream[:3], "pool/task_pool.jsonl")
    assert not Path("pool/manifest.json").exists() and TaskStream.read("pool") == stream[:3]


def test_pools_of_symphony_2_have_no_identities(builder: DatasetBuilder, stream: TaskStream) -> None:
    builder.save_task_pool(stream, "pool.jsonl")
    lines = [json.loads(line) for line in Path("pool.jsonl").read_text().splitlines()]
    old = [{key: line[key] for key in COLUMNS[:6]} for line in lines]
    Path("old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    tasks = TaskStream.read("old.jsonl")
    assert [task.to_dict() for task in tasks] == old
    assert tasks[0].source_id is None and tasks[0].identity is None


def test_an_error_in_a_pool_names_file_and_line(builder: DatasetBuilder, stream: TaskStream) -> None:
    builder.save_task_pool(stream[:2], "pool.jsonl")
    with Path("pool.jsonl").open("a") as pool:
        pool.write('\n{"task_id": 3}\n')
    with pytest.raises(SymphonyDataError, match=r"^pool\.jsonl:4: not a task: "):
        TaskStream.read("pool.jsonl")
    Path("pool.parquet").write_text("PAR1")
    with pytest.raises(SymphonyDataError, match=r"^pool\.parquet: "):
        TaskStream.read("pool.parquet")
    for absent in ("absent.jsonl", "absent", "full"):
        with pytest.raises(MissingDataError, match=absent):
            TaskStream.read(absent)
    with pytest.raises(TypeError, match="path: expected a path, found an int"):
        TaskStream.read(3)  # type: ignore[arg-type]


def test_an_order_by_difficulty_gives_the_same_tasks(builder: DatasetBuilder, stream: TaskStream) -> None:
    ordered = builder.build_task_stream(["humaneval", "gsm8k"], n_total_tasks=60, full_dir="full", order="hard_first")
    assert sorted(task.identity or "" for task in ordered) == sorted(task.identity or "" for task in stream)
    bins = [task.difficulty_bin for task in ordered]
    assert bins == sorted(bins, reverse=True) != [task.difficulty_bin for task in stream]


def test_patterns_stand_for_benchmarks(builder: DatasetBuilder, stream: TaskStream) -> None:
    assert builder.build_task_stream(["human*", "gsm*"], n_total_tasks=60, full_dir="full") == stream
    alone = builder.build_task_stream(["gsm8k"], n_total_tasks=20, full_dir="full")
    ratios = {"*": 0.5, "humaneval": 0.5}
    without = builder.build_task_stream(
        ["*"], n_total_tasks=20, exclude_benchmarks=["humaneval"], benchmark_ratios={"*": 1.0}, full_dir="full"
    )
    assert without == alone
    assert len(builder.build_task_stream(["*"], n_total_tasks=20, benchmark_ratios=ratios, full_dir="full")) == 20


def test_filters_keep_the_order(stream: TaskStream) -> None:
    def expected(passes: Any) -> list[Task]:
        return [task for task in stream if passes(task)]

    def of_hard_gsm8k(task: Task) -> bool:
        return task.difficulty_bin == "hard" and task.benchmark == "gsm8k"

    assert stream.filter() == stream
    assert stream.filter(bin="hard", benchmark="gsm8k") == expected(of_hard_gsm8k)
    assert stream.filter(bin=["easy", "medium", "hard"], benchmark=("gsm8k", "humaneval")) == stream
    assert len(stream.filter(bin="medium")) == 0
    assert stream.filter(where=of_hard_gsm8k) == expected(of_hard_gsm8k)
    seen: list[Task] = []
    assert len(stream.filter(bin="hard", where=seen.append)) == 0, "the function says which pass"
    assert seen == list(stream.filter(bin="hard"))


def test_filters_by_features_and_fields() -> None:
    def task(at: int, benchmark: str, row: dict[str, Any], features: dict[str, Any]) -> Task:
        return Task(f"exp_{at:05}_{benchmark}", benchmark, 0.5, "easy", row, features)

    stream = TaskStream(
        [
            task(0, "bbh", {"task_name": "other", "options": {"A": 1}}, {"task_name": "navigate"}),
            task(1, "bbh", {"task_name": "navigate"}, {"task_name": "web_of_lies"}),
            task(2, "quiz", {"subject": "law", "options": {"A": 2}, "a.b": [1]}, {"clinical": True}),
        ]
    )

    def places(where: dict[str, Any]) -> list[int]:
        return [stream.index(task) for task in stream.filter(where=where)]

    assert places({"task_name": "navigate"}) == [0], "a feature counts before a field of the row"
    assert places({"task_name": ["navigate", "web_of_lies"]}) == [0, 1]
    assert places({"subject": {"law"}}) == places({"clinical": True}) == places({"a.b": [[1]]}) == [2]
    assert places({"options.A": 1}) == [0] and places({"options.A": [1, 2]}) == [0, 2]
    assert places({"bbh": {"task_name": ["navigate"]}}) == [0, 2], "other benchmarks are kept"
    assert places({"bbh": {"task_name": "navigate"}, "quiz": {"subject": "law"}}) == [0, 2]
    assert places({}) == [0, 1, 2] and places({"task_name": "navigate", "subject": "law"}) == []


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"bin": "hrad"}, "bin: there is no bin 'hrad' in this stream; known: 'easy', 'medium', 'hard'"),
        ({"benchmark": ["gsm8k", "gsm9k"]}, "benchmark: there is no benchmark 'gsm9k' in this stream; known: '"),
        ({"benchmark": 3}, "benchmark: 3: write a name or a list of names"),
        ({"where": {"steps": 3}}, "where: no task has the field 'steps'; fields of exp_00000_"),
        ({"where": {"gsm8k": {"question": "?"}}}, "where: question: no task has '?'; values in this stream: "),
        ({"where": {"gsm9k": {"question": "?"}}}, "where: there is no benchmark 'gsm9k' in this stream; known: "),
        ({"where": {"gsm8k": {"question": "?"}, "steps": 3}}, "{benchmark: {field: values}}, not both"),
        ({"where": "hard"}, "where: 'hard': write a dict of fields and values, or a function of a task"),
    ],
)
def test_a_filter_by_an_unknown_name_is_an_error_with_the_known_ones(
    stream: TaskStream, filters: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError) as caught:
        stream.filter(**filters)
    assert message in str(caught.value)


def test_a_filter_by_a_key_or_a_value_of_another_kind_is_a_request_error(stream: TaskStream) -> None:
    wrong: list[Any] = [{5: 1}, {None: 1}, {"gsm8k": {5: 1}}]
    for where in wrong:
        with pytest.raises(RequestError, match=r"^where: (5|None): write the name of a field as a text"):
            stream.filter(where=where)
    assert stream[:0].filter(bin="hard", benchmark="gsm8k", where={"answer_words": 1}) == stream[:0]


def test_a_task_that_no_program_reads_back_is_not_saved(builder: DatasetBuilder, stream: TaskStream) -> None:
    for changed, why in (
        ({"difficulty_score": 80.0}, "its difficulty_score is 80, not a number from 0 to 1"),
        ({"difficulty_bin": "very hard"}, 'its difficulty_bin is "very hard", not easy, medium or hard'),
    ):
        tasks = [stream[0], dataclasses.replace(stream[1], **changed)]
        with pytest.raises(RequestError) as caught:
            builder.save_task_pool(tasks, "pool.jsonl")
        assert str(caught.value) == f"task_stream: item 1 ({stream[1].task_id}): {why}"
        assert not Path("pool.jsonl").exists()


def test_a_part_of_a_stream_is_saved_without_a_manifest(
    builder: DatasetBuilder, stream: TaskStream, caplog: pytest.LogCaptureFixture
) -> None:
    for part in (stream.filter(bin="hard"), stream.filter(), stream[:3], stream[::-1]):
        caplog.clear()
        with caplog.at_level("INFO", "symphony_data"):
            builder.save_task_pool(part, "part/task_pool.jsonl")
        assert TaskStream.read("part") == part and [path.name for path in Path("part").iterdir()] == ["task_pool.jsonl"]
        assert "saved without a manifest" in caplog.text


@pytest.mark.parametrize("name", ["pool.csv", "pool.json", "pool", "pool.jsonl.gz"])
def test_a_pool_is_saved_in_the_format_of_its_ending(builder: DatasetBuilder, stream: TaskStream, name: str) -> None:
    with pytest.raises(RequestError, match=r"output_path: '.*': write a name that ends in \.jsonl or \.parquet"):
        builder.save_task_pool(stream, name)
    assert not Path(name).exists()
    builder.save_task_pool(stream, "POOL.PARQUET")
    assert pyarrow.parquet.read_table("POOL.PARQUET").num_rows == 60


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
    assert pyarrow.parquet.read_table("mine.parquet").equals(
        pyarrow.table(drawn).drop_columns(["phase", "weight", "stratum"])
    )
    with pytest.raises(ValueError, match="format: 'csv'"):
        builder.preprocess_all_benchmarks("columns", format="csv")  # type: ignore[arg-type]


def test_a_stream_that_was_not_used_yet_survives_a_change_of_folder(
    builder: DatasetBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = builder.preprocess_all_benchmarks("full")["gsm8k"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert tasks[7].task_id == "gsm8k_7"
    assert len(builder.build_task_stream(["gsm8k"], n_total_tasks=4)) == 4, "the builder knows its folder"
