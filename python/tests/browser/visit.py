"""Reports made by the wheel's command, and visits to them, which note everything that a page does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import ROOT

AXE = ROOT / "target" / "browser" / "package" / "axe.min.js"
CHROMIUM = os.environ.get("SYMPHONY_DATA_TEST_CHROMIUM") or shutil.which("chromium")
PHONE = 360


def symphony_data(place: Path, *arguments: str) -> None:
    """Runs the command in a folder."""
    command = [sys.executable, "-m", "symphony_data", "-q", *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}\n{done.stderr}"


@dataclass
class Report:
    """A report and the pool that it is about."""

    path: Path
    pool: Path


def report(place: Path, pool: str, *arguments: str) -> Report:
    """Makes a report on a pool."""
    symphony_data(place, "report", pool, *arguments, "--output", "report.html")
    return Report(place / "report.html", place / pool)


class Visit:
    """A report that is open in a window of its own."""

    def __init__(self, browser: Any, url: str, width: int = 1280, scheme: str = "light", script: bool = True) -> None:
        size = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=size, color_scheme=scheme, java_script_enabled=script)
        self.context.set_default_timeout(10_000)
        self.requests: list[str] = []
        self.events: list[str] = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.context.on("console", lambda message: self.events.append(f"console: {message.text}"))
        self.context.on("weberror", lambda error: self.events.append(f"error: {error.error}"))
        self.context.on("dialog", self._dialog)
        self.page = self.context.new_page()
        self.page.on("popup", lambda page: self.events.append(f"window: {page.url}"))
        self.page.on("download", lambda download: self.events.append(f"download: {download.url}"))
        self.page.on("websocket", lambda socket: self.events.append(f"socket: {socket.url}"))
        self.page.on("framenavigated", self._navigated)
        self.url = url.partition("#")[0]
        self.page.goto(url)
        if script:
            self.page.wait_for_selector("#found:not(:empty)")

    def _dialog(self, dialog: Any) -> None:
        self.events.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _navigated(self, frame: Any) -> None:
        if frame.url.partition("#")[0] != self.url:
            self.events.append(f"went to {frame.url}")

    def did_nothing(self) -> None:
        """The page asked for nothing but itself, and no code reported, asked or opened anything."""
        assert self.requests == [self.url]
        assert self.events == []

    def close(self) -> None:
        """Waits until the page has nothing left to do, and closes it."""
        self.page.wait_for_timeout(50)
        self.context.close()

    def opened(self, task_id: str) -> None:
        """Waits until a task is open, whose id begins like this."""
        self.page.locator("#task h3").filter(has_text=task_id).wait_for()

    def until(self, expression: str) -> None:
        """Waits until this is true. Playwright's own way needs `eval`, which the policy of the page does not allow."""
        for _ in range(100):
            if self.page.evaluate(expression):
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"after two seconds this is not true: {expression}")

    def found(self) -> str:
        """How many tasks the explorer found."""
        text: str = self.page.locator("#found").inner_text()
        return text

    def listed(self) -> list[str]:
        """The tasks that the explorer lists."""
        texts: list[str] = self.page.locator("#list li a").all_inner_texts()
        return texts

    def shown(self) -> str:
        """The name of the task that is open, as the page writes it. Empty if none is."""
        heading = self.page.locator("#task h3")
        text: str = heading.inner_text() if heading.is_visible() else ""
        return text

    def fields(self) -> dict[str, str]:
        """The fields of the task that is open, by their names, as the page writes them."""
        texts = self.page.locator("#task h4 + pre")
        pairs = texts.evaluate_all(
            "all => all.map(each => [each.previousElementSibling.textContent, each.textContent])"
        )
        return dict(pairs)

    def is_wider_than_the_window(self) -> bool:
        """Whether one has to scroll sideways."""
        wide: bool = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return wide
