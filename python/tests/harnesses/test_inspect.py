"""Exports to Inspect, run by Inspect."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from .clients import BENCHMARKS, Pool, Stub, comes_back, run


def evaluate(python: str, folder: Path, stub: Stub, *options: str) -> dict[str, Any]:
    """Runs the export from the folder above it, and gives the log."""
    above, logs = folder.parent, folder.parent / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    command = [python, "-m", "inspect_ai", "eval", f"{folder.name}/five.py", "--model", "openai-api/stub/stub"]
    command += ["-T", "sandbox=local", "--log-dir", "logs", "--display", "none", *options]
    run(command, above, STUB_BASE_URL=stub.url, STUB_API_KEY="none", INSPECT_LOG_FORMAT="json")
    (log,) = logs.glob("*.json")
    found: dict[str, Any] = json.loads(log.read_text(encoding="utf-8"))
    assert found["status"] == "success", found.get("error")
    return found


def metrics_of(log: dict[str, Any]) -> dict[str, float]:
    return {name: metric["value"] for score in log["results"]["scores"] for name, metric in score["metrics"].items()}


@pytest.fixture(scope="module")
def exported(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    mktemp = tmp_path_factory.mktemp
    return pool.exported("inspect", mktemp("written") / "to-inspect", mktemp("moved") / "here")


@pytest.fixture(scope="module")
def log(harness_python: str, exported: Path, stub: Stub) -> dict[str, Any]:
    return evaluate(harness_python, exported, stub)


def test_every_accuracy_is_what_the_model_is_worth(log: dict[str, Any], stub: Stub) -> None:
    found = metrics_of(log)
    assert found["accuracy"] == pytest.approx(stub.accuracy())
    for bin in ("easy", "hard"):
        assert found[bin] == pytest.approx(stub.accuracy(bin))
        for benchmark in BENCHMARKS:
            assert found[f"{benchmark}/{bin}"] == pytest.approx(stub.accuracy(benchmark, bin))
    for benchmark in BENCHMARKS:
        assert found[benchmark] == pytest.approx(stub.accuracy(benchmark))


def test_the_error_counts_tasks_that_repeat_as_one(log: dict[str, Any], pool: Pool) -> None:
    scores = {sample["id"]: sample["scores"]["graded"]["value"] == "C" for sample in log["samples"]}
    tasks = [task for task in pool.tasks() if task["benchmark"] == "humaneval"]
    assert max(Counter(task["identity"] for task in tasks).values()) > 1
    mean = sum(scores[task["task_id"]] for task in tasks) / len(tasks)
    clusters: dict[str, float] = {}
    for task in tasks:
        clusters[task["identity"]] = clusters.get(task["identity"], 0.0) + scores[task["task_id"]] - mean
    # The clustered error of Miller, "Adding Error Bars to Evals" (2024), which Inspect corrects for few clusters.
    error = sum(total**2 for total in clusters.values()) ** 0.5 / len(tasks)
    corrected = error * (len(clusters) / (len(clusters) - 1)) ** 0.5
    assert metrics_of(log)["humaneval_stderr"] == pytest.approx(corrected, rel=1e-6)


def test_the_log_holds_ids_rows_and_how_the_pool_was_drawn(log: dict[str, Any], pool: Pool) -> None:
    tasks = pool.tasks()
    assert [sample["id"] for sample in log["samples"]] == [task["task_id"] for task in tasks]
    keys = ("task_id", "benchmark", "source_id", "identity", "difficulty_bin", "difficulty_score")
    for sample, task in zip(log["samples"], tasks, strict=True):
        assert {key: sample["metadata"]["symphony"][key] for key in keys} == {key: task[key] for key in keys}
        assert sample["metadata"]["row"] == task["raw_data"]
    assert log["eval"]["metadata"]["symphony"]["request"]["random_seed"] == 2025


def test_parts_of_the_pool_can_be_run(harness_python: str, exported: Path, stub: Stub) -> None:
    found = evaluate(harness_python, exported, stub, "-T", "benchmarks=gsm8k,amc", "-T", "bins=hard")
    assert {sample["metadata"]["cell"] for sample in found["samples"]} == {"gsm8k/hard", "amc/hard"}


def test_a_wrong_target_changes_the_accuracy(
    harness_python: str, exported: Path, stub: Stub, log: dict[str, Any], tmp_path: Path
) -> None:
    copy = tmp_path / "wrong"
    shutil.copytree(exported, copy, ignore=shutil.ignore_patterns("__pycache__"))
    lines = [json.loads(line) for line in (copy / "five.jsonl").read_text(encoding="utf-8").splitlines()]
    solved = {sample["id"] for sample in log["samples"] if sample["scores"]["graded"]["value"] == "C"}
    wrong = next(line for line in lines if line["id"] in solved and line["metadata"]["grade"] == "number")
    wrong["target"] = str(int(wrong["target"]) + 1)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (copy / "five.jsonl").write_text(text, encoding="utf-8")
    benchmark, bin = wrong["metadata"]["benchmark"], wrong["metadata"]["difficulty_bin"]
    found = evaluate(harness_python, copy, stub, "-T", f"benchmarks={benchmark}", "-T", f"bins={bin}")
    n = stub.expected[f"{benchmark}.{bin}"]["n"]
    assert metrics_of(found)["accuracy"] == pytest.approx(stub.accuracy(benchmark, bin) - 1 / n)


def test_the_log_comes_back_without_flags(
    exported: Path, log: dict[str, Any], pool: Pool, stub: Stub, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "2026-01-01T00-00-00-00-00_five_x.json").write_text(json.dumps(log), encoding="utf-8")
    comes_back(pool, logs, stub, tmp_path)
