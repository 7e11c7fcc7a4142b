#!/usr/bin/env python3
"""Compares `symphony-data` with plain Python, Polars and DuckDB at the same work, and says which bars it reaches.

usage: compare.py PROGRAM [--scale 1.0] [--data FOLDER] [--work FOLDER] [--output benches/RESULTS.md] [--runs 5]

The work is gsm8k's: scoring 1,000,000 rows (stage 1) and drawing 2,000 tasks of 10,000,000 (stage 2), each times
SCALE. The FOLDER of --data holds the five real benchmarks (as quick_start.py wants them), whose gsm8k is repeated to
that many rows; without it the rows are synthetic. WORK needs 25 GB at full size; what is made there is removed in the
end.

Peers and program run in turn as whole processes: one round to warm up, then RUNS rounds, each run without the outputs
of the one before. All outputs must agree: scores to 1e-12, bins, rows, and the drawn tasks in their order. What follows
the line `<!-- notes -->` in the output file is kept. Needs numpy, polars, duckdb and pyarrow.
"""
# The names of the functions say what they do, as in python/benchmarks.
# ruff: noqa: D102, D103

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

# The measuring process imports no data library: Linux counts the memory of the process that starts a child into the
# child's ru_maxrss. So peers, and what makes inputs and checks outputs, import theirs in processes of their own.
if TYPE_CHECKING:
    import polars as pl

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ["numpy", "polars", "duckdb", "pyarrow"]
OURS, PYTHON, POLARS, DUCKDB = "symphony-data", "plain Python + NumPy", "Polars", "DuckDB"
STORE, PARQUET_STORE, POOL = "gsm8k_full.jsonl", "gsm8k_full.parquet", "task_pool.jsonl"
TASKS, SEED = 2000, 2025
TOLERANCE = 1e-12
# The five real benchmarks in the folder `--data`.
FILES = {
    "humaneval": "humaneval/test.jsonl",
    "gsm8k": "gsm8k/test.jsonl",
    "bbh": "bbh/{config}.jsonl",
    "amc": "amc/train.jsonl",
    "medical_qa": "medical_qa/test.jsonl",
}
# A quick-start is over in milliseconds: more of them cost nothing and steady the median.
QUICK_START_RUNS = 20
NOTES = "<!-- notes -->"

# ---------------------------------------------------------------------------------------------------------------------
# The rule of gsm8k, as each peer says it.

NUMBERED = r"^\d+\.|^[A-Za-z]\)"
CONNECTIVES = ["therefore", "next", "so", "then", "thus", "thus,", "finally"]


def python_features(row: dict[str, str]) -> dict[str, float]:
    answer = row["answer"]
    lower = answer.lower()
    lines = len(answer.strip().split("\n"))
    numbered = max(len(re.findall(NUMBERED, answer, re.MULTILINE)), 1)
    connectives = sum(word in lower for word in CONNECTIVES)
    steps = (lines + numbered + connectives) / 3
    return {"reasoning_steps": steps, "answer_length": len(answer), "answer_words": len(answer.split())}


def python_jsonl(rows: str, output: str) -> None:
    """All rows as dictionaries in memory, as the Symphony 2.0 program has them."""
    import numpy

    with open(rows, encoding="utf-8") as file:
        raw_data = [json.loads(line) for line in file]
    metadata = [python_features(row) for row in raw_data]
    steps = [features["reasoning_steps"] for features in metadata]
    most = float(numpy.percentile(steps, 95))
    raw = [min(value / most, 1.0) for value in steps]
    low, high = min(raw), max(raw)
    scores = [(value - low) / (high - low) for value in raw]
    easy, hard = (float(value) for value in numpy.percentile(scores, [20, 80]))
    tasks = [
        {
            "task_id": f"gsm8k_{row}",
            "benchmark": "gsm8k",
            "difficulty_score": score,
            "difficulty_bin": "easy" if score <= easy else "hard" if score >= hard else "medium",
            "raw_data": raw_data[row],
            "scorer_metadata": metadata[row],
        }
        for row, score in enumerate(scores)
    ]
    with open(Path(output, STORE), "w", encoding="utf-8") as file:
        for task in tasks:
            file.write(json.dumps(task, ensure_ascii=False) + "\n")


