"""The examples and scenarios of the brief that this package follows, as they are written there, on the real benchmarks."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED

from symphony_data import DatasetBuilder, SymphonyDataWarning

pytestmark = pytest.mark.filterwarnings("ignore::symphony_data.SymphonyDataWarning")


def blocks() -> list[str]:
    brief = SHARED / "brief.md"
    return re.findall(r"```python\n(.*?)```", brief.read_text(encoding="utf-8"), re.DOTALL) if brief.exists() else []


def having(text: str) -> str:
    """The block of the brief that holds this text, with only its import line changed."""
    found = [block for block in blocks() if text in block]
    assert len(found) == 1, text
    return found[0].replace("from src.data_generator import DatasetBuilder", "from symphony_data import DatasetBuilder")


@pytest.fixture(autouse=True)
def where_the_brief_is(in_real: Path) -> Iterator[None]:
    yield


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "brief.md", "exec"), names)
    return names


def test_basic_usage() -> None:
    tasks = run(having("# Step 1: Preprocess all benchmarks"))["tasks"]
    # Without replacement HumanEval has 33 easy and 33 hard tasks.
    assert len(tasks) == 33 + 33 + 250 + 250
    assert len(Path("data/my_experiment/task_pool.jsonl").read_text().splitlines()) == 566
    assert json.loads(Path("data/my_experiment/statistics.json").read_text())["n_total"] == 566


def test_the_api_reference() -> None:
    names = run(having("builder = DatasetBuilder(config_path="), DatasetBuilder=DatasetBuilder)
    names = run(having("results = builder.preprocess_all_benchmarks("), **names)
    assert {name: len(tasks) for name, tasks in names["results"].items()} == {
        "humaneval": 164,
        "gsm8k": 1319,
        "bbh": 2437,
        "amc": 83,
        "medical_qa": 1273,
    }
    names = run(having("difficulty_percentiles=None,  # Optional"), **names)
    assert len(names["tasks"]) == 566
    run(having("builder.save_task_pool(\n"), **names)
    run(having("builder.save_statistics(\n"), **names)
    assert Path("data/exp1/task_pool.jsonl").exists() and Path("data/exp1/statistics.json").exists()


def test_example_2_custom_experiment() -> None:
    tasks = run(having("'data/custom_exp/task_pool.jsonl'"))["tasks"]
    # 600, 600 and 300 are asked at 70:30: 33 of 420 and 33 of 180; 420 and 180; 210 and 90.
    assert len(tasks) == 66 + 600 + 300


def test_example_3_reading_task_pools() -> None:
    builder = DatasetBuilder()
    builder.save_task_pool(
        builder.build_task_stream(["humaneval", "gsm8k", "bbh"], n_total_tasks=90), "data/exp1/task_pool.jsonl"
    )
    seen: list[dict[str, Any]] = []
    names = run(
        having("result = evaluate_humaneval(raw_data)"),
        evaluate_humaneval=lambda row: row["entry_point"],
        evaluate_gsm8k=lambda row: row["answer"],
        evaluate_bbh=lambda row: row["target"],
        log_result=lambda **result: seen.append(result),
    )
    assert len(seen) == 90 and all(result["result"] for result in seen)
    assert len(names["easy_tasks"]) == len(names["hard_tasks"]) == 45


def test_example_4_custom_thresholds() -> None:
    tasks = run(having("'humaneval': [10, 90]"), builder=DatasetBuilder())["tasks"]
    # 17 tasks are at or below the 10th percentile, 17 at or above the 90th.
    assert [sum(task.difficulty_bin == bin for task in tasks) for bin in ("easy", "hard")] == [17, 17]


def test_example_5_equal_split() -> None:
    tasks = run(having("automatic equal split (33.3% each)"), builder=DatasetBuilder())["tasks"]
    counts = {name: sum(task.benchmark == name for task in tasks) for name in ("humaneval", "gsm8k", "bbh")}
    assert counts == {"humaneval": 66, "gsm8k": 100, "bbh": 100}


def delivered(experiments: dict[str, Any]) -> dict[str, int]:
    pools = DatasetBuilder().run_experiments(experiments, output_dir="data/scenarios")
    return {name: len((pool / "task_pool.jsonl").read_text().splitlines()) for name, pool in pools.items()}


def experiments_in(text: str) -> dict[str, Any]:
    block = having(text).replace("# ... existing experiments ...", "")
    found: dict[str, Any] = (
        run(block)["experiments"] if "experiments = {" in block else eval("{" + block.rstrip().rstrip(",") + "}")
    )
    return found


def changed(text: str) -> dict[str, Any]:
    """The first scenario's experiment at its old size, with the keys that another scenario changes."""
    base = experiments_in("'n_total_tasks': 2000,  # ←")["exp1"] | {"n_total_tasks": 1000}
    return {"exp1": base | experiments_in(text)["exp1"]}


def test_scenario_1_number_of_tasks() -> None:
    # 1,000 of each at 80:20: HumanEval gives 33 and 33, GSM8K its 454 easy ones and 200 hard.
    assert delivered(experiments_in("'n_total_tasks': 2000,  # ←")) == {"exp1": 66 + 454 + 200}


def test_scenario_2_difficulty_split() -> None:
    assert delivered(changed("'difficulty_split': '90:10',  # ←")) == {"exp1": 66 + 450 + 50}


def test_scenario_3_benchmark_allocation() -> None:
    assert delivered(changed("{'humaneval': 0.7, 'gsm8k': 0.3}")) == {"exp1": 66 + 300}


def test_scenario_4_new_experiment() -> None:
    assert delivered(experiments_in("'Exp 6: My Custom Experiment'")) == {"exp6": 500}


def test_scenario_5_one_benchmark() -> None:
    assert delivered(experiments_in("'Exp 7: HumanEval Only'")) == {"exp7": 66}


def test_scenario_a_easy_against_hard() -> None:
    assert delivered(experiments_in("'name': 'Easy Tasks Only'")) == {"easy_only": 133, "hard_only": 133}


def test_scenario_b_progressive_difficulty() -> None:
    assert delivered(experiments_in("'Progressive Difficulty - Level 1'")) == {
        "prog_1": 100,
        "prog_2": 100,
        "prog_3": 100,
    }


def test_scenario_c_domains() -> None:
    # AMC has 19 easy and 19 hard tasks where 45 and 45 are asked.
    assert delivered(experiments_in("'name': 'Coding Tasks'")) == {"coding": 66, "math": 210 + 38, "reasoning": 200}


def test_a_short_pool_is_a_warning_and_under_strict_an_error() -> None:
    builder = DatasetBuilder()
    experiments = experiments_in("'Exp 7: HumanEval Only'")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        builder.run_experiments(experiments, output_dir="data/short")
    told = [str(warning.message) for warning in caught if warning.category is SymphonyDataWarning]
    assert [line.split(";")[0] for line in told] == [
        "exp7: humaneval: 75 easy tasks asked, 33 there",
        "exp7: humaneval: 75 hard tasks asked, 33 there",
    ]
    with pytest.raises(ValueError, match="1 of 1 requests cannot be met in full; nothing was written"):
        builder.run_experiments(experiments, output_dir="data/strict", strict=True)
    assert not Path("data/strict").exists()
