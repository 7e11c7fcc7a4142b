"""Chooses tasks of a stream, for ``TaskStream.filter``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._core import Task, TaskStream
from ._errors import RequestError

_BINS = ["easy", "medium", "hard"]
_ABSENT = object()
# How many names or values an error lists, and how many characters of each.
_LISTED, _LONGEST = 12, 40


def places(
    stream: TaskStream,
    bin: str | Iterable[str] | None,
    benchmark: str | Iterable[str] | None,
    phase: int | Iterable[int] | None,
    where: Mapping[str, Any] | Callable[[Task], object] | None,
) -> list[int]:
    """The places of the tasks that pass all filters, in order."""
    if len(stream) == 0:
        return []
    chosen: Iterable[int] = range(len(stream))
    bins, benchmarks = stream._texts("difficulty_bin"), stream._texts("benchmark")
    if bin is not None:
        names = _names("bin", "bin", bin, [*_BINS, *bins])
        chosen = [at for at in chosen if bins[at] in names]
    if benchmark is not None:
        names = _names("benchmark", "benchmark", benchmark, benchmarks)
        chosen = [at for at in chosen if benchmarks[at] in names]
    if phase is not None:
        phases = stream._phases()
        numbers = _numbers(phase, phases)
        chosen = [at for at in chosen if phases[at] in numbers]
    if where is None:
        return list(chosen)
    if isinstance(where, Mapping):
        passing = _passing(stream, benchmarks, where)
        return [at for at in chosen if at in passing]
    if callable(where):
        return [at for at in chosen if where(stream[at])]
    raise RequestError(f"where: {where!r}: write a dict of fields and values, or a function of a task")


def _passing(stream: TaskStream, benchmarks: list[str], where: Mapping[str, Any]) -> set[int]:
    """The places of the tasks that pass a dict: ``{field: values}`` or ``{benchmark: {field: values}}``."""
    by_benchmark = [isinstance(rule, Mapping) for rule in where.values()]
    every = set(range(len(stream)))
    if not all(by_benchmark):
        if any(by_benchmark):
            raise RequestError(
                f"where: {where!r}: write {{field: values}} or {{benchmark: {{field: values}}}}, not both"
            )
        return _of_fields(stream, every, where)
    _names("where", "benchmark", list(where), benchmarks)
    for name, fields in where.items():
        own = {at for at in every if benchmarks[at] == name}
        every = every - own | _of_fields(stream, own, fields)
    return every


def _of_fields(stream: TaskStream, places: set[int], fields: Mapping[str, Any]) -> set[int]:
    """Those of these places whose tasks have one of the values in each field."""
    tasks = {at: stream[at] for at in sorted(places)}
    passing = places
    for field, values in fields.items():
        if not isinstance(field, str):
            raise RequestError(f"where: {field!r}: write the name of a field as a text")
        wanted = list(values) if isinstance(values, Iterable) and not isinstance(values, (str, Mapping)) else [values]
        found = {at: _value(task, field) for at, task in tasks.items()}
        there = {at: value for at, value in found.items() if value is not _ABSENT}
        if tasks and not there:
            first = next(iter(tasks.values()))
            known = _listed([*(first.scorer_metadata or {}), *(first.raw_data or {})])
            raise RequestError(f"where: no task has the field {field!r}; fields of {first.task_id}: {known}")
        try:
            having = {at for at, value in there.items() if value in wanted}
        except (TypeError, ValueError) as error:
            raise RequestError(
                f"where: {field}: {_listed(wanted)} cannot be compared with its values ({error})"
            ) from error
        if there and wanted and not having:
            known = _listed(there.values())
            raise RequestError(f"where: {field}: no task has {_listed(wanted)}; values in this stream: {known}")
        passing = passing & having
    return passing


def _value(task: Task, field: str) -> object:
    """The value of a feature, else of a field of the row."""
    for data in (task.scorer_metadata, task.raw_data):
        if not isinstance(data, dict):
            continue
        if field in data:
            return data[field]
        value: object = data
        for key in field.split("."):
            value = value[key] if isinstance(value, dict) and key in value else _ABSENT
        if value is not _ABSENT:
            return value
    return _ABSENT


def _names(parameter: str, kind: str, value: object, known: list[str]) -> set[str]:
    """A name or several, each of which must be known."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, Iterable) or isinstance(given, Mapping):
        raise RequestError(f"{parameter}: {value!r}: write a name or a list of names")
    names = set()
    for name in given:
        if name not in known:
            raise RequestError(f"{parameter}: there is no {kind} {name!r} in this stream; known: {_listed(known)}")
        names.add(name)
    return names


def _numbers(value: object, known: list[int | None]) -> set[object]:
    """A phase or several, each of which must be known."""
    given = list(value) if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)) else [value]
    numbers = sorted({number for number in known if number is not None})
    if not numbers:
        raise RequestError("phase: this stream has no phases")
    for number in given:
        if number not in numbers or isinstance(number, bool):
            raise RequestError(f"phase: there is no phase {number!r} in this stream; known: {_listed(numbers)}")
    return set(given)


def _listed(values: Iterable[object]) -> str:
    """The distinct values, the first of them where they are many, and cut short where they are long."""
    distinct = list(dict.fromkeys(map(repr, values)))
    shown = [value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…" for value in distinct[:_LISTED]]
    return ", ".join(shown) + (f" and {len(distinct) - _LISTED} more" if len(distinct) > _LISTED else "")
