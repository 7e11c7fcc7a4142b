"""Times `build_task_stream` for exp5 (2,000 tasks of five benchmarks) against the plain-Python way: json and NumPy.

usage: side_by_side.py FULL_DIR [CONFIG]

FULL_DIR holds the preprocessed benchmarks, CONFIG is the configuration that they were made from. Each way runs in a
process of its own, once to warm up and twenty times measured, every time from the files. Both must draw the same tasks.
Prints a table.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BENCHMARKS = ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"]
TASKS, SEED, RUNS = 2000, 2025, 20


@dataclasses.dataclass
class PlainTask:
    """A task as a Python program would have it."""

    task_id: str
    benchmark: str
    difficulty_score: float
    difficulty_bin: str
    raw_data: dict[str, Any]
    scorer_metadata: dict[str, Any]


def plain(full_dir: Path) -> list[PlainTask]:
    """The stream, written with json and NumPy: load all tasks, cut them into bins, choose, clone, shuffle."""
    import numpy

    random = numpy.random.RandomState(SEED)
    stream: list[PlainTask] = []
    each = TASKS // len(BENCHMARKS)
    for benchmark in BENCHMARKS:
        with open(full_dir / f"{benchmark}_full.jsonl", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        keys = [field.name for field in dataclasses.fields(PlainTask)]
        tasks = [PlainTask(**{key: row[key] for key in keys}) for row in rows]
        scores = [task.difficulty_score for task in tasks]
        easy_at, hard_at = numpy.percentile(scores, 20), numpy.percentile(scores, 80)
        easy = [task for task in tasks if task.difficulty_score <= easy_at]
        hard = [task for task in tasks if task.difficulty_score >= hard_at and not task.difficulty_score <= easy_at]
        for name, bin_, n in (("easy", easy, each // 2), ("hard", hard, each - each // 2)):
            for at in random.choice(len(bin_), n, replace=len(bin_) < n):
                clone = copy.copy(bin_[at])
                clone.difficulty_bin = name
                stream.append(clone)
    random.shuffle(stream)  # type: ignore[arg-type]
    return stream


def ours(full_dir: Path) -> Sequence[Any]:
    """The stream, from this package."""
    from symphony_data import DatasetBuilder

    return DatasetBuilder(sys.argv[3]).build_task_stream(
        BENCHMARKS, n_total_tasks=TASKS, random_seed=SEED, sample_with_replacement="when_short", full_dir=full_dir
    )


def measure(way: Callable[[Path], Sequence[Any]], full_dir: Path) -> None:
    tasks = way(full_dir)
    drawn = [(getattr(task, "source_id", None) or task.task_id, task.difficulty_bin) for task in tasks]
    del tasks
    seconds = []
    for _ in range(RUNS):
        began = time.perf_counter()
        way(full_dir)
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"drawn": drawn, "seconds": seconds, "peak": peak * 1024}))


def main() -> None:
    full_dir, config = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "config/data_config.yaml"
    results = {}
    for way in ("plain", "ours"):
        command = [sys.executable, __file__, full_dir, way, config]
        results[way] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert results["plain"]["drawn"] == results["ours"]["drawn"], "the two ways draw different tasks"
    print(f"{TASKS} tasks of {len(BENCHMARKS)} benchmarks; Python {platform.python_version()}, {os.cpu_count()} cores")
    print("| | median of 20 | slowest | peak memory |\n|---|---|---|---|")
    for way, name in (("plain", "json + NumPy"), ("ours", "symphony_data")):
        seconds = results[way]["seconds"]
        median, slowest = 1e3 * statistics.median(seconds), 1e3 * max(seconds)
        print(f"| {name} | {median:.1f} ms | {slowest:.1f} ms | {results[way]['peak'] / 1e6:.0f} MB |")
    ratio = statistics.median(results["plain"]["seconds"]) / statistics.median(results["ours"]["seconds"])
    print(f"ratio: {ratio:.1f}")
    imports = []
    for _ in range(RUNS):
        script = "import time; t = time.perf_counter(); import symphony_data; print(time.perf_counter() - t)"
        imports.append(
            float(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)
        )
    print(f"import symphony_data: {1e3 * statistics.median(imports):.1f} ms (median of {RUNS} processes)")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[2] in ("plain", "ours"):
        measure({"plain": plain, "ours": ours}[sys.argv[2]], Path(sys.argv[1]))
    else:
        main()
