"""Reports from Python, and in notebooks."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest

from symphony_data import (
    DatasetBuilder,
    MissingDataError,
    Report,
    RequestError,
    ResponseError,
    SymphonyDataWarning,
    Task,
    TaskStream,
)

HOSTILE = "</td><img src=x onerror=alert(1)>\u202e\x07"


@pytest.fixture
def pool(builder: DatasetBuilder) -> TaskStream:
    """Forty tasks of two benchmarks, as a stream and in the folder `pool`."""
    stream = builder.build_task_stream(["humaneval", "gsm8k"], n_total_tasks=40, full_dir="full")
    builder.save_task_pool(stream, "pool/task_pool.jsonl")
    return stream


def answers(tasks: TaskStream) -> pd.DataFrame:
    """Of `good` three of four tasks right, of `poor` one of four."""
    return pd.DataFrame(
        {
            "benchmark": task.benchmark,
            "source_id": task.source_id,
            "model": model,
            "score": float((at % 4 != 0) == (model == "good")),
        }
        for at, task in enumerate(tasks)
        for model in ("good", "poor")
    )


def command(*arguments: str) -> None:
    program = [sys.executable, "-m", "symphony_data", "-q", "--config", "demo.yaml", "report"]
    subprocess.run([*program, *arguments, "--full-dir", "full"], check=True, capture_output=True)


def contents(folder: str) -> dict[str, str]:
    """The checksum of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(folder).iterdir()}


