"""What a pool can tell apart: ``DatasetBuilder.power``, and the same numbers from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from symphony_data import DatasetBuilder, RequestError, ResponseError, SymphonyDataWarning


def answers(*models: str) -> Path:
    """Responses to all rows of gsm8k; two models disagree on every fifth row."""
    lines = [
        {"benchmark": "gsm8k", "source_id": f"gsm8k_{row}", "model": model, "score": int(row % 5 > 0 or model == "a")}
        for row in range(400)
        for model in models
    ]
    path = Path("answers.jsonl")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_it_is_what_the_command_says(builder: DatasetBuilder) -> None:
    found = builder.power(["gsm8k"], n_total_tasks=60, difficulty_split="70:30", full_dir="full", delta=0.1)
    command = "-q --config demo.yaml plan --full-dir full --benchmarks gsm8k -n 60 --difficulty-split 70:30"
    command += " --power --delta 0.1 --json"
    printed = subprocess.run(
        [sys.executable, "-m", "symphony_data", *command.split()], capture_output=True, text=True, check=True
    ).stdout
    assert json.loads(printed)["power"]["pool"] == found
    assert found["tasks"] == found["distinct"] == 60 and found["benchmarks"][0]["source"] == "assumed"
    # By hand: (1.96 √0.3 + 0.8416 √(0.3 - 0.01))² / 0.01 tasks show ten points.
    assert found["needed"] == int((1.959964 * 0.3**0.5 + 0.8416212 * 0.29**0.5) ** 2 / 0.01) + 1


def test_responses_say_how_often_models_disagree(builder: DatasetBuilder) -> None:
    path = answers("a", "b")
    request: dict[str, Any] = {"n_total_tasks": 60, "full_dir": "full", "demo": True}
    found = builder.power(["gsm8k"], responses=path, models=("a", "b"), **request)
    (part,) = found["benchmarks"]
    assert (part["source"], part["pairs"]) == ("responses", 1)
    # About every fifth row of each bin.
    assert 0.1 < part["discordance"] < 0.3
    assert found["detectable"] < builder.power(["gsm8k"], **request)["detectable"]
    with pytest.raises(ResponseError, match="there are no responses of x; there are responses of a, b"):
        builder.power(["gsm8k"], responses=path, models=("a", "x"), **request)
    with pytest.raises(ResponseError, match="no two models answered the same 10 rows"):
        builder.power(["gsm8k"], responses=answers("a"), **request)


def test_what_is_not_valid_is_refused(builder: DatasetBuilder) -> None:
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"delta": 0.0}, RequestError, "delta: 0: write a difference above 0 and at most 1"),
        ({"delta": "x"}, RequestError, "delta: 'x': write a number"),
        ({"models": ("a", "b")}, RequestError, "models: give their responses, too"),
        ({"responses": answers("a", "b"), "models": ("a",)}, RequestError, "models: .*: write two models"),
        ({"responses": answers("a", "b"), "models": ("a", "a"), "demo": True}, RequestError, "a is named twice"),
        ({"n_total_tasks": 0}, RequestError, "n_total_tasks"),
        ({"tasks": 5}, TypeError, "tasks"),
    ]
    for options, kind, said in wrong:
        with pytest.raises(kind, match=said):
            builder.power(["gsm8k"], full_dir="full", **{"n_total_tasks": 20, **options})


def test_a_bin_that_is_too_small_is_said(builder: DatasetBuilder) -> None:
    with pytest.warns(SymphonyDataWarning, match="humaneval: 100 .* tasks asked"):
        found = builder.power(["humaneval"], n_total_tasks=200, full_dir="full", sample_with_replacement=False)
    assert found["tasks"] < 200
