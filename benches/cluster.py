#!/usr/bin/env python3
"""Measures stage 1 on Ray against one process on this machine, and works out what more workers and rows would take.

usage: cluster.py [--rows 1000000] [--shards 8] [--workers 1,2] [--runs 3] [--output benches/RESULTS_CLUSTER.md]
                  [--plot docs/cluster.svg]

The rows are generated, and written as one file of JSON lines first. Needs the wheel, ray and matplotlib (`make ray`).
Each run is a process of its own, with a cluster that is started before the clock. The store of every run is compared
with that of one process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MORE_WORKERS = (1, 2, 4, 8, 16, 32, 64)


def store(folder: Path) -> str:
    """A checksum over the lines of a store, in one file or in parts."""
    digest = hashlib.sha256()
    for path in sorted((folder / "gsm8k_full").glob("part-*.jsonl")) or [folder / "gsm8k_full.jsonl"]:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def configuration(rows: Path) -> dict[str, Any]:
    """The benchmark on the file of rows."""
    return {"benchmarks": {"gsm8k": {"path": f"file:{rows}"}}}


def alone(rows: Path, folder: Path) -> dict[str, Any]:
    """One process, with all cores."""
    from symphony_data import DatasetBuilder

    start = time.perf_counter()
    DatasetBuilder(configuration(rows)).preprocess_all_benchmarks(folder, format="jsonl")
    return {"seconds": time.perf_counter() - start}


def on_ray(rows: Path, folder: Path, workers: int, shards: int) -> dict[str, Any]:
    """Ray with so many workers of one core each."""
    import ray
    from symphony_data import ray as on_cluster
    from symphony_data._core import shard_work

    ray.init(address="local", num_cpus=workers, log_to_driver=False, logging_level="error", include_dashboard=False)

    def timed(job: bytes) -> tuple[bytes, float]:
        start = time.perf_counter()
        outcome = shard_work(job, [])
        return outcome, time.perf_counter() - start

    task = ray.remote(num_cpus=1)(timed)

    def ready() -> None:
        import symphony_data  # noqa: F401

        time.sleep(0.5)

    # The processes of the workers are there before the clock starts.
    ray.get([ray.remote(num_cpus=1)(ready).remote() for _ in range(workers)])
    rounds: list[dict[str, Any]] = []

    def outcomes(
        jobs: list[bytes], known_by: str = "", functions: list[Any] | None = None
    ) -> Iterator[tuple[int, bytes]]:
        start, work, size = time.perf_counter(), [], 0
        waiting = {task.remote(job): number for number, job in enumerate(jobs)}
        while waiting:
            done, _ = ray.wait(list(waiting), timeout=0.2)
            for reference in done:
                outcome, seconds = ray.get(reference)
                work.append(seconds)
                size = max(size, len(outcome))
                yield waiting.pop(reference), outcome
        step = next(iter(json.loads(jobs[0])["step"]))
        seconds = time.perf_counter() - start
        rounds.append({"step": step, "jobs": len(jobs), "seconds": seconds, "work": sum(work), "bytes": size})

    on_cluster._outcomes = outcomes
    start = time.perf_counter()
    on_cluster.preprocess(configuration(rows), "gsm8k", folder, shards=shards, format="jsonl")
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ray.shutdown()
    return {"seconds": seconds, "rounds": rounds, "memory": memory}


def run(arguments: list[str]) -> dict[str, Any]:
    """One run in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--one", *arguments], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def generate(rows: int, folder: Path) -> Path:
    """A file of generated rows."""
    from symphony_data import DatasetBuilder

    config = {"benchmarks": {"gsm8k": {"path": f"synthetic:gsm8k?rows={rows}"}}}
    DatasetBuilder(config).preprocess_all_benchmarks(folder / "generated", format="jsonl")
    path = folder / "rows.jsonl"
    with (folder / "generated" / "gsm8k_full.jsonl").open() as full, path.open("w") as file:
        for line in full:
            file.write(line.split('"raw_data":', 1)[1].rsplit(',"scorer_metadata":', 1)[0] + "\n")
    shutil.rmtree(folder / "generated")
    return path


