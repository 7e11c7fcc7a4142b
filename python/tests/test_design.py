"""Pools by design: which rows may be drawn, how tasks are shared, and how the mix changes along a stream."""

from __future__ import annotations

import collections
import copy
import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest
import xxhash

from symphony_data import DatasetBuilder, RequestError, SymphonyDataError, SymphonyDataWarning, Task, TaskStream

CONFIG = {
    "benchmarks": {
        "gsm8k": {"path": "synthetic:gsm8k?rows=400"},
        "bbh": {"path": "synthetic:bbh?rows=600"},
        "humaneval": {"path": "synthetic:humaneval"},
    },
    "partitions": {"shares": {"train": 0.6, "dev": 0.2, "test": 0.2}},
}


@pytest.fixture(scope="module")
def designed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the preprocessed benchmarks."""
    place = tmp_path_factory.mktemp("design")
    DatasetBuilder(CONFIG).preprocess_all_benchmarks(place / "full")
    return place / "full"


@pytest.fixture
def builder(designed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetBuilder:
    """A builder on them, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    builder = DatasetBuilder(CONFIG)
    builder.preprocess_all_benchmarks(designed)
    return builder


def ids(tasks: TaskStream) -> set[str | None]:
    return {task.source_id for task in tasks}


def identities(tasks: TaskStream) -> set[str | None]:
    return {task.identity for task in tasks}


def by(tasks: TaskStream, label: str) -> dict[str, int]:
    return dict(collections.Counter(task.scorer_metadata[label] for task in tasks))


def manifest(builder: DatasetBuilder, stream: TaskStream) -> dict[str, Any]:
    builder.save_task_pool(stream, "of/task_pool.jsonl")
    found: dict[str, Any] = json.loads(Path("of/manifest.json").read_text())
    return found


