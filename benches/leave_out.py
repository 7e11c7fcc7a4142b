"""Responses of real models, fits by the program, and how well these predict models that were left out.

What `difficulty.py` and `reference.py` share. Needs numpy.
"""

from __future__ import annotations

import csv
import json
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

Numbers = NDArray[numpy.float64]

ROOT = Path(__file__).resolve().parent.parent
# The folder that is handed out beside the project: rows in data/, responses in responses/.
SHARED = ROOT.parent / "shared"
CONFIG = """benchmarks:
  humaneval: {{path: 'file:{data}/humaneval/test.jsonl'}}
  gsm8k: {{path: 'file:{data}/gsm8k/test.jsonl'}}
  bbh: {{path: 'file:{data}/bbh/{{config}}.jsonl'}}
  medical_qa: {{path: 'file:{data}/medical_qa/test.jsonl'}}
"""
BENCHMARKS = ["humaneval", "gsm8k", "bbh", "medical_qa"]


@dataclass(frozen=True)
class Source:
    """A file of responses, and what its publication says of it."""

    file: str
    name: str
    license: str
    what: str
    benchmark: str


# Names and licences as the README beside the responses gives them.
SOURCES = [
    Source(
        "gsm8k.jsonl",
        "openai/grade-school-math",
        "MIT",
        "example solutions published with the dataset",
        "gsm8k",
    ),
    Source(
        "panels/helm_lite_gsm8k_83x1000.csv.gz",
        "HELM Lite in socialfoundations/benchmark-prediction",
        "MIT",
        "1,000 rows, exact match",
        "gsm8k",
    ),
    Source("panels/routellm_gsm8k_2x1319.csv.gz", "lm-sys/RouteLLM", "Apache-2.0", "all rows", "gsm8k"),
    Source(
        "panels/gsm8k_2022_2024.csv.gz",
        "TIGER-AI-Lab/Program-of-Thoughts, microsoft/rho, microsoft/ToRA",
        "MIT",
        "programs of thought, and models for mathematics",
        "gsm8k",
    ),
    Source(
        "humaneval.jsonl",
        "public results of Code Llama 34B and GPT-3.5",
        "not stated",
        "ten tries a row",
        "humaneval",
    ),
    Source(
        "panels/humaneval_open2023.csv.gz",
        "my-other-github-account/llm-humaneval-benchmarks",
        "MIT",
        "mostly open models of 2023, graded by the benchmark's own tests",
        "humaneval",
    ),
    Source(
        "panels/humaneval_2023_2024.csv.gz",
        "benediktstroebl/agent-evals, FloridSleeves/LLMDebugger",
        "MIT, Apache-2.0",
        "one to six tries a row, graded by the benchmark's own tests",
        "humaneval",
    ),
    Source(
        "bbh.jsonl",
        "suzgunmirac/BIG-Bench-Hard",
        "MIT",
        "direct prompting, published with the dataset, graded by exact match",
        "bbh",
    ),
    Source(
        "panels/bbh_prompting.csv.gz",
        "sachith-gunasekara/self-discover, raybears/cot-transparency",
        "MIT",
        "several prompting methods of few models; some have part of the rows",
        "bbh",
    ),
    Source(
        "medical_qa.jsonl",
        "MedAgentsBench",
        "not stated",
        "answers without examples, all rows",
        "medical_qa",
    ),
    Source(
        "panels/helm_lite_medqa_83x503.csv.gz",
        "HELM Lite in socialfoundations/benchmark-prediction",
        "MIT",
        "503 rows, multiple choice with examples",
        "medical_qa",
    ),
]

# A model's family, where its responses do not name it: the first of these that its name contains.
FAMILIES = [
    ("llama", ["llama", "vicuna", "wizard", "guanaco", "manticore", "hermes", "alpaca", "vicunlocked", "tora"]),
    ("gpt", ["gpt-3", "gpt-4", "gpt3", "gpt4", "davinci", "175b", "6b_", "codex"]),
    ("google", ["text-bison", "text-unicorn", "gemini", "gemma", "bard"]),
    ("mistral", ["mistral", "mixtral"]),
    ("qwen", ["qwen", "qwq"]),
    ("claude", ["claude"]),
    ("deepseek", ["deepseek"]),
    ("ai21", ["j2-", "jamba"]),
    ("cohere", ["command"]),
    ("luminous", ["luminous"]),
    ("palmyra", ["palmyra"]),
    ("starcoder", ["starcoder"]),
    ("falcon", ["falcon"]),
    ("yi", ["yi-"]),
    ("phi", ["phi-"]),
    ("olmo", ["olmo"]),
    ("dbrx", ["dbrx"]),
    ("arctic", ["arctic"]),
    ("solar", ["solar"]),
    ("redpajama", ["redpajama"]),
    ("codegen", ["codegen"]),
]


