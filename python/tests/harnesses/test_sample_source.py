"""The adaptive test of docs/adaptive.md, run by Inspect against the stand-in for a model."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import symphony_data

from .clients import ROOT, run, stand_in


def test_inspect_asks_the_rows_that_tell_most_until_the_error_is_reached(
    harness_python: str, real: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "adaptive.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"`adaptive_gsm8k\.py`:\n\n```python\n(.*?)```", page, re.S)
    (tmp_path / "adaptive_gsm8k.py").write_text(block, encoding="utf-8")
    (tmp_path / "real-rows").symlink_to(real / "data" / "benchmarks" / "full")
    # The stand-in knows the answers of all rows: the whole benchmark is its pool.
    lines = (tmp_path / "real-rows" / "gsm8k_full.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    pool = tmp_path / "pool"
    pool.mkdir()
    tasks = [{**row, "source_id": row["task_id"]} for row in rows]
    (pool / "task_pool.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    # Inspect's Python lacks the package; it is lent the one that is tested, and nothing beside it.
    lent = tmp_path / "lent"
    lent.mkdir()
    (lent / "symphony_data").symlink_to(Path(symphony_data.__file__).parent)
    for stub in stand_in(pool):
        command = [harness_python, "-m", "inspect_ai", "eval", "adaptive_gsm8k.py", "--model", "openai-api/stub/stub"]
        command += ["-T", "seed=stub", "-T", "standard_error=0.04", "--log-dir", "logs", "--display", "none"]
        keys = {"STUB_BASE_URL": stub.url, "STUB_API_KEY": "none", "INSPECT_LOG_FORMAT": "json"}
        run(command, tmp_path, PYTHONPATH=str(lent), **keys)
        truth = stub.accuracy()
    (path,) = (tmp_path / "logs").glob("*.json")
    log = json.loads(path.read_text(encoding="utf-8"))
    assert log["status"] == "success", log.get("error")
    batch = json.loads((tmp_path / "adaptive_gsm8k.json").read_text())
    # Rows were given in tens, each once, and no more than were needed.
    ids = [sample["id"] for sample in log["samples"]]
    assert len(ids) == len(set(ids)) == batch["n_answered"] and len(ids) % 10 == 0 and 20 <= len(ids) <= 200
    assert batch["done"] and batch["standard_error"] <= 0.04
    # One model and one seed: four standard errors, not two.
    assert batch["estimate"] == pytest.approx(truth, abs=4 * batch["standard_error"])
    solved = sum(sample["scores"]["match"]["value"] == "C" for sample in log["samples"]) / len(ids)
    metrics = log["results"]["scores"][0]["metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(solved)
