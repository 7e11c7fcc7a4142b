"""The result of ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Exported:
    """An export that was written.

    Attributes:
        name (str): its name.
        to (str): the harness.
        folder (pathlib.Path): its folder, whose README.md says how to run it.
        tasks (int): how many tasks it has.
        distinct (int): how many of them are distinct, by identity.
        cells (dict[str, dict[str, int]]): how many tasks each benchmark has in each bin.
        command (str): the command that runs it, in its folder.
    """

    def __init__(
        self, name: str, to: str, folder: str, tasks: int, distinct: int, cells: list[dict[str, Any]], command: str
    ) -> None:
        self.name, self.to, self.folder = name, to, Path(folder)
        self.tasks, self.distinct, self.command = tasks, distinct, command
        self.cells: dict[str, dict[str, int]] = {}
        for cell in cells:
            self.cells.setdefault(cell["benchmark"], {})[cell["bin"]] = cell["tasks"]

    def __repr__(self) -> str:
        return f"<Exported {self.name} to {self.to}: {self.tasks} tasks in {self.folder}>"