def family_of(model: str) -> str:
    """The family that a model's name tells; its own name if it tells none."""
    name = model.lower()
    for family, parts in FAMILIES:
        if any(part in name for part in parts):
            return family
    return name


# Models that go on from one of another family.
CONTINUED = {
    "rho-math-1b-v0.1": "llama",
    "rho-math-1b-interpreter-v0.1": "llama",
    "rho-math-7b-v0.1": "mistral",
    "rho-math-7b-interpreter-v0.1": "mistral",
    "upstage_solar-pro-241126": "phi",
}
# One model under two names.
SAME = {"gpt-4o-mini": "gpt-4o-mini-2024-07-18"}


def base_of(model: str) -> str:
    """The model's name without the prompting method and the publisher."""
    name = model.split(" (")[0].split("/fewshot")[0].split("/zeroshot")[0].removesuffix("-direct").lower()
    # HELM writes the publisher before the name; other sources leave it out.
    name = name.removeprefix("openai_").removeprefix("meta_")
    return SAME.get(name, name)


@dataclass
class Panel:
    """The responses of some models to the rows of a benchmark."""

    models: list[str]
    families: list[str]
    # Rows x models; NaN where a model did not answer.
    scores: Numbers
    # How many tries a score is the mean of; 0 where that is not said.
    tries: Numbers

    def only(self, places: Iterable[int]) -> Panel:
        """Some of the models."""
        chosen = list(places)
        return Panel(
            [self.models[place] for place in chosen],
            [self.families[place] for place in chosen],
            self.scores[:, chosen],
            self.tries[:, chosen],
        )

    def errors(self) -> Numbers:
        """How much more often than on its other rows a model fails each row; NaN without answers.

        Each model counts by its distance from its own mean, as models did not all answer the same rows.
        """
        errors = 1.0 - self.scores
        centred = errors - numpy.nanmean(errors, axis=0)
        answered = ~numpy.isnan(centred)
        count = answered.sum(axis=1)
        total = numpy.where(answered, centred, 0.0).sum(axis=1)
        return numpy.where(count > 0, total / numpy.maximum(count, 1) + numpy.nanmean(errors), numpy.nan)

    def mean_error(self) -> Numbers:
        """The plain mean error of each row; NaN without answers."""
        answered = ~numpy.isnan(self.scores)
        total = numpy.where(answered, 1.0 - self.scores, 0.0).sum(axis=1)
        return numpy.where(answered.any(axis=1), total / numpy.maximum(answered.sum(axis=1), 1), numpy.nan)


@dataclass
class Fitted:
    """A calibration."""

    folder: Path
    meta: dict[str, object]
    rows: list[dict[str, float]]

    @property
    def errors(self) -> Numbers:
        """The expected error of each row."""
        return numpy.array([row["expected_error"] for row in self.rows])


