"""Shows how far the work is: with tqdm, or as lines of text."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ._errors import RequestError

Callback = Callable[[str, str, int, int | None], object]
"""``progress(benchmark, stage, done, total)``: stage is ``"downloading"`` (bytes), ``"scoring"`` or ``"writing"``
(rows), or what the method names; total is None where it is not known."""
Progress = bool | Callback | None


@contextmanager
def shown(progress: Progress) -> Iterator[Callback | None]:
    """The function that shows the progress, as the caller asked for it."""
    if progress is None or progress is False:
        yield None
    elif progress is True:
        bars = _bars()
        try:
            yield bars
        finally:
            bars.close()
    elif callable(progress):
        yield progress
    else:
        raise RequestError(f"progress: {progress!r}: write True, or a function (benchmark, stage, done, total)")


def _bars() -> Bars | Lines:
    """Bars where tqdm is installed, else lines."""
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return Lines()
    return Bars(tqdm)


class Bars:
    """A tqdm bar for each stage of each benchmark."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._of: tuple[str, str] | None = None

    def __call__(self, benchmark: str, stage: str, done: int, total: int | None) -> None:
        if self._of != (benchmark, stage):
            self.close()
            unit = "B" if stage == "downloading" else "rows"
            self._bar = self._tqdm(desc=f"{benchmark}: {stage}", total=total, unit=unit, unit_scale=True, leave=False)
            self._of = (benchmark, stage)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Ends the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
            self._bar = self._of = None


class Lines:
    """Lines on stderr: one a second, and one at the end of each stage."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._of: tuple[str, str] | None = None
        self._due = 0.0
        self._line: str | None = None

    def __call__(self, benchmark: str, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if self._of != (benchmark, stage):
            self.close()
            self._of, self._due = (benchmark, stage), now + self._seconds
        self._line = f"{benchmark}: {stage}: {_amount(stage, done, total)}"
        if now >= self._due:
            self.close()
            self._due = now + self._seconds

    def close(self) -> None:
        """Prints the line that was not printed yet."""
        if self._line is not None:
            print(self._line, file=sys.stderr, flush=True)
            self._line = None


def _amount(stage: str, done: int, total: int | None) -> str:
    if stage == "downloading":
        return f"{done / 1e6:,.1f} MB" if total is None else f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB"
    return f"{done:,} rows" if total is None or done == total else f"{done:,} of {total:,} rows"
