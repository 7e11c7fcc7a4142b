"""Compares `symphony-data` with plain Python, Polars and DuckDB at the same work, and says which bars it reaches.

usage: python benches/compare PROGRAM [--scale 1.0] [--data FOLDER] [--work FOLDER] [--output benches/RESULTS.md]
                                      [--runs 5]

The work is gsm8k's: scoring 1,000,000 rows (stage 1) and drawing 2,000 tasks of 10,000,000 (stage 2), each times
SCALE. The FOLDER of --data holds the five real benchmarks (as quick_start.py needs them), and its gsm8k is repeated to
that many rows, except in Parquet; without it all rows are synthetic. WORK needs 25 GB at full size; files that are made
there are removed in the end.

Peers and program run in turn as whole processes: one round to warm up, then RUNS rounds, each run without the outputs
of the one before. All outputs must agree: scores to 1e-12, bins, rows, and the drawn tasks in their order. Text after
the line `<!-- notes -->` in the output file is kept. Needs numpy, polars, duckdb and pyarrow.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

# Python runs this folder as a script, and then searches modules in the folder itself.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from compare import files, peers, report  # noqa: E402
from compare.cases import (  # noqa: E402
    Bench,
    quick_start,
    stage_1,
    stage_1_tenfold,
    stage_2,
    synthetic_rows_per_second,
)
from compare.measure import Failed  # noqa: E402
from compare.tables import Results, bar_table, case_table  # noqa: E402
from compare.work import FILES, REPOSITORY, TASKS  # noqa: E402

PACKAGES = ["numpy", "polars", "duckdb", "pyarrow"]
# The functions that `--peer NAME CASE ARGUMENT…` runs.
PEERS: dict[tuple[str, str], Callable[..., None]] = {
    ("python", "jsonl"): peers.python_jsonl,
    ("polars", "jsonl"): peers.polars_jsonl,
    ("polars", "parquet"): peers.polars_parquet,
    ("polars", "draw-jsonl"): peers.polars_draw_jsonl,
    ("polars", "draw-parquet"): peers.polars_draw_parquet,
    ("duckdb", "jsonl"): peers.duckdb_jsonl,
    ("duckdb", "parquet"): peers.duckdb_parquet,
    ("rows", "parquet"): files.rows_parquet,
    ("check", "stores"): files.check_stores,
    ("check", "columns"): files.check_columns,
    ("check", "pools"): files.check_pools,
}


def introduction(bench: Bench, size: int) -> str:
    """The first paragraph of the report: machine, versions and method. SIZE is the size of the rows in bytes."""
    source = (
        "the test rows of gsm8k over and over, and in Parquet, where repeated rows take no room, `synthetic:gsm8k`"
        if bench.data
        else "`synthetic:gsm8k`"
    )
    return (
        f"{report.measured_by('benches/compare', bench.program, PACKAGES)} "
        f"Scale {bench.rows / 1e6:g}: {bench.rows:,} rows ({size / 1e6:,.0f} MB of JSON lines), {source}; ten times as "
        "many are the same, ten times. Each run is a whole process, start and imports included, without the outputs of "
        "the one before and with the input in the file cache. All take turns: one round to warm up, then "
        f"{bench.runs} that count. Times are medians (fastest to slowest), CPU time is user and system together, the "
        "peak is the highest resident memory of any run, pages of mapped files included (below some 20 MiB it shows "
        "the measuring process). Plain Python holds all rows as dictionaries, as the Symphony 2.0 program does; Polars "
        "and DuckDB are written as an expert would, in the fastest of the ways that were tried. They "
        "write neither identities nor meta, statistics and manifest; ours does. All outputs agree: scores to "
        "1e-12, bins, rows, and drawn tasks in order."
    )


def write_report(results: Results, intro: str, output: Path) -> None:
    """Writes the introduction, a table for each case, and the bars."""
    lines = ["# Results", "", intro, ""]
    for case in results.cases():
        lines += case_table(case)
    lines += bar_table(results.bars(), full=results.rows == 1_000_000)
    report.write(lines, output)


def arguments() -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(
        prog="compare", description="Compares symphony-data with plain Python, Polars and DuckDB."
    )
    parser.add_argument("program", type=Path, help="the binary symphony-data")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 1,000,000 rows [default: 1]")
    parser.add_argument("--data", type=Path, help="folder of the five real benchmarks [default: synthetic rows]")
    parser.add_argument("--work", type=Path, default=REPOSITORY / "target/compare", help="[default: target/compare]")
    results = REPOSITORY / "benches/RESULTS.md"
    parser.add_argument("--output", type=Path, default=results, help="[default: benches/RESULTS.md]")
    parser.add_argument("--runs", type=int, default=5, help="rounds that count [default: 5]")
    parsed = parser.parse_args()
    if parsed.scale < 0.001:
        parser.error(f"--scale {parsed.scale:g}: from 0.001 on there are {TASKS} tasks to draw")
    if parsed.runs < 1:
        parser.error("--runs must be at least 1")
    report.require_packages(parser, PACKAGES)
    return parsed


def measure(asked: argparse.Namespace) -> None:
    """Measures all cases and writes the report."""
    data = asked.data.resolve() if asked.data else None
    if data and not (data / FILES["gsm8k"]).exists():
        say(f"no {FILES['gsm8k']} in {data}: the rows are synthetic")
        data = None
    # A folder of its own inside WORK, because it is emptied.
    work = asked.work.resolve() / "compare-files"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    bench = Bench(asked.program.resolve(), work, asked.runs, round(asked.scale * 1_000_000), data)
    bench.parquet = bench.has_parquet()
    say(f"making {bench.rows:,} rows and ten times as many")
    rows, parquet_rows, tenfold_rows = bench.make_rows()
    intro = introduction(bench, rows.stat().st_size)
    say("stage 1: ours, Polars, DuckDB, Python")
    jsonl, parquet = stage_1(bench, rows, parquet_rows)
    say("stage 1: ten times the rows")
    tenfold, store = stage_1_tenfold(bench, rows, tenfold_rows)
    say("stage 2")
    draw_parquet, draw_jsonl = stage_2(bench, tenfold_rows, store)
    say("quick-start")
    quick = quick_start(bench)
    results = Results(bench.rows, jsonl, parquet, tenfold, draw_parquet, draw_jsonl, quick, synthetic_rows_per_second())
    write_report(results, intro, asked.output)
    shutil.rmtree(work)
    say(f"{asked.output} written")


def main() -> None:
    """Measures, and ends with the whole error of a process that failed."""
    try:
        measure(arguments())
    except Failed as error:
        sys.exit(error.report)


def say(text: str) -> None:
    """Tells the user how far it is."""
    report.say("compare", text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        PEERS[sys.argv[2], sys.argv[3]](*sys.argv[4:])
    else:
        main()
