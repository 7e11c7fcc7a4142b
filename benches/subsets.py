#!/usr/bin/env python3
"""Compares ways to estimate a model's accuracy on a full benchmark from 100 of its tasks, on real responses.

usage: subsets.py PROGRAM [--shared ../shared] [--panels 6] [--draws 20] [--tasks 100]
                  [--output benches/RESULTS_SUBSETS.md]

For each matrix of responses, panels of 5, 15 and 50 models are drawn at random, and all other models are judged. In the
rows "stronger", the panel is drawn from the weaker three quarters of the models, and those are judged that are stronger
than every model of the panel. Every number is the mean absolute error over models and draws, divided by that of the
plain mean of a random sample of as many tasks.

The rows of the matrices have no text here: the benchmark that the program gets says "question 17" in row 17. So
difficulty comes from responses alone. Text after the line `<!-- notes -->` in the output file is kept. Needs numpy.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
from compare import report
from leave_out import ROOT, SHARED, Numbers

OUTPUT = ROOT / "benches/RESULTS_SUBSETS.md"
MATRICES = {
    "gsm8k": "helm_lite_gsm8k_83x1000.csv.gz",
    "medical_qa": "helm_lite_medqa_83x503.csv.gz",
    "mmlu": "helm_lite_mmlu_83x567.npz",
}
# How often a guess is right, which `calibrate` takes for multiple choice.
CHANCE = {"gsm8k": 0.0, "medical_qa": 0.25, "mmlu": 0.25}
SIZES = [5, 15, 50]
# Models with an accuracy from 0.1 to 0.9 are judged apart from the others for coverage.
MIDDLE = (0.1, 0.9)
CONFIG = """benchmarks:
  {name}:
    path: 'file:{folder}/rows.jsonl'
    identity: [question]
    chance: {chance}
    difficulty: {{features: {{words: {{words: question}}}}, score: [{{feature: words, normalize: p95}}]}}
