"""The same work in plain Python, Polars and DuckDB; each runs in a process of its own."""
# The names of the functions say what they do, as in python/benchmarks.
# ruff: noqa: D103

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from compare.files import task_types
from compare.work import PARQUET_STORE, POOL, SEED, STORE, TASKS

if TYPE_CHECKING:
    import polars as pl

# ---------------------------------------------------------------------------------------------------------------------
# The rule of gsm8k, as each peer computes it.

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
    # As fast as collecting and writing (500,000 rows: 1.2 s both), and an expert would keep this query.
    tasks.sink_parquet(Path(output, PARQUET_STORE), compression="zstd")


# Unicode's spaces separate words. Splitting takes a quarter of the time of a regular expression, which is left
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
# The draw, as an expert in Polars and NumPy writes it.


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
