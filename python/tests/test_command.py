"""The wheel has the command, and imports quickly."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import symphony_data

COMMANDS = [[str(Path(sys.executable).with_name("symphony-data"))], [sys.executable, "-m", "symphony_data"]]


@pytest.mark.parametrize("command", COMMANDS, ids=["script", "module"])
def test_it_runs_with_its_exit_codes(command: list[str], tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], cwd=tmp_path, capture_output=True, text=True)

    assert run("--version").stdout.startswith("symphony-data 0.")
    made = run("-q", "quick-start", "--demo")
    assert made.returncode == 0 and "exp5: 2000 of 2000 tasks in data/exp5" in made.stdout, made.stderr
    assert run("verify", "data").returncode == 0
    wrong = run("run", "exp9")
    assert wrong.returncode == 2 and "there is no experiment `exp9`" in wrong.stderr and wrong.stdout == ""
    missing = run("stats", "nowhere")
    assert missing.returncode == 1


def test_the_package_has_the_version_of_its_command(tmp_path: Path) -> None:
    ran = subprocess.run([*COMMANDS[1], "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout == f"symphony-data {symphony_data.__version__}\n"
    assert symphony_data.__version__ == version("symphony-data")


def test_importing_loads_no_other_package(tmp_path: Path) -> None:
    script = "import sys, symphony_data; print([name for name in ('numpy', 'pandas', 'pyarrow', 'tqdm') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stderr
