"""The documentation is right: docstrings, stubs and types, and the page that goes from installing to a plot."""

from __future__ import annotations

import doctest
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DEMO, ROOT
from test_features import CONFIG

import symphony_data
from symphony_data import DatasetBuilder, _builder, _core

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
    for module in (symphony_data, _builder, _core):
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
    for name in ("Task", "TaskStream", "Builder"):
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


def test_the_example_of_the_readme_runs(in_real: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    assert len(Path("data/my_experiment/task_pool.jsonl").read_text().splitlines()) == 1000


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    names: dict[str, object] = {}
    cells = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", page, re.DOTALL)
    assert len(cells) >= 5
    for code, shown in cells:
        # As in a notebook, the value of the last line is shown.
        *lines, last = code.rstrip().splitlines()
        exec(compile("\n".join(lines if shown else [*lines, last]), "docs/python.md", "exec"), names)
        if shown:
            assert repr(eval(last, names)) == shown.rstrip("\n"), last
    assert Path("difficulty.png").stat().st_size > 5_000
