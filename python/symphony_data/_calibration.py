"""Reads a calibration for an adaptive test: its rows, and the few numbers of its meta that the test needs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import _arguments as argument
from . import _core
from ._builder import DatasetBuilder
from ._errors import MissingDataError, RequestError
from ._evidence import Calibration, ReferenceCard

ENDING = "_calibration.jsonl"
# No fit gives a difficulty, an ability or a spread beyond this many logits, or a curve that is so steep. Far larger
# numbers overflow.
FARTHEST = 50.0
STEEPEST = 100.0


@dataclass(frozen=True)
class Row:
    """One row: how it is called, and its curve."""

    source_id: str
    identity: str
    difficulty: float
    """In logits."""
    standard_error: float
    """Of the difficulty, in logits."""
    discrimination: float


@dataclass(frozen=True)
class Fitted:
    """The rows of a calibration, and what it says of its panel."""

    rows: list[Row]
    ability_mean: float
    """In logits, as the spread."""
    ability_sd: float
    chance: float
    """The probability that a guess is right, 0 to 1."""
    where: str
    """How messages call it."""


def read(calibration: object) -> Fitted:
    """Reads a calibration, or a reference difficulty by its card or name. Checks every number that the test uses."""
    if isinstance(calibration, ReferenceCard):
        return _reference(calibration["benchmark"])
    # A path object is a path, even if it reads like a name.
    if isinstance(calibration, str) and _core.reference_rows(calibration):
        return _reference(calibration)
    given = calibration.path if isinstance(calibration, Calibration) else calibration
    path = _file(argument.path("calibration", given))
    about = path.removesuffix(".jsonl") + "_meta.json"
    meta = _json(about, _text(about, _bytes(about)))
    content = _bytes(path)
    written = meta.get("calibration")
    if not isinstance(written, dict) or written.get("checksum") != f"sha256:{hashlib.sha256(content).hexdigest()}":
        raise RequestError(f"calibration: {path} was changed since it was written (checksum); calibrate again")
    # Only a line feed ends a line: texts may have other line separators.
    lines = _text(path, content).removesuffix("\n").split("\n") if content else []
    if meta.get("n_tasks_full") != len(lines):
        raise RequestError(
            f"calibration: {path} has {len(lines)} rows, and its meta says {meta.get('n_tasks_full')!r}: "
            "it was changed since it was written; calibrate again"
        )
    if not lines:
        raise RequestError(f"calibration: {path} has no rows; calibrate the benchmark first")
    return _fitted([_row(f"{path}:{number}", text) for number, text in enumerate(lines, 1)], meta, path, about)


def _fitted(rows: list[Row], meta: Mapping[str, Any], where: str, about: str) -> Fitted:
    first: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if first.setdefault(row.source_id, number) != number:
            raise RequestError(
                f"calibration: {where}:{number}: source_id {row.source_id!r} is that of line {first[row.source_id]}, "
                "too; calibrate again"
            )
    return Fitted(
        rows,
        _number(about, "ability_mean", meta.get("ability_mean", 0.0), -FARTHEST, FARTHEST),
        _number(about, "ability_sd", meta.get("ability_sd"), 0.0, FARTHEST, above=True),
        _number(about, "chance", meta.get("chance", 0.0), 0.0, 1.0, below=True),
        where,
    )


def _reference(benchmark: str) -> Fitted:
    (card,) = [card for card in json.loads(_core.reference()) if card["benchmark"] == benchmark]
    rows = [
        Row(f"{benchmark}_{row}", identity, difficulty, error, 1.0)
        for row, (identity, difficulty, error) in enumerate(_core.reference_rows(benchmark))
    ]
    where = f"the reference difficulty of {benchmark}"
    return _fitted(rows, card, where, where)


def _file(path: str) -> str:
    """The file that a path means: itself, or the only calibration in a folder."""
    if path.endswith(ENDING):
        return path
    if os.path.isdir(path):
        try:
            found = sorted(name for name in os.listdir(path) if name.endswith(ENDING))
        except OSError as error:
            raise RequestError(f"calibration: {path} cannot be read: {error}") from None
        if len(found) == 1:
            return os.path.join(path, found[0])
        if found:
            raise RequestError(
                f"calibration: {path} is a folder with {len(found)} calibrations: write the path of one of "
                f"{', '.join(found)}"
            )
        raise RequestError(
            f"calibration: {path} is a folder without a {{benchmark}}{ENDING}; calibrate the benchmark first"
        )
    names = [card["benchmark"] for card in json.loads(_core.reference())]
    if path in DatasetBuilder().benchmarks:
        raise RequestError(
            f"calibration: {path} has no reference difficulty: calibrate it, and write the path of its {path}{ENDING}; "
            f"benchmarks with a reference difficulty: {', '.join(names)}"
        )
    raise RequestError(
        f"calibration: {path}: write the path of a {{benchmark}}{ENDING}, "
        f"or a benchmark with a reference difficulty: {', '.join(names)}"
    )


def _row(where: str, text: str) -> Row:
    line = _json(where, text)
    # Where all rows were fitted with one discrimination, a row has a curve of its own, which predicts better.
    curve = line.get("curve", line)
    source_id, identity = line.get("source_id"), line.get("identity")
    if not isinstance(source_id, str) or not isinstance(identity, str) or not isinstance(curve, dict):
        raise RequestError(f"calibration: {where} is not a row of a calibration; calibrate again")
    return Row(
        source_id,
        identity,
        _number(where, "difficulty", curve.get("difficulty"), -FARTHEST, FARTHEST),
        _number(where, "standard_error", line.get("standard_error"), 0.0, FARTHEST),
        _number(where, "discrimination", curve.get("discrimination", 1.0), 0.0, STEEPEST, above=True),
    )


def _number(
    where: str, key: str, value: object, least: float, most: float, *, above: bool = False, below: bool = False
) -> float:
    """A number from `least` to `most`; `above` and `below` leave the ends out."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most:
        if not (above and value == least) and not (below and value == most):
            return float(value)
    found = "is missing" if value is None else f"is {value!r:.40}"
    range_of = f"{'above' if above else 'from'} {least:g} {'to below' if below else 'to'} {most:g}"
    raise RequestError(f"calibration: {where}: {key} {found}, and must be a number {range_of}; calibrate again")


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise MissingDataError(f"calibration: {path} does not exist; calibrate the benchmark first") from None
    except OSError as error:
        raise RequestError(f"calibration: {path} cannot be read: {error}") from None


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(f"calibration: {path} is not a text in UTF-8: {error}; calibrate again") from None


def _json(where: str, text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestError(f"calibration: {where} is not a JSON object; calibrate again")
    return found
