"""The filters of the explorer by label, phase, score and answers of models, beside those that each report has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from . import hostile
from .test_explorer import tasks
from .visit import Report, Visit

Open = Callable[..., Visit]
Test = Callable[[dict[str, Any]], bool]


def answers(report: Report) -> dict[tuple[str, str], dict[str, float]]:
    """The score of each model on each row that was asked of it, by the row's benchmark and source id."""
    scores: dict[tuple[str, str], dict[str, float]] = {}
    for line in report.path.with_name("answers.jsonl").read_text(encoding="utf-8").splitlines():
        own = json.loads(line)
        scores.setdefault((own["benchmark"], own["source_id"]), {})[own["model"]] = own["score"]
    return scores


def choose(visit: Visit, filter: str, group: str, text: str) -> None:
    """Chooses the entry of a filter with this text, in the group with this name or in none."""
    options = visit.page.locator(f"#{filter} option").evaluate_all(
        "all => all.map(each => [each.parentElement.label ?? '', each.textContent])"
    )
    # Not by its value, as Playwright would take that for a text too.
    visit.page.select_option(f"#{filter}", index=options.index([group, text]))


def finds(visit: Visit, report: Report, test: Test) -> None:
    """The explorer lists the tasks of the pool that pass a test, some of all."""
    everything = tasks(report)
    expected = [task["task_id"] for task in everything if test(task)]
    assert 0 < len(expected) < len(everything), "the test tells tasks apart"
    assert visit.found() == f"{len(expected)} of {len(everything)} tasks" and visit.listed() == expected[:50]


def test_tasks_are_found_by_a_label(visit: Open, demo: Report) -> None:
    there = visit(demo)
    labels = {task["scorer_metadata"]["task_name"] for task in tasks(demo) if task["benchmark"] == "bbh"}
    shown = there.page.locator("#label optgroup[label=task_name] option").all_text_contents()
    assert shown == sorted(labels) and len(labels) > 2
    for label in shown[:2]:
        choose(there, "label", "task_name", label)
        finds(there, demo, lambda task, label=label: task["scorer_metadata"].get("task_name") == label)  # type: ignore[misc]
    choose(there, "label", "", "all")
    assert there.found() == "1000 of 1000 tasks"


def test_tasks_are_found_by_phase(visit: Open, demo: Report) -> None:
    there = visit(demo)
    assert there.page.locator("#phase option").all_text_contents() == ["all", "1", "2"]
    choose(there, "phase", "", "2")
    finds(there, demo, lambda task: bool(task["phase"] == 2))
    # The request says so: 400 tasks, then 600.
    assert there.found() == "600 of 1000 tasks" and there.listed()[0].startswith("exp_00400_")


@pytest.mark.parametrize(("lowest", "highest"), [("0.9", ""), ("", "0.1"), ("0.2", "0.3"), ("0", "0"), ("1", "1.0")])
def test_tasks_are_found_by_their_score(visit: Open, demo: Report, lowest: str, highest: str) -> None:
    there = visit(demo)
    there.page.locator("#lowest").fill(lowest)
    there.page.locator("#highest").fill(highest)
    finds(there, demo, lambda task: float(lowest or 0) <= task["difficulty_score"] <= float(highest or 1))


def test_bounds_that_no_score_meets_find_nothing(visit: Open, demo: Report) -> None:
    there = visit(demo)
    there.page.locator("#lowest").fill("0.7")
    there.page.locator("#highest").fill("0.6")
    assert there.found() == "0 of 1000 tasks" and there.listed() == []
    # What is no number yet, as while one types, is no bound.
    there.page.locator("#highest").fill("")
    there.page.locator("#lowest").press_sequentially("e")
    assert there.found() != "0 of 1000 tasks"


