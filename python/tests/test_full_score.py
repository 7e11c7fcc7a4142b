"""Informative draws and estimates of full accuracies, from Python."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars
import pyarrow
import pytest

from symphony_data import DatasetBuilder, RequestError, Task, TaskStream

ROWS = 600


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatasetBuilder]:
    """A benchmark of generated rows with a calibration of six made-up models."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(f"benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows={ROWS}'}}}}")
    builder = DatasetBuilder("c.yaml")
    builder.preprocess_all_benchmarks("full")
    builder.calibrate(answers(range(6)), output_dir="fit", demo=True)
    yield builder


def answers(models: range) -> polars.DataFrame:
    """The answers of models to all rows; model 0 solves few, model 6 nearly all."""
    lines = []
    for model in models:
        chance = random.Random(model)
        for row in range(ROWS):
            p = min(0.98, max(0.02, 0.2 + 0.15 * model - 0.6 * ((row * 37 % 101) / 101 - 0.5)))
            lines.append(("gsm8k", f"gsm8k_{row}", f"m{model}", float(chance.random() < p)))
    return polars.DataFrame(lines, schema=["benchmark", "source_id", "model", "score"], orient="row")


def test_an_informative_draw_has_weights_everywhere(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty="fit", select="informative")
    weights = [task.weight for task in stream]
    assert len(stream) == 40 and sum(weight or 0 for weight in weights) == pytest.approx(ROWS)
    assert {task.stratum for task in stream} == set(range(1, 21))
    # As a table, in pandas and in Polars.
    assert pyarrow.table(stream)["weight"].to_pylist() == weights
    assert polars.DataFrame(stream)["stratum"].to_list() == [task.stratum for task in stream]
    assert stream.to_pandas()["weight"].tolist() == weights
    # On disk and back, in both formats.
    for path in ("pool.jsonl", "pool.parquet"):
        builder.save_task_pool(stream, path)
        assert TaskStream.read(path) == stream
    first = json.loads(Path("pool.jsonl").read_text().splitlines()[0])
    assert (first["weight"], first["stratum"]) == (stream[0].weight, stream[0].stratum)
    assert Task(**first) == stream[0] and copy.deepcopy(stream[0]) == stream[0]
    assert dataclasses.replace(stream[0], weight=None) != stream[0]
    # By the sampler's name, the same.
    named = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty="fit", sampler="informative")
    assert named == stream
    # Other streams have none.
    plain = builder.build_task_stream(["gsm8k"], n_total_tasks=4)
    assert {task.weight for task in plain} == {None} and "weight" not in plain[0].to_dict()


@pytest.mark.parametrize("wrong", [0.5, float("nan"), float("inf"), "1"])
def test_a_weight_is_a_number_from_1(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="weight"):
        Task("a", "b", 0.5, "easy", {}, {}, weight=wrong)
    with pytest.raises((TypeError, ValueError), match="stratum"):
        Task("a", "b", 0.5, "easy", {}, {}, stratum=0)


def test_keys_that_do_not_fit_are_refused(builder: DatasetBuilder) -> None:
    with pytest.raises(RequestError, match="difficulty_split: an informative draw has a split of its own"):
        builder.build_task_stream(["gsm8k"], "80:20", 10, select="informative")
    with pytest.raises(RequestError, match="select: there is no selection `most`"):
        builder.build_task_stream(["gsm8k"], n_total_tasks=10, select="most")  # type: ignore[arg-type]


def test_the_full_accuracy_is_estimated(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=80, difficulty="fit", select="informative")
    new = answers(range(2, 7, 4))
    found = builder.results(stream, new.filter(polars.col("model") == "m6"), difficulty="fit")
    full = found["m6"]["full"]["gsm8k"]
    truth = new.filter(polars.col("model") == "m6")["score"].mean()
    assert full["low"] <= truth <= full["high"] and full["method"] == "model-assisted"
    assert (full["n_rows"], full["n_rows_full"], full["n_tasks"]) == (ROWS, ROWS, 80)
    # In the table and in words.
    table = found.to_pandas()
    line = table[table["by"] == "full"].iloc[0]
    assert (line["group"], line["accuracy"], line["low"]) == ("gsm8k", full["estimate"], full["low"])
    assert f"about {full['estimate']:.1%} of the {ROWS} rows of gsm8k" in repr(found)
    # Without the calibration it is the weighted mean, and a note says so.
    alone = builder.results(stream, new.filter(polars.col("model") == "m6"))
    scores = dict(new.filter(polars.col("model") == "m6").select("source_id", "score").iter_rows())
    by_hand = sum((task.weight or 0) * scores[str(task.source_id)] for task in stream) / ROWS
    assert alone["m6"]["full"]["gsm8k"]["estimate"] == pytest.approx(by_hand)
    assert "was not found" in alone.pool_notes[0]
    # A stream that was read knows its manifest; one whose file was changed does not.
    builder.save_task_pool(stream, "saved/task_pool.jsonl")
    read = TaskStream.read("saved")
    assert builder.results(read, new, difficulty="fit").models == builder.results(stream, new, difficulty="fit").models
    # A list of tasks has weights, but names no panel.
    listed = builder.results(list(stream), new)
    assert listed["m2"]["in_sample"] is None and "IN-SAMPLE is not known" in listed.pool_notes[0]
    assert builder.results(stream, new, difficulty="fit")["m2"]["in_sample"] is True


def test_only_some_models(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=20)
    assert list(builder.results(stream, answers(range(6)), models="m3")) == ["m3"]
    with pytest.raises(RequestError, match='no model named "m9"'):
        builder.results(stream, answers(range(6)), models=["m3", "m9"])
