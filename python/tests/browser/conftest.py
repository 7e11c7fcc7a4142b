"""Fixtures: Chromium, reports to open in it, and a watch over what each page does."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED

from . import hostile
from .visit import AXE, CHROMIUM, Report, Visit, report, symphony_data

DEMO = ["--demo", "--experiments", "ramp.yaml"]
RAMP = {
    "benchmarks": ["bbh", "gsm8k"],
    "phases": [{"n_total_tasks": 400, "difficulty_split": "3:1"}, {"n_total_tasks": 600, "difficulty_split": "1:3"}],
}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The running browser."""
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make browser)")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium (make browser; SYMPHONY_DATA_TEST_CHROMIUM names another one)")
    with driver.sync_playwright() as playwright:
        # Chromium refuses its sandbox to root. The pages are ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Visit]]:
    """Opens reports. In the end no page may have done anything but show itself."""
    visits: list[Visit] = []

    def opened(report: Report, fragment: str = "", **options: Any) -> Visit:
        visits.append(Visit(chromium, report.path.as_uri() + fragment, **options))
        return visits[-1]

    yield opened
    for each in visits:
        each.close()
        each.did_nothing()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, which finds what a page lacks in accessibility."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make browser)")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report on 1,000 generated tasks in two phases, with the answers of twelve models, some of long names."""
    place = tmp_path_factory.mktemp("demo")
    (place / "ramp.yaml").write_text(json.dumps({"experiments": {"ramp": RAMP}}))
    symphony_data(place, "preprocess", "--demo", "--benchmarks", "bbh,gsm8k")
    symphony_data(place, "run", "ramp", *DEMO)
    chance = random.Random(1)
    models = [f"model-{number}" for number in range(10)] + ["a-vendor/" + "long-name-" * 6 + "instruct", "x" * 64]
    tasks = [json.loads(line) for line in (place / "data/ramp/task_pool.jsonl").read_text().splitlines()]
    with open(place / "answers.jsonl", "w") as answers:
        for task in {task["source_id"]: task for task in tasks}.values():
            for at, model in enumerate(models):
                score = float(chance.random() < 0.4 + 0.05 * at - 0.3 * task["difficulty_score"])
                ids = {"benchmark": task["benchmark"], "source_id": task["source_id"]}
                answers.write(json.dumps({**ids, "model": model, "score": score}) + "\n")
    return report(place, "data/ramp", "--demo", "--responses", "answers.jsonl", "--baseline", "model-0")


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report on rows, names and answers that strangers wrote to do harm."""
    place = tmp_path_factory.mktemp("planted")
    hostile.plant(place)
    return report(place, hostile.FOLDER, "--responses", "answers.jsonl")


@pytest.fixture(scope="session")
def exp5(real: Path) -> Report:
    """A report on the experiment exp5 of the real benchmarks, with public responses where they are."""
    symphony_data(real, "run", "exp5", "--force")
    answers = sorted((SHARED / "responses").glob("*.jsonl"))
    return report(real, "data/exp5", *(word for path in answers for word in ("--responses", str(path))))
