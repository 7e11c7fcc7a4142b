"""The result of ``results``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas


class Results(Mapping[str, "dict[str, Any]"]):
    """How well models do on a pool: a mapping from model to its numbers, the best model first.

    Each value has ``n_tasks`` (how many tasks its accuracy is the mean of), ``n_distinct``, ``unanswered`` and
    ``unanswered_tasks`` (the first few), ``accuracy`` with its ``standard_error``, and ``low`` and ``high`` (the 95 %
    interval), ``in_sample``, ``full`` (estimates of full benchmarks, or None, and then ``why``) and ``by``: for each
    thing that tasks were grouped by, each group's ``accuracy`` and so on. What cannot be computed is None.

    ``full`` has for each benchmark ``estimate``, ``standard_error``, ``low``, ``high``, ``method``, ``n_tasks`` (the
    answers that it is made of), ``n_rows`` (the rows that could be drawn, which it is an estimate of) and
    ``n_rows_full``. ``in_sample`` is None where it is not known whose answers the difficulty was fitted to.

    Attributes:
        pool (dict): ``name``, ``n_tasks``, ``n_distinct``, ``unanswered`` (tasks without an answer of any model),
            ``benchmarks``, ``synthetic``.
        comparisons (list[dict]): pairs of models on the tasks that both answered: ``model``, ``baseline``,
            ``difference`` with ``low`` and ``high``, ``p_value`` and ``adjusted_p_value``, ``discordant`` (how many
            tasks they answered differently), ``detectable`` (the smallest difference that would show), ``sentence``.
        notes (list[str]): what to know about the comparisons.
        pool_notes (list[str]): what to know about the estimates of full benchmarks, and about who is in-sample.
        unmapped (list[dict]): the answers that were left out: ``reason``, ``answers`` (how many), ``examples``.
        outside (int): how many answers are to tasks outside of the pool.
    """

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found
        self._models: dict[str, dict[str, Any]] = {own["model"]: own for own in found["models"]}
        self.pool: dict[str, Any] = found["pool"]
        self.comparisons: list[dict[str, Any]] = found["comparisons"]
        self.notes: list[str] = found["notes"]
        self.pool_notes: list[str] = found["pool_notes"]
        self.unmapped: list[dict[str, Any]] = found["unmapped"]
        self.outside: int = found["outside"]

    @property
    def models(self) -> list[dict[str, Any]]:
        """The numbers of each model, the best first."""
        return self._found["models"]  # type: ignore[no-any-return]

    def __getitem__(self, model: str) -> dict[str, Any]:
        return self._models[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def to_json(self, indent: int | None = None) -> str:
        """The results as JSON, in the form of ``symphony-data results --json``."""
        return json.dumps(self._found, indent=indent, ensure_ascii=False)

    def to_pandas(self) -> pandas.DataFrame:
        """The accuracies as a ``pandas.DataFrame``. Needs pandas.

        There is a row for each model (``by`` and ``group`` are "all"), one for each of its groups of tasks, and one for
        the estimate on each full benchmark (``by`` is "full", and ``group`` the benchmark).
        Columns: ``model``, ``by``, ``group``, ``n_tasks``, ``n_distinct``, ``unanswered``, ``accuracy``,
        ``standard_error``, ``low``, ``high``, ``in_sample``. ``pandas.DataFrame(results.comparisons)`` is a table of
        the comparisons.
        """
        import pandas

        numbers = ["n_tasks", "n_distinct", "unanswered", "accuracy", "standard_error", "low", "high"]
        lines = [
            {
                "model": own["model"],
                "by": by,
                "group": group,
                **{key: accuracy[key] for key in numbers},
                "in_sample": own["in_sample"],
            }
            for own in self.models
            for by, groups in {"all": {"all": own}, **own["by"]}.items()
            for group, accuracy in groups.items()
        ]
        for own in self.models:
            for benchmark, full in (own["full"] or {}).items():
                estimate = {key: full[key] for key in numbers[4:]}
                tasks = {"n_tasks": full["n_tasks"], "n_distinct": full["n_tasks"], "unanswered": 0}
                names = {"model": own["model"], "by": "full", "group": benchmark}
                accuracy = {"accuracy": full["estimate"], "in_sample": own["in_sample"]}
                lines.append({**names, **tasks, **accuracy, **estimate})
        table = pandas.DataFrame(lines, columns=["model", "by", "group", *numbers, "in_sample"])
        # Missing values are NaN, also where a column has no others.
        return table.astype({name: float for name in numbers[3:]})

    def __repr__(self) -> str:
        lines = []
        for own in self.models:
            line = f"{own['model']}: no answers"
            if own["accuracy"] is not None:
                line = f"{own['model']}: {own['accuracy']:.1%} of {own['n_tasks']} tasks"
            if own["low"] is not None:
                line += f" ({own['low']:.1%} to {own['high']:.1%})"
            if own["unanswered"]:
                line += f", {own['unanswered']} unanswered"
            lines.append(line + (" (IN-SAMPLE)" if own["in_sample"] else ""))
            for benchmark, full in (own["full"] or {}).items():
                rows = f"the {full['n_rows']} rows of {benchmark} that could be drawn"
                interval = f"({full['low']:.1%} to {full['high']:.1%})"
                lines.append(f"    about {full['estimate']:.1%} of {rows} {interval}")
        return "\n".join([*lines, *(own["sentence"] for own in self.comparisons)])
