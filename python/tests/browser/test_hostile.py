"""Rows that strangers wrote: whatever is in them, a report only shows it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from . import hostile
from .visit import PHONE, Report, Visit

Open = Callable[..., Visit]

PLAIN = {"h3", "h4", "p", "pre", "div", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"}
"""Elements that an open task consists of. None of them does anything."""


def open_task(visit: Visit, at: int) -> None:
    visit.page.locator("#list a").nth(at).click()
    visit.opened(f"exp_{at:05}_")


def test_every_text_is_shown_as_it_is_and_does_nothing(visit: Open, planted: Report) -> None:
    there = visit(planted)
    assert there.found() == f"{len(hostile.TEXTS)} of {len(hostile.TEXTS)} tasks"
    for at, (kind, shown) in enumerate(hostile.SHOWN.items()):
        open_task(there, at)
        assert there.fields()[kind] == shown, kind
        inside = there.page.locator("#task *").evaluate_all("all => all.map(each => each.localName)")
        assert {"h3", "h4", "p", "pre"} <= set(inside) <= PLAIN, kind
        # What it changed elsewhere would show in the title, the form or the explorer.
        assert there.page.title() == f"{hostile.FOLDER}: report", kind
        assert there.page.locator("#filters").is_visible() and there.page.locator("script").count() == 2, kind
        # Typing and clicking into it does nothing either.
        there.page.locator("#task pre").first.click(position={"x": 30, "y": 20})
        there.page.keyboard.press("Enter")


def test_each_can_be_searched_and_opened_by_its_url(visit: Open, planted: Report) -> None:
    there: Visit | None = None
    for at, (kind, text) in enumerate(hostile.TEXTS.items()):
        fragment = f"#{quote(f'exp_{at:05}_{text[:200]}', safe='')}"
        if there is None:
            there = visit(planted, fragment)
        else:
            there.page.evaluate("fragment => { location.hash = fragment }", fragment)
        there.opened(f"exp_{at:05}_")
        assert there.fields()[kind] == hostile.SHOWN[kind], kind
        there.page.locator("#search").fill(text[:300])
        assert any(name.startswith(f"exp_{at:05}_") for name in there.listed()), kind


@pytest.mark.parametrize("width", [PHONE, 1280])
def test_none_makes_the_page_wider_than_the_window(visit: Open, planted: Report, width: int) -> None:
    there = visit(planted, width=width)
    assert not there.is_wider_than_the_window()
    for at, kind in enumerate(hostile.TEXTS):
        open_task(there, at)
        assert not there.is_wider_than_the_window(), kind
        box = there.page.locator("#task").bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width, kind
        assert there.page.locator("#task").evaluate("task => task.scrollWidth <= task.clientWidth"), kind


def test_marks_piled_on_a_letter_do_not_cover_what_is_near(visit: Open, planted: Report) -> None:
    there = visit(planted)
    piled = hostile.TEXTS["marks"][:50]
    holders = there.page.locator(":is(#list li, td)").filter(has_text=piled)
    assert holders.count() > 1
    # 500 marks are higher than the window. What is above looks the same without them.
    for at in range(holders.count()):
        holder = holders.nth(at)
        if not holder.is_visible():
            continue
        holder.evaluate("each => scrollTo(0, each.getBoundingClientRect().top + scrollY - 300)")
        box = holder.bounding_box()
        above = {"x": 0, "y": box["y"] - 240, "width": 1280, "height": 200}
        with_them = there.page.screenshot(clip=above)
        holder.evaluate("each => each.style.visibility = 'hidden'")
        assert there.page.screenshot(clip=above) == with_them, holder.evaluate("each => each.outerHTML")


def test_text_that_reads_from_right_to_left_leaves_what_is_around_it_in_order(visit: Open, planted: Report) -> None:
    # So wide that name and description share a line.
    there = visit(planted, width=768)
    at = list(hostile.TEXTS).index("Hebrew and Arabic")
    link, about = (there.page.locator(f"#list li:nth-child({at + 1}) {part}") for part in ("a", ".about"))
    assert there.page.evaluate("getComputedStyle(document.body).direction") == "ltr"
    # On the line that both are on, the name ends before what is said of the task begins.
    boxes = "each => [...each.getClientRects()].map(({ left, right, bottom }) => ({ left, right, bottom }))"
    names, said = link.evaluate(boxes), about.evaluate(boxes)
    line = names[-1]["bottom"]
    first = min(box["left"] for box in said if abs(box["bottom"] - line) < 8)
    assert max(box["right"] for box in names if abs(box["bottom"] - line) < 8) <= first
    open_task(there, at)
    text = there.page.locator("#task pre").first
    edges = "pre => { const range = document.createRange(); range.setStart(pre.firstChild, 0); range.setEnd(pre.firstChild, 1);"
    right = text.evaluate(edges + "return range.getBoundingClientRect().right }")
    box = text.bounding_box()
    assert right > box["x"] + box["width"] * 0.8, "a Hebrew line begins on the right"


def test_the_watch_sees_what_a_page_does(chromium: object, planted: Report) -> None:
    there = Visit(chromium, planted.path.as_uri())
    there.did_nothing()
    there.page.goto("about:blank")
    code = f"<img src=data:x onerror=alert('hello')><img src='{hostile.HOST}/picture.png'><script>console.log('said'); open('about:blank#window'); nothing()</script>"
    there.page.set_content(code, wait_until="commit")
    there.page.wait_for_timeout(300)
    there.context.close()
    assert f"{hostile.HOST}/picture.png" in there.requests
    seen = "\n".join(there.events)
    for each in (
        "dialog: hello",
        "console: said",
        "error: nothing is not defined",
        "window: about:blank#window",
        "went to about:blank",
    ):
        assert each in seen, f"{each}: {seen}"
