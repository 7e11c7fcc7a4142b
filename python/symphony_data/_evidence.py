"""What evidence gives back: validations, and calibrations."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


class ValidationReport(Mapping[str, "dict[str, Any]"]):
    """How difficulty scores compare with how models did: a mapping from benchmark to what was found.

    The keys are benchmarks; for tasks that were handed over, ``"tasks/BENCHMARK"``. Each value is what
    ``symphony-data validate --json`` prints: ``rows``, ``models``, ``spearman`` (``value``, ``low``, ``high``: the 95 %
    interval by bootstrap over rows and models), ``pearson``, ``ceiling``, ``bins`` (``rows`` and ``error`` of each),
    ``gap``, ``ties``, ``within`` (by config), ``in_sample``, ``left_out``, ``sentence``.
    """

    def __init__(self, report: dict[str, Any]) -> None:
        self._found: dict[str, dict[str, Any]] = {
            f"{found['pool']}/{found['benchmark']}" if "pool" in found else found["benchmark"]: found
            for found in report["validations"]
        }
        self.unmapped: list[dict[str, Any]] = report["unmapped"]
        """The answers that could not be mapped to a row: ``reason``, ``answers`` (how many), ``examples``."""

    def __getitem__(self, benchmark: str) -> dict[str, Any]:
        return self._found[benchmark]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def to_pandas(self) -> pandas.DataFrame:
        """One line for each benchmark: rows, models, rho, its interval, ceiling, errors by bin, gap, in_sample."""
        import pandas

        lines = {
            name: {
                "rows": found["rows"],
                "models": len(found["models"]),
                "rho": found["spearman"]["value"],
                "rho_low": found["spearman"]["low"],
                "rho_high": found["spearman"]["high"],
                "ceiling": found["ceiling"],
                **{f"error_{bin}": found["bins"][bin]["error"] for bin in ("easy", "medium", "hard")},
                "gap": found["gap"]["value"],
                "gap_low": found["gap"]["low"],
                "gap_high": found["gap"]["high"],
                "in_sample": found["in_sample"],
            }
            for name, found in self._found.items()
        }
        return pandas.DataFrame.from_dict(lines, orient="index")

    def __repr__(self) -> str:
        return "\n".join(
            f"{name}: {found['sentence']}" + (" (IN-SAMPLE)" if found["in_sample"] else "")
            for name, found in self._found.items()
        )


class Calibration(Mapping[str, Any]):
    """What was fitted to one benchmark: a mapping with what ``{benchmark}_calibration_meta.json`` holds.

    Among its keys: ``panel`` (each model's ``ability``, ``standard_error``, ``slope``), ``variance_explained``,
    ``residual_sd``, ``ability_sd``, ``converged``, ``n_unanswered``.
    """

    def __init__(self, meta: dict[str, Any], folder: str) -> None:
        self._meta = meta
        self.path: str = os.path.join(folder, f"{meta['benchmark']}_calibration.jsonl")
        """The file with a difficulty for each row, which ``difficulty: {measured: …}`` takes."""

    def __getitem__(self, key: str) -> Any:
        return self._meta[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._meta)

    def __len__(self) -> int:
        return len(self._meta)

    def __repr__(self) -> str:
        models = len(self._meta["panel"])
        return (
            f"<Calibration of {self._meta['benchmark']}: {models} model{'' if models == 1 else 's'}, "
            f"{self._meta['n_answers']} answers, {self._meta['variance_explained']:.0%} explained by features>"
        )
