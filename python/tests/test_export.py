"""``DatasetBuilder.export``. Real harnesses run its exports in harnesses/."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from conftest import ROOT

from symphony_data import ConfigError, DatasetBuilder, Exported, MissingDataError, RequestError

Target = Literal["lm-eval", "inspect", "evalscope", "hf"]
TARGETS: tuple[Target, ...] = ("lm-eval", "inspect", "evalscope", "hf")


def test_a_stream_a_pool_and_a_folder_are_exported_to_each_target(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k", "humaneval"], n_total_tasks=20)
    builder.save_task_pool(stream, "drawn/task_pool.jsonl")
    for to in TARGETS:
        of_stream = builder.export(stream, to, f"stream-{to}")
        of_pool = builder.export(Path("drawn"), to, f"pool-{to}", name="pool")
        assert isinstance(of_stream, Exported)
        assert (of_stream.name, of_stream.to, of_stream.tasks, of_stream.distinct) == ("pool", to, 20, 20)
        assert (
            of_stream.cells
            == of_pool.cells
            == {
                "gsm8k": {"easy": 5, "hard": 5},
                "humaneval": {"easy": 5, "hard": 5},
            }
        )
        files = {path.relative_to(of_stream.folder) for path in of_stream.folder.rglob("*") if path.is_file()}
        for file in files - {Path("manifest.json")} - ({Path("README.md")} if to == "hf" else set()):
            # The stream's manifest names no files of a pool; all else is the same.
            texts = [(folder / file).read_bytes() for folder in (of_stream.folder, of_pool.folder)]
            assert texts[0] == texts[1] or (to == "lm-eval" and file.suffix == ".yaml"), file
        assert of_stream.command in re.sub(r" \\\n +", " ", (of_stream.folder / "README.md").read_text())
    whole = builder.export("full", "inspect", "whole", benchmarks=["gsm8k"])
    assert (whole.name, whole.tasks) == ("full", 400)


def test_what_is_wrong_is_said_in_the_words_of_python(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=4)
    with pytest.raises(RequestError, match='write "lm-eval" or "inspect" or "evalscope" or "hf"'):
        builder.export(stream, "lm_eval", "x")  # type: ignore[arg-type]
    with pytest.raises(MissingDataError, match="there is no pool and no preprocessed benchmark here"):
        builder.export("nowhere", "inspect", "x")
    with pytest.raises(RequestError, match=r"is not a valid name for an export"):
        builder.export(stream, "inspect", "x", name="a b")
    with pytest.raises(MissingDataError, match="not preprocessed"):
        builder.export("full", "inspect", "x", benchmarks=["amc"])
    assert not Path("x").exists()
    builder.export(stream, "inspect", "x")
    with pytest.raises(RequestError, match=r"not written over the export of pool to inspect; .*force=True"):
        builder.export(stream, "lm-eval", "x")
    builder.export(stream, "lm-eval", "x", force=True)

    Path("bare.jsonl").write_text('{"q": "How?", "a": "So."}\n')
    bare = {"path": "file:bare.jsonl", "difficulty": {"features": {"n": {"words": "q"}}, "score": [{"feature": "n"}]}}
    own = DatasetBuilder({"benchmarks": {"bare": bare}})
    own.preprocess_all_benchmarks("own")
    with pytest.raises(ConfigError, match="so that it can be exported to hf alone"):
        own.export("own", "inspect", "y")
    with pytest.raises(TypeError, match="tasks"):
        own.export([1], "inspect", "y")  # type: ignore[list-item]


def test_progress_is_told(builder: DatasetBuilder) -> None:
    told: list[tuple[str, str, int, int | None]] = []
    builder.export("full", "evalscope", "x", progress=lambda *each: told.append(each))
    assert ("full", "reading", 564, 564) in told and ("full", "exporting", 564, 564) in told


def test_the_python_that_exports_carry_is_well_written(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k", "humaneval"], n_total_tasks=8)
    for to in TARGETS[:2]:
        builder.export(stream, to, to)
        (file,) = Path(to).glob("*.py")
        grading = ROOT / "crates" / "symphony-data" / "src" / "export" / "templates" / "grade.py"
        assert grading.read_text(encoding="utf-8").rstrip() in file.read_text(encoding="utf-8")
        compile(file.read_text(encoding="utf-8"), str(file), "exec")
        ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "B,E,F,I,UP"]
        checked = subprocess.run([*ruff, str(file)], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


def test_exports_name_the_versions_that_they_are_tested_with(builder: DatasetBuilder) -> None:
    folder = ROOT / "python" / "tests" / "harnesses"
    pinned = (folder / "requirements.txt").read_text() + (folder / "requirements-evalscope.txt").read_text()
    versions = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)$", pinned, re.M))
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=4)
    named: dict[Target, list[str]] = {
        "lm-eval": ["lm_eval"],
        "inspect": ["inspect-ai"],
        "evalscope": ["evalscope"],
        "hf": ["datasets", "mlcroissant", "inspect-ai"],
    }
    for to, packages in named.items():
        builder.export(stream, to, to)
        text = (Path(to) / "README.md").read_text()
        tested = re.search(r"Tested with (.*?)[;.] ", text)
        assert tested is not None
        for package in packages:
            assert versions[package] in tested.group(1), (package, tested.group(1))
    assert json.loads((Path("hf") / "manifest.json").read_text())["export"]["to"] == "hf"
