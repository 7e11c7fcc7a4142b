"""How other libraries see tasks: as dataclasses, and in Polars as a table."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

from ._core import Task, TaskStream

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclasses.dataclass
class _Fields:
    task_id: str
    benchmark: str
    difficulty_score: float
    difficulty_bin: str
    raw_data: dict[str, Any]
    scorer_metadata: dict[str, Any]
    source_id: str | None = None
    identity: str | None = None
    phase: int | None = None
    weight: float | None = None
    stratum: int | None = None


def make_dataclass() -> None:
    """Makes `Task` a dataclass, so that pandas makes a column of each field."""
    for name in ("__dataclass_fields__", "__dataclass_params__", "__match_args__"):
        setattr(Task, name, getattr(_Fields, name))


def teach_polars() -> bool:
    """Makes ``polars.DataFrame(stream)`` a table. Returns False while Polars is not imported yet.

    Polars asks for the class of a sequence's first element before it asks for an Arrow table, and would make one column
    of objects. It has no public way to name a constructor for a class, so this uses a private one. Where a version of
    Polars does not have it, ``polars.from_arrow(stream.to_arrow())`` gives the same table.
    """
    if "polars" not in sys.modules:
        return False
    try:
        from polars._utils.construction import dataframe
    except ImportError:
        return True
    by_first_element = getattr(dataframe, "_sequence_to_pydf_dispatcher", None)
    register = getattr(by_first_element, "register", None)
    if register is not None:
        register(Task, _to_polars)
        # Polars remembers its choice for a class.
        getattr(dataframe, "_resolved_sequence_handlers", {}).pop(Task, None)
    return True


class _ArrowTable:
    """A stream as a table, and nothing else."""

    def __init__(self, stream: TaskStream) -> None:
        self._stream = stream

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._stream.__arrow_c_stream__(requested_schema)


def _to_polars(_first: Task, data: Iterable[Task], schema: Any = None, **options: Any) -> Any:
    import polars

    table = _ArrowTable(data if isinstance(data, TaskStream) else TaskStream(data))
    return polars.DataFrame(table, schema=schema, schema_overrides=options.get("schema_overrides"))._df