def polars_scored(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Row numbers, features, scores and bins, in one query.

    A second reading of the rows, in place of keeping them until the percentiles are known, takes 1.1 to 1.2 times as
    long.
    """
    import polars as pl

    answer, steps, raw, score = pl.col("answer"), pl.col("reasoning_steps"), pl.col("raw"), pl.col("difficulty_score")
    lines = answer.str.strip_chars().str.count_matches("\n", literal=True) + 1
    numbered = answer.str.count_matches(f"(?m){NUMBERED}").clip(lower_bound=1)
    # A third of the time of lower-casing and then looking for literals; the same for these words, which are ASCII.
    connectives = pl.sum_horizontal(answer.str.contains(f"(?i-u:{word})") for word in CONNECTIVES)
    easy, hard = (score.quantile(at, interpolation="linear") for at in (0.2, 0.8))
    return (
        rows.with_row_index("row")
        .with_columns(
            reasoning_steps=(lines + numbered + connectives) / 3,
            answer_length=answer.str.len_chars(),
            answer_words=answer.str.count_matches(r"\S+"),
        )
        .with_columns(raw=(steps / steps.quantile(0.95, interpolation="linear")).clip(upper_bound=1.0))
        .with_columns(difficulty_score=(raw - raw.min()) / (raw.max() - raw.min()))
        .with_columns(
            difficulty_bin=pl.when(score <= easy)
            .then(pl.lit("easy"))
            .when(score >= hard)
            .then(pl.lit("hard"))
            .otherwise(pl.lit("medium")),
            task_id=pl.format("gsm8k_{}", "row"),
            raw_data=pl.struct("question", "answer"),
            scorer_metadata=pl.struct("reasoning_steps", "answer_length", "answer_words"),
        )
    )


def polars_jsonl(rows: str, output: str) -> None:
    import polars as pl

    columns = ["task_id", "benchmark", "difficulty_score", "difficulty_bin", "raw_data", "scorer_metadata"]
    scanned = pl.scan_ndjson(rows, schema={"question": pl.String, "answer": pl.String})
    tasks = polars_scored(scanned).with_columns(benchmark=pl.lit("gsm8k")).select(columns)
    # Not sink_ndjson: it has to keep the rows for the percentiles as well, and is no faster (500,000 rows: 1.5 to 2.1 s
    # against 1.5 s).
    tasks.collect(engine="streaming").write_ndjson(Path(output, STORE))


def polars_parquet(rows: str, output: str) -> None:
    import polars as pl

    tasks = polars_scored(pl.scan_parquet(rows)).select(
        "task_id",
        pl.col("task_id").alias("source_id"),
        "difficulty_score",
        "difficulty_bin",
        "reasoning_steps",
        pl.col("raw_data").struct.json_encode(),
        pl.col("scorer_metadata").struct.json_encode(),
    )
    # As fast as collecting and writing (500,000 rows: 1.2 s both), and the query an expert would leave as it is.
    tasks.sink_parquet(Path(output, PARQUET_STORE), compression="zstd")


# Words are what Unicode's spaces separate. Splitting takes a quarter of the time of a regular expression, which is left
# to the answers that are not ASCII: those of more bytes than characters.
DUCKDB_FEATURES = rf"""
SELECT {{kept}}
    (length(trimmed) - length(replace(trimmed, chr(10), '')) + 1
     + greatest(len(regexp_extract_all(answer, '(?m){NUMBERED}')), 1)
     + {" + ".join(f"contains(lower, '{word}')::INT" for word in CONNECTIVES)}) / 3 AS reasoning_steps,
    length(answer) AS answer_length,
    CASE WHEN strlen(answer) = length(answer)
        THEN len(list_filter(
            string_split(replace(replace(replace(answer, chr(10), ' '), chr(9), ' '), chr(13), ' '), ' '),
            lambda word: word <> ''))
        ELSE len(regexp_extract_all(answer, '[^\s\pZ\x{{{{85}}}}]+')) END AS answer_words
FROM (SELECT *, lower(answer) AS lower, trim(answer, ' ' || chr(9) || chr(10) || chr(13)) AS trimmed FROM {{rows}})
"""
DUCKDB_SCORES = """
SET VARIABLE most = (SELECT quantile_cont(reasoning_steps, 0.95) FROM features);
CREATE MACRO raw(steps) AS least(steps / getvariable('most'), 1);
SET VARIABLE low = (SELECT min(raw(reasoning_steps)) FROM features);
SET VARIABLE high = (SELECT max(raw(reasoning_steps)) FROM features);
CREATE MACRO difficulty(steps) AS (raw(steps) - getvariable('low')) / (getvariable('high') - getvariable('low'));
SET VARIABLE easy = (SELECT quantile_cont(difficulty(reasoning_steps), 0.2) FROM features);
SET VARIABLE hard = (SELECT quantile_cont(difficulty(reasoning_steps), 0.8) FROM features);
CREATE MACRO bin_of(score) AS
    CASE WHEN score <= getvariable('easy') THEN 'easy' WHEN score >= getvariable('hard') THEN 'hard' ELSE 'medium' END;
"""
DUCKDB_RAW_DATA = "{question: question, answer: answer}"
DUCKDB_METADATA = "{reasoning_steps: reasoning_steps, answer_length: answer_length, answer_words: answer_words}"


def duckdb_jsonl(rows: str, output: str) -> None:
    """The features in a table, and the rows read a second time beside them.

    That takes 0.7 to 0.9 of the time of keeping the rows in the table. `rowid`, and not row_number(), numbers them: a
    window makes the whole query run on one core.
    """
    import duckdb

    source = f"read_json('{rows}', format='newline_delimited', columns={{question: 'VARCHAR', answer: 'VARCHAR'}})"
    database = duckdb.connect()
    database.execute(f"CREATE TABLE features AS {DUCKDB_FEATURES.format(kept='', rows=source)}")
    database.execute(DUCKDB_SCORES)
    database.execute(f"""
        COPY (
            SELECT 'gsm8k_' || row AS task_id, 'gsm8k' AS benchmark, difficulty(reasoning_steps) AS difficulty_score,
                bin_of(difficulty_score) AS difficulty_bin, {DUCKDB_RAW_DATA} AS raw_data,
                {DUCKDB_METADATA} AS scorer_metadata
            FROM (SELECT rowid AS row, * FROM features) POSITIONAL JOIN {source}
        ) TO '{output}/{STORE}' (FORMAT json)
    """)


def duckdb_parquet(rows: str, output: str) -> None:
    """Features and rows in a table: here the second reading costs more (1.1 times the whole) than it saves."""
    import duckdb

    database = duckdb.connect()
    features = DUCKDB_FEATURES.format(kept="question, answer,", rows=f"read_parquet('{rows}')")
    database.execute(f"CREATE TABLE features AS {features}")
    database.execute(DUCKDB_SCORES)
    database.execute(f"""
        COPY (
            SELECT 'gsm8k_' || rowid AS task_id, task_id AS source_id, difficulty(reasoning_steps) AS difficulty_score,
                bin_of(difficulty_score) AS difficulty_bin, reasoning_steps,
                to_json({DUCKDB_RAW_DATA})::VARCHAR AS raw_data, to_json({DUCKDB_METADATA})::VARCHAR AS scorer_metadata
            FROM features
        ) TO '{output}/{PARQUET_STORE}' (FORMAT parquet, COMPRESSION zstd)
    """)


# ---------------------------------------------------------------------------------------------------------------------
# The draw, as an expert in Polars and NumPy says it.


def task_types() -> dict[str, Any]:
    """The columns of a JSON-lines store that a draw and a check look at."""
    import polars as pl

    metadata = {"reasoning_steps": pl.Float64, "answer_length": pl.Int64, "answer_words": pl.Int64}
    return {
        "task_id": pl.String,
        "difficulty_score": pl.Float64,
        "difficulty_bin": pl.String,
        "raw_data": pl.Struct({"question": pl.String, "answer": pl.String}),
        "scorer_metadata": pl.Struct(metadata),
    }


def draw(scores: pl.Series) -> list[tuple[int, str]]:
    """Rows and bins in stream order."""
    import numpy

    easy_at, hard_at = (scores.quantile(at, interpolation="linear") for at in (0.2, 0.8))
    values = scores.to_numpy()
    is_easy = values <= easy_at
    random = numpy.random.RandomState(SEED)
    drawn = []
    for name, mask in (("easy", is_easy), ("hard", (values >= hard_at) & ~is_easy)):
        rows = numpy.flatnonzero(mask)
        drawn += [(int(row), name) for row in rows[random.choice(len(rows), TASKS // 2, replace=False)]]
    random.shuffle(drawn)
    return drawn


def write_pool(fetched: pl.DataFrame, drawn: list[tuple[int, str]], output: str) -> None:
    """The tasks in their order; `fetched` holds id, score, and rows and metadata as JSON text."""
    tasks = {task_id: rest for task_id, *rest in fetched.iter_rows()}
    with open(Path(output, POOL), "w", encoding="utf-8") as file:
        for number, (row, name) in enumerate(drawn):
            source_id = f"gsm8k_{row}"
            score, raw_data, metadata = tasks[source_id]
            file.write(
                f'{{"task_id":"exp_{number:05}_gsm8k","benchmark":"gsm8k","difficulty_score":{score!r},'
                f'"difficulty_bin":"{name}","raw_data":{raw_data},"scorer_metadata":{metadata},"source_id":"{source_id}"}}\n'
            )


def polars_draw_parquet(store: str, output: str) -> None:
    import polars as pl

    tasks = pl.scan_parquet(Path(store, PARQUET_STORE))
    drawn = draw(tasks.select("difficulty_score").collect(engine="streaming")["difficulty_score"])
    # By id and not by row number: on a column of the file Polars decides before it decodes the long texts of a row.
    wanted = pl.Series([f"gsm8k_{row}" for row, _ in drawn]).implode()
    fetched = tasks.filter(pl.col("task_id").is_in(wanted))
    columns = ["task_id", "difficulty_score", "raw_data", "scorer_metadata"]
    write_pool(fetched.select(columns).collect(engine="streaming"), drawn, output)


def polars_draw_jsonl(store: str, output: str) -> None:
    import polars as pl

    def tasks(*columns: str) -> pl.LazyFrame:
        types = task_types()
        return pl.scan_ndjson(Path(store, STORE), schema={column: types[column] for column in columns})

    drawn = draw(tasks("difficulty_score").collect(engine="streaming")["difficulty_score"])
    wanted = pl.Series([f"gsm8k_{row}" for row, _ in drawn]).implode()
    whole = tasks("task_id", "difficulty_score", "raw_data", "scorer_metadata")
    fetched = whole.filter(pl.col("task_id").is_in(wanted)).collect(engine="streaming")
    write_pool(fetched.with_columns(pl.col("raw_data", "scorer_metadata").struct.json_encode()), drawn, output)


# ---------------------------------------------------------------------------------------------------------------------
# Inputs and checks, in processes of their own as well.


def rows_parquet(rows: str, output: str) -> None:
    import pyarrow
    import pyarrow.json
    import pyarrow.parquet

    schema = pyarrow.schema([("question", pyarrow.string()), ("answer", pyarrow.string())])
    table = pyarrow.json.read_json(rows, parse_options=pyarrow.json.ParseOptions(explicit_schema=schema))
    # More than one group, so that whoever reads groups in parallel can.
    pyarrow.parquet.write_table(table, output, compression="zstd", row_group_size=max(len(table) // 10, 1))


def read_store(path: str) -> pl.DataFrame:
    """The columns that stores share, whatever the format."""
    import polars as pl

    types = task_types()
    if path.endswith(".jsonl"):
        return pl.scan_ndjson(path, schema=types).collect(engine="streaming")
    decoded = [pl.col(column).str.json_decode(types[column]) for column in ("raw_data", "scorer_metadata")]
    return pl.scan_parquet(path).with_columns(decoded).select(list(types)).collect(engine="streaming")


def check_stores(reference: str, *others: str) -> None:
    import numpy

    ours = read_store(reference)
    for other in others:
        theirs = read_store(other)
        where = f"{other} and {reference} differ in"
        for column in ("task_id", "difficulty_bin", "raw_data"):
            require(theirs[column].equals(ours[column]), f"{where} {column}")
        pairs = [(theirs["difficulty_score"], ours["difficulty_score"])]
        names = ("reasoning_steps", "answer_length", "answer_words")
        pairs += [(theirs["scorer_metadata"].struct[name], ours["scorer_metadata"].struct[name]) for name in names]
        for one, two in pairs:
            same = numpy.allclose(one.to_numpy(), two.to_numpy(), rtol=0, atol=TOLERANCE)
            require(same, f"{where} {one.name} by more than {TOLERANCE}")


def check_columns(reference: str, *others: str) -> None:
    """Whoever writes fewer columns, or does not compress them, has less to do. Identities are ours alone."""
    import pyarrow.parquet

    files = {path: pyarrow.parquet.ParquetFile(path) for path in (reference, *others)}
    for path, file in files.items():
        missing = (set(files[reference].schema_arrow.names) ^ set(file.schema_arrow.names)) - {"identity"}
        require(not missing, f"{path} and {reference} differ in the columns {sorted(missing)}")
        compression = file.metadata.row_group(0).column(0).compression
        require(compression == "ZSTD", f"{path} is compressed by {compression}")


def check_pools(reference: str, *others: str) -> None:
    exact = ("task_id", "benchmark", "source_id", "difficulty_bin", "raw_data")
    ours = read_pool(reference)
    require(len(ours) == TASKS, f"{reference} holds {len(ours)} tasks, not {TASKS}")
    for other in others:
        theirs = read_pool(other)
        require(len(theirs) == len(ours), f"{other} holds {len(theirs)} tasks, {reference} {len(ours)}")
        for at, (one, two) in enumerate(zip(theirs, ours, strict=True)):
            for key in exact:
                require(one[key] == two[key], f"task {at}: {other} and {reference} differ in {key}")
            numbers = [(one["difficulty_score"], two["difficulty_score"])]
            numbers += [(value, two["scorer_metadata"][key]) for key, value in one["scorer_metadata"].items()]
            same = all(math.isclose(a, b, rel_tol=0, abs_tol=TOLERANCE) for a, b in numbers)
            require(same, f"task {at}: {other} and {reference} differ in a number by more than {TOLERANCE}")


def read_pool(path: str) -> list[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"compare.py: {otherwise}")


# What `compare.py --peer NAME CASE ARGUMENT…` does.
PEERS: dict[tuple[str, str], Callable[..., None]] = {
    ("python", "jsonl"): python_jsonl,
    ("polars", "jsonl"): polars_jsonl,
    ("polars", "parquet"): polars_parquet,
    ("polars", "draw-jsonl"): polars_draw_jsonl,
    ("polars", "draw-parquet"): polars_draw_parquet,
    ("duckdb", "jsonl"): duckdb_jsonl,
    ("duckdb", "parquet"): duckdb_parquet,
    ("rows", "parquet"): rows_parquet,
    ("check", "stores"): check_stores,
    ("check", "columns"): check_columns,
    ("check", "pools"): check_pools,
}


def peer(name: str, case: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, __file__, "--peer", name, case, *map(str, arguments)]


# ---------------------------------------------------------------------------------------------------------------------
# Measuring.


@dataclass
class Measured:
    """What the runs of one command took."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: float = 0.0  # MiB, the highest of all runs

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass
class Case:
    """A table of the report."""

    title: str
    measured: dict[str, Measured]
    # Whose time is 1 in the last column, and how that column is called.
    to: str = OURS
    ratio: str = "ratio to ours"
    remarks: list[str] = field(default_factory=list)


@dataclass
class Bench:
    """The program, and where it and its peers find and leave their files."""

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

    def build(self, rows: Path, store: Path, output: Path) -> list[str]:
        draws = ["--n-total-tasks", str(TASKS), "--random-seed", str(SEED)]
        return self.ours(rows, "build", "--benchmarks", "gsm8k", *draws, "--full-dir", store, "--output", output)

    def run(self, command: list[str]) -> None:
        """Runs what is not measured."""
        self.measure(command, Measured())

    def measure(self, command: list[str], into: Measured) -> None:
        """One whole process."""
        errors = self.work / "stderr"
        with open(errors, "wb") as stderr:
            start = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, cwd=self.work)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)}\nended with {process.returncode}:\n{errors.read_text(errors='replace')}")
        into.seconds.append(seconds)
        into.cpu.append(usage.ru_utime + usage.ru_stime)
        # Linux counts in KiB, macOS in bytes.
        into.peak = max(into.peak, usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))

    def in_turn(self, commands: dict[str, tuple[Path, list[str]]], runs: int | None = None) -> dict[str, Measured]:
        """Runs the commands, each with the folder that it fills, one after another and again."""
        measured = {name: Measured() for name in commands}
        for turn in range(-1, runs or self.runs):  # the first warms up and does not count
            for name, (output, command) in commands.items():
                shutil.rmtree(output, ignore_errors=True)
                output.mkdir(parents=True)
                # Nobody pays for writing back what the one before wrote.
                os.sync()
                self.measure(command, measured[name] if turn >= 0 else Measured())
        return measured

    def make_rows(self) -> tuple[Path, Path, Path]:
        """The rows as JSON lines and as Parquet, and ten times the rows as JSON lines."""
        rows, parquet, tenfold = (self.work / name for name in ("rows.jsonl", "rows.parquet", "tenfold.jsonl"))
        if self.data:
            repeat_rows(self.data / FILES["gsm8k"], rows, self.rows)
        else:
            output = self.work / "synthetic"
            self.run(self.preprocess(f"synthetic:gsm8k?rows={self.rows}", output))
            take_raw_data(output / STORE, rows)
            shutil.rmtree(output)
        self.run(peer("rows", "parquet", rows, parquet))
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
    """The rows of a JSON-lines store, byte by byte as they are there."""
    before, after = b'"raw_data":', b',"scorer_metadata":'
    with open(store, "rb") as tasks, open(target, "wb") as file:
        for task in tasks:
            file.write(task[task.index(before) + len(before) : task.rindex(after)] + b"\n")


