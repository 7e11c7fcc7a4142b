"""Checks the arguments of the package's methods. Each error names the parameter and says what to write."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Union

from ._core import TaskStream
from ._errors import ConfigError, MissingDataError, RequestError
from ._evidence import Calibration

StrPath = Union[str, "os.PathLike[str]"]
"""A path, as text or as an object."""
Calibrated = Union[StrPath, Calibration, "Mapping[str, Calibration]"]
"""A difficulty: a word, a path, a calibration, or what ``calibrate`` returns."""
Responses = Any
"""A path, a list of paths, or an Arrow-compatible table (polars, pandas, pyarrow)."""


def path(parameter: str, value: object) -> str:
    """A path as text."""
    try:
        found = os.fsdecode(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{parameter}: expected a path, found {_kind(value)}") from None
    if "\0" in found:
        raise RequestError(f"{parameter}: {found!r} is not a valid path: it has a NUL character")
    return found


def paths(parameter: str, value: object) -> list[str]:
    """One path or several, as texts."""
    if isinstance(value, (str, bytes, os.PathLike)):
        return [path(parameter, value)]
    if not isinstance(value, Iterable):
        raise TypeError(f"{parameter}: expected a path or several, found {_kind(value)}")
    return [path(parameter, one) for one in value]


def difficulty(parameter: str, value: object) -> str:
    """The word of a difficulty, or a path. A path object is a path, even if it reads like a word."""
    return _word_or_path(parameter, value, ("surface", "reference"))


def calibration(parameter: str, value: object) -> str:
    """The path of a calibration, or of a folder of them."""
    return path(parameter, _place_of(parameter, value))


def prior(parameter: str, value: object) -> str:
    """The word of a prior, or a path, as for a difficulty."""
    return _word_or_path(parameter, value, ("features", "reference"))


def _word_or_path(parameter: str, value: object, words: tuple[str, ...]) -> str:
    place = _place_of(parameter, value)
    found = path(parameter, place)
    is_path = isinstance(place, os.PathLike) and found in words
    return os.path.join(os.curdir, found) if is_path else found


def _place_of(parameter: str, value: object) -> str | bytes | os.PathLike[str]:
    """The file of a calibration, or the folder of those that ``calibrate`` returns; a path as it is."""
    if isinstance(value, Calibration):
        return Path(value.path)
    if isinstance(value, (str, bytes, os.PathLike)):
        return value
    if not isinstance(value, Mapping) or not value or not all(isinstance(one, Calibration) for one in value.values()):
        raise TypeError(f"{parameter}: expected a path or a calibration, found {_kind(value)}")
    folders = {Path(one.path).parent for one in value.values()}
    if len(folders) > 1:
        several = ", ".join(sorted(map(str, folders)))
        raise RequestError(
            f"{parameter}: these calibrations are in several folders ({several}); put their files into one folder, and "
            "give that"
        )
    return folders.pop()


def text(parameter: str, value: object, example: str) -> str:
    """A text that can be written as UTF-8."""
    if not isinstance(value, str):
        raise RequestError(f"{parameter}: {value!r}: write a text, such as {example}")
    return _encodable(parameter, value)


def flag(parameter: str, value: object) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    # A boolean of numpy's.
    plain = _of_numpy(value)
    if isinstance(plain, bool):
        return plain
    raise RequestError(f"{parameter}: {value!r}: write True or False")


def choice(parameter: str, value: object, choices: tuple[str, ...]) -> str:
    """One of these texts."""
    if isinstance(value, str) and value in choices:
        return value
    raise RequestError(f"{parameter}: {value!r}: write {' or '.join(_quoted(choices))}")


def names(parameter: str, value: object) -> list[str]:
    """Names in an order that is the same each time."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, set, frozenset, Mapping)):
        found = list(value)
        if all(isinstance(name, str) for name in found):
            return [_encodable(parameter, name) for name in found]
    raise RequestError(f'{parameter}: {value!r}: write a list of names, such as ["gsm8k", "amc"]')


def names_or_text(parameter: str, value: object) -> list[str]:
    """Names, or one text with commas between them, as the command takes it."""
    if not isinstance(value, str):
        return names(parameter, value)
    found = [name.strip() for name in _encodable(parameter, value).split(",")]
    if "" in found:
        raise RequestError(f'{parameter}: {value!r}: a name is missing; write names, such as "bin,benchmark"')
    return found


def whole(parameter: str, value: object) -> int:
    """A whole number of 64 bits, from 0 up."""
    try:
        found = int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        found = -1
    if isinstance(value, (bool, str)) or found != value or not 0 <= found < 2**64:
        raise RequestError(f"{parameter}: {value!r}: write a whole number from 0 to 2**64 - 1")
    return int(found)


def number(parameter: str, value: object) -> float:
    """A finite number."""
    plain = _of_numpy(value)
    if isinstance(plain, (int, float)) and not isinstance(plain, bool) and math.isfinite(plain):
        return float(plain)
    raise RequestError(f"{parameter}: {value!r}: write a number")


def numbers(parameter: str, value: object) -> list[tuple[str, float]]:
    """A number for each benchmark, in order."""
    return [(name, number(f"{parameter}: {name}", given)) for name, given in _by_benchmark(parameter, value)]


def percentiles(parameter: str, value: object) -> dict[str, tuple[float, float]]:
    """A low and a high percentile for each benchmark."""
    found = {}
    for name, pair in _by_benchmark(parameter, value):
        given = list(pair) if isinstance(pair, Iterable) and not isinstance(pair, (str, Mapping)) else []
        if len(given) != 2:
            raise RequestError(f"{parameter}: {name}: {pair!r}: write [low, high], such as [20, 80]")
        low, high = (number(f"{parameter}: {name}", one) for one in given)
        found[name] = (low, high)
    return found


