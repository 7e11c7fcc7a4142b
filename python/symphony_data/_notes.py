"""Passes on what the library says while it works: to the log, and as warnings."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from ._errors import SymphonyDataWarning

logger = logging.getLogger("symphony_data")
# Programs that want the log configure logging. Without this handler, Python would print each warning a second time.
logger.addHandler(logging.NullHandler())
_PACKAGE = os.path.dirname(__file__)


class Notes:
    """Logs each note at once, and gives the warnings among them at the end.

    The library works on threads of its own, but a warning should point at the line that called it.
    """

    def __init__(self) -> None:
        self._warnings: list[str] = []

    def __call__(self, level: str, message: str) -> None:
        getattr(logger, level)(message)
        if level == "warning":
            self._warnings.append(message)

    def __enter__(self) -> Notes:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for message in self._warnings:
                warnings.warn(message, SymphonyDataWarning, stacklevel=_caller())


def _caller() -> int:
    """The number of frames between the caller of this function and the code that called this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
