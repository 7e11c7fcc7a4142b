"""Makes inputs and checks outputs, in processes of their own."""
# The names of the functions say what they do, as in python/benchmarks.
# ruff: noqa: D103

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

from compare.work import TASKS

if TYPE_CHECKING:
    import polars as pl

TOLERANCE = 1e-12


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


def rows_parquet(rows: str, output: str) -> None:
    import pyarrow
    import pyarrow.json
    import pyarrow.parquet

    schema = pyarrow.schema([("question", pyarrow.string()), ("answer", pyarrow.string())])
    table = pyarrow.json.read_json(rows, parse_options=pyarrow.json.ParseOptions(explicit_schema=schema))
    # More than one group, so that programs can read them in parallel.
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
    """All write the same columns, compressed: fewer or larger ones are less work. Only ours has identities."""
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
        sys.exit(f"compare: {otherwise}")
