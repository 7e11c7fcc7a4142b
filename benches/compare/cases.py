"""The cases that are measured, one table of the report each."""
# ruff: noqa: D102, D103

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from compare.measure import Measured, Run, run
from compare.work import (
    COPY,
    DUCKDB,
    FILES,
    OURS,
    OURS_STABLE,
    PARQUET_STORE,
    POLARS,
    POOL,
    PYTHON,
    REPOSITORY,
    SEED,
    STORE,
    TASKS,
)

# A quick-start takes milliseconds: more runs cost nothing and steady the median.
QUICK_START_RUNS = 20


STABLE_REMARK = (
    "`stable` ranks each row by a hash of its task and takes the least ranks, so that pools nest. Polars has no such "
    "draw: its time is that of the draw by NumPy in both comparisons."
)


def peer(name: str, case: str, *arguments: str | Path) -> list[str]:
    """The command that runs a peer in a process of its own; see `__main__.py`."""
    return [sys.executable, str(Path(__file__).parent), "--peer", name, case, *map(str, arguments)]


@dataclass
class Case:
    """A table of the report."""

    title: str
    measured: dict[str, Measured]
    # The command whose time is 1 in the last column, and the name of that column.
    to: str = OURS
    ratio: str = "ratio to ours"
    remarks: list[str] = field(default_factory=list)


@dataclass
class Bench:
    """The program, and the folder where it and its peers read and write files."""

    program: Path
    work: Path
    runs: int
    rows: int
    data: Path | None
    parquet: bool = False

    def ours(self, rows: Path | str, *arguments: str | Path) -> list[str]:
        """The program's command over the benchmark gsm8k of these rows."""
        path = f"file:{rows}" if isinstance(rows, Path) else rows
        # JSON is YAML. A name for each source, for commands that run in turn.
        config = self.work / f"{re.sub('[^a-z0-9]+', '_', Path(path).name)}.yaml"
        config.write_text(json.dumps({"benchmarks": {"gsm8k": {"path": path}}}))
        return [str(part) for part in (self.program, "--quiet", "--config", config, *arguments)]

    def preprocess(self, rows: Path | str, output: Path, *, parquet: bool = False) -> list[str]:
        form = ["--format", "parquet"] if parquet else []
        return self.ours(rows, "preprocess", "--benchmarks", "gsm8k", "--output-dir", output, *form)

    def build(self, rows: Path, store: Path, output: Path, sampler: str) -> list[str]:
        draws = ["--n-total-tasks", str(TASKS), "--random-seed", str(SEED), "--sampler", sampler]
        return self.ours(rows, "build", "--benchmarks", "gsm8k", *draws, "--full-dir", store, "--output", output)

    def run(self, command: list[str]) -> Run:
        """One whole process."""
        return run(command, self.work)

    def in_turn(self, commands: dict[str, tuple[Path, list[str]]], runs: int | None = None) -> dict[str, Measured]:
        """Runs the commands, each with the folder that it fills, one after another and again."""
        measured = {name: Measured() for name in commands}
        for turn in range(-1, runs or self.runs):  # the first warms up and does not count
            for name, (output, command) in commands.items():
                shutil.rmtree(output, ignore_errors=True)
                output.mkdir(parents=True)
                # So that no run pays for writing back the files of the one before.
                os.sync()
                done = self.run(command)
                if turn >= 0:
                    measured[name].runs.append(done)
        return measured

    def make_rows(self) -> tuple[Path, Path, Path]:
        """Rows as JSON lines, as many generated ones as Parquet, and ten times the former as JSON lines."""
        rows, parquet, tenfold = (self.work / name for name in ("rows.jsonl", "rows.parquet", "tenfold.jsonl"))
        # Of rows that repeat, columns keep each once, and are far smaller than those of a real benchmark.
        output, differing = self.work / "synthetic", self.work / "differing.jsonl"
        self.run(self.preprocess(f"synthetic:gsm8k?rows={self.rows}", output))
        take_raw_data(output / STORE, differing)
        shutil.rmtree(output)
        self.run(peer("rows", "parquet", differing, parquet))
        if self.data:
            repeat_rows(self.data / FILES["gsm8k"], rows, self.rows)
            differing.unlink()
        else:
            differing.rename(rows)
        with open(tenfold, "wb") as file:
            for _ in range(10):
                with open(rows, "rb") as once:
                    shutil.copyfileobj(once, file, 2**20)
        return rows, parquet, tenfold

    def has_parquet(self) -> bool:
        command = self.preprocess("synthetic:gsm8k?rows=10", self.work / "try", parquet=True)
        tried = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.work)
        if tried.returncode not in (0, 2):  # 2: wrong usage
            sys.exit(f"{' '.join(command)}\nended with {tried.returncode}:\n{tried.stderr}")
        return tried.returncode == 0


