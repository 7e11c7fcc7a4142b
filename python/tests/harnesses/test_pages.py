"""The commands of the documentation that need a harness, run on real rows against the stand-in for a model."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .clients import ROOT, stand_in

PAGES = ["README.md", "docs/evaluating.md"]


def blocks() -> list[tuple[str, str]]:
    """The blocks of commands with a harness, each with its page and what it does."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```console harness\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S):
            found.append((page, block))
    return found


@pytest.mark.parametrize("number", range(3))
def test_the_commands_lead_from_a_pool_to_a_number(
    number: int, real: Path, harness_python: str, tmp_path: Path
) -> None:
    page, block = blocks()[number]
    shutil.copytree(real / "config", tmp_path / "config")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name, python, module in (
        ("symphony-data", sys.executable, "symphony_data"),
        ("inspect", harness_python, "inspect_ai"),
        ("lm_eval", harness_python, "lm_eval"),
    ):
        (binaries / name).write_text(f'#!/bin/sh\nexec "{python}" -m {module} "$@"\n')
        (binaries / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}

    def shell(command: str, **more: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env={**environment, **more}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{page}: {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    commands = [line.replace("\\\n", " ") for line in re.findall(r"\$ ((?:.*\\\n)*.*)", block)]
    if page == "README.md":
        # The tour preprocesses and draws before it.
        commands = [
            "symphony-data preprocess --benchmarks gsm8k --output real-rows",
            "symphony-data build --full-dir real-rows --benchmarks gsm8k -n 100 --output real-pool",
            *commands,
        ]
    assert len(commands) == 5
    for command in commands[:3]:
        shell(command)
    pool = tmp_path / ("real-pool" if page == "README.md" else "pool")
    for stub in stand_in(pool):
        command = (
            commands[3]
            .replace("openai/gpt-5-mini", "openai-api/stub/stub")
            .replace("http://localhost:8000/v1", stub.url)
        )
        assert "stub" in command or stub.url in command
        printed = shell(command, STUB_BASE_URL=stub.url, STUB_API_KEY="none", INSPECT_DISPLAY="plain")
        # The number stands in what the harness prints.
        accuracy = f"{stub.accuracy():.3f}".rstrip("0")
        assert accuracy in printed, (accuracy, printed[-3000:])
    validated = shell(commands[4])
    if page == "README.md":
        assert "Accuracy on real-pool (100 tasks" in validated
        return
    assert "How scores go together with failure" in validated
    assert "in pool: models fail hard tasks" in validated


def test_no_other_page_has_commands_with_a_harness() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    found = {str(page.relative_to(ROOT)) for page in pages if "```console harness" in page.read_text(encoding="utf-8")}
    assert found == set(PAGES)
    assert len(blocks()) == 3
