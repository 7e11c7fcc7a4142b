"""The results of ``validate``, ``calibrate`` and ``responses``, and the cards of reference difficulties."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


class ValidationReport(Mapping[str, "dict[str, Any]"]):
    """How difficulty scores compare with the responses of models: a mapping from benchmark to its numbers.

    The keys are benchmarks, and ``"tasks/BENCHMARK"`` for tasks that were given, or ``"PATH/BENCHMARK"`` for a pool.
    Each value has the keys of ``symphony-data validate --json``: ``rows``, ``models``, ``spearman`` (``value``,
    ``low``, ``high``: the 95 % interval by bootstrap over rows and models), ``pearson``, ``ceiling``, ``bins``
    (``rows`` and ``error`` of each), ``gap``, ``ties``, ``within`` (by config), ``in_sample``, ``left_out``,
    ``sentence``.

    Attributes:
        unmapped (list[dict]): the answers that match no row: ``reason``, ``answers`` (how many), ``examples``.
    """

    def __init__(self, report: dict[str, Any]) -> None:
        self._found: dict[str, dict[str, Any]] = {
            f"{found['pool']}/{found['benchmark']}" if "pool" in found else found["benchmark"]: found
            for found in report["validations"]
        }
        self.unmapped: list[dict[str, Any]] = report["unmapped"]

    def __getitem__(self, benchmark: str) -> dict[str, Any]:
        return self._found[benchmark]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def to_pandas(self) -> pandas.DataFrame:
        """The numbers as a ``pandas.DataFrame``, one row a benchmark. Needs pandas.

        Columns: ``rows``, ``models`` (how many), ``rho`` (Spearman) with ``rho_low`` and ``rho_high``, ``ceiling``,
        ``error_easy``, ``error_medium`` and ``error_hard`` (error rates, 0 to 1), ``gap`` (hard minus easy) with
        ``gap_low`` and ``gap_high``, ``in_sample``.
        """
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
            f"{name}: {said}"
            for name, found in self._found.items()
            for said in [
                found["sentence"] + (" (IN-SAMPLE)" if found["in_sample"] else ""),
                *found.get("remarks", []),
            ]
        )


class Calibration(Mapping[str, Any]):
    """The difficulties that were fitted for one benchmark: a mapping with the content of its meta file.

    Among the keys of ``{benchmark}_calibration_meta.json``: ``panel`` (each model's ``ability``, ``standard_error``,
    ``slope``), ``variance_explained``, ``residual_sd``, ``ability_sd``, ``converged``, ``n_unanswered``.

    Attributes:
        path (str): the file with the difficulty of each row. ``build_task_stream(..., difficulty=CALIBRATION)`` draws
            by it, and so does ``difficulty: {measured: PATH}`` of the benchmark in a configuration.
    """

    def __init__(self, meta: dict[str, Any], folder: str) -> None:
        self._meta = meta
        self.path: str = os.path.join(folder, f"{meta['benchmark']}_calibration.jsonl")

    def __getitem__(self, key: str) -> Any:
        return self._meta[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._meta)

    def __len__(self) -> int:
        return len(self._meta)

    def __repr__(self) -> str:
        models = len(self._meta["panel"])
        prior = {"features": "features", "reference": "the reference", "calibration": "an earlier calibration"}
        by = prior.get(self._meta.get("prior", "features"), "its prior")
        return (
            f"<Calibration of {self._meta['benchmark']}: {models} model{'' if models == 1 else 's'}, "
            f"{self._meta['n_answers']} answers, {self._meta['variance_explained']:.0%} explained by {by}; "
            f"in {self.path}>"
        )


class ReferenceCard(Mapping[str, Any]):
    """What is known of the difficulty of one benchmark that ships with the program: a mapping.

    Among its keys: ``panel`` (each model's ``name``, ``family`` and ``n_responses``), ``sources`` (with the ``license``
    of each), ``n_answers``, ``n_families``, ``n_base_models``, ``features`` and ``residual_sd`` (which predict rows
    without answers), ``held_out`` (``spearman`` and ``gap`` on models and families that were left out of the fit) and,
    where there is a caveat, ``note``.
    """

    def __init__(self, card: dict[str, Any]) -> None:
        self._card = card

    def __getitem__(self, key: str) -> Any:
        return self._card[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._card)

    def __len__(self) -> int:
        return len(self._card)

    def __repr__(self) -> str:
        card = self._card
        return (
            f"<Reference difficulty of {card['benchmark']}: {card['n_tasks_full']} rows, "
            f"{card['n_answers']} answers of {len(card['panel'])} models>"
        )


class WrittenResponses(Mapping[str, "dict[str, int]"]):
    """What was written to a file of responses: a mapping from benchmark to its counts.

    The counts are ``models``, ``rows`` (those with answers) and ``answers`` (lines in the file).

    Attributes:
        path (str): the file.
        unmapped (list[dict]): the answers that match no row, which were not written: ``reason``, ``answers`` (how
            many), ``examples``.
    """

    def __init__(self, written: dict[str, Any], path: str) -> None:
        self._counts: dict[str, dict[str, int]] = {counts.pop("benchmark"): counts for counts in written["benchmarks"]}
        self.path: str = path
        self.unmapped: list[dict[str, Any]] = written["unmapped"]

    def __getitem__(self, benchmark: str) -> dict[str, int]:
        return self._counts[benchmark]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {counts['answers']}" for name, counts in self._counts.items())
        return f"<WrittenResponses: {counts}; in {self.path}>"