def repeat_rows(source: Path, target: Path, rows: int) -> None:
    lines = source.read_bytes().splitlines(keepends=True)
    times, rest = divmod(rows, len(lines))
    with open(target, "wb") as file:
        for _ in range(times):
            file.writelines(lines)
        file.writelines(lines[:rest])


def take_raw_data(store: Path, target: Path) -> None:
    """Copies the rows of a JSON-lines store, byte for byte."""
    before, after = b'"raw_data":', b',"scorer_metadata":'
    with open(store, "rb") as tasks, open(target, "wb") as file:
        for task in tasks:
            file.write(task[task.index(before) + len(before) : task.rindex(after)] + b"\n")


def stage_1(bench: Bench, rows: Path, parquet_rows: Path) -> tuple[Case, Case]:
    jsonl, parquet = bench.work / "jsonl", bench.work / "parquet"
    ours = jsonl / "ours"
    lines = {OURS: (ours, bench.preprocess(rows, ours))}
    for title, name in ((POLARS, "polars"), (DUCKDB, "duckdb"), (PYTHON, "python")):
        lines[title] = (jsonl / name, peer(name, "jsonl", rows, jsonl / name))
    copy = jsonl / "copy"
    measured = bench.in_turn(lines | {COPY: (copy, ["cp", str(rows), str(copy)])})
    first = Case(f"Stage 1: {bench.rows:,} rows, JSON lines to JSON lines", measured)
    bench.run(peer("check", "stores", *[output / STORE for output, _ in lines.values()]))

    columns: dict[str, tuple[Path, list[str]]] = {}
    if bench.parquet:
        columns[OURS] = (parquet / "ours", bench.preprocess(parquet_rows, parquet / "ours", parquet=True))
    for title, name in ((POLARS, "polars"), (DUCKDB, "duckdb")):
        columns[title] = (parquet / name, peer(name, "parquet", parquet_rows, parquet / name))
    second = Case(f"Stage 1: {bench.rows:,} rows that all differ, Parquet to Parquet", bench.in_turn(columns))
    if not bench.parquet:
        second.remarks.append(f"{OURS} is missing here: this program refuses `--format parquet`.")
    stores = [output / PARQUET_STORE for output, _ in columns.values()]
    bench.run(peer("check", "stores", *stores))
    bench.run(peer("check", "columns", *stores))
    shutil.rmtree(jsonl)
    shutil.rmtree(parquet)
    return first, second


def stage_1_tenfold(bench: Bench, rows: Path, tenfold: Path) -> tuple[Case, Path]:
    """Measures the case; returns it and the store of ten times the rows.

    Both sizes run in turn rather than reusing the time of the smaller one, because their ratio counts.
    """
    once, ten = bench.work / "once", bench.work / "tenfold"
    small = f"{OURS}, {bench.rows:,} rows"
    commands = {
        small: (once, bench.preprocess(rows, once)),
        f"{OURS}, {10 * bench.rows:,} rows": (ten, bench.preprocess(tenfold, ten)),
    }
    title = "Stage 1: ten times the rows, JSON lines to JSON lines"
    case = Case(title, bench.in_turn(commands), to=small, ratio="ratio to the fewer rows")
    shutil.rmtree(once)
    return case, ten


