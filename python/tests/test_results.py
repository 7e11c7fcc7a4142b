"""How well models do on a pool, from Python."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from symphony_data import DatasetBuilder, MissingDataError, RequestError, ResponseError, Results, TaskStream


@pytest.fixture
def pool(builder: DatasetBuilder) -> TaskStream:
    """Forty tasks of two benchmarks, as a stream and in the folder `pool`."""
    stream = builder.build_task_stream(["humaneval", "gsm8k"], n_total_tasks=40, full_dir="full")
    builder.save_task_pool(stream, "pool/task_pool.jsonl")
    return stream


def answers(tasks: TaskStream) -> pd.DataFrame:
    """Of `good` three of four tasks right, of `poor` one of four, and none to the last task."""
    lines = [
        {
            "benchmark": task.benchmark,
            "source_id": task.source_id,
            "model": model,
            "score": float((at % 4 != 0) == (model == "good")),
        }
        for at, task in enumerate(tasks)
        for model in ("good", "poor")
        if (model, at) != ("poor", len(tasks) - 1)
    ]
    return pd.DataFrame(lines)


def test_a_stream_a_folder_and_a_file_have_the_same_results(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = answers(pool)
    table.to_csv("answers.csv", index=False)
    found = builder.results(pool, table, by=["bin", "benchmark"])
    assert isinstance(found, Results) and list(found) == ["good", "poor"] and len(found) == 2
    assert found["good"]["accuracy"] == 0.75 and found["good"]["unanswered"] == 0
    assert (found["poor"]["n_tasks"], found["poor"]["unanswered"]) == (39, 1)
    assert found["poor"]["unanswered_tasks"] == [pool[-1].source_id]
    assert found["good"]["full"] is None and found["good"]["why"]
    others: list[Any] = [list(pool), "pool", Path("pool/task_pool.jsonl")]
    for other in others:
        again = builder.results(other, "answers.csv", by=["bin", "benchmark"])
        # A list of tasks has no manifest, so that there is another reason why there is no estimate.
        same = [{**own, "why": None} for own in again.models]
        assert same == [{**own, "why": None} for own in found.models] and again.comparisons == found.comparisons
    (comparison,) = found.comparisons
    assert comparison["discordant"] == 39 and comparison["p_value"] < 0.01
    assert repr(found).splitlines()[0].startswith("good: 75.0% of 40 tasks (")
    assert comparison["sentence"] in repr(found)
    assert json.loads(found.to_json())["models"] == found.models


def test_the_command_prints_the_same(builder: DatasetBuilder, pool: TaskStream) -> None:
    answers(pool).to_csv("answers.csv", index=False)
    command = [sys.executable, "-m", "symphony_data", "--config", "demo.yaml", "results", "--json"]
    done = subprocess.run([*command, "--pool", "pool", "--responses", "answers.csv"], capture_output=True, check=True)
    assert json.loads(done.stdout) == json.loads(builder.results("pool", "answers.csv").to_json())


def test_a_table_has_a_line_for_each_model_and_group(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = builder.results(pool, answers(pool), by="bin").to_pandas()
    assert table[["model", "by", "group"]].values.tolist() == [
        [model, by, group]
        for model in ("good", "poor")
        for by, group in (("all", "all"), ("bin", "easy"), ("bin", "hard"))
    ]
    own = table[table["by"] == "bin"].groupby("model")["n_tasks"].sum()
    assert own.to_dict() == {"good": 40, "poor": 39}
    assert table["accuracy"].dtype == float and not table["in_sample"].any()
    # One task has no interval.
    alone = builder.results(pool[:1], answers(pool)).to_pandas()
    assert math.isnan(alone["low"][0]) and alone["n_tasks"][0] == 1


def test_missing_answers_count_as_wrong_where_asked(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = answers(pool)
    left_out = builder.results(pool, table)["poor"]
    wrong = builder.results(pool, table, missing="wrong")["poor"]
    assert (wrong["n_tasks"], wrong["unanswered"]) == (40, 1)
    assert wrong["accuracy"] == pytest.approx(left_out["accuracy"] * 39 / 40)


def test_a_baseline_is_what_the_others_are_compared_with(builder: DatasetBuilder, pool: TaskStream) -> None:
    found = builder.results(pool, answers(pool), baseline="good")
    assert [(own["model"], own["baseline"]) for own in found.comparisons] == [("poor", "good")]
    assert found.comparisons[0]["difference"] < 0


def test_several_groups_may_be_one_text(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = answers(pool)
    as_list = builder.results(pool, table, by=["bin", "benchmark"])
    for text in ("bin,benchmark", "bin, benchmark"):
        assert builder.results(pool, table, by=text).models == as_list.models
    with pytest.raises(RequestError, match="by: 'bin,,benchmark': a name is missing"):
        builder.results(pool, table, by="bin,,benchmark")


def test_a_calibration_is_found_where_calibrate_wrote_it(builder: DatasetBuilder) -> None:
    chance = random.Random(3)
    rows = [(task.task_id, chance.gauss(0, 1.5)) for task in builder.load_preprocessed_benchmark("gsm8k", "full")]
    panel = pd.DataFrame(
        {
            "benchmark": "gsm8k",
            "source_id": row,
            "model": model,
            "score": float(chance.random() < 1 / (1 + math.exp(hardness - ability))),
        }
        for model, ability in (("poor", -1), ("fair", 0), ("good", 1))
        for row, hardness in rows
    )
    fitted = builder.calibrate(panel, "elsewhere/fitted", full_dir="full")
    pool = builder.build_task_stream(
        ["gsm8k"], n_total_tasks=40, full_dir="full", difficulty=fitted, select="informative"
    )
    without = builder.results(pool, panel, full_dir="full")
    # The estimate is model-assisted only if the calibration was found.
    for given in (fitted, fitted["gsm8k"], "elsewhere/fitted"):
        found = builder.results(pool, panel, full_dir="full", difficulty=given)
        assert found["good"]["full"]["gsm8k"]["method"] == "model-assisted"
    assert without["good"]["full"]["gsm8k"]["method"] != "model-assisted"


def test_what_cannot_be_done_is_said(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = answers(pool)
    with pytest.raises(RequestError, match="these models have: good, poor"):
        builder.results(pool, table, baseline="best")
    with pytest.raises(RequestError, match="none of them has this label"):
        builder.results(pool, table, by="topic")
    with pytest.raises(RequestError, match=r"leave_out.*wrong"):
        builder.results(pool, table, missing="right")  # type: ignore[arg-type]
    with pytest.raises(MissingDataError):
        builder.results("nowhere", table)
    with pytest.raises(ResponseError, match="outside of the pool"):
        builder.results(pool, table.assign(benchmark="amc"))
    with pytest.raises(TypeError, match="pool"):
        builder.results(3, table)  # type: ignore[arg-type]