"""
Estimator = Callable[["Case", Numbers], Numbers]


def matrix(shared: Path, name: str) -> Numbers:
    """The scores of models (lines) on rows (columns)."""
    path = shared / "responses" / "panels" / MATRICES[name]
    if path.suffix == ".npz":
        found: Numbers = numpy.load(path)["x"].astype(float)
        return found
    with gzip.open(path, "rt") as text:
        answers = [(line["model"], line["source_id"], float(line["score"])) for line in csv.DictReader(text)]
    models = {model: at for at, model in enumerate(sorted({model for model, _, _ in answers}))}
    rows = {row: at for at, row in enumerate(sorted({row for _, row, _ in answers}))}
    scores = numpy.full((len(models), len(rows)), numpy.nan)
    for model, row, score in answers:
        scores[models[model], rows[row]] = score
    return scores


@dataclass
class Case:
    """A matrix, a panel and the models that are judged; and what `calibrate` fitted to the panel."""

    name: str
    scores: Numbers
    panel: list[int]
    judged: list[int]
    folder: Path
    curves: Numbers = field(default_factory=lambda: numpy.zeros((0, 2)))
    ability: tuple[float, float] = (0.0, 1.0)

    @property
    def truth(self) -> Numbers:
        """The accuracy of each judged model."""
        mean: Numbers = self.scores[self.judged].mean(axis=1)
        return mean


class Program:
    """The program, and a folder to work in."""

    def __init__(self, path: Path, folder: Path) -> None:
        """The program at `path`, working in `folder`."""
        self.path, self.folder = path, folder

    def run(self, case: Case, *arguments: str) -> str:
        """What the program prints for these arguments."""
        config = self.folder / case.name / "config.yaml"
        command = [str(self.path), "-q", "--config", str(config), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return done.stdout

    def answers(self, case: Case, models: Sequence[int], path: Path) -> str:
        """Writes the responses of these models, and returns the path."""
        with open(path, "w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["benchmark", "source_id", "model", "score"])
            for model in models:
                answered = numpy.flatnonzero(~numpy.isnan(case.scores[model]))
                lines.writerows(
                    (case.name, f"{case.name}_{row}", f"m{model}", case.scores[model, row]) for row in answered
                )
        return str(path)

    def calibrate(self, case: Case) -> None:
        """Fits a difficulty to the panel's responses, and reads the curves of the rows."""
        folder = self.folder / case.name
        if not (folder / "full").exists():
            folder.mkdir(parents=True)
            rows = [json.dumps({"question": f"question {row}"}) + "\n" for row in range(case.scores.shape[1])]
            (folder / "rows.jsonl").write_text("".join(rows))
            config = CONFIG.format(name=case.name, folder=folder, chance=CHANCE[case.name])
            (folder / "config.yaml").write_text(config)
            self.run(case, "preprocess", "--output", str(folder / "full"))
        case.folder.mkdir(parents=True)
        answers = self.answers(case, case.panel, case.folder / "panel.csv")
        full = str(folder / "full")
        self.run(case, "calibrate", "--responses", answers, "--full-dir", full, "--output", str(case.folder))
        fitted = [json.loads(line) for line in (case.folder / f"{case.name}_calibration.jsonl").open()]
        curve = [row.get("curve", row) for row in fitted]
        case.curves = numpy.array([(row["difficulty"], row.get("discrimination", 1.0)) for row in curve])
        meta = json.loads((case.folder / f"{case.name}_calibration_meta.json").read_text())
        case.ability = (meta.get("ability_mean", 0.0), meta["ability_sd"])
        self.answers(case, case.judged, case.folder / "judged.csv")

    def informative(self, case: Case, tasks: int, seed: int) -> list[dict[str, Any]]:
        """What `results` says of each judged model on an informative draw."""
        pool, full = str(case.folder / "pool"), str(self.folder / case.name / "full")
        difficulty = str(case.folder / f"{case.name}_calibration.jsonl")
        draw = ["--benchmarks", case.name, "--select", "informative", "-n", str(tasks), "--random-seed", str(seed)]
        draw += ["--difficulty", difficulty, "--full-dir", full, "--output", pool]
        self.run(case, "build", *draw, "--force")
        asked = ["--pool", pool, "--responses", str(case.folder / "judged.csv"), "--baseline", f"m{case.judged[0]}"]
        asked += ["--difficulty", difficulty, "--full-dir", full, "--json"]
        found = json.loads(self.run(case, "results", *asked))
        by_name = {model["model"]: model["full"][case.name] for model in found["models"]}
        return [by_name[f"m{model}"] for model in case.judged]


# ── The other ways, each with the answers to the same random sample of rows ──


def logistic(x: Numbers) -> Numbers:
    """1 / (1 + e^-x)."""
    result: Numbers = 1.0 / (1.0 + numpy.exp(-x))
    return result


def plain(case: Case, rows: Numbers) -> Numbers:
    """The mean of the sample."""
    mean: Numbers = case.scores[case.judged][:, rows.astype(int)].mean(axis=1)
    return mean


def ridge(case: Case, rows: Numbers) -> Numbers:
    """Ridge regression of the panel's accuracies on its answers; its penalty by leaving out a model at a time."""
    own, judged = case.scores[case.panel][:, rows.astype(int)], case.scores[case.judged][:, rows.astype(int)]
    accuracy = case.scores[case.panel].mean(axis=1)
    center, level = own.mean(axis=0), accuracy.mean()
    kernel = (own - center) @ (own - center).T
    best: tuple[float, Numbers] | None = None
    for penalty in 10.0 ** numpy.arange(-1, 4):
        inverse = numpy.linalg.inv(kernel + penalty * numpy.eye(len(own)))
        hat = kernel @ inverse + 1.0 / len(own)
        left_out = (accuracy - level - kernel @ inverse @ (accuracy - level)) / (1.0 - numpy.diag(hat))
        loss = float(numpy.abs(left_out).mean())
        if best is None or loss < best[0]:
            best = (loss, inverse @ (accuracy - level))
    assert best is not None
    estimate: Numbers = level + (judged - center) @ (own - center).T @ best[1]
    return estimate