class Bench:
    """The preprocessed benchmarks, their responses, and the program that fits."""

    def __init__(self, program: str, shared: Path, work: Path) -> None:
        """Preprocesses the benchmarks in a folder for work."""
        self.program = str(Path(program).resolve())
        self.shared, self.work = shared, work
        self.config, self.full = work / "rows.yaml", work / "full"
        self.config.write_text(CONFIG.format(data=(shared / "data").as_posix()))
        self.run("preprocess", "--output", self.full, "--benchmarks", ",".join(BENCHMARKS))
        self.fits = 0

    def run(self, *arguments: object) -> None:
        """Runs the program; what it warns of is shown only if it fails."""
        command = [self.program, "-q", "--config", str(self.config), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")

    def surface(self, benchmark: str) -> Numbers:
        """The surface score of each row."""
        with (self.full / f"{benchmark}_full.jsonl").open(encoding="utf-8") as file:
            return numpy.array([json.loads(line)["difficulty_score"] for line in file])

    def responses(self, benchmark: str) -> list[tuple[Source, Panel]]:
        """The panel of each source."""
        rows = len(self.surface(benchmark))
        return [(source, self._panel(source, rows)) for source in SOURCES if source.benchmark == benchmark]

    def _panel(self, source: Source, rows: int) -> Panel:
        kept = self.work / "responses.csv"
        self.run("responses", self.shared / "responses" / source.file, "--full-dir", self.full, "--output", kept)
        cells: dict[tuple[int, str], list[tuple[float, int]]] = {}
        families: dict[str, str] = {}
        with kept.open(encoding="utf-8", newline="") as file:
            for line in csv.DictReader(file):
                key = int(line["source_id"].rsplit("_", 1)[1]), line["model"]
                cells.setdefault(key, []).append((float(line["score"]), int(line.get("tries") or 0)))
                families.setdefault(line["model"], line.get("family") or family_of(line["model"]))
        models = sorted(families)
        scores, tries = numpy.full((rows, len(models)), numpy.nan), numpy.zeros((rows, len(models)))
        place = {model: number for number, model in enumerate(models)}
        for (row, model), found in cells.items():
            counts = [max(1, number) for _, number in found]
            total = sum(score * number for (score, _), number in zip(found, counts, strict=True))
            scores[row, place[model]] = total / sum(counts)
            said = any(number for _, number in found) or len(found) > 1
            tries[row, place[model]] = sum(counts) if said else 0
        # GPT's Codex and the others are of one family, whatever a file calls it.
        known = {"codex": "gpt", "code-davinci": "gpt", "tora": "llama"}
        own = [CONTINUED.get(model, known.get(families[model], families[model])) for model in models]
        return Panel(models, own, scores, tries)

    def fit(self, benchmark: str, panel: Panel, prior: str | Path = "features") -> Fitted:
        """Calibrates on a panel; a prior may be the folder of another fit."""
        self.fits += 1
        folder = self.work / f"fit-{self.fits}"
        answers = self.work / "answers.csv"
        with answers.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(["benchmark", "source_id", "model", "family", "score", "tries"])
            for row, column in zip(*numpy.nonzero(~numpy.isnan(panel.scores)), strict=True):
                tries = int(panel.tries[row, column]) or ""
                score = repr(float(panel.scores[row, column]))
                model, family = panel.models[column], panel.families[column]
                lines.writerow([benchmark, f"{benchmark}_{row}", model, family, score, tries])
        self.run("calibrate", "--responses", answers, "--full-dir", self.full, "--prior", prior, "--output", folder)
        with (folder / f"{benchmark}_calibration.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return Fitted(folder, json.loads((folder / f"{benchmark}_calibration_meta.json").read_text()), rows)


# Benchmarks whose models are fitted in stages. What weak models fail says little of what strong ones fail, and where
# few strong models and many weak ones answered, a joint fit follows the weak ones: fitted without the seven strongest
# models of medical_qa, it predicted them less well than the five models that answered all rows do alone (rho 0.70
# against 0.76, gap 0.55 against 0.57); in stages, the gap is 0.59.
STAGED = {"medical_qa"}
# A model answered all rows if it answered this share of them.
ALL = 0.9


def stages(benchmark: str, panel: Panel) -> list[Panel]:
    """The panels that are fitted one after the other, each with the fit before as its prior.

    The models that answered all rows come last. Of the others, those weaker than the weakest of them come first.
    """
    places = range(len(panel.models))
    if benchmark not in STAGED:
        return [panel]
    shares = (~numpy.isnan(panel.scores)).mean(axis=0)
    means = numpy.nanmean(panel.scores, axis=0)
    last = [place for place in places if shares[place] >= ALL]
    weakest = min((means[place] for place in last), default=0.0)
    others = [place for place in places if place not in last]
    groups = [
        [place for place in others if means[place] < weakest],
        [place for place in others if means[place] >= weakest],
        last,
    ]
    return [panel.only(group) for group in groups if group]


def reference(bench: Bench, benchmark: str, panel: Panel) -> Fitted:
    """Fits a reference difficulty to a panel."""
    first, *rest = stages(benchmark, panel)
    fitted = bench.fit(benchmark, first)
    for own in rest:
        fitted = bench.fit(benchmark, own, fitted.folder)
    return fitted


def joined(panels: Sequence[Panel]) -> Panel:
    """The models of several panels. A model in two of them has the tries of both."""
    models: list[str] = []
    families: list[str] = []
    scores: list[Numbers] = []
    tries: list[Numbers] = []
    for panel in panels:
        for column, model in enumerate(panel.models):
            own = panel.scores[:, column], panel.tries[:, column]
            if model not in models:
                models.append(model)
                families.append(panel.families[column])
                scores.append(own[0])
                tries.append(own[1])
                continue
            at = models.index(model)
            counts = [
                numpy.where(numpy.isnan(score), 0, numpy.maximum(number, 1))
                for score, number in ((scores[at], tries[at]), own)
            ]
            total = counts[0] + counts[1]
            summed = sum(
                numpy.nan_to_num(score) * count for score, count in zip((scores[at], own[0]), counts, strict=True)
            )
            scores[at] = numpy.where(total > 0, summed / numpy.maximum(total, 1), numpy.nan)
            tries[at] = total
    return Panel(models, families, numpy.column_stack(scores), numpy.column_stack(tries))


def ranks(values: Numbers) -> Numbers:
    """The ranks; equal values share the mean of theirs."""
    # Rounded, so that means of the same answers tie in whatever order they were added up.
    _, place, count = numpy.unique(numpy.round(values, 9), return_inverse=True, return_counts=True)
    last = numpy.cumsum(count)
    return (last - (count - 1) / 2)[place]


def spearman(scores: Numbers, errors: Numbers) -> float:
    """Spearman's correlation over the rows where both are known."""
    known = ~(numpy.isnan(scores) | numpy.isnan(errors))
    first, second = ranks(scores[known]), ranks(errors[known])
    if first.std() == 0 or second.std() == 0:
        return float("nan")
    return float(numpy.corrcoef(first, second)[0, 1])


def gap(scores: Numbers, errors: Numbers) -> float:
    """The mean error of hard rows less that of easy ones, with thresholds at the 20th and 80th percentile."""
    known = ~(numpy.isnan(scores) | numpy.isnan(errors))
    scores, errors = scores[known], errors[known]
    low, high = numpy.percentile(scores, [20, 80])
    easy = scores <= low
    hard = (scores >= high) & ~easy
    return float(errors[hard].mean() - errors[easy].mean()) if hard.any() else float("nan")


def folds_of(groups: Sequence[str], most: int) -> list[list[int]]:
    """The places of the members, in at most `most` folds of about equal size; each group lies in one fold."""
    names = sorted(set(groups), key=lambda name: (-sum(group == name for group in groups), name))
    folds: list[list[int]] = [[] for _ in range(min(most, len(names)))]
    for name in names:
        smallest = min(folds, key=len)
        smallest.extend(place for place, group in enumerate(groups) if group == name)
    return [sorted(fold) for fold in folds]


@dataclass
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """As a table has it."""
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def held_out(predictions: Sequence[Numbers], panels: Sequence[Panel], resamples: int = 300) -> list[Estimate]:
    """Spearman's correlation and the gap of each fold's prediction and its left-out models, averaged over folds.

    The intervals resample, within each fold, rows and models.
    """
    random = numpy.random.default_rng(17)

    def averaged(errors: Sequence[tuple[Numbers, Numbers]]) -> list[float]:
        return [float(numpy.nanmean([measure(*pair) for pair in errors])) for measure in (spearman, gap)]

    centre = averaged([(scores, panel.errors()) for scores, panel in zip(predictions, panels, strict=True)])
    replicas = []
    for _ in range(resamples):
        pairs = []
        for scores, panel in zip(predictions, panels, strict=True):
            rows = random.integers(len(scores), size=len(scores))
            models = random.integers(len(panel.models), size=len(panel.models))
            sample = Panel(panel.models, panel.families, panel.scores[numpy.ix_(rows, models)], panel.tries)
            pairs.append((scores[rows], sample.errors()))
        replicas.append(averaged(pairs))
    # Resampled models are fewer models, so that resampled correlations lie lower: only their spread is used.
    spread = 1.96 * numpy.nanstd(numpy.array(replicas), axis=0)
    return [
        Estimate(value, value - own, min(1.0, value + own))
        for value, own in zip(centre, map(float, spread), strict=True)
    ]


def workplace() -> tempfile.TemporaryDirectory[str]:
    """A folder for work that goes away afterwards."""
    return tempfile.TemporaryDirectory(prefix="symphony-difficulty-")
