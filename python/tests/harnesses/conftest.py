"""Fixtures of the tests that run the exports with the harnesses themselves, in a Python of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared"
FILES = {
    "humaneval": "humaneval/test.jsonl",
    "gsm8k": "gsm8k/test.jsonl",
    "bbh": "bbh/{config}.jsonl",
    "amc": "amc/train.jsonl",
    "medical_qa": "medical_qa/test.jsonl",
}


@pytest.fixture(scope="session")
def harness_python() -> str:
    """The Python that the harnesses are installed in."""
    python = ROOT / "target" / "harnesses" / "bin" / "python"
    if not python.exists():
        pytest.skip("the harnesses are not on this machine (target/harnesses)")
    return str(python)


@pytest.fixture(scope="session")
def program() -> str:
    """The program."""
    program = Path(os.environ.get("SYMPHONY_DATA_TEST_PROGRAM", ROOT / "target" / "release" / "symphony-data"))
    if not program.exists():
        pytest.skip(f"the program is not built ({program})")
    return str(program)


class Pool:
    """A folder with a configuration and a pool of five benchmarks, on real rows where these are on this machine."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder, self.pool = program, folder, folder / "pool"
        data = SHARED / "data"
        paths = {name: f"file:{data}/{file}" if data.is_dir() else f"synthetic:{name}" for name, file in FILES.items()}
        config = {"benchmarks": {name: {"path": path} for name, path in paths.items()}}
        (folder / "config.yaml").write_text(json.dumps(config))
        self.run("preprocess", "--output", "full")
        self.run(
            *["build", "--full-dir", "full", "--benchmarks", *FILES, "--n-total-tasks", "100", "--output", "pool"],
            *["--difficulty", "surface", "--sampler", "stable"],
        )

    def run(self, *arguments: str, config: str = "config.yaml") -> str:
        """Runs the program in the folder."""
        command = [self.program, "-q", "--config", config, *arguments]
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks of the pool, in order."""
        lines = (self.pool / "task_pool.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def pool(program: str, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    """A pool of 100 tasks of five benchmarks."""
    return Pool(program, tmp_path_factory.mktemp("pool"))


class Stub:
    """A server that stands in for a model, and knows the answers of a pool."""

    def __init__(self, url: str, expected: dict[str, Any]) -> None:
        self.url, self.expected = url, expected


@pytest.fixture(scope="session")
def stub(pool: Pool) -> Iterator[Stub]:
    """A model that solves some tasks of the pool, and the accuracies that it must get."""
    script = SHARED / "exports" / "stub.py"
    if not script.exists():
        pytest.skip("the stand-in for a model is not on this machine (../shared/exports/stub.py)")
    command = [sys.executable, str(script), str(pool.pool)]
    expected = json.loads(subprocess.run([*command, "--expected"], capture_output=True, text=True, check=True).stdout)
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        # stub: 100 rows, 100 tasks, http://127.0.0.1:8399/v1
        yield Stub(server.stdout.readline().split()[-1], expected)
        server.terminate()