def predicted(case: Case, answered: Numbers, rows: Numbers) -> Numbers:
    """The probability of each row at the abilities that fit the answers, on a grid."""
    grid = numpy.linspace(-8, 8, 161)
    curves = logistic(case.curves[:, 1] * (grid[:, None] - case.curves[:, 0]))
    chance = CHANCE[case.name] / 2
    curves = chance + (1 - chance) * curves
    at = curves[:, rows.astype(int)]
    fit = answered @ numpy.log(at).T + (1 - answered) @ numpy.log(1 - at).T
    fit -= ((grid - case.ability[0]) / case.ability[1]) ** 2 / 2
    weights = numpy.exp(fit - fit.max(axis=1, keepdims=True))
    result: Numbers = (weights / weights.sum(axis=1, keepdims=True)) @ curves
    return result


def p_irt(case: Case, rows: Numbers) -> Numbers:
    """Observed answers, and predicted ones for the other rows (Maia Polo and others, 2024)."""
    answered = case.scores[case.judged][:, rows.astype(int)]
    all_rows = predicted(case, answered, rows)
    rest: Numbers = all_rows.sum(axis=1) - all_rows[:, rows.astype(int)].sum(axis=1) + answered.sum(axis=1)
    estimate: Numbers = rest / case.scores.shape[1]
    return estimate