# ---------------------------------------------------------------------------------------------------------------------
# The cases.


def stage_1(bench: Bench, rows: Path, parquet_rows: Path) -> tuple[Case, Case]:
    jsonl, parquet = bench.work / "jsonl", bench.work / "parquet"
    ours = jsonl / "ours"
    lines = {OURS: (ours, bench.preprocess(rows, ours))}
    for title, name in ((POLARS, "polars"), (DUCKDB, "duckdb"), (PYTHON, "python")):
        lines[title] = (jsonl / name, peer(name, "jsonl", rows, jsonl / name))
    first = Case(f"Stage 1: {bench.rows:,} rows, JSON lines to JSON lines", bench.in_turn(lines))
    reference = ours / STORE
    bench.run(peer("check", "stores", reference, *[output / STORE for output, _ in lines.values() if output != ours]))

    columns: dict[str, tuple[Path, list[str]]] = {}
    if bench.parquet:
        columns[OURS] = (parquet / "ours", bench.preprocess(parquet_rows, parquet / "ours", parquet=True))
    for title, name in ((POLARS, "polars"), (DUCKDB, "duckdb")):
        columns[title] = (parquet / name, peer(name, "parquet", parquet_rows, parquet / name))
    second = Case(f"Stage 1: {bench.rows:,} rows, Parquet to Parquet", bench.in_turn(columns))
    if not bench.parquet:
        second.remarks.append(f"{OURS} is missing here: this program refuses `--format parquet`.")
    stores = [output / PARQUET_STORE for output, _ in columns.values()]
    bench.run(peer("check", "stores", reference, *stores))
    bench.run(peer("check", "columns", *stores))
    shutil.rmtree(jsonl)
    shutil.rmtree(parquet)
    return first, second