def test_the_bytes_are_those_of_the_command(builder: DatasetBuilder, pool: TaskStream) -> None:
    answers(pool).to_csv("answers.csv", index=False)
    command("pool", "--output", "c.html", "--svg", "c-svg", "--png", "c-png")
    builder.report("pool", full_dir="full", output="p.html", svg="p-svg", png="p-png")
    assert Path("c.html").read_bytes() == Path("p.html").read_bytes()
    assert contents("c-svg") == contents("p-svg") and contents("c-png") == contents("p-png")
    command("pool", "--responses", "answers.csv", "--baseline", "poor", "--output", "c.html", "--svg", "c-svg")
    report = builder.report(Path("pool/task_pool.jsonl"), "answers.csv", baseline="poor", full_dir="full")
    assert Path("c.html").read_text(encoding="utf-8") == report.html
    report.save("saved.html")
    report.save_svg("saved-svg")
    report.save_png("saved-png")
    assert Path("saved.html").read_bytes() == Path("c.html").read_bytes()
    # The pictures without models are no longer in the command's folder, if they have other names.
    svg = {f"{name}.svg": hashlib.sha256(text.encode()).hexdigest() for name, text in report.pictures.items()}
    assert contents("saved-svg") == svg and svg.items() <= contents("c-svg").items()
    assert {Path(name).stem for name in contents("saved-png")} == set(report.pictures)
    assert all(path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n") for path in Path("saved-png").iterdir())


def test_a_stream_and_its_folder_have_the_same_pictures(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = answers(pool)
    of_folder = builder.report("pool", table, full_dir="full")
    of_stream = pool.report(table)
    assert isinstance(of_stream, Report) and of_stream.pictures == of_folder.pictures
    assert builder.report(pool, table, full_dir="full").html == of_stream.html
    assert "pool-1-difficulty-gsm8k" in of_stream.pictures and "pool-1-by-bin" in of_stream.pictures
    for svg in of_stream.pictures.values():
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    # All rows of the benchmarks are in the pictures, which takes the folder that the stream was drawn from.
    assert "of all rows" in of_stream.html
    assert repr(of_stream) == "<Report: 40 tasks in 1 pool; 2 models>"


def test_a_stream_knows_its_builder_in_another_folder(
    builder: DatasetBuilder, pool: TaskStream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    licensed = DatasetBuilder({"benchmarks": {"own": {"path": "file:own.jsonl", "license": "LICENCE-OF-OWN", **RULE}}})
    Path("own.jsonl").write_text("".join(f'{{"q": "{"why " * n}"}}\n' for n in range(1, 41)))
    licensed.preprocess_all_benchmarks("own")
    stream = licensed.build_task_stream(["own"], "proportional", n_total_tasks=10)
    here = [stream.report(), pool.report()]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert [stream.report().html, pool.report().html] == [report.html for report in here]
    assert "LICENCE-OF-OWN" in here[0].html and "of all rows" in here[0].html
    # A stream that no builder made has the licences of the default configuration.
    assert "LICENCE-OF-OWN" not in TaskStream(list(stream)).report().html


RULE: dict[str, Any] = {
    "identity": ["q"],
    "difficulty": {"features": {"n": {"words": "q"}}, "score": [{"feature": "n"}]},
}


def test_every_stream_has_a_report(builder: DatasetBuilder, pool: TaskStream) -> None:
    unknown = "how these tasks were drawn is not known"
    stored = builder.preprocess_all_benchmarks("full")["gsm8k"]
    loaded = builder.load_preprocessed_benchmark("gsm8k", "full")
    assert stored.report().html == loaded.report().html and unknown in stored.report().html
    read, listed = TaskStream.read("pool"), TaskStream(list(pool))
    assert unknown not in read.report().html and unknown in listed.report().html
    assert builder.report(list(pool)).html == builder.report([listed]).html


def test_a_part_of_a_stream_says_that_it_is_one(builder: DatasetBuilder, pool: TaskStream) -> None:
    hard = pool.filter(bin="hard")
    told = f"These are {len(hard)} of the 40 tasks that the manifest describes"
    assert told in hard.report().html and told in hard.report()._repr_html_()
    assert told in TaskStream.read("pool").filter(bin="hard").report().html
    for whole in (pool, "pool", TaskStream.read("pool")):
        assert "These are" not in builder.report(whole)._repr_html_()


def test_several_pools_have_their_places(builder: DatasetBuilder, pool: TaskStream) -> None:
    other = builder.build_task_stream(["gsm8k"], n_total_tasks=10, full_dir="full", random_seed=1)
    pools: list[TaskStream | str] = [pool, "pool", other]
    report = builder.report(pools)
    assert repr(report) == "<Report: 90 tasks in 3 pools>"
    headings = re.findall(r"<h2>(.*?)</h2>", report.html)
    assert headings[:4] == ["The pools side by side", "pool-1", "pool", "pool-3"]
    alone = pool.report()
    assert alone.pictures["pool-1-stream"] == report.pictures["pool-1-stream"]
    numbers = {int(number) for name in report.pictures for number in re.findall(r"^pool-(\d+)-", name)}
    assert numbers == {1, 2, 3}
    # Any iterable of pools will do.
    assert builder.report(iter(pools)).html == report.html


def test_a_notebook_shows_numbers_and_pictures(pool: TaskStream) -> None:
    small = pool.report()._repr_html_()
    cells = dict(re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', small))
    assert cells["tasks"] == "40" and cells["distinct tasks"] == "40"
    mean = sum(task.difficulty_score for task in pool) / 40
    assert cells["mean difficulty score"] == f"{mean:.3f}"
    pictures = re.findall(r'<img alt="(.+?)" src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)">', small)
    assert len(pictures) == small.count("<img") == 3
    shown = [base64.b64decode(svg).decode() for _, svg in pictures]
    assert shown == [
        pool.report().pictures[f"pool-1-{name}"] for name in ("difficulty-gsm8k", "difficulty-humaneval", "stream")
    ]
    # One piece, whose tags are closed.
    ElementTree.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", small))


def test_hostile_names_are_text(builder: DatasetBuilder) -> None:
    tasks = [
        Task(
            f"t{at}",
            HOSTILE,
            at / 4,
            "easy",
            {HOSTILE: HOSTILE},
            {HOSTILE: HOSTILE, "n": at},
            f"{HOSTILE}_{at}",
            f"{at:016x}",
        )
        for at in range(4)
    ]
    table = pd.DataFrame(
        {"benchmark": HOSTILE, "source_id": f"{HOSTILE}_{at}", "model": HOSTILE, "score": at % 2} for at in range(4)
    )
    report = builder.report(TaskStream(tasks), table)
    for html in (report.html, report._repr_html_()):
        assert "<img src=x" not in html and "onerror=alert(1)&#62;" in html
        assert "\u202e" not in html and "\x07" not in html
    for name, svg in report.pictures.items():
        assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
        assert not list(ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}img"))
    report.save_svg("pictures")
    assert {path.stem for path in Path("pictures").iterdir()} == set(report.pictures)


def test_nothing_is_written_over_what_is_not_a_report(builder: DatasetBuilder, pool: TaskStream) -> None:
    report = pool.report()
    Path("mine.html").write_text("mine")
    Path("pictures").mkdir()
    Path("pictures/pool-1-stream.svg").write_text("mine")
    Path("pictures/pool-1-stream.png").write_text("mine")
    refused = r"mine.html: this file is not a report of symphony-data; name another file, or replace it: force=True"
    in_the_way = r"pool-1-stream\.\w+: this file is not a report of symphony-data"
    with pytest.raises(RequestError, match=refused):
        report.save("mine.html")
    for save in (report.save_svg, report.save_png):
        with pytest.raises(RequestError, match=in_the_way):
            save("pictures")
    for at in ("svg", "png"):
        places: dict[str, Any] = {at: "pictures", "output": "new.html"}
        with pytest.raises(RequestError, match=in_the_way):
            builder.report(pool, **places)
        with pytest.raises(RequestError, match=refused):
            builder.report(pool, **{**places, at: "new", "output": "mine.html"})
    assert not Path("new.html").exists() and not Path("new").exists()
    assert Path("mine.html").read_text() == Path("pictures/pool-1-stream.svg").read_text() == "mine"
    assert len(contents("pictures")) == 2
    report.save("mine.html", force=True)
    report.save_svg("pictures", force=True)
    pool.report(png="pictures", output="new.html", force=True)
    assert Path("mine.html").read_text(encoding="utf-8") == Path("new.html").read_text(encoding="utf-8") == report.html
    assert len(contents("pictures")) == 2 * len(report.pictures)
    # Those of an older report are replaced.
    report.save("mine.html")
    report.save_svg("pictures")
    report.save_png(Path("pictures"))
    for wrong in ("pictures", ".", ".."):
        with pytest.raises(RequestError, match="this is a folder; name a file in it"):
            report.save(wrong)
        with pytest.raises(RequestError, match="this is a folder; name a file in it"):
            builder.report(pool, output=wrong)
    Path("file").write_text("mine")
    with pytest.raises(Exception, match="file") as failed:
        report.save_svg("file/pictures")
    assert type(failed.value).__module__ == "symphony_data._errors"


def test_bad_arguments_are_refused_by_name(builder: DatasetBuilder, pool: TaskStream) -> None:
    table = answers(pool)
    cases: list[tuple[type[Exception], str, tuple[Any, ...], dict[str, Any]]] = [
        (RequestError, "pools: there is none", ([],), {}),
        (RequestError, "pools: there are no tasks", (pool[:0],), {}),
        (RequestError, "pools: item 1 has no tasks", ([pool, pool[:0]],), {}),
        (TypeError, "pools: found int", (3,), {}),
        (TypeError, "pools: found NoneType", ([pool, None],), {}),
        (TypeError, r"pools: item 1: found int", ([[pool[0], 3], pool],), {}),
        (MissingDataError, "nowhere", ("nowhere",), {}),
        (RequestError, "pools: .* NUL", ("no\0where",), {}),
        (RequestError, "responses: this list is empty", (pool, []), {}),
        (RequestError, "responses: int: give a path", (pool, 3), {}),
        (MissingDataError, "nothing.csv", (pool, "nothing.csv"), {}),
        (ResponseError, "outside of the pool", (pool, table.assign(benchmark="amc")), {}),
        (RequestError, "baseline: 'good': there are no responses", (pool,), {"baseline": "good"}),
        (RequestError, "these models have: good, poor", (pool, table), {"baseline": "best"}),
        (RequestError, "baseline: 3", (pool, table), {"baseline": 3}),
        (MissingDataError, "full_dir: there is no folder 'nowhere'", (pool,), {"full_dir": "nowhere"}),
        (RequestError, "full_dir: 'demo.yaml' is a file", (pool,), {"full_dir": "demo.yaml"}),
        (TypeError, "output: expected a path", (pool,), {"output": 3}),
        (TypeError, "svg: expected a path", (pool,), {"svg": 3}),
        (TypeError, "png: expected a path", (pool,), {"png": 3}),
        (RequestError, "force: 'yes': write True or False", (pool,), {"force": "yes"}),
        (RequestError, "demo: 1: write True or False", (pool,), {"demo": 1}),
        (RequestError, "filter: 3", (pool, table), {"filter": 3}),
        (RequestError, "metric: 3", (pool, table), {"metric": 3}),
    ]
    for error, message, positional, named in cases:
        with pytest.raises(error, match=message):
            builder.report(*positional, **named)
        if positional[0] is pool:
            with pytest.raises(error, match=message):
                pool.report(*positional[1:], **named)
    with pytest.raises(RequestError, match="pools: there are no tasks"):
        pool[:0].report()
    report = pool.report()
    for save in (report.save, report.save_svg, report.save_png):
        with pytest.raises(TypeError, match="expected a path"):
            save(3)  # type: ignore[arg-type]
        with pytest.raises(RequestError, match="force: 1: write True or False"):
            save("x", force=1)  # type: ignore[arg-type]
    assert not Path("x").exists()


def test_answers_that_are_left_out_are_warned_of(pool: TaskStream) -> None:
    table = answers(pool)
    table.loc[0, "score"] = None
    with pytest.warns(SymphonyDataWarning, match="left out: "):
        report = pool.report(table)
    assert repr(report).endswith("; 2 models>")


def test_threads_may_share_a_report(pool: TaskStream) -> None:
    report, pages = pool.report(), []
    threads = [threading.Thread(target=lambda: pages.append(report.html)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pages) == 4 and set(pages) == {report.html}