def anchors(case: Case, rows: Numbers) -> Numbers:
    """The rows nearest to centres of clusters of the curves, each weighted by its cluster (tinyBenchmarks, 2024)."""
    # A little noise, so that rows with equal curves do not all stand behind the first of them.
    noise = numpy.random.default_rng(int(rows.sum())).normal(0.0, 0.01, case.curves.shape)
    points = case.curves / case.curves.std(axis=0) + noise
    centers = points[rows.astype(int)]
    for _ in range(10):
        nearest = ((points[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
        full = [at for at in range(len(centers)) if (nearest == at).any()]
        centers = numpy.array([points[nearest == at].mean(axis=0) for at in full])
    distance = ((points[:, None] - centers) ** 2).sum(axis=2)
    chosen, weights = distance.argmin(axis=0), numpy.bincount(distance.argmin(axis=1), minlength=len(centers))
    estimate: Numbers = case.scores[case.judged][:, chosen] @ weights / len(points)
    return estimate


OTHERS: dict[str, Estimator] = {"random": plain, "ridge": ridge, "p-IRT": p_irt, "anchors": anchors}


# ── Tables ──


@dataclass
class Found:
    """Errors of every way, and the intervals of the informative draw, for one matrix and one kind of panel."""

    errors: dict[str, list[Numbers]] = field(default_factory=dict)
    # By whether a model is in the middle: how many intervals hold the truth, and how many there are.
    held: dict[bool, list[int]] = field(default_factory=lambda: {True: [0, 0], False: [0, 0]})
    standard_errors: list[float] = field(default_factory=list)

    def add(self, name: str, errors: Numbers) -> None:
        """Notes the errors of one way on one draw."""
        self.errors.setdefault(name, []).append(errors)

    def error(self, name: str) -> float:
        """The mean absolute error of one way."""
        return float(numpy.abs(numpy.concatenate(self.errors[name])).mean())

    def bias(self) -> float:
        """The mean error of the informative draw, in its standard errors."""
        return float(numpy.concatenate(self.errors["informative"]).mean() / numpy.mean(self.standard_errors))


def measure(program: Program, cases: Sequence[Case], draws: int, tasks: int) -> Found:
    """The errors of all ways on these panels."""
    found = Found()
    for number, case in enumerate(cases):
        program.calibrate(case)
        for draw in range(draws):
            seed = 1000 * number + draw
            rows = numpy.random.default_rng(seed).choice(case.scores.shape[1], tasks, replace=False).astype(float)
            for name, estimator in OTHERS.items():
                found.add(name, estimator(case, rows) - case.truth)
            informative = program.informative(case, tasks, seed)
            found.add("informative", numpy.array([own["estimate"] for own in informative]) - case.truth)
            for own, truth in zip(informative, case.truth, strict=True):
                held = found.held[bool(MIDDLE[0] <= truth <= MIDDLE[1])]
                held[0] += own["low"] <= truth <= own["high"]
                held[1] += 1
                found.standard_errors.append(own["standard_error"])
    return found


def cases_of(shared: Path, folder: Path, name: str, size: int, panels: int, stronger: bool) -> list[Case]:
    """Panels of this size, each with the models that it is judged on."""
    scores = matrix(shared, name)
    order = numpy.argsort(scores.mean(axis=1), kind="stable")
    cases = []
    for number in range(panels):
        random = numpy.random.default_rng([size, number, int(stronger)])
        if stronger:
            panel = [int(model) for model in random.permutation(order[: len(order) * 3 // 4])[:size]]
            best = scores[panel].mean(axis=1).max()
            judged = [int(model) for model in order if scores[model].mean() > best]
        else:
            panel = [int(model) for model in random.permutation(len(scores))[:size]]
            judged = [model for model in range(len(scores)) if model not in set(panel)]
        kind = "stronger" if stronger else "panel"
        cases.append(Case(name, scores, panel, judged, folder / name / f"{kind}_{size}_{number}"))
    return cases


def lines_of(found: dict[str, dict[str, Found]], options: argparse.Namespace) -> list[str]:
    """The report."""
    names = ["informative", *OTHERS]
    lines = [
        "# Estimates of the full accuracy from few tasks",
        "",
        f"Written by `benches/subsets.py`: {options.panels} panels and {options.draws} draws of {options.tasks} tasks.",
        "Mean absolute error over models outside of the panel, divided by that of the mean of a random sample of as",
        "many tasks. Smaller is better; 1 is no better than chance.",
        "",
        f"| panel | matrix | {' | '.join(names)} | random, in points |",
        f"|---|---|{'---|' * (len(names) + 1)}",
    ]
    for kind, by_matrix in found.items():
        ratios = {name: [own.error(name) / own.error("random") for own in by_matrix.values()] for name in names}
        for at, (matrix_name, own) in enumerate(by_matrix.items()):
            cells = [f"{ratios[name][at]:.2f}" for name in names]
            lines.append(f"| {kind} | {matrix_name} | {' | '.join(cells)} | {100 * own.error('random'):.2f} |")
        cells = [f"**{numpy.mean(ratios[name]):.3f}**" for name in names]
        lines.append(f"| {kind} | **mean** | {' | '.join(cells)} | |")
    lines += [
        "",
        "Coverage of the informative draw's 95 % intervals, and its bias in standard errors:",
        "",
        "| panel | matrix | models from 10 to 90 % | others | bias |",
        "|---|---|---|---|---|",
    ]
    for kind, by_matrix in found.items():
        for matrix_name, own in by_matrix.items():
            held = [f"{own.held[key][0] / own.held[key][1]:.3f}" if own.held[key][1] else "-" for key in (True, False)]
            lines.append(f"| {kind} | {matrix_name} | {held[0]} | {held[1]} | {own.bias():+.2f} |")
    return [*lines, ""]


def main() -> None:
    """Measures and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--panels", type=int, default=6)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        program = Program(options.program.resolve(), Path(place))
        kinds = [(f"{size}", size, False) for size in SIZES] + [(f"{size}, stronger", size, True) for size in SIZES]
        found: dict[str, dict[str, Found]] = {}
        for kind, size, stronger in kinds:
            for name in MATRICES:
                cases = cases_of(options.shared, Path(place), name, size, options.panels, stronger)
                found.setdefault(kind, {})[name] = measure(program, cases, options.draws, options.tasks)
                own = found[kind][name]
                report.say("subsets.py", f"{kind}, {name}: {own.error('informative') / own.error('random'):.3f}")
    report.write(lines_of(found, options), options.output)


if __name__ == "__main__":
    main()
