"""A report as it is read: on screens and phones, in the light and in the dark, with axe-core, and on paper."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from .visit import PHONE, Report, Visit

Open = Callable[..., Visit]

MILLIMETRE = 96 / 25.4
# What is left of A4 between margins of 15 mm, in pixels of CSS.
PAPER = int((210 - 2 * 15) * MILLIMETRE)


def open_first_task(visit: Visit) -> None:
    visit.page.locator("#list a").first.click()
    visit.page.wait_for_selector("#task h3")


def colours(visit: Visit) -> tuple[float, float]:
    """How light the background and the text are, from 0 to 1."""
    style = "(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))"
    back, fore = (
        sum(float(part) for part in colour.strip("rgb()").split(",")) / 765 for colour in visit.page.evaluate(style)
    )
    return back, fore


def test_it_is_dark_where_one_likes_it_dark(visit: Open, demo: Report) -> None:
    back, fore = colours(visit(demo, scheme="light"))
    assert back > 0.9 and fore < 0.2
    dark = visit(demo, scheme="dark")
    back, fore = colours(dark)
    assert back < 0.15 and fore > 0.8
    # Paper is white, whatever the screen is.
    dark.page.emulate_media(media="print")
    back, fore = colours(dark)
    assert back == 1 and fore < 0.2


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("demo", PHONE, "light"), ("demo", 1280, "dark"), ("planted", 1280, "light")]
)
def test_axe_finds_nothing_that_keeps_people_out(
    visit: Open, axe: str, name: str, width: int, scheme: str, request: pytest.FixtureRequest
) -> None:
    there = visit(request.getfixturevalue(name), width=width, scheme=scheme)
    open_first_task(there)
    # Tables in `details` are looked at too.
    there.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    there.page.evaluate(axe)
    found = there.page.evaluate("axe.run(document, { resultTypes: ['violations', 'passes'] })")
    violations = [
        f"{rule['impact']} {rule['id']}: {rule['help']}: {node['html'][:200]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
    assert not violations, "\n".join(violations)
    assert {"color-contrast", "label", "scrollable-region-focusable"} <= {rule["id"] for rule in found["passes"]}


@pytest.mark.parametrize("width", [PHONE, 768, 1280])
def test_nobody_scrolls_sideways(visit: Open, demo: Report, width: int) -> None:
    there = visit(demo, width=width)
    open_first_task(there)
    there.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert not there.is_wider_than_the_window()
    # A table that is wider scrolls in its own frame, and its rows do not grow tall to fit a phone.
    heights = there.page.locator("td").evaluate_all("all => all.map(cell => cell.clientHeight)")
    assert max(heights) < 80


@pytest.mark.parametrize(("media", "width"), [("screen", PHONE), ("screen", 1280), ("print", PAPER)])
def test_no_text_of_a_picture_is_cut(visit: Open, demo: Report, planted: Report, media: str, width: int) -> None:
    for report in (demo, planted):
        there = visit(report, width=width)
        there.page.emulate_media(media=media)
        # What reaches over the edge of a picture needs room, also where the picture is the last one beside others.
        cut = there.page.locator(".plot > svg").evaluate_all(
            """all => all.flatMap(svg => {
                const frame = svg.getBoundingClientRect(), plots = svg.closest(".plots"), outer = plots.getBoundingClientRect();
                const clips = getComputedStyle(svg).overflowX !== "visible", style = getComputedStyle(plots);
                const [before, after] = clips ? [0, 0]
                    : [outer.left + parseFloat(style.paddingLeft), innerWidth - outer.right + parseFloat(style.paddingRight)];
                return [...svg.querySelectorAll("text")].filter(text => {
                    const box = text.getBoundingClientRect();
                    return box.left < frame.left - before - 0.5 || box.right > frame.right + after + 0.5;
                }).map(text => svg.parentNode.id + ": " + text.textContent);
            })"""
        )
        assert cut == []


def bare(text: str) -> str:
    """A text without blanks, as a PDF has lines where they break."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def printed(visit: Visit, height: int = 297) -> list[Any]:
    """The pages of the report on A4, or on paper of the same width and another height, as a browser prints it."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed (make browser)")
    pdf = visit.page.pdf(width="210mm", height=f"{height}mm")
    return list(pypdf.PdfReader(io.BytesIO(pdf)).pages)


def is_read_back(text: str) -> bool:
    """Whether a PDF has a text as it was: letters from right to left, and marks on letters, are in the order in which they are drawn."""
    return not any(unicodedata.bidirectional(letter) in {"R", "AL", "AN", "NSM"} for letter in text)


# Where pages end depends on the height of the paper: each shows whether other rows and pictures are kept whole.
HEIGHTS = [297, 260, 240, 220, 200, 180]

TABLES = """all => all.filter(table => table.checkVisibility()).map(table => ({
    head: [...table.tHead.rows[0].cells].map(cell => cell.textContent).join(""),
    rows: [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent).join("")),
}))"""


PICTURES = """all => all.map(plot =>
    [plot.querySelector("figcaption"), ...plot.querySelectorAll("text"), plot.querySelector(".legend")].map(each => each?.textContent ?? ""))"""


@pytest.mark.parametrize("name", ["demo", "planted"])
def test_no_table_and_no_picture_is_cut_on_paper(visit: Open, name: str, request: pytest.FixtureRequest) -> None:
    there = visit(request.getfixturevalue(name))
    there.page.emulate_media(media="print")
    pictures = [parts for parts in there.page.locator(".plot").evaluate_all(PICTURES) if is_read_back("".join(parts))]
    tables = there.page.locator("table").evaluate_all(TABLES)
    for table in tables:
        table["rows"] = [row for row in table["rows"] if is_read_back(row)]
    assert len(pictures) >= 2 and sum(len(table["rows"]) for table in tables) >= 15
    for height in HEIGHTS:
        texts = [bare(page.extract_text()) for page in printed(there, height)]
        for parts in pictures:
            assert any(all(bare(part) in text for part in parts) for text in texts), f"{height} mm: {parts}"
        over_pages = 0
        for table in tables:
            head, rows = bare(table["head"]), [bare(row) for row in table["rows"]]
            on = [[at for at, text in enumerate(texts) if row in text] for row in rows]
            for row, found in zip(table["rows"], on, strict=True):
                assert found, f"{height} mm: no page has the whole row: {row}"
            # Each page that has rows has the heads of all columns.
            for place in {found[0] for found in on if len(found) == 1}:
                assert head in texts[place], f"{height} mm: page {place + 1} has rows without heads: {table['head']}"
            over_pages += len({found[0] for found in on}) > 1
        assert over_pages, "some table goes on on another page"


def test_all_that_is_printed_lies_within_the_margins(visit: Open, demo: Report) -> None:
    point = MILLIMETRE * 72 / 96
    outside: list[str] = []

    def place(text: str, cm: list[float], tm: list[float], *_: Any) -> None:
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        if text.strip() and not 14.9 * point < x < 195 * point:
            outside.append(f"{x / point:.0f} mm: {text}")

    for page in printed(visit(demo)):
        page.extract_text(visitor_text=place)
    assert not outside


@pytest.mark.parametrize("name", ["demo", "planted"])
def test_no_table_is_wider_than_paper(visit: Open, name: str, request: pytest.FixtureRequest) -> None:
    there = visit(request.getfixturevalue(name), width=PAPER)
    there.page.emulate_media(media="print")
    assert not there.is_wider_than_the_window()
    wide = there.page.locator("th, td, pre").evaluate_all(
        """all => all.filter(each => each.checkVisibility()).filter(each =>
            each.scrollWidth > each.clientWidth || each.getBoundingClientRect().right > innerWidth + 0.5).map(each => each.textContent)"""
    )
    assert wide == []


def test_a_report_on_the_real_benchmarks_is_whole(visit: Open, exp5: Report, axe: str) -> None:
    lines = (exp5.pool / "task_pool.jsonl").read_text(encoding="utf-8").splitlines()
    task = next(task for task in map(json.loads, lines[1000:]) if task["benchmark"] == "amc")
    there = visit(exp5, f"#{task['task_id']}")
    there.opened(task["task_id"])
    assert there.found() == "2000 of 2000 tasks" and there.fields()["problem"] == task["raw_data"]["problem"]
    there.page.locator("#search").fill(task["raw_data"]["problem"])
    assert task["task_id"] in there.listed()
    there.page.evaluate(axe)
    found = there.page.evaluate("axe.run()")
    assert [rule["id"] for rule in found["violations"]] == []
    there.page.set_viewport_size({"width": PHONE, "height": 800})
    assert not there.is_wider_than_the_window()
    texts = [bare(page.extract_text()) for page in printed(there)]
    there.page.emulate_media(media="print")
    for table in there.page.locator("table").evaluate_all(TABLES):
        for row in table["rows"]:
            assert any(bare(row) in text for text in texts), f"no page has the whole row: {row}"