def stage_1_tenfold(bench: Bench, rows: Path, tenfold: Path) -> tuple[Case, Path]:
    """The case, and the store of ten times the rows that it leaves.

    Both sizes in turn, and not the smaller one from before: their ratio is what counts.
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
    """From the Parquet store, then from the JSON-lines one. All must draw the same tasks."""
    rows = f"{10 * bench.rows:,} rows"
    pools = bench.work / "pools"
    parquet_store = bench.work / "parquet-store"
    columns: dict[str, tuple[Path, list[str]]] = {}
    if bench.parquet:
        bench.run(bench.preprocess(tenfold, parquet_store, parquet=True))
        ours, polars = pools / "parquet-ours", pools / "parquet-polars"
        columns[OURS] = (ours, bench.build(tenfold, parquet_store, ours))
        columns[POLARS] = (polars, peer("polars", "draw-parquet", parquet_store, polars))
    first = Case(f"Stage 2: {TASKS:,} of {rows}, Parquet store", bench.in_turn(columns))
    if not bench.parquet:
        first.remarks.append("Not measured: this program refuses `--format parquet`, so there is no such store.")

    ours, polars = pools / "jsonl-ours", pools / "jsonl-polars"
    lines = {
        OURS: (ours, bench.build(tenfold, store, ours)),
        POLARS: (polars, peer("polars", "draw-jsonl", store, polars)),
    }
    second = Case(f"Stage 2: {TASKS:,} of {rows}, JSON-lines store", bench.in_turn(lines))
    second.remarks.append("Plain Python is left out: it reads the whole store, for minutes at full size.")
    others = [output / POOL for output, _ in (*columns.values(), *lines.values()) if output != ours]
    bench.run(peer("check", "pools", ours / POOL, *others))
    return first, second


def quick_start(bench: Bench) -> Case:
    case = Case("Quick-start: stage 1 and all experiments over the five real benchmarks", {})
    if bench.data is None or not all((bench.data / file).parent.is_dir() for file in FILES.values()):
        case.remarks.append("Not measured: the five real benchmarks are not there (`--data`).")
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


# ---------------------------------------------------------------------------------------------------------------------
# The report.


@dataclass
class Bar:
    """A line of the last table; `reached` is None where nothing was measured."""

    what: str
    at_most: str
    measured: str
    reached: bool | None
    # Which scales say something about it: an absolute bar, only the full one; a ratio, less at a smaller one, where the
    # start of a process counts for more; any, where the work is the same at all.
    scale: Literal["full", "ratio", "any"] = "ratio"

    def verdict(self, *, full: bool) -> str:
        if self.reached is None:
            return "-"
        if not full and self.scale == "full":
            return "at full size only"
        return ("yes" if self.reached else "no") + ("" if full or self.scale == "any" else ", at this scale")


@dataclass
class Report:
    """All that was measured."""

    rows: int
    jsonl: Case
    parquet: Case
    tenfold: Case
    draw_parquet: Case
    draw_jsonl: Case
    quick_start: Case
    synthetic: float | None

    def cases(self) -> list[Case]:
        return [self.jsonl, self.parquet, self.tenfold, self.draw_parquet, self.draw_jsonl, self.quick_start]

    def bars(self) -> list[Bar]:
        once, ten = list(self.tenfold.measured)
        small, large = self.tenfold.measured[once], self.tenfold.measured[ten]
        growth = large.median / small.median
        return [
            time_against(self.jsonl, POLARS, 4),
            time_against(self.jsonl, PYTHON, 30),
            memory(self.jsonl, 256),
            time_against(self.parquet, POLARS, 2),
            memory(self.parquet, 256),
            Bar(self.tenfold.title, f"10.5 times the time of {self.rows:,}", f"{growth:.2f} times", growth <= 10.5),
            memory(self.tenfold, 512, ten),
            seconds(self.draw_parquet, 1.0),
            memory(self.draw_parquet, 512),
            time_against(self.draw_parquet, POLARS, 5),
            seconds(self.draw_jsonl, 1.0),
            memory(self.draw_jsonl, 512),
            seconds(self.quick_start, 0.060, "any"),
            synthetic_bar(self.synthetic),
        ]


def time_against(case: Case, other: str, part: int) -> Bar:
    at_most = f"1/{part} of the time of {other}"
    if OURS not in case.measured:
        return Bar(case.title, at_most, "not measured", None)
    ratio = case.measured[OURS].median / case.measured[other].median
    return Bar(case.title, at_most, f"1/{1 / ratio:.1f}" if ratio < 1 else f"{ratio:.2f} times", ratio <= 1 / part)


def seconds(case: Case, limit: float, scale: Literal["full", "any"] = "full") -> Bar:
    if OURS not in case.measured:
        return Bar(case.title, duration(limit), "not measured", None)
    median = case.measured[OURS].median
    return Bar(case.title, duration(limit), duration(median), median <= limit, scale)


def memory(case: Case, limit: int, name: str = OURS) -> Bar:
    if name not in case.measured:
        return Bar(case.title, f"{limit} MiB", "not measured", None)
    peak = case.measured[name].peak
    return Bar(case.title, f"{limit} MiB", f"{peak:.0f} MiB", peak <= limit, "full")


def synthetic_bar(per_second: float | None) -> Bar:
    what, limit = "`synthetic:gsm8k`, one core", 500_000
    if per_second is None:
        return Bar(what, f"at least {limit:,} rows/s", "not measured: `cargo bench --bench kernels` first", None)
    return Bar(what, f"at least {limit:,} rows/s", f"{per_second:,.0f} rows/s", per_second >= limit, "any")


def duration(value: float) -> str:
    if value < 1:
        return f"{value * 1e3:.0f} ms"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def case_table(case: Case) -> list[str]:
    lines = [f"## {case.title}", ""]
    if case.measured:
        lines += [f"| what | median time | CPU time | peak MiB | {case.ratio} |", "|---|---|---|---|---|"]
    for name, taken in case.measured.items():
        spread = f"{duration(min(taken.seconds))} to {duration(max(taken.seconds))}"
        ratio = f"{taken.median / case.measured[case.to].median:.2f}" if case.to in case.measured else "-"
        cpu = duration(statistics.median(taken.cpu))
        lines.append(f"| {name} | {duration(taken.median)} ({spread}) | {cpu} | {taken.peak:.0f} | {ratio} |")
    for remark in case.remarks:
        lines += ["", remark] if case.measured else [remark]
    return [*lines, ""]


def bar_table(bars: list[Bar], *, full: bool) -> list[str]:
    lines = ["## Bars", "", "| what | at most | measured | reached |", "|---|---|---|---|"]
    for bar in bars:
        lines.append(f"| {bar.what} | {bar.at_most} | {bar.measured} | {bar.verdict(full=full)} |")
    return [*lines, ""]


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {system()}"


def processor() -> str:
    with_names = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)$", with_names.read_text(), re.MULTILINE) if with_names.exists() else None
    return found[1].strip() if found else platform.machine()


def system() -> str:
    kernel = f"{platform.system()} {platform.release()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']} ({kernel})"
    except OSError:
        return kernel


def introduction(bench: Bench, size: int) -> str:
    version = subprocess.run([bench.program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    source = (
        "the test rows of gsm8k over and over (so Parquet is far smaller than rows that differ would make it)"
        if bench.data
        else "`synthetic:gsm8k`"
    )
    return (
        f"Measured by `benches/compare.py` on {machine()}; {version}, Python {platform.python_version()}, {packages}. "
        f"Scale {bench.rows / 1e6:g}: {bench.rows:,} rows ({size / 1e6:,.0f} MB of JSON lines), {source}; ten times as "
        "many are the same, ten times. Each run is a whole process, start and imports included, without the outputs of "
        "the one before and with the input in the file cache. All take turns: one round to warm up, then "
        f"{bench.runs} that count. Times are medians (fastest to slowest), CPU time is user and system together, the "
        "peak is the highest resident memory of any run, pages of mapped files included (below some 20 MiB it shows "
        "the measuring process). Plain Python holds all rows as dictionaries, as the Symphony 2.0 program does; Polars "
        "and DuckDB are written as somebody who knows them would, in the fastest of the ways that were tried. They "
        "write neither identities nor meta, statistics and manifest, which ours does. All outputs agree: scores to "
        "1e-12, bins, rows, and drawn tasks in order."
    )


def write_report(report: Report, intro: str, output: Path) -> None:
    notes = ""
    if output.exists():
        notes = output.read_text(encoding="utf-8").partition(f"\n{NOTES}\n")[2]
    lines = ["# Results", "", intro, ""]
    for case in report.cases():
        lines += case_table(case)
    lines += bar_table(report.bars(), full=report.rows == 1_000_000)
    output.write_text("\n".join([*lines, NOTES, notes]), encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------------------
# The command.


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compares symphony-data with plain Python, Polars and DuckDB.")
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
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        parser.error(f"{', '.join(missing)} not found: pip install {' '.join(missing)}")  # exits with 2
    return parsed


def main() -> None:
    asked = arguments()
    data = asked.data.resolve() if asked.data else None
    if data and not (data / FILES["gsm8k"]).exists():
        say(f"no {FILES['gsm8k']} in {data}: the rows are synthetic")
        data = None
    # A folder of our own in what was named: it is emptied.
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
    report = Report(bench.rows, jsonl, parquet, tenfold, draw_parquet, draw_jsonl, quick, synthetic_rows_per_second())
    write_report(report, intro, asked.output)
    shutil.rmtree(work)
    say(f"{asked.output} written")


def say(what: str) -> None:
    print(f"compare.py: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peer"]:
        PEERS[sys.argv[2], sys.argv[3]](*sys.argv[4:])
    else:
        main()