def test_tasks_are_found_by_who_solved_them(visit: Open, demo: Report) -> None:
    scores = answers(demo)

    def of(task: dict[str, Any]) -> dict[str, float]:
        return scores[task["benchmark"], task["source_id"]]

    there = visit(demo)
    choose(there, "solved", "", "solved by no model")
    finds(there, demo, lambda task: not any(of(task).values()))
    choose(there, "solved", "", "solved by some, not all")
    finds(there, demo, lambda task: 0 < sum(of(task).values()) < len(of(task)))
    choose(there, "solved", "Solved by", "model-3")
    finds(there, demo, lambda task: of(task)["model-3"] == 1)
    choose(there, "solved", "Failed by", "x" * 64)
    finds(there, demo, lambda task: of(task)["x" * 64] == 0)


def test_models_that_were_not_asked_neither_solve_nor_fail(visit: Open, planted: Report) -> None:
    scores = answers(planted)
    there = visit(planted)
    assert len(scores) == len(hostile.TEXTS)
    # Each text is also the name of a model that was asked for one task alone, and solved it.
    name = hostile.TEXTS["picture"]
    choose(there, "solved", "Solved by", name)
    assert len(there.listed()) == 1 and there.listed()[0].startswith("exp_00003_")
    choose(there, "solved", "Failed by", name)
    assert there.listed() == []
    choose(there, "solved", "", "solved by all models")
    finds(there, planted, lambda task: all(scores[task["benchmark"], task["source_id"]].values()))


def test_all_filters_combine_and_are_cleared_together(visit: Open, demo: Report) -> None:
    scores = answers(demo)
    there = visit(demo)
    there.page.select_option("#benchmark", "bbh")
    there.page.select_option("#bin", "hard")
    choose(there, "phase", "", "2")
    there.page.locator("#highest").fill("0.99")
    choose(there, "solved", "Failed by", "model-0")
    there.page.locator("#search").fill("exp_")

    def fits(task: dict[str, Any]) -> bool:
        names = (task["benchmark"], task["difficulty_bin"], task["phase"]) == ("bbh", "hard", 2)
        is_failed = scores[task["benchmark"], task["source_id"]]["model-0"] == 0
        return names and is_failed and task["difficulty_score"] <= 0.99

    finds(there, demo, fits)
    label = next(task for task in tasks(demo) if fits(task))["scorer_metadata"]["task_name"]
    choose(there, "label", "task_name", label)
    finds(there, demo, lambda task: fits(task) and task["scorer_metadata"]["task_name"] == label)
    there.page.locator("#filters [type=reset]").click()
    there.until("document.getElementById('found').textContent === '1000 of 1000 tasks'")
    assert there.listed()[0].startswith("exp_00000_")


def test_what_strangers_wrote_in_labels_and_names_of_models_is_a_choice_like_others(
    visit: Open, planted: Report
) -> None:
    there = visit(planted)
    shown = there.page.locator("#label optgroup[label=label] option").all_text_contents()
    assert sorted(shown) == sorted(text[:200] for text in hostile.SHOWN.values())
    for kind, at in (("end of the script", 0), ("picture", 3)):
        choose(there, "label", "label", hostile.TEXTS[kind][:200])
        assert len(there.listed()) == 1 and there.listed()[0].startswith(f"exp_{at:05}_")


def test_the_keyboard_reaches_every_filter(visit: Open, demo: Report) -> None:
    there = visit(demo)
    there.page.locator("#search").focus()
    reached = []
    for _ in range(8):
        there.page.keyboard.press("Tab")
        reached.append(there.page.evaluate("document.activeElement.id || document.activeElement.type"))
    assert sorted(reached) == sorted(["benchmark", "bin", "label", "phase", "lowest", "highest", "solved", "reset"])


def test_filters_that_a_pool_has_no_use_for_are_hidden(visit: Open, planted: Report) -> None:
    there = visit(planted)
    assert there.page.locator("#phase").is_hidden()
    assert there.page.locator("#label").is_visible() and there.page.locator("#solved").is_visible()
