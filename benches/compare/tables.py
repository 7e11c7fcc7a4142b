"""The tables of the report: one for each case, and one of the bars that are reached."""
# ruff: noqa: D102, D103

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compare.cases import Case
from compare.work import COPY, OURS, OURS_STABLE, POLARS, PYTHON


@dataclass
class Bar:
    """A line of the last table; `reached` is None if nothing was measured."""

    what: str
    at_most: str
    measured: str
    reached: bool | None
    # The scales at which it is meaningful. An absolute bar needs the full one. A ratio means less at a smaller
    # one, where the start of a process counts for more. Any, if the work is the same at all scales.
    scale: Literal["full", "ratio", "any"] = "ratio"

    def verdict(self, *, full: bool) -> str:
        if self.reached is None:
            return "-"
        if not full and self.scale == "full":
            return "at full size only"
        return ("yes" if self.reached else "no") + ("" if full or self.scale == "any" else ", at this scale")


@dataclass
class Results:
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
            time_against(self.jsonl, POLARS, 1 / 3),
            time_against(self.jsonl, PYTHON, 1 / 30),
            time_against(self.jsonl, COPY, 2.2),
            memory(self.jsonl, 256),
            time_against(self.parquet, POLARS, 1 / 2),
            memory(self.parquet, 256),
            Bar(self.tenfold.title, f"11 times the time of {self.rows:,}", f"{growth:.2f} times", growth <= 11),
            memory(self.tenfold, 512, ten),
            seconds(self.draw_parquet, 1.0),
            memory(self.draw_parquet, 512),
            time_against(self.draw_parquet, POLARS, 1 / 4, OURS_STABLE),
            seconds(self.draw_jsonl, 1.0),
            memory(self.draw_jsonl, 512),
            seconds(self.quick_start, 0.040, "any"),
            synthetic_bar(self.synthetic),
        ]


def time_against(case: Case, other: str, most: float, name: str = OURS) -> Bar:
    at_most = f"{share(most)} the time of {other}"
    title = case.title if name == OURS else f"{case.title}{name.removeprefix(OURS)}"
    if name not in case.measured:
        return Bar(title, at_most, "not measured", None)
    ratio = case.measured[name].median / case.measured[other].median
    return Bar(title, at_most, share(ratio), ratio <= most)


def share(ratio: float) -> str:
    """Such as 1/2.5, or 1.3 times."""
    return f"1/{1 / ratio:.3g}" if ratio < 1 else f"{ratio:.3g} times"


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
        cpu = duration(taken.cpu)
        lines.append(f"| {name} | {duration(taken.median)} ({spread}) | {cpu} | {taken.peak:.0f} | {ratio} |")
    for remark in case.remarks:
        lines += ["", remark] if case.measured else [remark]
    return [*lines, ""]


def bar_table(bars: list[Bar], *, full: bool) -> list[str]:
    lines = ["## Bars", "", "| what | at most | measured | reached |", "|---|---|---|---|"]
    for bar in bars:
        lines.append(f"| {bar.what} | {bar.at_most} | {bar.measured} | {bar.verdict(full=full)} |")
    return [*lines, ""]
