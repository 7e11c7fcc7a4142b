#!/usr/bin/env python3
"""Compares `symphony-data calibrate` with girth at fitting the same simulated answers.

usage: compare_irt.py PROGRAM [--sizes 100x2000,12x41871,11785x36259] [--runs 3] [--limit 540]
                      [--recovery 100x50,200x100,500x50,1000x30] [--draws 12]
                      [--output benches/RESULTS_IRT.md] [--work FOLDER]

A size is models x rows. `--sizes` are timed; at those of `--recovery`, at which girth ends, several draws are fitted,
because a single one does not show which program recovers b better. Answers follow the two-parameter model, the same
for the same size and draw: a model of ability theta solves a row of difficulty b and discrimination a with probability
1 / (1 + exp(-a (theta - b))), where theta and b are drawn from N(0, 1) and log a from N(0, 0.3^2). Both programs fit
that model, so both can be compared with the true b. For girth a benchmark's rows are the items, and the models the
participants.

The largest size needs 1 GB in WORK; existing answers are used again. Text after the line `<!-- notes -->` in the output
file is kept. Needs numpy, scipy, pyarrow and girth.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare import report
from compare.measure import Failed, Measured, run, run_until

# The measuring process imports no data library, because its own memory would show in the peak of every child. Parts
# that simulate, fit with girth and compare run in processes of their own.
if TYPE_CHECKING:
    import numpy

PACKAGES = ["numpy", "scipy", "pyarrow", "girth"]
SIZES = "100x2000,12x41871,11785x36259"
RECOVERY = "100x50,200x100,500x50,1000x30"
BENCHMARK = "gsm8k"
SEED = 2025
# Larger sizes are fitted once, and not by girth, which keeps a 64-bit number for each answer, and several at a time.
SMALL = 10_000_000
GROUP = 2**20

# ---------------------------------------------------------------------------------------------------------------------
# The simulation.


@dataclass(frozen=True)
class Size:
    """How many models answered how many rows, and which of several draws of such answers it is."""

    models: int
    rows: int
    draw: int = 0

    @classmethod
    def parse(cls, text: str) -> Size:
        """From `models x rows`, as `--sizes` says it, and the draw if it is not the first."""
        answers, _, draw = text.partition("-")
        models, _, rows = answers.partition("x")
        size = cls(int(models), int(rows), int(draw or 0))
        if size.models < 2 or size.rows < 2:
            raise ValueError(text)
        return size

    def __str__(self) -> str:
        """As it is parsed."""
        return f"{self.models}x{self.rows}" + (f"-{self.draw}" if self.draw else "")

    @property
    def seed(self) -> list[int]:
        """The seed of the generators. It never ends with 0, which numpy would ignore."""
        return [SEED, self.models, self.rows, 1 + self.draw]

    @property
    def title(self) -> str:
        """As a reader wants it."""
        return f"{self.models:,} x {self.rows:,}"

    @property
    def small(self) -> bool:
        """Whether it can be fitted several times, and by girth."""
        return self.models * self.rows <= SMALL


class Truth:
    """The parameters behind the answers of a size."""

    def __init__(self, size: Size) -> None:
        """The same for the same size."""
        import numpy

        self.size = size
        random = numpy.random.default_rng(size.seed)
        self.ability = random.normal(size=size.models)
        self.difficulty = random.normal(size=size.rows)
        self.discrimination = numpy.exp(random.normal(scale=0.3, size=size.rows))

    def answers(self, model: int) -> numpy.ndarray:
        """The rows that one model solved.

        From the model's own seed, so that the answers of one model do not need those of all.
        """
        import numpy

        random = numpy.random.default_rng([*self.size.seed, 1 + model])
        chance = 1 / (1 + numpy.exp(-self.discrimination * (self.ability[model] - self.difficulty)))
        return random.random(self.size.rows) < chance


def simulate(size: Size, output: str) -> None:
    """The answers as Parquet, model by model; a row group of some models at a time bounds the memory."""
    import numpy
    import pyarrow
    import pyarrow.parquet

    truth = Truth(size)
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    columns = [("benchmark", text), ("source_id", text), ("model", text), ("score", pyarrow.float64())]
    schema = pyarrow.schema(columns)
    ids = pyarrow.array([f"{BENCHMARK}_{row}" for row in range(size.rows)])
    rows = numpy.arange(size.rows, dtype=numpy.int32)
    at_once = max(GROUP // size.rows, 1)
    with pyarrow.parquet.ParquetWriter(output, schema, compression="zstd") as file:
        for first in range(0, size.models, at_once):
            models = range(first, min(first + at_once, size.models))
            names = pyarrow.array([f"model_{model}" for model in models])
            numbers = numpy.repeat(numpy.arange(len(models), dtype=numpy.int32), size.rows)
            scores = numpy.concatenate([truth.answers(model) for model in models]).astype(float)
            arrays = [
                pyarrow.DictionaryArray.from_arrays(numpy.zeros_like(numbers), pyarrow.array([BENCHMARK])),
                pyarrow.DictionaryArray.from_arrays(numpy.tile(rows, len(models)), ids),
                pyarrow.DictionaryArray.from_arrays(numbers, names),
                pyarrow.array(scores),
            ]
            file.write_table(pyarrow.table(arrays, schema=schema), row_group_size=len(scores))


def recovery(size: Size, fitted: str) -> None:
    """Prints how well the difficulties of a calibration rank the rows."""
    import numpy

    with open(fitted, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    in_order = [row["source_id"] for row in rows] == [f"{BENCHMARK}_{row}" for row in range(size.rows)]
    if not in_order:
        sys.exit(f"{fitted} does not hold {size.rows} rows in their order")
    difficulty = numpy.array([row["difficulty"] for row in rows], dtype=float)
    print(json.dumps({"spearman": spearman(difficulty, Truth(size).difficulty)}))


def girth(size: Size) -> None:
    """Fits with girth and prints the time of the fit alone: importing and simulating are not its work."""
    import girth
    import numpy

    truth = Truth(size)
    # Filled model by model: a list of all answers beside the array would be in the peak.
    answers = numpy.empty((size.rows, size.models), dtype=int)
    for model in range(size.models):
        answers[:, model] = truth.answers(model)
    start = time.perf_counter()
    fitted = girth.twopl_mml(answers)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "spearman": spearman(fitted["Difficulty"], truth.difficulty)}))


def spearman(fitted: numpy.ndarray, truth: numpy.ndarray) -> float | None:
    """None if a fit gave a value that is not a number, or the same value for all rows."""
    import numpy
    from scipy.stats import spearmanr

    if not numpy.isfinite(fitted).all() or numpy.ptp(fitted) == 0:
        return None
    return float(spearmanr(fitted, truth).statistic)


# The functions that `compare_irt.py --part NAME SIZE ARGUMENT...` runs.
PARTS = {"simulate": simulate, "recovery": recovery, "girth": girth}


def part(name: str, size: Size, *arguments: Path) -> list[str]:
    """The command that runs a part in a process of its own."""
    return [sys.executable, __file__, "--part", name, str(size), *map(str, arguments)]


# ---------------------------------------------------------------------------------------------------------------------
# Measuring.


@dataclass
class Fit:
    """A line of the table: either numbers, or why there are none."""

    size: Size
    program: str
    seconds: float | None = None
    peak: float | None = None
    spearman: float | None = None
    instead: str = ""

    def line(self, ours: Fit) -> str:
        """The last column says how many times as long as ours it took."""
        if self.seconds is None or self.peak is None:
            return f"| {self.size.title} | {self.program} | {self.instead} | - | - | - |"
        ranks = "no number for some rows" if self.spearman is None else f"{self.spearman:.4f}"
        ratio = f"{self.seconds / ours.seconds:.2f}" if ours.seconds else "-"
        return f"| {self.size.title} | {self.program} | {self.seconds:.2f} | {self.peak:.0f} | {ranks} | {ratio} |"


@dataclass
class Bench:
    """The program, where files go, and how often and how long."""

    program: Path
    work: Path
    runs: int
    limit: float

    def answers(self, size: Size) -> Path:
        """The simulated answers; renamed when whole, so that half a file is never used again."""
        path = self.work / f"{size}.parquet"
        if not path.exists():
            half = path.with_suffix(".half")
            made = run(part("simulate", size, half), self.work)
            half.rename(path)
            megabytes = path.stat().st_size / 1e6
            say(f"{size}: {megabytes:.1f} MB of answers in {made.seconds:.1f} s, peak {made.peak:.0f} MiB")
        return path

    def config(self, size: Size) -> Path:
        """The configuration of the store."""
        path = self.work / f"{size}.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({"benchmarks": {BENCHMARK: {"path": f"synthetic:{BENCHMARK}?rows={size.rows}"}}}))
        return path

    def store(self, size: Size) -> Path:
        """A preprocessed store of as many generated rows, whose features know nothing of the simulated b."""
        store = self.work / f"{size}-store"
        command = [self.program, "--config", self.config(size), "-q", "preprocess", "--benchmarks", BENCHMARK]
        run([*map(str, command), "--output-dir", str(store)], self.work)
        return store

    def ours(self, size: Size, model: str) -> tuple[Fit, dict[str, Any]]:
        """Median time and highest peak of the runs, and the meta of the last."""
        output = self.work / f"{size}-{model}"
        store = self.store(size)
        command = [self.program, "--config", self.config(size), "-q", "calibrate", "--model", model]
        command += ["--responses", self.answers(size), "--full-dir", store, "--output", output]
        measured = Measured()
        for _ in range(self.runs if size.small and not size.draw else 1):
            # So that no run pays for writing back the files of the one before.
            os.sync()
            measured.runs.append(run(list(map(str, command)), self.work))
        fitted = part("recovery", size, output / f"{BENCHMARK}_calibration.jsonl")
        rank = json.loads(run(fitted, self.work).printed)["spearman"]
        meta = json.loads((output / f"{BENCHMARK}_calibration_meta.json").read_text(encoding="utf-8"))
        return Fit(size, f"symphony-data {model}", measured.median, measured.peak, rank), meta

    def girth(self, size: Size) -> Fit:
        """Once: a second run would take long and change little, because it is many times slower than ours."""
        if not size.small:
            gigabytes = size.models * size.rows * 8 / 1e9
            return Fit(size, "girth", instead=f"not tried: {gigabytes:.1f} GB for each of its arrays would not fit")
        try:
            done = run_until(part("girth", size), self.work, self.limit)
        except Failed as error:
            return Fit(size, "girth", instead=str(error))
        if done is None:
            return Fit(size, "girth", instead=f"did not end in {self.limit:g} s")
        printed = json.loads(done.printed)
        return Fit(size, "girth", printed["seconds"], done.peak, printed["spearman"])


@dataclass
class Recovery:
    """How well both programs rank the rows of several draws."""

    size: Size
    pairs: list[tuple[float, float]]

    def line(self) -> str:
        """Means, and the mean difference with its standard error."""
        if len(self.pairs) < 2:
            return f"| {self.size.title} | {len(self.pairs)} | - | - | - | - | - |"
        ours, theirs = (statistics.fmean(values) for values in zip(*self.pairs, strict=True))
        differences = [own - other for own, other in self.pairs]
        error = statistics.stdev(differences) / len(differences) ** 0.5
        better = sum(difference > 0 for difference in differences)
        return (
            f"| {self.size.title} | {len(self.pairs)} | {ours:.4f} | {theirs:.4f} | {ours - theirs:+.4f} | {error:.4f} "
            f"| {better} |"
        )


def recovered(bench: Bench, size: Size, draws: int) -> Recovery:
    """Fits both programs to several draws of a size; those without numbers from girth are left out, with a message."""
    pairs = []
    for draw in range(1, draws + 1):
        own = Size(size.models, size.rows, draw)
        ours, theirs = bench.ours(own, "2pl")[0].spearman, bench.girth(own)
        if ours is None or theirs.spearman is None:
            say(f"{own}: left out: {theirs.instead or 'no number for some rows'}")
            continue
        pairs.append((ours, theirs.spearman))
    found = Recovery(size, pairs)
    say(found.line())
    return found


# ---------------------------------------------------------------------------------------------------------------------
# The report.


def introduction(bench: Bench) -> str:
    """The first paragraph of the report: machine, versions and method."""
    times = "one run" if bench.runs == 1 else f"the median of {bench.runs} runs"
    return (
        f"{report.measured_by('benches/compare_irt.py', bench.program, PACKAGES)} "
        "Answers are simulated by the two-parameter model (theta and b from N(0, 1), log a from "
        "N(0, 0.3^2)), so the true b is known. Ours is the whole process of `calibrate`, which reads the answers "
        f"as Parquet, joins them with the preprocessed rows, fits, and writes; {times}, or one where there are "
        f"more than {SMALL:,} answers. Of girth it is `twopl_mml` alone, with its default options, once, on an array "
        f"of the same answers that is in memory already; it is stopped after {bench.limit:g} s. The peak is the "
        "highest resident memory of the process. Spearman's rank correlation is that of the fitted b with the true "
        "one, over all rows."
    )


def remark(size: Size, model: str, meta: dict[str, Any]) -> str:
    """How the fit ended, by its own account."""
    ended = "converged" if meta["converged"] else "did not converge"
    return f"{size.title}, {model}: {meta['iterations']} iterations, {ended}."


def recoveries(bench: Bench, sizes: list[Size], draws: int) -> list[str]:
    """The table of how well both programs recover b, if several draws are requested."""
    if not sizes:
        return []
    heading = ["| models x rows | draws | symphony-data 2pl | girth | difference | its standard error | ours better |"]
    heading.append("|---|---|---|---|---|---|---|")
    lines = [recovered(bench, size, draws).line() for size in sizes]
    said = (
        "Spearman's rank correlation of b with the truth, averaged over draws of answers, at sizes at which girth ends:"
    )
    return [said, "", *heading, *lines, ""]


def reports(bench: Bench, sizes: list[Size], recovery: list[str]) -> Iterator[list[str]]:
    """The report so far, after each size, so that stopping during the largest size does not lose the others."""
    heading = ["| models x rows | program | seconds | peak MiB | Spearman of b with the truth | time to ours (2pl) |"]
    heading.append("|---|---|---|---|---|---|")
    table: list[str] = []
    remarks: list[str] = []
    for size in sizes:
        ours, meta = bench.ours(size, "2pl")
        fits = [ours]
        remarks.append(remark(size, "2pl", meta))
        if size.small:
            # 1pl is advised for few models.
            other, meta = bench.ours(size, "1pl")
            fits.append(other)
            remarks.append(remark(size, "1pl", meta))
        say(f"{[fit.line(ours) for fit in fits]} {remarks}")
        theirs = bench.girth(size)
        say(theirs.line(ours))
        table += [fit.line(ours) for fit in [*fits, theirs]]
        lines = ["# Results: item response theory", "", introduction(bench), "", *heading, *table, "", *remarks, ""]
        yield [*lines, *recovery]


# ---------------------------------------------------------------------------------------------------------------------
# The command.


def arguments() -> argparse.Namespace:
    """The options, checked."""
    parser = argparse.ArgumentParser(description="Compares symphony-data calibrate with girth.")
    parser.add_argument("program", type=Path, help="the binary symphony-data")
    parser.add_argument("--sizes", default=SIZES, help=f"models x rows, comma separated [default: {SIZES}]")
    parser.add_argument("--runs", type=int, default=3, help="runs of the small sizes [default: 3]")
    parser.add_argument("--limit", type=float, default=540, help="seconds for girth [default: 540]")
    parser.add_argument("--recovery", default=RECOVERY, help=f"likewise, or nothing [default: {RECOVERY}]")
    parser.add_argument("--draws", type=int, default=12, help="draws of each of these [default: 12]")
    results = Path(__file__).resolve().parent / "RESULTS_IRT.md"
    parser.add_argument("--output", type=Path, default=results, help="[default: benches/RESULTS_IRT.md]")
    parser.add_argument("--work", type=Path, help="stays as it is in the end [default: a temporary folder]")
    parsed = parser.parse_args()
    for option in ("sizes", "recovery"):
        asked = getattr(parsed, option)
        try:
            setattr(parsed, option, [Size.parse(text) for text in asked.split(",") if text])
        except ValueError:
            parser.error(f"--{option} {asked}: as {SIZES}, at least 2x2")
    if parsed.runs < 1 or parsed.draws < 2:
        parser.error("--runs must be at least 1, and --draws at least 2")
    report.require_packages(parser, PACKAGES)
    return parsed


def measure(asked: argparse.Namespace, work: Path) -> None:
    """All sizes, with files in WORK."""
    bench = Bench(asked.program.resolve(), work, asked.runs, asked.limit)
    for lines in reports(bench, asked.sizes, recoveries(bench, asked.recovery, asked.draws)):
        report.write(lines, asked.output)
    say(f"{asked.output} written")


def main() -> None:
    """Measures in the folder that was named, or in one that is removed in the end."""
    asked = arguments()
    try:
        if asked.work:
            asked.work.mkdir(parents=True, exist_ok=True)
            measure(asked, asked.work.resolve())
        else:
            with tempfile.TemporaryDirectory(prefix="compare-irt-") as work:
                measure(asked, Path(work))
    except Failed as error:
        sys.exit(f"compare_irt.py: {error}")


def say(text: str) -> None:
    """Tells the user how far it is."""
    report.say("compare_irt.py", text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        PARTS[sys.argv[2]](Size.parse(sys.argv[3]), *sys.argv[4:])
    else:
        main()
