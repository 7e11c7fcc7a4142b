"""The documentation is right: docstrings, stubs and types, and the Python of the README and of docs/."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import DEMO, ROOT
from test_features import CONFIG

import symphony_data
from symphony_data import DatasetBuilder, _builder, _core, _report, adaptive

PYTHON = ROOT / "python"


def test_examples_in_docstrings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("demo.yaml").write_text(DEMO)
    Path("loops.yaml").write_text(CONFIG)
    builder = DatasetBuilder("demo.yaml")
    builder.preprocess_all_benchmarks("full")
    answers = [
        {"benchmark": "gsm8k", "source_id": f"gsm8k_{row}", "model": "a", "score": row % 2} for row in range(400)
    ]
    Path("responses.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    names = {"builder": builder, "DatasetBuilder": DatasetBuilder}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    tried = 0
    for module in (symphony_data, _builder, _core, _report, adaptive):
        for test in doctest.DocTestFinder().find(module, extraglobs=names):
            tried += runner.run(test).attempted
    assert runner.summarize().failed == 0
    assert tried >= 20


def test_everything_public_has_a_docstring() -> None:
    for name in symphony_data.__all__:
        thing = getattr(symphony_data, name)
        if name == "__version__":
            continue
        assert thing.__doc__, name
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and (inspect.isroutine(value) or isinstance(value, property)):
                assert value.__doc__, f"{name}.{attribute}"


def test_the_stubs_name_every_public_attribute() -> None:
    stub = (Path(symphony_data.__file__).parent / "_core.pyi").read_text()
    for name in ("Task", "TaskStream", "MadeReport", "Builder"):
        body = re.split(r"\nclass ", stub.split(f"class {name}")[1])[0]
        stubbed = {
            found for found in re.findall(r"^    (?:def )?(\w+)(?:\(|:)", body, re.M) if not found.startswith("_")
        }
        there = {found for found in vars(getattr(_core, name)) if not found.startswith("_")}
        assert stubbed == there, name


def test_types_are_strict() -> None:
    paths = [PYTHON / "symphony_data", PYTHON / "tests", PYTHON / "benchmarks"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", PYTHON / "pyproject.toml", "--strict", *paths],
        cwd=PYTHON / "tests",
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


BLOCK = re.compile(r"(?:`([^`\n]+)`:\n\n)?```(\w*)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
"""A file that the line above names, or a language; the text; and what is shown of it."""
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if any(language == "python" and not file for file, language, _, _ in BLOCK.findall(page.read_text()))
]
"""The tests of the command line run the commands of these and all other pages."""


def run_page(page: Path) -> dict[str, Any]:
    """Runs the Python of a page, in order, in the working folder; gives the names that it leaves."""
    names: dict[str, Any] = {}
    for file, language, text, shown in BLOCK.findall(page.read_text()):
        if file:
            Path(file).write_text(text)
        elif language == "python":
            # As in a notebook, the value of the last line is shown.
            *lines, last = text.rstrip().splitlines()
            exec(compile("\n".join(lines if shown else [*lines, last]), page.name, "exec"), names)
            if shown:
                assert repr(eval(last, names)) == shown.rstrip("\n"), last
    return names


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs_in_an_empty_folder_and_shows_what_the_page_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = run_page(page)
    assert {page.stem for page in PAGES} >= {"README", "python", "files"}
    if page.stem == "python":
        assert Path("difficulty.png").stat().st_size > 5_000
    if page.stem == "README":
        assert len(names["table"]) == len(names["stream"]) == len(names["again"]) == 100
        assert len(names["hard"]) == 30
        for folder, tasks in (("first", 100), ("puzzles", 4)):
            assert len(Path(folder, "task_pool.jsonl").read_text().splitlines()) == tasks
            assert Path(folder, "manifest.json").exists()
