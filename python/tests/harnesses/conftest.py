"""Fixtures for exports that real harnesses run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from symphony_data import DatasetBuilder

from .clients import BENCHMARKS, ROOT, Pool, Stub, stand_in


@pytest.fixture(scope="session")
def harness_python() -> str:
    """The Python that has lm-eval, Inspect, datasets and mlcroissant."""
    python = ROOT / "target" / "harnesses" / "bin" / "python"
    if not python.exists():
        pytest.skip("the harnesses are not installed (make harnesses)")
    return str(python)


@pytest.fixture(scope="session")
def pool(real: Path) -> Pool:
    """Eight tasks of each of the five benchmarks, easy and hard; those of HumanEval repeat, as its bins are small."""
    config = real / "config" / "data_config.yaml"
    builder, full = DatasetBuilder(config), real / "data" / "benchmarks" / "full"
    narrow = {"humaneval": [1, 99]}
    stream = builder.build_task_stream(
        BENCHMARKS, n_total_tasks=40, difficulty_percentiles=narrow, sample_with_replacement="when_short", full_dir=full
    )
    assert len({task.identity for task in stream}) < len(stream) == 40
    # The only row whose target is no letter although the question lists letters: graders may differ on it.
    assert all(task.source_id != "bbh_1350" for task in stream)
    folder = real / "pools" / "five"
    builder.save_task_pool(stream, folder / "task_pool.jsonl")
    return Pool(folder, full, config, builder)


@pytest.fixture(scope="session")
def stub(pool: Pool) -> Iterator[Stub]:
    """The model that knows the answers of the pool."""
    yield from stand_in(pool.folder)