def test_where_draws_rows_with_these_values(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(
        ["bbh", "gsm8k"], "proportional", 40, where={"bbh": {"task_name": ["navigate", "web_of_lies"]}}
    )
    assert set(by(stream.filter(benchmark="bbh"), "task_name")) == {"navigate", "web_of_lies"}
    assert len(stream.filter(benchmark="gsm8k")) == 20
    one = builder.build_task_stream(["bbh"], "proportional", 10, where={"b*": {"task_name": "navigate"}})
    assert by(one, "task_name") == {"navigate": 10}
    # Easy and hard are those of the full benchmark.
    bins = {task.task_id: task.difficulty_bin for task in builder.load_preprocessed_benchmark("bbh")}
    assert all(bins[str(task.source_id)] == task.difficulty_bin for task in one)


def test_ranges_hold_every_row_once(builder: DatasetBuilder) -> None:
    found: list[str | None] = []
    highest = 0.0
    for low in (0, 20, 40, 60, 80):
        with pytest.warns(SymphonyDataWarning, match="asked"):
            stream = builder.build_task_stream(["bbh"], n_total_tasks=600, difficulty_range=(low, low + 20))
        scores = [task.difficulty_score for task in stream]
        assert min(scores) >= highest
        highest = max(scores)
        found.extend(task.source_id for task in stream)
    assert len(found) == len(set(found)) == 600
    # With a split, easy and hard are cut within the range.
    stream = builder.build_task_stream(["bbh"], "50:50", 40, difficulty_range=[0, 50])
    assert max(task.difficulty_score for task in stream.filter(bin="hard")) < 0.7
    assert max(task.difficulty_score for task in stream.filter(bin="easy")) < 0.5


def test_exclude_takes_pools_streams_files_and_lists_of_them(builder: DatasetBuilder) -> None:
    first = builder.build_task_stream(["gsm8k"], n_total_tasks=60)
    builder.save_task_pool(first, "first/task_pool.jsonl")
    second = builder.build_task_stream(["gsm8k"], n_total_tasks=60, exclude="first")
    assert second == builder.build_task_stream(["gsm8k"], n_total_tasks=60, exclude=first)
    assert second == builder.build_task_stream(["gsm8k"], n_total_tasks=60, exclude=Path("first"))
    assert not identities(first) & identities(second)
    Path("ids.txt").write_text("# seen\n" + "\n".join(str(task.source_id) for task in second))
    third = builder.build_task_stream(["gsm8k"], n_total_tasks=60, exclude=[first, "ids.txt"])
    assert not identities(third) & (identities(first) | identities(second))
    left_out = manifest(builder, third)["benchmarks"][0]["eligible"]["left_out"]
    assert {one["why"]: one["rows"] for one in left_out}["listed in ids.txt"] == len(identities(second))
    # A part of a stream is left out too.
    assert not ids(builder.build_task_stream(["gsm8k"], n_total_tasks=60, exclude=first[:10])) & ids(first[:10])


def test_partitions_are_disjoint_and_stay(builder: DatasetBuilder) -> None:
    sizes = {}
    pools = {}
    for name in ("train", "dev", "test"):
        pools[name] = builder.build_task_stream(["gsm8k", "bbh"], n_total_tasks=40, partition=name)
        parts = manifest(builder, pools[name])["benchmarks"]
        sizes[name] = {part["benchmark"]: part["eligible"]["eligible"] for part in parts}
        assert manifest(builder, pools[name])["request"]["partition"] == name
    assert not identities(pools["train"]) & identities(pools["dev"])
    assert not identities(pools["train"]) & identities(pools["test"])
    assert not identities(pools["dev"]) & identities(pools["test"])
    for benchmark, rows in (("gsm8k", 400), ("bbh", 600)):
        assert sum(own[benchmark] for own in sizes.values()) == rows
        assert abs(sizes["train"][benchmark] - 0.6 * rows) < 4 * (rows * 0.24) ** 0.5


def test_the_place_of_a_row_is_what_the_page_says(builder: DatasetBuilder) -> None:
    drawn = {
        name: builder.build_task_stream(
            ["humaneval"],
            "proportional",
            164,
            partition=name,
            sample_with_replacement="when_short",
            sampler="stable",
        )
        for name in ("train", "dev", "test")
    }
    partition = {identity: name for name, stream in drawn.items() for identity in identities(stream)}
    assert len(partition) == 164
    for identity, name in partition.items():
        place = xxhash.xxh3_64_intdigest(f"partition\x1f{identity}".encode(), seed=0) / 2**64
        assert name == ("train" if place < 0.6 else "dev" if place < 0.8 else "test")


def test_duplicates(builder: DatasetBuilder) -> None:
    Path("rows.jsonl").write_text("".join(json.dumps({"question": "why " * (n % 20)}) + "\n" for n in range(60)))
    rule = {"features": {"words": {"words": "question"}}, "score": [{"feature": "words", "normalize": "p95"}]}
    copies = DatasetBuilder(
        {"benchmarks": {"copies": {"path": "file:rows.jsonl", "identity": ["question"], "difficulty": rule}}}
    )
    copies.preprocess_all_benchmarks("copies")
    assert len(copies.build_task_stream(["copies"], "proportional", 60, on_duplicate="keep")) == 60
    with pytest.warns(SymphonyDataWarning, match="asked"):
        one = copies.build_task_stream(["copies"], "proportional", 60, on_duplicate="one")
    assert len(one) == len(identities(one)) == 20
    for key in ({"on_duplicate": "drop_conflicts"}, {"near_duplicates": "one"}):
        with pytest.raises(SymphonyDataError, match="needs to know its duplicates; look for them"):
            copies.build_task_stream(["copies"], n_total_tasks=10, **key)  # type: ignore[arg-type]


def test_groups_share_first(builder: DatasetBuilder) -> None:
    groups = {"math": ["gsm8k"], "other": ["bbh", "humaneval"]}
    stream = builder.build_task_stream(groups, n_total_tasks=80)
    assert {name: len(stream.filter(benchmark=name)) for name in builder.benchmarks} == {
        "gsm8k": 40,
        "bbh": 20,
        "humaneval": 20,
    }
    shares = {"math": 0.25, "other": 0.75, "bbh": 0.8, "humaneval": 0.2}
    stream = builder.build_task_stream(groups, n_total_tasks=80, benchmark_ratios=shares)
    assert {name: len(stream.filter(benchmark=name)) for name in builder.benchmarks} == {
        "gsm8k": 20,
        "bbh": 48,
        "humaneval": 12,
    }
    assert manifest(builder, stream)["request"]["benchmarks"] == groups


def test_proportional(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(
        ["gsm8k", "bbh"], difficulty_split="proportional", n_total_tasks=100, benchmark_ratios="proportional"
    )
    assert {name: len(stream.filter(benchmark=name)) for name in ("gsm8k", "bbh")} == {"gsm8k": 40, "bbh": 60}
    bins = collections.Counter(task.difficulty_bin for task in builder.load_preprocessed_benchmark("bbh"))
    for name, rows in bins.items():
        assert abs(len(stream.filter(benchmark="bbh", bin=name)) - rows / 10) < 1


def test_strata(builder: DatasetBuilder) -> None:
    subtasks = by(builder.load_preprocessed_benchmark("bbh"), "task_name")
    with pytest.warns(SymphonyDataWarning, match="gsm8k has no label task_name"):
        stream = builder.build_task_stream(["bbh", "gsm8k"], "proportional", 200, stratify_by="task_name")
    own = by(stream.filter(benchmark="bbh"), "task_name")
    assert set(own) == set(subtasks) and set(own.values()) == {100 // len(subtasks)}
    stream = builder.build_task_stream(["bbh"], "proportional", 100, stratify_by="task_name", strata="proportional")
    assert all(abs(count - subtasks[name] / 6) < 1 for name, count in by(stream, "task_name").items())
    found = manifest(builder, stream)["benchmarks"][0]["strata"]
    assert {name: sum(bins.values()) for name, bins in found.items()} == subtasks


def test_difficulty_within(builder: DatasetBuilder) -> None:
    plain = builder.build_task_stream(["bbh"], n_total_tasks=100)
    stream = builder.build_task_stream(["bbh"], n_total_tasks=100, difficulty_within="task_name")
    assert len(by(stream.filter(bin="hard"), "task_name")) > len(by(plain.filter(bin="hard"), "task_name"))
    within = manifest(builder, stream)["benchmarks"][0]["thresholds_within"]
    for task in stream:
        ends = within[task.scorer_metadata["task_name"]]
        score = task.difficulty_score
        assert task.difficulty_bin == (
            "easy" if score <= ends["easy"] else "hard" if score >= ends["hard"] else "medium"
        )


def test_published_thresholds(builder: DatasetBuilder, designed: Path) -> None:
    more = DatasetBuilder({"benchmarks": {"humaneval": {"path": "synthetic:humaneval?rows=400"}}})
    more.preprocess_all_benchmarks("more")
    before = {task.identity: task for task in builder.load_preprocessed_benchmark("humaneval")}
    bins = manifest(builder, builder.build_task_stream(["humaneval"], n_total_tasks=10))["benchmarks"][0]
    for path in (designed, designed / "humaneval_full_meta.json", "of", Path("of/manifest.json")):
        stream = more.build_task_stream(["humaneval"], "proportional", 400, thresholds_from=path)
        assert len(stream) == 400
        same = [task for task in stream if task.identity in before]
        assert len(same) == 164
        for task in same:
            assert task.difficulty_score == before[task.identity].difficulty_score
            assert task.difficulty_bin == before[task.identity].difficulty_bin
        more.save_task_pool(stream, "again/task_pool.jsonl")
        found = json.loads(Path("again/manifest.json").read_text())["benchmarks"][0]
        assert found["thresholds"] == bins["thresholds"]


def test_thresholds_within_a_label_come_from_a_pool_that_has_them(builder: DatasetBuilder) -> None:
    plain = builder.build_task_stream(["bbh"], n_total_tasks=40)
    within = builder.build_task_stream(["bbh"], n_total_tasks=40, difficulty_within="task_name")
    builder.save_task_pool(plain, "plain/task_pool.jsonl")
    builder.save_task_pool(within, "within/task_pool.jsonl")
    again = builder.build_task_stream(
        ["bbh"], n_total_tasks=40, difficulty_within="task_name", thresholds_from="within"
    )
    assert again == within
    with pytest.raises(SymphonyDataError, match="no thresholds within each task_name; name a pool"):
        builder.build_task_stream(["bbh"], n_total_tasks=40, difficulty_within="task_name", thresholds_from="plain")


def test_phases(builder: DatasetBuilder) -> None:
    phases = [
        {"n_total_tasks": 30, "difficulty_split": "90:10"},
        {"n_total_tasks": 20, "difficulty_split": "10:90", "benchmark_ratios": {"gsm8k": 0.25, "bbh": 0.75}},
    ]
    stream = builder.build_task_stream(["gsm8k", "bbh"], phases=phases)
    assert [task.phase for task in stream] == [1] * 30 + [2] * 20
    assert len(ids(stream)) == 50
    second = stream.filter(phase=2)
    assert len(second.filter(benchmark="bbh")) == 15 and len(second.filter(bin="hard")) == 18
    assert stream.filter(phase=[1, 2]) == stream and len(stream.filter(phase=1, bin="easy")) == 27
    # The first phase is what its request alone draws.
    alone = builder.build_task_stream(["gsm8k", "bbh"], "90:10", 30)
    assert [task.source_id for task in alone] == [task.source_id for task in stream[:30]]
    builder.save_statistics(stream, "statistics.json")
    found = json.loads(Path("statistics.json").read_text())["phases"]
    assert [(one["phase"], one["n_total"], one["difficulty_bins"], one["benchmarks"]) for one in found] == [
        (1, 30, {"easy": 27, "hard": 3}, {"bbh": 15, "gsm8k": 15}),
        (2, 20, {"easy": 2, "hard": 18}, {"bbh": 15, "gsm8k": 5}),
    ]
    places = [(one["phase"], one["first"], one["n_tasks"]) for one in manifest(builder, stream)["phases"]]
    assert places == [(1, 0, 30), (2, 30, 20)]


def test_a_ramp(builder: DatasetBuilder) -> None:
    ramp = {"from": "90:10", "to": "10:90", "steps": 5}
    stream = builder.build_task_stream(["bbh"], n_total_tasks=100, phases=ramp)
    easy = [len(stream.filter(phase=phase, bin="easy")) for phase in range(1, 6)]
    assert easy == [18, 14, 10, 6, 2]
    assert len(builder.build_task_stream(["bbh"], phases={**ramp, "steps": 2}, sample_with_replacement=True)) == 1000


def test_a_task_keeps_its_phase(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(
        ["gsm8k"], phases=[{"n_total_tasks": 6}, {"n_total_tasks": 4, "difficulty_split": "0:100"}]
    )
    phases = [1] * 6 + [2] * 4
    for path in ("pool/task_pool.jsonl", "columns/task_pool.parquet"):
        builder.save_task_pool(stream, path)
        assert TaskStream.read(path) == stream
        assert [task.phase for task in TaskStream.read(path)] == phases
    lines = [json.loads(line) for line in Path("pool/task_pool.jsonl").read_text().splitlines()]
    assert [task.to_dict() for task in stream] == lines
    assert [list(task.to_dict()) for task in stream] == [list(line) for line in lines]
    assert [Task(**line) for line in lines] == list(stream)
    assert TaskStream(list(stream)) == stream and pickle.loads(pickle.dumps(stream)) == stream
    assert pyarrow.table(stream)["phase"].to_pylist() == phases
    assert polars.DataFrame(stream)["phase"].to_list() == phases
    assert stream.to_pandas()["phase"].tolist() == phases
    pandas.testing.assert_frame_equal(pandas.DataFrame(stream), stream.to_pandas())
    task = stream[9]
    assert copy.deepcopy(task) == task and dataclasses.asdict(task)["phase"] == 2
    assert dataclasses.replace(task, phase=1) != task and dataclasses.replace(task, phase=None).phase is None
    assert TaskStream([dataclasses.replace(task, phase=1)]) != TaskStream([task])
    exported = json.loads((builder.export(stream, "inspect", "to").folder / "pool.jsonl").read_text().splitlines()[9])
    assert exported["metadata"]["symphony"]["phase"] == 2


def test_a_stream_without_phases_has_none(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=4)
    assert {task.phase for task in stream} == {None} and "phase" not in stream[0].to_dict()
    assert pyarrow.table(stream)["phase"].null_count == 4
    builder.save_task_pool(stream, "pool.parquet")
    assert "phase" not in polars.read_parquet("pool.parquet").columns
    with pytest.raises(RequestError, match="phase: this stream has no phases"):
        stream.filter(phase=1)


@pytest.mark.parametrize("wrong", [0, -1, 2**32, 1.5, "1", True])
def test_a_phase_is_a_number_from_1(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="phase"):
        Task("a", "b", 0.5, "easy", {}, {}, phase=wrong)


def test_an_unknown_phase_is_named(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], phases=[{"n_total_tasks": 6}, {"n_total_tasks": 4}])
    for wrong in (3, "1", [1, 3], True):
        with pytest.raises(RequestError, match="phase: there is no phase"):
            stream.filter(phase=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("where", {"bbh": {"task_nam": ["navigate"]}}, "where: .*task_name"),
        ("where", {"amc": {"task_name": ["navigate"]}}, "where: .*not in the mix"),
        ("where", {"bbh": ["navigate"]}, "where.*labels with their values"),
        ("difficulty_range", [60, 40], "difficulty_range: .*lower"),
        ("difficulty_range", [0, 20, 40], "difficulty_range: .*two percentiles"),
        ("exclude", "nowhere", "exclude: nowhere: there is no file, no folder"),
        ("exclude", 3, "exclude"),
        ("partition", "tset", "partition: .*test"),
        ("on_duplicate", "drop", "on_duplicate: .*no choice"),
        ("near_duplicates", "two", "near_duplicates: .*no choice"),
        ("benchmark_ratios", "equal", "benchmark_ratios"),
        ("stratify_by", "task", "stratify_by: no benchmark of the mix has a feature `task`"),
        ("strata", "equal", "strata: .*stratify_by"),
        ("difficulty_within", "subject", "difficulty_within"),
        ("thresholds_from", "nowhere.json", "nowhere.json"),
        ("phases", [], "phases: there is no phase"),
        ("phases", [{"difficulty_split": "1:1"}], "phases: phase 1 has no `n_total_tasks`"),
        ("phases", [{"n_total_tasks": 4, "difficulty_splt": "1:1"}], "phases.*difficulty_split"),
        ("phases", {"from": "90:10", "to": "10:90"}, "phases: a ramp needs"),
        ("phases", {"from": "90:10", "to": "10:90", "steps": 1}, "phases: a ramp has 1 steps"),
    ],
)
def test_errors_name_the_parameter(builder: DatasetBuilder, key: str, value: Any, message: str) -> None:
    arguments: dict[str, Any] = {key: value}
    with pytest.raises((SymphonyDataError, TypeError), match=message) as caught:
        builder.build_task_stream(["bbh", "gsm8k"], **arguments)
    if key not in ("exclude", "thresholds_from"):
        assert isinstance(caught.value, RequestError)


def test_counts_that_do_not_fit_the_phases(builder: DatasetBuilder) -> None:
    with pytest.raises(RequestError, match="n_total_tasks: 5 tasks, but its phases have 4"):
        builder.build_task_stream(["gsm8k"], n_total_tasks=5, phases=[{"n_total_tasks": 4}])
