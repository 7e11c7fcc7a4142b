#!/usr/bin/env python3
"""Fits the reference difficulties that ship inside the program to public responses of models.

usage: reference.py PROGRAM [--shared ../shared] [--output crates/symphony-data/src/calibration/reference]
                    [--benchmarks gsm8k,bbh]

Writes, for each benchmark, the difficulty of its rows (BENCHMARK.csv) and a card (BENCHMARK.json): the models, where
their responses were published, how the fit went, and how well fits without some models, and without whole families,
predict those. The same responses give the same bytes. Needs numpy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy
from leave_out import (
    BENCHMARKS,
    ROOT,
    SHARED,
    Bench,
    Estimate,
    Fitted,
    Panel,
    base_of,
    folds_of,
    held_out,
    joined,
    reference,
    workplace,
)

OUTPUT = ROOT / "crates/symphony-data/src/calibration/reference"
# How many folds of models, and of families, are left out in turn.
FOLDS = 5
NOTES = {
    "bbh": "Nearly all responses are of a few base models under several prompting methods, so that the panel is smaller"
    " than it looks: a family left out is predicted much less well than a prompting method left out.",
    "medical_qa": "Five models answered all rows and the others the same 503, so that 770 rows have responses of five"
    " models. These five are strong. They were fitted last, with the fit of the others as the prior: the expected error"
    " is that of models like them, and weak models are predicted less well.",
}
# What the card takes from the meta of the fit.
FROM_META = [
    "model",
    "chance",
    "ability_sd",
    "ability_mean",
    "intercept",
    "label",
    "features",
    "residual_sd",
    "tries_in_common",
]


def number(value: float) -> float:
    """A measured number as a card has it."""
    return round(value, 4)


def estimate(found: Estimate) -> dict[str, float]:
    """An estimate as a card has it."""
    return {"value": number(found.value), "low": number(found.low), "high": number(found.high)}


def checks(bench: Bench, benchmark: str, panel: Panel) -> list[dict[str, object]]:
    """How well fits without some models, and without some families, predict those."""
    surface = bench.surface(benchmark)
    # What one model answered under two prompting methods, or in two sources, lies in one fold.
    bases = sorted({base_of(model) for model in panel.models})
    shuffled = numpy.random.default_rng(5).permutation(len(bases)).tolist()
    of_models = [str(shuffled[bases.index(base_of(model))] % FOLDS) for model in panel.models]
    found: list[dict[str, object]] = []
    for what, groups in (("models", of_models), ("families", panel.families)):
        folds = folds_of(groups, FOLDS)
        left_out = [panel.only(fold) for fold in folds]
        rest = [panel.only(place for place in range(len(panel.models)) if place not in fold) for fold in folds]
        fitted = [reference(bench, benchmark, own).errors for own in rest]
        n = len(panel.models) if what == "models" else len(set(panel.families))
        for difficulty, predictions in (("reference", fitted), ("surface", [surface] * len(folds))):
            rho, difference = held_out(predictions, left_out)
            found.append(
                {
                    "what": what,
                    "difficulty": difficulty,
                    "n": n,
                    "folds": len(folds),
                    "spearman": estimate(rho),
                    "gap": estimate(difference),
                }
            )
    return found


def of_stages(fitted: Fitted) -> dict[str, object]:
    """What differs in the card of a fit whose prior was another fit.

    The features did their part in the first stage, and it was small: a row that the reference does not know is taken
    for one like the others.
    """
    if fitted.meta["prior"] == "features":
        return {}
    difficulties = numpy.array([row["difficulty"] for row in fitted.rows])
    errors = numpy.array([row["standard_error"] for row in fitted.rows])
    spread = float((difficulties.var() + (errors**2).mean()) ** 0.5)
    return {"intercept": round(float(difficulties.mean()), 4), "features": [], "residual_sd": round(spread, 4)}


def build(bench: Bench, benchmark: str) -> tuple[str, str]:
    """The rows and the card of one benchmark."""
    sources = bench.responses(benchmark)
    panel = joined([own for _, own in sources])
    fitted = reference(bench, benchmark, panel)
    of_row = (~numpy.isnan(panel.scores)).sum(axis=1)
    lines = ["identity,n_responses,difficulty,standard_error,expected_error"]
    for row, answers in zip(fitted.rows, of_row, strict=True):
        numbers = (
            f"{row[key]:.4g}" if key == "standard_error" else f"{row[key]:.4f}"
            for key in ("difficulty", "standard_error", "expected_error")
        )
        lines.append(",".join([str(row["identity"]), str(answers), *numbers]))
    rows = "\n".join(lines) + "\n"
    meta = fitted.meta
    counts = (~numpy.isnan(panel.scores)).sum(axis=0)
    card = {
        "benchmark": benchmark,
        "n_tasks_full": meta["n_tasks_full"],
        "n_answered": int((of_row > 0).sum()),
        "n_answers": int(of_row.sum()),
        "n_families": len(set(panel.families)),
        "n_base_models": len({base_of(model) for model in panel.models}),
        "sources": [
            {"name": source.name, "license": source.license, "models": len(own.models), "what": source.what}
            for source, own in sources
        ],
        **{key: meta[key] for key in FROM_META if key in meta},
        **of_stages(fitted),
        "held_out": checks(bench, benchmark, panel),
        **({"note": NOTES[benchmark]} if benchmark in NOTES else {}),
        "panel": [
            {"name": model, "family": family, "n_responses": int(count)}
            for model, family, count in zip(panel.models, panel.families, counts, strict=True)
        ],
        "tool": meta["tool"],
        "checksum": "sha256:" + hashlib.sha256(rows.encode()).hexdigest(),
    }
    if not meta["converged"]:
        raise SystemExit(f"{benchmark}: the fit did not converge")
    return rows, compact(card)


def compact(card: dict[str, object]) -> str:
    """The card as JSON, a line for each key, and for each entry of a list."""
    lines = []
    for key, value in card.items():
        if isinstance(value, list) and value:
            entries = ",\n    ".join(json.dumps(entry, ensure_ascii=False) for entry in value)
            lines.append(f"  {json.dumps(key)}: [\n    {entries}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Writes the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("program", help="the program symphony-data")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder of data/ and responses/")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the files go")
    parser.add_argument("--benchmarks", default=",".join(BENCHMARKS), help="only these benchmarks")
    given = parser.parse_args()
    if not (given.shared / "responses").is_dir():
        parser.error(f"{given.shared} has no folder responses; give --shared")
    given.output.mkdir(parents=True, exist_ok=True)
    with workplace() as work:
        bench = Bench(given.program, given.shared.resolve(), Path(work))
        for benchmark in given.benchmarks.split(","):
            rows, card = build(bench, benchmark)
            (given.output / f"{benchmark}.csv").write_text(rows, encoding="utf-8")
            (given.output / f"{benchmark}.json").write_text(card, encoding="utf-8")
            print(f"{benchmark}: {len(rows) + len(card):,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
