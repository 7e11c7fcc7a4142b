"""Fixtures: the real benchmarks where they exist, and small generated ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symphony_data import DatasetBuilder

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
GOLDEN = ROOT / "crates" / "symphony-data" / "tests" / "golden" / "default"

FILES = {
    "humaneval": "humaneval/test.jsonl",
    "gsm8k": "gsm8k/test.jsonl",
    "bbh": "bbh/{config}.jsonl",
    "amc": "amc/train.jsonl",
    "medical_qa": "medical_qa/test.jsonl",
}

DEMO = """
benchmarks:
  humaneval: {path: 'synthetic:humaneval'}
  gsm8k: {path: 'synthetic:gsm8k?rows=400'}
"""


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a user's, with a configuration of the five real benchmarks, preprocessed."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("the real benchmarks are not on this machine (../shared/data)")
    place = tmp_path_factory.mktemp("real")
    (place / "config").mkdir()
    paths = {name: {"path": f"file:{data}/{file}"} for name, file in FILES.items()}
    (place / "config" / "data_config.yaml").write_text(json.dumps({"benchmarks": paths}))
    builder = DatasetBuilder(place / "config" / "data_config.yaml")
    builder.preprocess_all_benchmarks(place / "data" / "benchmarks" / "full")
    return place


@pytest.fixture
def in_real(real: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, as the working folder."""
    monkeypatch.chdir(real)
    return real


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetBuilder:
    """A builder on small generated benchmarks, preprocessed, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("demo.yaml").write_text(DEMO)
    builder = DatasetBuilder("demo.yaml")
    builder.preprocess_all_benchmarks("full")
    return builder