def stage_2(bench: Bench, tenfold: Path, store: Path) -> tuple[Case, Case]:
    """From the Parquet store, then from the JSON-lines one. All must draw the same tasks; `stable` has its own."""
    rows = f"{10 * bench.rows:,} rows"
    pools = bench.work / "pools"
    parquet_store = bench.work / "parquet-store"
    columns: dict[str, tuple[Path, list[str]]] = {}
    if bench.parquet:
        bench.run(bench.preprocess(tenfold, parquet_store, parquet=True))
        ours, stable, polars = pools / "parquet-ours", pools / "parquet-stable", pools / "parquet-polars"
        columns[OURS] = (ours, bench.build(tenfold, parquet_store, ours, "numpy"))
        columns[OURS_STABLE] = (stable, bench.build(tenfold, parquet_store, stable, "stable"))
        columns[POLARS] = (polars, peer("polars", "draw-parquet", parquet_store, polars))
    first = Case(f"Stage 2: {TASKS:,} of {rows}, Parquet store", bench.in_turn(columns))
    if bench.parquet:
        first.remarks.append(STABLE_REMARK)
    else:
        first.remarks.append("Not measured: this program refuses `--format parquet`, so there is no such store.")

    ours, stable, polars = pools / "jsonl-ours", pools / "jsonl-stable", pools / "jsonl-polars"
    lines = {
        OURS: (ours, bench.build(tenfold, store, ours, "numpy")),
        OURS_STABLE: (stable, bench.build(tenfold, store, stable, "stable")),
        POLARS: (polars, peer("polars", "draw-jsonl", store, polars)),
    }
    second = Case(f"Stage 2: {TASKS:,} of {rows}, JSON-lines store", bench.in_turn(lines))
    second.remarks.append("Plain Python is left out: it reads the whole store, for minutes at full size.")
    drawn = [(name, output / POOL) for found in (columns, lines) for name, (output, _) in found.items()]
    by_numpy = [pool for name, pool in drawn if name != OURS_STABLE]
    bench.run(peer("check", "pools", ours / POOL, *[pool for pool in by_numpy if pool != ours / POOL]))
    by_stable = [pool for name, pool in drawn if name == OURS_STABLE]
    bench.run(peer("check", "pools", *by_stable))
    return first, second


def quick_start(bench: Bench) -> Case:
    case = Case("Quick-start: stage 1 and all experiments over the five real benchmarks", {})
    if bench.data is None or not all((bench.data / file).parent.is_dir() for file in FILES.values()):
        case.remarks.append("Not measured: the five real benchmarks are missing (`--data`).")
        return case
    config, output = bench.work / "five.yaml", bench.work / "quick-start"
    paths = {name: {"path": f"file:{bench.data}/{file}"} for name, file in FILES.items()}
    config.write_text(json.dumps({"benchmarks": paths}))
    command = [str(bench.program), "--quiet", "--config", str(config), "quick-start", "--output-dir", str(output)]
    case.measured = bench.in_turn({OURS: (output, command)}, QUICK_START_RUNS)
    case.remarks.append(f"{QUICK_START_RUNS} runs.")
    return case


def synthetic_rows_per_second() -> float | None:
    """From the last `cargo bench --bench kernels`, which generates 1,000 rows at a time on one core."""
    estimates = REPOSITORY / "target/criterion/synthetic_gsm8k/new/estimates.json"
    if not estimates.exists():
        return None
    nanoseconds: float = json.loads(estimates.read_text())["mean"]["point_estimate"]
    return 1000 / (nanoseconds * 1e-9)
