"""Exports to lm-evaluation-harness, run by it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .clients import BENCHMARKS, ROOT, Pool, Stub, comes_back, run

STOCK = {"gsm8k": "gsm8k_cot", "bbh": "bbh_zeroshot", "humaneval": "humaneval", "medical_qa": "medqa_4options"}


@pytest.fixture(scope="module")
def exported(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    mktemp = tmp_path_factory.mktemp
    return pool.exported("lm-eval", mktemp("written") / "to-lm-eval", mktemp("moved") / "here")


def evaluate(python: str, folder: Path, stub: Stub, tasks: str, logs: Path) -> dict[str, Any]:
    """Runs tasks of the export from another folder, and gives the results."""
    is_chat = "_chat" in tasks
    model, endpoint = ("local-chat-completions", "chat/") if is_chat else ("local-completions", "")
    arguments = f"model=stub,base_url={stub.url}/{endpoint}completions,num_concurrent=4,max_length=65536"
    command = [python, "-m", "lm_eval", "run", "--include_path", str(folder), "--tasks", tasks, "--model", model]
    command += ["--model_args", arguments if is_chat else f"{arguments},tokenizer_backend=remote"]
    command += ["--output_path", str(logs), "--log_samples", "--confirm_run_unsafe_code"]
    logs.mkdir(parents=True)
    run(command + ["--apply_chat_template"] * is_chat, logs, OPENAI_API_KEY="none")
    (results,) = logs.glob("stub/results_*.json")
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    return found


Ran = tuple[dict[str, Any], Path]


@pytest.fixture(scope="module")
def completions(harness_python: str, exported: Path, stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    logs = tmp_path_factory.mktemp("completions") / "logs"
    return evaluate(harness_python, exported, stub, "symphony_five_all", logs), logs


@pytest.fixture(scope="module")
def chat(harness_python: str, exported: Path, stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    logs = tmp_path_factory.mktemp("chat") / "logs"
    return evaluate(harness_python, exported, stub, "symphony_five_chat_all", logs), logs


@pytest.mark.parametrize("style", ["completions", "chat"])
def test_every_accuracy_is_what_the_model_is_worth(style: str, stub: Stub, request: pytest.FixtureRequest) -> None:
    results = request.getfixturevalue(style)[0]["results"]
    root = "symphony_five" if style == "completions" else "symphony_five_chat"

    def acc(name: str) -> float:
        value: float = results[f"{root}{name}"]["acc,pool"]
        return value

    assert acc("") == pytest.approx(stub.accuracy())
    for bin in ("easy", "hard"):
        assert acc(f"_{bin}") == pytest.approx(stub.accuracy(bin))
        for benchmark in BENCHMARKS:
            assert acc(f"_{benchmark}_{bin}") == pytest.approx(stub.accuracy(benchmark, bin))
    for benchmark in BENCHMARKS:
        assert acc(f"_{benchmark}") == pytest.approx(stub.accuracy(benchmark))
    # Each task counts once, also in the group over all.
    assert results[root]["sample_len"] == 40


def test_the_harnesses_own_metrics_stand_beside(completions: Ran) -> None:
    results = completions[0]["results"]
    own = {
        "gsm8k": {"exact_match,strict-match", "exact_match,flexible-extract"},
        "bbh": {"exact_match,strict-match", "exact_match,flexible-extract"},
        "medical_qa": {"acc,none", "acc_norm,none"},
        "humaneval": {"pass@1,create_test"},
        "amc": set(),
    }
    for benchmark, metrics in own.items():
        found = {key for key in results[f"symphony_five_{benchmark}_hard"] if "," in key and "stderr" not in key}
        assert found == metrics | {"acc,pool"}
    configs = completions[0]["configs"]
    assert {name: configs[f"symphony_five_{name}_hard"]["metadata"]["like"] for name in STOCK} == STOCK
    assert configs["symphony_five_gsm8k_hard"]["num_fewshot"] == 8
    assert configs["symphony_five_amc_easy"]["metadata"]["request"]["random_seed"] == 2025


def samples(logs: Path, task: str) -> list[dict[str, Any]]:
    (path,) = logs.glob(f"stub/samples_{task}_*.jsonl")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_log_holds_ids_and_rows(completions: Ran, pool: Pool) -> None:
    tasks = {task["task_id"]: task for task in pool.tasks()}
    keys = ("task_id", "benchmark", "source_id", "identity", "difficulty_bin", "difficulty_score")
    for benchmark in BENCHMARKS:
        for bin in ("easy", "hard"):
            for line in samples(completions[1], f"symphony_five_{benchmark}_{bin}"):
                task = tasks[line["doc"]["symphony"]["task_id"]]
                assert {key: line["doc"]["symphony"][key] for key in keys} == {key: task[key] for key in keys}
                assert {key: line["doc"][key] for key in task["raw_data"]} == task["raw_data"]


@pytest.mark.parametrize("style", ["completions", "chat"])
def test_the_logs_come_back_without_flags(
    style: str, pool: Pool, stub: Stub, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    comes_back(pool, request.getfixturevalue(style)[1], stub, tmp_path)


def test_a_wrong_target_changes_the_accuracy(
    harness_python: str, exported: Path, stub: Stub, chat: Ran, tmp_path: Path
) -> None:
    copy = tmp_path / "wrong"
    shutil.copytree(exported, copy, ignore=shutil.ignore_patterns("__pycache__"))
    data = copy / "data" / "gsm8k_easy.jsonl"
    lines = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    (solved, *_) = [line for line in samples(chat[1], "symphony_five_chat_gsm8k_easy") if line["acc"] == 1]
    wrong = next(line for line in lines if line["symphony"] == solved["doc"]["symphony"])
    wrong["asked"]["target"] = str(int(wrong["asked"]["target"]) + 1)
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = evaluate(harness_python, copy, stub, "symphony_five_chat_gsm8k_easy", tmp_path / "logs")
    acc = found["results"]["symphony_five_chat_gsm8k_easy"]["acc,pool"]
    assert acc == pytest.approx(stub.accuracy("gsm8k", "easy") - 1 / len(lines))


@pytest.mark.parametrize(("benchmark", "filters"), [("gsm8k", 2), ("bbh", 2), ("medical_qa", 1)])
def test_scores_are_those_of_the_harnesses_own_task(
    benchmark: str, filters: int, harness_python: str, completions: Ran, tmp_path: Path
) -> None:
    """The same prompts, and for the same responses the same scores, as the harness's own files give with other data."""
    lines = [line for bin in ("easy", "hard") for line in samples(completions[1], f"symphony_five_{benchmark}_{bin}")]
    (tmp_path / "lines.json").write_text(json.dumps(lines), encoding="utf-8")
    script = ROOT / "python" / "tests" / "harnesses" / "stock.py"
    told = run([harness_python, str(script), benchmark, "lines.json"], tmp_path)
    compared = json.loads(told.splitlines()[-1])
    assert compared == {"prompts": 8, "scores": 8 * filters, "differences": []}


@pytest.fixture
def graded(harness_python: str, exported: Path, tmp_path: Path) -> Callable[[list[list[Any]]], list[Any]]:
    """Calls functions of the export's Python: each call is a name and arguments."""

    def call(calls: list[list[Any]]) -> list[Any]:
        program = (
            "import importlib.util, json, sys\n"
            f"spec = importlib.util.spec_from_file_location('utils', {str(exported / 'utils.py')!r})\n"
            "utils = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(utils)\n"
            "calls = json.load(open('calls.json'))\n"
            "print(json.dumps([getattr(utils, name)(*arguments) for name, *arguments in calls], default=str))\n"
        )
        (tmp_path / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
        told = run([harness_python, "-c", program], tmp_path)
        found: list[Any] = json.loads(told.splitlines()[-1])
        return found

    return call
