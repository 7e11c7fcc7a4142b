#!/usr/bin/env python3
"""Shows how well each kind of difficulty predicts models that it was not fitted to, on real responses.

usage: difficulty.py PROGRAM [--shared ../shared] [--draws 40] [--splits 8] [--benchmarks gsm8k,bbh]
                     [--output benches/RESULTS_DIFFICULTY.md]

The first table has no responses of one's own: the surface score, and a reference fitted without the families that it is
judged on. The second draws k models as one's own panel. Half of the families, drawn at random, are left out of the
reference; the k models are drawn from these, and all scores are judged on the others of them.

Text after the line `<!-- notes -->` in the output file is kept. Needs numpy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy
from compare import report
from leave_out import (
    BENCHMARKS,
    ROOT,
    SHARED,
    Bench,
    Numbers,
    Panel,
    folds_of,
    gap,
    held_out,
    joined,
    reference,
    spearman,
    workplace,
)

OUTPUT = ROOT / "benches/RESULTS_DIFFICULTY.md"
FOLDS = 5
SIZES = {"humaneval": [1, 3, 5], "gsm8k": [1, 3, 5, 10], "bbh": [1, 3], "medical_qa": [1, 3, 5, 10, 20]}
# A model is one's own, or judged, only if it answered this share of the rows that the panel answered most of.
WHOLE = 0.9
NAMES = ["surface", "mean", "mean + 0.3 surface", "`features`", "reference alone", "`reference`"]


def whole(panel: Panel) -> list[int]:
    """The models of the largest group that answered the same rows."""
    answered = ~numpy.isnan(panel.scores)
    counts = answered.sum(axis=0)
    best: list[int] = []
    for place in range(len(panel.models)):
        shared = (answered & answered[:, [place]]).sum(axis=0)
        group = [other for other in range(len(panel.models)) if shared[other] >= WHOLE * counts[place]]
        group = [other for other in group if counts[other] <= counts[place] / WHOLE] or [place]
        if len(group) > len(best):
            best = group
    return best


def without_answers(bench: Bench, benchmark: str, panel: Panel) -> str:
    """A line of the first table."""
    folds = folds_of(panel.families, FOLDS)
    left_out = [panel.only(fold) for fold in folds]
    rest = [panel.only(place for place in range(len(panel.models)) if place not in fold) for fold in folds]
    fitted = [reference(bench, benchmark, own).errors for own in rest]
    cells = []
    for predictions in ([bench.surface(benchmark)] * len(folds), fitted):
        cells += [str(found) for found in held_out(predictions, left_out)]
    models, families = len(panel.models), len(set(panel.families))
    return f"| {benchmark} | {models} | {families} | {' | '.join(cells)} |"


def with_answers(bench: Bench, benchmark: str, panel: Panel, draws: int, splits: int) -> list[str]:
    """Lines of the second table."""
    random = numpy.random.default_rng(11)
    families = sorted(set(panel.families))
    surface = bench.surface(benchmark)
    candidates = whole(panel)
    found: dict[int, list[list[float]]] = {k: [] for k in SIZES[benchmark]}
    for _ in range(splits):
        known = set(random.permutation(families)[: (len(families) + 1) // 2])
        out = [place for place in candidates if panel.families[place] not in known]
        first = reference(bench, benchmark, panel.only(p for p, own in enumerate(panel.families) if own in known))
        for k in SIZES[benchmark]:
            if len(out) < k + 2:
                continue
            for _ in range(max(1, draws // splits)):
                own = sorted(random.choice(out, k, replace=False).tolist())
                others = panel.only(place for place in out if place not in own)
                mine = panel.only(own)
                mean = mine.mean_error()
                errors = numpy.where(numpy.isnan(mean), numpy.nan, others.mean_error())
                scores: Sequence[Numbers] = (
                    surface,
                    mean,
                    mean + 0.3 * surface,
                    bench.fit(benchmark, mine).errors,
                    first.errors,
                    bench.fit(benchmark, mine, first.folder).errors,
                )
                measures = [measure(score, errors) for score in scores for measure in (spearman, gap)]
                found[k].append(measures)
    lines = []
    for k, measured in found.items():
        if measured:
            values = numpy.array(measured)
            centre, error = numpy.nanmean(values, axis=0), numpy.nanstd(values, axis=0) / len(values) ** 0.5
            cells = [
                f"{centre[at]:.2f} ± {1.96 * error[at]:.2f}, {centre[at + 1]:.2f}" for at in range(0, len(centre), 2)
            ]
            lines.append(f"| {benchmark} | {k} | {len(measured)} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Measures, and writes the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("program", help="the program symphony-data")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder of data/ and responses/")
    parser.add_argument("--draws", type=int, default=40, help="how many panels of each size")
    parser.add_argument("--splits", type=int, default=8, help="how many halves of the families")
    parser.add_argument("--benchmarks", default=",".join(BENCHMARKS), help="only these benchmarks")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the report goes")
    given = parser.parse_args()
    if not (given.shared / "responses").is_dir():
        parser.error(f"{given.shared} has no folder responses; give --shared")
    first, second = [], []
    with workplace() as work:
        bench = Bench(given.program, given.shared.resolve(), Path(work))
        for benchmark in given.benchmarks.split(","):
            panel = joined([own for _, own in bench.responses(benchmark)])
            first.append(without_answers(bench, benchmark, panel))
            print(first[-1], file=sys.stderr, flush=True)
            second += with_answers(bench, benchmark, panel, given.draws, given.splits)
            print("\n".join(second), file=sys.stderr, flush=True)
    lines = [
        "# Results: difficulty that predicts which tasks models fail",
        "",
        report.measured_by("benches/difficulty.py", Path(given.program), ["numpy"])
        + " The responses are the public ones that the reference difficulties are fitted to; no model is judged by a"
        " score that was fitted to it or to its family.",
        "",
        "*rho* is Spearman's rank correlation with the error of the models left out; *gap* is their error on hard rows"
        " less that on easy ones, with thresholds at the 20th and 80th percentile.",
        "",
        f"## Without responses of one's own: families left out, in {FOLDS} folds",
        "",
        "The 95 % intervals resample rows and models.",
        "",
        "| benchmark | models | families | surface: rho | surface: gap | reference: rho | reference: gap |",
        "|---|---|---|---|---|---|---|",
        *first,
        "",
        "## With k models of one's own: rho ± half of its 95 % interval over draws, gap",
        "",
        "Half of the families are left out of the reference; the k models and those judged are of them. `features` and"
        " `reference` are the priors of `calibrate`.",
        "",
        f"| benchmark | k | draws | {' | '.join(NAMES)} |",
        "|---|---|---|" + "---|" * len(NAMES),
        *second,
        "",
    ]
    report.write(lines, given.output)


if __name__ == "__main__":
    main()
