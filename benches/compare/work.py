"""The work that the program and its peers do: the benchmark, the draw and the names of files."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OURS, PYTHON, POLARS, DUCKDB = "symphony-data", "plain Python + NumPy", "Polars", "DuckDB"
# With the sampler that other programs do not have.
OURS_STABLE = f"{OURS}, sampler stable"
# Of the rows: what reading and writing them takes at least.
COPY = "`cp` of the rows"
STORE, PARQUET_STORE, POOL = "gsm8k_full.jsonl", "gsm8k_full.parquet", "task_pool.jsonl"
TASKS, SEED = 2000, 2025
# The five real benchmarks in the folder `--data`.
FILES = {
    "humaneval": "humaneval/test.jsonl",
    "gsm8k": "gsm8k/test.jsonl",
    "bbh": "bbh/{config}.jsonl",
    "amc": "amc/train.jsonl",
    "medical_qa": "medical_qa/test.jsonl",
}