def main() -> None:
    """Measures, and writes what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=ROOT / "benches" / "RESULTS_CLUSTER.md")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "cluster.svg")
    parser.add_argument("--one", nargs=4, metavar=("ROWS", "FOLDER", "WORKERS", "SHARDS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        rows, folder, workers, shards = given.one
        if workers == "0":
            print(json.dumps(alone(Path(rows), Path(folder))))
        else:
            print(json.dumps(on_ray(Path(rows), Path(folder), int(workers), int(shards))))
        return
    numbers = [int(number) for number in given.workers.split(",")]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        source = generate(given.rows, place)
        size = source.stat().st_size
        found: dict[int, list[dict[str, Any]]] = {number: [] for number in [0, *numbers]}
        expected = None
        # One after the other, so that what else happens on the machine meets all alike.
        for _ in range(given.runs):
            for number, runs in found.items():
                folder = place / "full"
                runs.append(run([str(source), str(folder), str(number), str(given.shards)]))
                checksum = store(folder)
                written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
                expected = expected or checksum
                assert checksum == expected, "the stores differ"
                shutil.rmtree(folder)
    # The source is read for features, for its checksum and for the store.
    report(given, numbers, found, size, 3 * size + written)


def report(
    given: argparse.Namespace, numbers: list[int], found: dict[int, list[dict[str, Any]]], size: int, moved: int
) -> None:
    """Writes the table, the model and the plot."""
    median = {number: statistics.median(one["seconds"] for one in runs) for number, runs in found.items()}
    first = sorted(found[numbers[0]], key=lambda one: one["seconds"])[given.runs // 2]
    work = sum(one["work"] for one in first["rounds"])
    rounds = len(first["rounds"])
    # What the driver does between rounds, and what Ray adds to the jobs of each.
    driver = first["seconds"] - sum(one["seconds"] for one in first["rounds"])
    jobs = sum(one["jobs"] for one in first["rounds"])
    overhead = (sum(one["seconds"] for one in first["rounds"]) - work / numbers[0]) / jobs

    def predicted(rows: int, workers: int, shards: int) -> float:
        serial = driver * shards / given.shards + overhead * jobs * shards / given.shards / workers
        return float(serial + work * rows / given.rows / workers)

    lines = [
        "# Stage 1 on Ray",
        "",
        "Written by `make bench-cluster`.",
        "",
        f"{given.rows:,} generated rows of gsm8k as one file of JSON lines, {size / 1e6:.0f} MB, in {given.shards} "
        f"shards; {os.cpu_count()} cores; medians of {given.runs} runs, one after the other. All stores have the same "
        "lines.",
        "",
        "| | seconds | rows a second |",
        "|---|---|---|",
        f"| one process, all cores | {median[0]:.2f} | {given.rows / median[0]:,.0f} |",
    ]
    for number in numbers:
        name = f"Ray, {number} worker{'s' if number > 1 else ''}"
        lines.append(f"| {name} | {median[number]:.2f} | {given.rows / median[number]:,.0f} |")
    lines += [
        "",
        "The rounds of a run with one worker:",
        "",
        "| step | jobs | seconds | of them in the workers | largest outcome |",
    ]
    lines += ["|---|---|---|---|---|"]
    for one in first["rounds"]:
        row = [one["step"], one["jobs"], f"{one['seconds']:.2f}", f"{one['work']:.2f}", f"{one['bytes'] / 1e3:.0f} kB"]
        lines.append("| " + " | ".join(str(cell) for cell in row) + " |")
    lines += [
        "",
        f"The driver itself takes {driver:.3f} s and {first['memory']:.0f} MiB, mostly for Python and Ray; "
        f"Ray adds {1e3 * overhead:.0f} ms to each of {jobs} jobs in {rounds} rounds.",
        "",
        "The model: the workers share the work, which grows with the rows; the driver's part and Ray's grow with the "
        f"shards. It supposes storage that keeps up: {moved / given.rows:,.0f} bytes are read or written for each row. "
        "With two shards for each worker:",
        "",
        "| workers | 10 million rows | 100 million rows | storage must deliver |",
        "|---|---|---|---|",
    ]
    for workers in MORE_WORKERS:
        shards = max(given.shards, 2 * workers)
        cells = [f"{predicted(rows, workers, shards):,.0f} s" for rows in (10_000_000, 100_000_000)]
        rate = moved / given.rows * 100_000_000 / predicted(100_000_000, workers, shards)
        cells.append(f"{rate / 1e9:.1f} GB/s")
        lines.append(f"| {workers} | {' | '.join(cells)} |")
    given.output.write_text("\n".join(lines) + "\n")
    plot(given, numbers, found, predicted)


def plot(given: argparse.Namespace, numbers: list[int], found: dict[int, list[dict[str, Any]]], predicted: Any) -> None:
    """Draws time against workers: what was measured, and the model."""
    import matplotlib

    matplotlib.use("svg")
    # The same bytes for the same numbers.
    matplotlib.rcParams["svg.hashsalt"] = "cluster"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    for rows, style in ((given.rows, "-"), (100_000_000, "--")):
        times = [predicted(rows, workers, max(given.shards, 2 * workers)) for workers in MORE_WORKERS]
        axes.plot(MORE_WORKERS, times, style, color="#4477aa", label=f"model, {rows / 1e6:.0f} million rows")
    for number in numbers:
        for one in found[number]:
            label = "measured" if (number, one) == (numbers[0], found[number][0]) else None
            axes.plot([number], [one["seconds"]], "o", color="#cc3311", label=label)
    axes.set(xscale="log", yscale="log", xlabel="workers of one core", ylabel="seconds", xticks=MORE_WORKERS)
    axes.set_xticklabels([str(number) for number in MORE_WORKERS])
    axes.minorticks_off()
    axes.legend(frameon=False)
    figure.savefig(given.plot, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main()
