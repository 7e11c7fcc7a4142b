"""Reports: what ``report`` makes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Union

from . import _arguments as argument
from . import _core
from ._arguments import Responses, StrPath
from ._core import Task, TaskStream
from ._errors import MissingDataError, RequestError
from ._notes import Notes

Pool = Union[StrPath, TaskStream, "Sequence[Task]"]
"""A pool: its folder, its file, or its tasks."""


class Report:
    """A report on pools, and on the results of models on them: one HTML page, and pictures.

    A notebook shows its small form: the numbers, the warnings and the difficulty of the first pool. The same pools,
    responses and configuration give the same bytes.

    >>> report = builder.report(builder.build_task_stream(["gsm8k"], n_total_tasks=20, full_dir="full"))
    >>> report
    <Report: 20 tasks in 1 pool>
    >>> report.save("report.html")
    >>> list(report.pictures)[:2]
    ['pool-1-difficulty-gsm8k', 'pool-1-stream']
    """

    def __init__(self, made: _core.MadeReport) -> None:
        self._made = made

    @property
    def html(self) -> str:
        """The report as one HTML page, which needs no other file."""
        return self._made.html()

    @property
    def pictures(self) -> dict[str, str]:
        """The pictures as SVG, by name, in the order of the page."""
        return dict(self._made.pictures())

    def save(self, path: StrPath, force: bool = False) -> None:
        """Writes the page.

        Args:
            path: the file, such as ``report.html``. It replaces an older report.
            force: replace any other file, too. Default: False.

        Raises:
            RequestError: the path names no file, or a file that is not a report (a ValueError).
            SymphonyDataError: the file cannot be written.
        """
        self._made.save(argument.path("path", path), argument.flag("force", force))

    def save_svg(self, folder: StrPath, force: bool = False) -> None:
        """Writes each picture as SVG, under its name.

        Args:
            folder: the folder, which is made if there is none. Pictures of older reports are replaced.
            force: replace any other files, too. Default: False.

        Raises:
            RequestError: a file there is not a picture of a report (a ValueError). Nothing is written then.
            SymphonyDataError: the files cannot be written.
        """
        self._made.save_svg(argument.path("folder", folder), argument.flag("force", force))

    def save_png(self, folder: StrPath, force: bool = False) -> None:
        """Writes each picture as PNG, under its name, three pixels for each of its own.

        Args:
            folder: the folder, as for :meth:`save_svg`.
            force: replace any other files, too. Default: False.

        Raises:
            RequestError: a file there is not a picture of a report (a ValueError). Nothing is written then.
            SymphonyDataError: the files cannot be written.
        """
        self._made.save_png(argument.path("folder", folder), argument.flag("force", force))

    def _repr_html_(self) -> str:
        return self._made.small()

    def __repr__(self) -> str:
        tasks, pools, models = self._made.counts()
        of_models = f"; {_counted(models, 'model')}" if models else ""
        return f"<Report: {_counted(tasks, 'task')} in {_counted(pools, 'pool')}{of_models}>"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def made(
    core: _core.Builder,
    pools: object,
    responses: Responses | None,
    *,
    baseline: str | None,
    full_dir: str,
    output: StrPath | None,
    svg: StrPath | None,
    png: StrPath | None,
    force: bool,
    demo: bool,
    filter: str | None,
    metric: str | None,
) -> Report:
    """Makes a report of checked arguments."""
    given, log = _pools(pools), argument.of_log(filter, metric)
    inputs = [] if responses is None else argument.inputs(responses)
    if responses is not None and not inputs:
        raise RequestError("responses: this list is empty; leave it out for a report without models")
    name = None if baseline is None else argument.text("baseline", baseline, '"gpt-4o"')
    if name is not None and not inputs:
        raise RequestError(f"baseline: {name!r}: there are no responses of models; give them as `responses`")
    page = None if output is None else argument.path("output", output)
    vectors = None if svg is None else argument.path("svg", svg)
    pixels = None if png is None else argument.path("png", png)
    force, demo = argument.flag("force", force), argument.flag("demo", demo)
    with Notes() as note:
        return Report(core.report(given, inputs, name, full_dir, page, vectors, pixels, force, demo, *log, note))


def folder(full_dir: StrPath) -> str:
    """A folder of preprocessed benchmarks that was named. Without this check, a wrong name only leaves out details."""
    found = argument.path("full_dir", full_dir)
    if not os.path.exists(found):
        raise MissingDataError(f"full_dir: there is no folder {found!r}; name the one that has the benchmarks")
    if not os.path.isdir(found):
        raise RequestError(f"full_dir: {found!r} is a file, not a folder")
    return found


def _pools(value: object) -> list[object]:
    """One pool or several: paths as texts, and tasks."""
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes, TaskStream))
    given: list[object] = list(value) if several else [value]  # type: ignore[call-overload]
    if given and all(isinstance(one, Task) for one in given):
        given = [given]
    if not given:
        raise RequestError("pools: there is none; give a path, a TaskStream, or a list of them")
    found: list[object] = []
    for at, one in enumerate(given):
        if isinstance(one, (TaskStream, list, tuple)):
            if len(one) == 0:
                which = f"item {at} has" if len(given) > 1 else "there are"
                raise RequestError(f"pools: {which} no tasks; a report needs one at least")
            found.append(one)
        elif isinstance(one, (str, bytes, os.PathLike)):
            found.append(argument.path("pools", one))
        else:
            raise TypeError(f"pools: found {type(one).__name__}; give a path, a TaskStream, or a list of them")
    return found


def report(
    stream: TaskStream,
    responses: Responses | None = None,
    *,
    baseline: str | None = None,
    full_dir: StrPath | None = None,
    output: StrPath | None = None,
    svg: StrPath | None = None,
    png: StrPath | None = None,
    force: bool = False,
    demo: bool = False,
    filter: str | None = None,
    metric: str | None = None,
) -> Report:
    """A report on this stream, as :meth:`DatasetBuilder.report` makes it. A notebook shows its small form.

    Licences, citations and prompts are those of the configuration of the builder that made the stream. For a stream
    that no builder made, such as one that was read, they are those of ``DatasetBuilder()``.

    Args:
        responses: the score of each model on each task, as for :meth:`DatasetBuilder.validate`. Default: none.
        baseline: compare the other models with this one. Default: all pairs of up to 20 models; of more, each with the
            best.
        full_dir: the folder of the preprocessed benchmarks and of calibrations. Default: the one that the builder made
            the stream from, else data/benchmarks/full.
        output: write the page to this file. Default: it is not written.
        svg: write each picture as SVG to this folder. Default: they are not written.
        png: write each picture as PNG to this folder. Default: they are not written.
        force: replace files at these places, whatever they are. Default: False, which replaces those of older reports.
        demo: accept responses to the generated tasks of a demo. Default: False.
        filter: for a log with several filters, the one to read. Default: the only one.
        metric: for a log with several metrics or scorers, the one to read. Default: the only one.

    Returns:
        The report.

    Raises:
        RequestError, ResponseError, MissingDataError: as for :meth:`DatasetBuilder.report`.

    Warns:
        SymphonyDataWarning: some answers have no score or match several tasks, and were left out.

    >>> builder.build_task_stream(["gsm8k"], n_total_tasks=20, full_dir="full").report("responses.jsonl")
    <Report: 20 tasks in 1 pool; 1 model>
    """
    from ._builder import FULL_DIR, DatasetBuilder

    core, made_from = stream._home() or (DatasetBuilder()._core, FULL_DIR)
    return made(
        core,
        stream,
        responses,
        baseline=baseline,
        full_dir=os.fspath(made_from) if full_dir is None else folder(full_dir),
        output=output,
        svg=svg,
        png=png,
        force=force,
        demo=demo,
        filter=filter,
        metric=metric,
    )


def teach_streams() -> None:
    """Gives streams their method ``report``, which is written in Python."""
    report.__qualname__ = "TaskStream.report"
    TaskStream.report = report  # type: ignore[assignment, method-assign]
