"""Exports run by real harnesses: a pool of real rows, a model that knows its answers, and how a harness is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from symphony_data import DatasetBuilder

ROOT = Path(__file__).resolve().parents[3]
STUB = ROOT.parent / "shared" / "exports" / "stub.py"
BENCHMARKS = ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"]


@dataclass
class Pool:
    """A pool of real rows."""

    folder: Path
    full: Path
    config: Path
    builder: DatasetBuilder

    def tasks(self) -> list[dict[str, Any]]:
        lines = (self.folder / "task_pool.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def exported(self, to: Literal["lm-eval", "inspect", "evalscope"], written: Path, moved: Path) -> Path:
        """Its export, moved to another place than it was written to."""
        self.builder.export(self.folder, to, written)
        shutil.move(written, moved)
        return moved


@dataclass
class Stub:
    """A running stand-in for a model, which knows the answers of a pool."""

    url: str
    expected: dict[str, dict[str, float]]

    def accuracy(self, *cell: str) -> float:
        return self.expected[".".join(cell) or "all"]["accuracy"]


def stand_in(pool: Path) -> Iterator[Stub]:
    """The stand-in for the tasks of a pool's folder."""
    if not STUB.is_file():
        pytest.skip("the stand-in for a model is not on this machine (../shared/exports/stub.py)")
    with subprocess.Popen(
        [sys.executable, str(STUB), str(pool), "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            with urllib.request.urlopen(url.removesuffix("/v1") + "/expected") as answer:
                yield Stub(url, json.load(answer))
        finally:
            process.kill()


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Runs a harness in a folder, without network but for the stand-in."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "INSPECT_DISABLE_UPDATE_CHECK": "1"}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **offline, **environment}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def comes_back(pool: Pool, logs: Path, stub: Stub, place: Path) -> None:
    """Every answer in a folder of logs is mapped to its row, and counts as it was scored."""
    validated = pool.builder.validate(logs, pool.folder, full_dir=pool.full)
    assert validated.unmapped == []
    for benchmark in BENCHMARKS:
        rows = {task["source_id"] for task in pool.tasks() if task["benchmark"] == benchmark}
        assert validated[benchmark]["rows"] == len(rows)
    kept = place / "kept.jsonl"
    written = pool.builder.responses(logs, kept, full_dir=pool.full)
    assert sum(of["answers"] for of in written.values()) == len(pool.tasks())
    answers = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    for benchmark in BENCHMARKS:
        scores = [answer["score"] for answer in answers if answer["benchmark"] == benchmark]
        assert sum(scores) / len(scores) == pytest.approx(stub.accuracy(benchmark))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fitted = pool.builder.calibrate(logs, place / "fitted", full_dir=pool.full)
    # That few rows have answers is worth a warning; an answer that is left out would be another.
    assert told and not [str(warning.message) for warning in told if "left out" in str(warning.message)]
    for benchmark in BENCHMARKS:
        # Repeats are tries of one row.
        rows = {task["source_id"] for task in pool.tasks() if task["benchmark"] == benchmark}
        assert fitted[benchmark]["n_answers"] == len(rows)
