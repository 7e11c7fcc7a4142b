#!/usr/bin/env python3
"""Shows how well an adaptive test of 100 rows estimates the accuracy of models that its calibration does not know.

usage: adaptive.py [--shared ../shared] [--benchmarks gsm8k,medical_qa,mmlu] [--panels 4] [--seeds 5] [--n 100]
                   [--stop 0.03]

The responses are those of 83 models in HELM Lite. Random panels of 50 models are calibrated; each of the other models
takes the adaptive test, in batches of ten. The comparison is the plain mean of 200 random samples of as many rows,
each with the usual binomial interval. With `--stop`, the adaptive test ends at that standard error, and the comparison
is random samples of as many rows as it took. *Stronger* are the 33 best models, with a calibration on the 50 others.
Prints a table in Markdown. Needs numpy and the wheel.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray
from symphony_data import DatasetBuilder
from symphony_data.adaptive import AdaptiveTest

Numbers = NDArray[numpy.float64]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
FILES = {
    "gsm8k": ("helm_lite_gsm8k_83x1000.csv.gz", 0.0),
    "medical_qa": ("helm_lite_medqa_83x503.csv.gz", 0.25),
    "mmlu": ("helm_lite_mmlu_83x567.npz", 0.25),
}
MODELS = 50
BATCH = 10
# A standard error that is not reached before the rows are answered.
NEVER = 1e-9


def scores_of(path: Path) -> Numbers:
    """The scores of a panel's file, models x rows."""
    if path.suffix == ".npz":
        return numpy.asarray(numpy.load(path)["x"], dtype=numpy.float64)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    models, rows = (sorted({line[key] for line in lines}) for key in ("model", "source_id"))
    scores = numpy.full((len(models), len(rows)), numpy.nan)
    place = {name: number for names in (models, rows) for number, name in enumerate(names)}
    for line in lines:
        scores[place[line["model"]], place[line["source_id"]]] = float(line["score"])
    assert not numpy.isnan(scores).any(), path
    return scores


def calibrated(scores: Numbers, chance: float, work: Path) -> Path:
    """Calibrates on these models. The rows are stand-ins, as not all texts are public: only responses count."""
    lines = "".join(json.dumps({"q": f"question {row}"}) + "\n" for row in range(scores.shape[1]))
    (work / "rows.jsonl").write_text(lines)
    rule = {"features": {"words": {"words": "q"}}, "score": [{"feature": "words"}]}
    rows = {"path": f"file:{work}/rows.jsonl", "identity": ["q"], "chance": chance, "difficulty": rule}
    builder = DatasetBuilder({"benchmarks": {"rows": rows}})
    with (work / "responses.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["benchmark", "source_id", "model", "score"])
        for (model, row), score in numpy.ndenumerate(scores):
            writer.writerow(["rows", f"rows_{row}", f"model {model}", score])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder.preprocess_all_benchmarks(work / "full")
        fitted = builder.calibrate(work / "responses.csv", work / "fitted", full_dir=work / "full")
    return Path(fitted["rows"].path)


@dataclass
class Taken:
    """An estimate of one model, or the mean of several: its error, whether its interval holds, and half its width."""

    error: float
    size: float
    inside: float
    width: float
    rows: float


def adaptive(calibration: Path, scores: Numbers, n: int | None, stop: float, seed: str) -> Taken:
    """Gives a model the adaptive test."""
    test = AdaptiveTest(calibration, standard_error=stop, max_tasks=n, seed=seed)
    batch, truth = test.next_batch(BATCH), float(scores.mean())
    while batch.rows:
        asked = {row: float(scores[int(row.removeprefix("rows_"))]) for row in batch.rows}
        batch = test.next_batch(BATCH, asked)
    error = batch.estimate - truth
    return Taken(error, abs(error), batch.low <= truth <= batch.high, (batch.high - batch.low) / 2, batch.n_answered)


def at_random(scores: Numbers, n: int, samples: int = 200) -> Taken:
    """The plain means of random samples, with the binomial interval of a finite number of rows."""
    source, rows = numpy.random.default_rng(1), len(scores)
    drawn = numpy.array([scores[source.choice(rows, size=n, replace=False)] for _ in range(samples)])
    errors = drawn.mean(axis=1) - scores.mean()
    half = 1.96 * numpy.sqrt(drawn.var(axis=1, ddof=1) / n * (1 - n / rows))
    sizes = numpy.abs(errors)
    error, size, inside, width = (float(own.mean()) for own in (errors, sizes, sizes <= half, half))
    return Taken(error, size, inside, width, n)


def line(name: str, models: str, taken: list[tuple[Taken, Taken]]) -> str:
    """A line of the table."""
    own, plain = (
        Taken(*(float(numpy.mean([getattr(one[at], key) for one in taken])) for key in Taken.__annotations__))
        for at in (0, 1)
    )
    return (
        f"| {name} | {models} | {len(taken):,} | {100 * own.size:.2f} | {100 * plain.size:.2f} "
        f"| {own.size / plain.size:.2f} | {100 * own.error:+.2f} | {own.inside:.1%} | {plain.inside:.1%} "
        f"| {100 * own.width:.1f} | {100 * plain.width:.1f} | {own.rows:.0f} |"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--benchmarks", default=",".join(FILES))
    parser.add_argument("--panels", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--stop", type=float)
    given = parser.parse_args()
    print(
        "| benchmark | models | tests | error | of random | ratio | bias | inside | of random | ± | of random | rows |"
    )
    print("|" + "---|" * 12)
    for name in given.benchmarks.split(","):
        file, chance = FILES[name]
        scores = scores_of(given.shared / "responses" / "panels" / file)
        source = numpy.random.default_rng(2025)
        orders = [source.permutation(len(scores)) for _ in range(given.panels)]
        strongest_last = numpy.argsort(scores.mean(axis=1), kind="stable")
        for kind, all_of_kind in (("left out", orders), ("stronger", [strongest_last])):
            taken = []
            for order in all_of_kind:
                with tempfile.TemporaryDirectory(prefix="symphony-adaptive-") as work:
                    calibration = calibrated(scores[order[:MODELS]], chance, Path(work))
                    for model in order[MODELS:]:
                        of_n = at_random(scores[model], given.n)
                        for seed in range(given.seeds):
                            most, stop = (given.n, NEVER) if given.stop is None else (None, given.stop)
                            own = adaptive(calibration, scores[model], most, stop, f"{model}/{seed}")
                            plain = of_n if given.stop is None else at_random(scores[model], int(own.rows))
                            taken.append((own, plain))
            print(line(name, kind, taken), flush=True)


if __name__ == "__main__":
    main()
