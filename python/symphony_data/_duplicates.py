"""The result of ``duplicates``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


class DuplicatesReport(Mapping[str, "dict[str, Any]"]):
    """Copies, conflicts and near-duplicates: a mapping from benchmark to its counts.

    Each value has ``rows``, ``copies`` (rows with the identity of an earlier one), ``conflicts`` (rows whose question
    another row has with another answer), ``near`` (rows of a group behind its first one that are no copies), ``groups``
    and ``largest`` (rows of the largest group).

    Attributes:
        across (list[dict]): pairs of benchmarks with groups in common: ``benchmarks``, ``groups``, ``rows`` of each.
        complete (bool): whether every candidate pair was compared. If many thousand rows are almost similar to each
            other, some are not.
        overlap (dict[str, dict]): by benchmark, what occurs in other text: ``rows``, ``overlapping`` (rows with a run
            of words that does), ``whole`` (rows with only such runs), ``too_short`` (rows that were not looked for).
            Empty if no text was given.
    """

    def __init__(self, report: dict[str, Any]) -> None:
        self._found: dict[str, dict[str, Any]] = {found.pop("benchmark"): found for found in report["benchmarks"]}
        self.across: list[dict[str, Any]] = report["across"]
        self.complete: bool = report["complete"]
        against = report["against"] or {"benchmarks": []}
        self.overlap: dict[str, dict[str, Any]] = {found.pop("benchmark"): found for found in against["benchmarks"]}

    def __getitem__(self, benchmark: str) -> dict[str, Any]:
        return self._found[benchmark]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def to_pandas(self) -> pandas.DataFrame:
        """The counts as a ``pandas.DataFrame``, one row a benchmark. Needs pandas.

        Columns: ``rows``, ``copies``, ``conflicts``, ``near``, ``groups``, ``largest``; and, if other text was given,
        ``overlapping``, ``whole`` and ``too_short``.
        """
        import pandas

        lines = {name: {**found, **self.overlap.get(name, {})} for name, found in self._found.items()}
        return pandas.DataFrame.from_dict(lines, orient="index")

    def __repr__(self) -> str:
        lines = []
        for name, found in self._found.items():
            counts = f"{found['copies']} copies, {found['conflicts']} conflicts, {found['near']} near-duplicates"
            line = f"{name}: {found['rows']} rows: {counts}"
            if name in self.overlap:
                line += f"; {self.overlap[name]['overlapping']} occur in other text"
            lines.append(line)
        return "\n".join(lines)
