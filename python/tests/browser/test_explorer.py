"""The explorer of a report: tasks are found by words, by the URL and by keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .visit import PHONE, Report, Visit

Open = Callable[..., Visit]


def tasks(report: Report) -> list[dict[str, Any]]:
    """The tasks of the pool, from its own file."""
    lines = (report.pool / "task_pool.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def search(visit: Visit, words: str) -> None:
    visit.page.locator("#search").fill(words)


def test_it_lists_all_tasks_in_their_order_fifty_at_a_time(visit: Open, demo: Report) -> None:
    ids = [task["task_id"] for task in tasks(demo)]
    there = visit(demo)
    assert there.found() == "1000 of 1000 tasks" and there.listed() == ids[:50]
    for shown in range(100, 1001, 50):
        assert there.page.locator("#more").is_visible()
        there.page.locator("#more").click()
        assert there.listed() == ids[:shown]
    assert there.page.locator("#more").is_hidden()


def test_it_finds_tasks_by_words_of_their_rows_and_by_their_ids(visit: Open, demo: Report) -> None:
    there = visit(demo)
    task = tasks(demo)[7]
    text = max((value for value in task["raw_data"].values() if isinstance(value, str)), key=len)
    # Words in any order, with any capitals and blanks.
    words = text.split()
    search(there, f"  {' '.join(reversed(words)).upper()} ")
    assert task["task_id"] in there.listed() and len(there.listed()) < 10
    for name in (task["task_id"], task["task_id"].upper(), f"{words[0]} {task['task_id']}"):
        search(there, name)
        assert there.listed() == [task["task_id"]] and there.found() == "1 of 1000 tasks"
    search(there, task["source_id"])
    assert task["task_id"] in there.listed()
    # Only tasks that have all words.
    rows = {task["task_id"]: "\n".join(task["raw_data"].values()).lower() for task in tasks(demo)}
    both = [name for name, row in rows.items() if "minutes" in row and "how many" in row]
    search(there, "minutes many how")
    assert 0 < len(both) < sum("minutes" in row for row in rows.values())
    assert there.found() == f"{len(both)} of 1000 tasks" and there.listed() == both[:50]
    search(there, "nothing has these words")
    assert there.found() == "0 of 1000 tasks" and there.listed() == [] and there.page.locator("#more").is_hidden()
    search(there, "")
    assert there.found() == "1000 of 1000 tasks"


def test_filters_combine(visit: Open, demo: Report) -> None:
    def expected(**wanted: str) -> list[str]:
        own = (task for task in tasks(demo) if all(task[key] == value for key, value in wanted.items()))
        return [task["task_id"] for task in own]

    there = visit(demo)
    options = there.page.locator("#benchmark option").all_inner_texts()
    assert options == ["all", "bbh", "gsm8k"]
    there.page.select_option("#benchmark", "gsm8k")
    of_gsm8k = expected(benchmark="gsm8k")
    assert there.found() == f"{len(of_gsm8k)} of 1000 tasks" and there.listed() == of_gsm8k[:50]
    there.page.select_option("#bin", "hard")
    hard = expected(benchmark="gsm8k", difficulty_bin="hard")
    assert 0 < len(hard) < len(of_gsm8k)
    assert there.found() == f"{len(hard)} of 1000 tasks" and there.listed() == hard[:50]
    search(there, hard[-1])
    assert there.listed() == [hard[-1]]
    there.page.select_option("#bin", "easy")
    assert there.listed() == []
    search(there, "")
    assert there.found() == f"{len(of_gsm8k) - len(hard)} of 1000 tasks"


def test_the_url_opens_a_task_and_the_task_is_in_the_url(visit: Open, demo: Report) -> None:
    first, second = tasks(demo)[12], tasks(demo)[980]
    there = visit(demo, f"#{first['task_id']}")
    there.opened(first["task_id"])
    assert there.page.locator("#task").bounding_box()["y"] < 900, "the task can be seen"
    assert there.fields().items() >= first["raw_data"].items()
    # The task need not be among those that are listed.
    search(there, second["task_id"])
    there.page.locator("#list a").click()
    there.opened(second["task_id"])
    assert there.page.url.endswith(f"#{second['task_id']}")
    there.page.go_back()
    there.opened(first["task_id"])
    assert there.page.url.endswith(f"#{first['task_id']}")
    there.page.go_forward()
    there.opened(second["task_id"])


@pytest.mark.parametrize(
    "fragment", ["", "#", "#no-such-task", "#%E0%A4%A", "#<img src=x onerror=alert(1)>", "#constructor"]
)
def test_a_url_that_names_no_task_opens_none(visit: Open, demo: Report, fragment: str) -> None:
    there = visit(demo, fragment)
    assert there.shown() == "" and there.found() == "1000 of 1000 tasks"


def test_going_back_to_where_no_task_was_open_closes_the_task(visit: Open, demo: Report) -> None:
    there = visit(demo)
    there.page.locator("#list a").first.click()
    there.opened(tasks(demo)[0]["task_id"])
    there.page.go_back()
    there.page.wait_for_selector("#task", state="hidden")


def test_it_can_be_used_with_the_keyboard_alone(visit: Open, demo: Report) -> None:
    there = visit(demo)
    focused = "document.activeElement.id || document.activeElement.textContent"
    keyboard = there.page.keyboard

    def tab_to(wanted: str) -> None:
        for _ in range(100):
            keyboard.press("Tab")
            if there.page.evaluate(focused) == wanted:
                return
        raise AssertionError(f"100 presses of Tab do not reach {wanted}")

    tab_to("search")
    third = tasks(demo)[2]["task_id"]
    keyboard.type("exp_0000 _")
    # Enter in the box neither sends a form nor loads the page again.
    keyboard.press("Enter")
    assert there.found() == "10 of 1000 tasks"
    tab_to("benchmark")
    tab_to("bin")
    tab_to(third)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert there.page.evaluate(outline) != "none", "one sees where one is"
    keyboard.press("Enter")
    there.opened(third)
    assert there.page.url.endswith(f"#{third}")
    assert there.page.evaluate(focused) == "task", "what was opened is read next"


def test_long_tasks_are_read_in_their_own_frame_beside_the_list(visit: Open, planted: Report) -> None:
    (task,) = (task["task_id"] for task in tasks(planted) if "many words" in task["raw_data"])
    there = visit(planted)
    search(there, task)
    there.page.locator("#list a").click()
    there.opened(task[:9])
    box = there.page.locator("#task").bounding_box()
    assert box["height"] <= 900 and 0 <= box["y"] <= 900 - box["height"] + 1
    scrolls = "document.getElementById('task').scrollTop"
    there.page.keyboard.press("End")
    there.until(f"{scrolls} > 100")
    # Another task begins at its top.
    there.page.evaluate("() => { location.hash = '' }")
    there.page.go_back()
    there.until(f"{scrolls} === 0")


def test_without_javascript_all_but_the_search_can_be_read(visit: Open, demo: Report) -> None:
    there = visit(demo, script=False)
    assert there.page.locator("noscript").inner_text().startswith("Searching the tasks needs JavaScript")
    assert there.page.locator("#filters").is_hidden() and there.page.locator("#more").is_hidden()
    there.page.locator("#pool-1-stream summary").click()
    assert there.page.locator("#pool-1-stream td").first.is_visible()


def test_on_a_phone_the_task_stands_above_the_list(visit: Open, demo: Report) -> None:
    there = visit(demo, f"#{tasks(demo)[12]['task_id']}", width=PHONE)
    there.opened(tasks(demo)[12]["task_id"])
    task, entry = (there.page.locator(place).first.bounding_box() for place in ("#task", "#list li"))
    assert task["y"] + task["height"] <= entry["y"] and -1 <= task["y"] < 450