def chances(parameter: str, value: object) -> dict[str, float]:
    """The chance that a guess is right, for each benchmark."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        found = [_of_numpy(chance) for chance in value.values()]
        if all(isinstance(one, (int, float)) and not isinstance(one, bool) and 0 <= one < 1 for one in found):
            return {str(name): float(chance) for name, chance in value.items()}
    example = '{"medical_qa": 0.25}'
    raise RequestError(f"{parameter}: {value!r}: write benchmarks and a chance from 0 up to 1, such as {example}")


def pair(parameter: str, value: object) -> tuple[str, str]:
    """Two names."""
    found = names(parameter, value)
    if len(found) != 2:
        raise RequestError(f'{parameter}: {value!r}: write two models, such as ("A", "B")')
    return found[0], found[1]


def inputs(responses: Responses) -> list[object]:
    """The files and tables with responses."""
    given = responses if isinstance(responses, (list, tuple)) else [responses]
    found: list[object] = []
    for one in given:
        if isinstance(one, (str, os.PathLike)):
            found.append(path("responses", one))
        elif hasattr(one, "__arrow_c_stream__"):
            found.append(one)
        else:
            kind = type(one).__name__
            raise RequestError(
                f"responses: {kind}: give a path, a list of paths, or a table of polars, pandas or pyarrow"
            )
    return found


def pool_path(parameter: str, value: object) -> str:
    """The path of a pool that is to be written; its ending says the format."""
    found = path(parameter, value)
    if not found.lower().endswith((".jsonl", ".parquet")):
        raise RequestError(f"{parameter}: {found!r}: write a name that ends in .jsonl or .parquet")
    return found


def responses_path(parameter: str, value: object) -> str:
    """The path of a file for responses; its ending says the format."""
    found = path(parameter, value)
    if not found.lower().endswith((".jsonl", ".csv", ".jsonl.gz", ".jsonl.zst", ".csv.gz", ".csv.zst", ".parquet")):
        raise RequestError(
            f"{parameter}: {found!r}: write a name that ends in .jsonl, .csv (each also .gz or .zst) or .parquet"
        )
    return found


def of_log(filter: str | None, metric: str | None) -> tuple[str | None, str | None]:
    """Which lines of a log to read."""
    return (
        None if filter is None else text("filter", filter, '"strict-match"'),
        None if metric is None else text("metric", metric, '"exact_match"'),
    )


def text_of_file(name: str) -> str:
    """The text of a file of experiments."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MissingDataError(f"{name}: there is no such file; check the path") from error
    except OSError as error:
        raise RequestError(f"{name}: cannot read this file: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{name}: this file is not UTF-8; save it as UTF-8") from error


def yaml(value: Mapping[Any, Any]) -> str:
    """The text of a configuration, or of experiments, that is given as a dict. JSON is YAML too."""
    return json.dumps(_plain("", value), ensure_ascii=False)


def keys(given: Mapping[str, Any]) -> str:
    """Keys of a request in the form that a file has them in, without those that say nothing."""
    try:
        return yaml({key: value for key, value in given.items() if value is not None})
    except ConfigError as error:
        raise RequestError(str(error)) from None


def excluded(parameter: str, value: object) -> tuple[list[str], list[object]]:
    """The paths and the tasks that a request leaves out."""
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes, TaskStream))
    given: list[object] = list(value) if several else [value]  # type: ignore[call-overload]
    paths: list[str] = []
    tasks: list[object] = []
    for one in given:
        if isinstance(one, TaskStream):
            tasks.append(one)
        else:
            paths.append(path(parameter, one))
    return paths, tasks


def _plain(place: str, value: object) -> Any:
    """The value in types that YAML has. `place` is the key, with dots."""
    where = f"{place}: " if place else ""
    if isinstance(value, Mapping):
        found: dict[str, Any] = {}
        for key, item in value.items():
            name = str(key) if isinstance(key, int) and not isinstance(key, bool) else key
            if not isinstance(name, str):
                raise TypeError(f"{where}the key {key!r} is {_kind(key)}; write keys as text")
            if name in found:
                raise ConfigError(f"{where}the key {name!r} occurs twice, as text and as a number")
            found[_encodable(f"{where}a key", name)] = _plain(f"{place}.{name}" if place else name, item)
        return found
    if isinstance(value, (list, tuple)):
        return [_plain(f"{place}[{at}]", item) for at, item in enumerate(value)]
    if isinstance(value, str):
        return _encodable(place, value)
    value = _of_numpy(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}{value!r} is not a finite number")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    write = "write texts, numbers, True, False, None, lists and dicts"
    if isinstance(value, os.PathLike):
        write = f"write a path as text, such as {'file:' + os.fsdecode(value)!r} for the rows of a benchmark"
    raise TypeError(f"{where}{_kind(value)} cannot be part of a configuration; {write}")


def _by_benchmark(parameter: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise RequestError(f"{parameter}: {value!r}: write a dict with a value for each benchmark")
    return [(_encodable(parameter, name), given) for name, given in value.items()]


def _encodable(parameter: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RequestError(f"{parameter}: {value!r} has half of a surrogate pair, which UTF-8 cannot hold") from None
    return value


def _of_numpy(value: object) -> object:
    """The plain number for one of numpy's; any other value as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else value


def _kind(value: object) -> str:
    name = type(value).__name__
    return name if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _quoted(choices: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in choices]
