"""Stage 1 on a Ray cluster: a benchmark that one machine cannot hold, or not soon enough.

>>> from symphony_data.ray import preprocess
>>> config = {"benchmarks": {"gsm8k": {"path": "synthetic:gsm8k?rows=400"}}}
>>> len(preprocess(config, "gsm8k", "full", address=None, shards=4))
400

The result is the store that one machine makes, in parts: the same rows, scores, thresholds, identities and pools,
whatever the number of shards and workers. ``python -m symphony_data.ray --help`` does the same from the command line.

The folder and the files of the source must be on storage that all machines share, under the same paths; or the files
are behind URLs, and `shared` names a URL for what workers make. All machines need the same version of symphony-data.
Features that are Python functions go to the workers with the builder that they are registered in. What a worker has
finished is kept until the store is whole: Ray does the job of a worker that died again, and a driver that is started
again resumes at what is finished.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.request import url2pathname

try:
    import ray
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'symphony_data.ray needs Ray: pip install "symphony-data[ray]"', name=error.name
    ) from error

from . import _arguments as argument
from ._arguments import StrPath
from ._builder import FULL_DIR, DatasetBuilder
from ._core import TaskStream, shard_work
from ._errors import ConfigError, RequestError, SymphonyDataError
from ._notes import Notes
from ._progress import Progress, shown

__all__ = ["preprocess"]

_TICK = 0.2
"""How long the driver waits for an outcome before it listens for Ctrl-C and looks for more processors, in seconds."""
_AHEAD = 2
"""How many jobs Ray has at once, waiting or under way, for each processor of the cluster and one more."""
_URL = re.compile(r"(file://(?=/[^/?])|(?!file:)[A-Za-z][A-Za-z0-9+.-]*://[^/?\s][^/?]*)(/[^?]*)?(\?.*)?", re.DOTALL)
"""A URL of a place for files: with a host or, for files, a path."""
_RETRIES = 8
"""How often Ray does a job again whose worker or machine died."""
_Function = tuple[str, Callable[[dict[str, Any]], float], str]
"""A registered feature: its name, the function, its version."""


def preprocess(
    config: StrPath | Mapping[str, Any] | DatasetBuilder | None,
    benchmark: str,
    output_dir: StrPath = FULL_DIR,
    *,
    address: str | None = "auto",
    shards: int | None = None,
    shared: str | None = None,
    format: Literal["jsonl", "parquet"] | None = None,
    on_bad_row: Literal["stop", "skip"] | None = None,
    force_reprocess: bool = False,
    locked: bool = False,
    progress: Progress = None,
) -> TaskStream:
    """Scores every row of one benchmark on a Ray cluster. A store that is up to date is left as it is.

    Args:
        config: as for :class:`~symphony_data.DatasetBuilder`: a path, a dict, or None for the default. Or a builder:
            workers get its registered features, and it draws from `output_dir` afterwards.
        benchmark: the benchmark's name.
        output_dir: the folder for ``{benchmark}_full/part-00000.jsonl`` (or ``.parquet``) and so on, and for
            ``{benchmark}_full_meta.json``; on storage that all machines share, unless `shared` is given. Default:
            data/benchmarks/full.
        address: the cluster: ``"auto"``, the one that this machine belongs to; ``"host:port"`` or ``"ray://host:port"``;
            or None, which starts Ray on this machine alone. Where Ray is connected already, that connection is used.
            Default: ``"auto"``.
        shards: cut the source into at most this many shards; each becomes a part. JSON lines are cut between two lines,
            Parquet between two row groups, other files not at all. Default: the number of processors of the cluster.
        shared: where machines share no folder, a URL that all of them can read and write, such as
            ``s3://bucket/scratch``. Workers leave what they make there, this machine takes the parts from there to
            `output_dir`, and the rest is removed. Default: they share `output_dir`.
        format: ``"jsonl"`` or ``"parquet"``. Default: as configured, else as the store is now, else ``"jsonl"``.
        on_bad_row: ``"stop"`` at a row that cannot be scored, or ``"skip"`` it into ``{benchmark}_rejected.jsonl``.
            Default: as when the benchmark was last preprocessed, else ``"stop"``.
        force_reprocess: preprocess the benchmark again even if it is up to date. Default: False.
        locked: accept only the source that the meta file records: the same commit on the Hub, the same files. Default:
            False.
        progress: True for tqdm bars, or a function ``(benchmark, stage, done, total)``; it counts shards. Default:
            silent.

    Returns:
        The scored tasks, read from the disk when they are first used.

    Raises:
        SourceError: rows that cannot be read, or a row that cannot be scored; the message names shard, file and line,
            and what a feature raised.
        RequestError: an argument that is not valid, or a registered feature that cannot be sent (a ValueError).
        ConfigError: a configuration that has problems (a ValueError).
        ConnectionError: there is no cluster at `address`.

    >>> tasks = preprocess(None, "gsm8k", "full", address=None, on_bad_row="skip")  # doctest: +SKIP
    """
    builder = config if isinstance(config, DatasetBuilder) else DatasetBuilder(config)
    name = argument.text("benchmark", benchmark, '"gsm8k"')
    if name not in builder.benchmarks:
        raise RequestError(
            f"benchmark: there is no enabled benchmark {name!r}; enabled: {', '.join(builder.benchmarks)}"
        )
    folder = os.path.abspath(_local(argument.path("output_dir", output_dir)))
    force = argument.flag("force_reprocess", force_reprocess)
    locked = argument.flag("locked", locked)
    if format is not None:
        argument.choice("format", format, ("jsonl", "parquet"))
    if on_bad_row is not None:
        argument.choice("on_bad_row", on_bad_row, ("stop", "skip"))
    if shards is not None:
        shards = argument.whole("shards", shards)
        if shards < 1:
            raise RequestError(f"shards: {shards} is less than 1")
    if shared is not None:
        shared = _url(shared)
    functions, known_by = _packed(builder._core.functions(name))
    own = not ray.is_initialized()
    if own:
        # For Ray, None would mean a cluster that is running, if there is one.
        alone = {"include_dashboard": False} if address is None else {}
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level="warning", **alone)
        except ConnectionError as error:
            raise ConnectionError(
                f"no Ray cluster was found at {address!r}; start one with `ray start --head`, or use this machine "
                "alone with address=None (--address local)"
            ) from error
    try:
        number = shards or max(1, int(ray.cluster_resources().get("CPU", 1)))
        with shown(progress) as callback, Notes() as note:
            # Functions go out once for all jobs.
            jobs = partial(_outcomes, known_by=known_by, functions=[ray.put(functions)] if known_by else [])
            tasks = builder._core.preprocess_on(
                name, folder, force, on_bad_row, locked, format, number, shared, jobs, known_by, callback, note
            )
            builder._full_dir = folder
            return tasks
    finally:
        if own:
            ray.shutdown()


def _local(folder: str) -> str:
    """The path of a folder that may be named by a URL of this machine."""
    scheme, separator, rest = folder.partition("://")
    if not separator or "/" in scheme:
        return folder
    if scheme == "file" and rest.startswith("/"):
        return url2pathname(rest)
    raise RequestError(
        f"output_dir: a {scheme}:// URL is not a folder; give the path of one, which pools are then drawn from. Where "
        "machines share no folder, name a URL that all can write to with `shared`"
    )


def _url(shared: str) -> str:
    """The URL that machines share."""
    text = argument.text("shared", shared, '"s3://bucket/scratch"')
    if not _URL.fullmatch(text):
        # It may hold a password.
        raise RequestError("shared: this is not a URL of a place for files; write it like s3://bucket/scratch")
    return text


def _packed(functions: list[_Function]) -> tuple[bytes, str]:
    """The functions as they go to workers, and a text that changes when one of them does; empty without any."""
    if not functions:
        return b"", ""
    known_by = hashlib.sha256()
    for name, function, version in functions:
        try:
            packed = ray.cloudpickle.dumps((name, function, version))
        except Exception as error:
            raise RequestError(
                f"register_feature: the function `{name}` cannot be sent to workers: {error}; open files, connections "
                "and locks inside the function, or preprocess on one machine"
            ) from error
        known_by.update(packed)
        # A function of a module goes by its name.
        code = function if inspect.isroutine(function) else type(function)
        try:
            known_by.update(Path(inspect.getsourcefile(code) or "").read_bytes())
        except (OSError, TypeError):
            continue
    return ray.cloudpickle.dumps(functions), known_by.hexdigest()


_loaded: tuple[str, list[_Function]] = ("", [])
"""On a worker: the functions of the last job, and what they are known by."""


def _work(job: bytes, known_by: str, packed: list[ray.ObjectRef[bytes]]) -> bytes | SymphonyDataError:
    """Does one job, on a worker. Returns errors, as Ray prints those that are raised and that nobody fetches."""
    try:
        return _outcome(job, known_by, packed)
    except SymphonyDataError as error:
        return error


def _outcome(job: bytes, known_by: str, packed: list[ray.ObjectRef[bytes]]) -> bytes:
    """Does one job, on a worker."""
    global _loaded
    if _loaded[0] != known_by:
        try:
            _loaded = (known_by, ray.cloudpickle.loads(ray.get(packed[0])) if packed else [])
        except (ImportError, AttributeError) as error:
            raise SymphonyDataError(
                f"a worker cannot load a registered feature: {error}; install its module on all machines, or send it "
                'along: call ray.init(runtime_env={"working_dir": "."}) first'
            ) from error
    try:
        return shard_work(job, _loaded[1])
    except SystemExit as end:
        raise SymphonyDataError(f"a registered feature ended its worker (SystemExit: {end})") from end


def _outcomes(
    jobs: list[bytes], known_by: str = "", functions: list[ray.ObjectRef[bytes]] | None = None
) -> Iterator[tuple[int, bytes]]:
    """The number and the outcome of each job, as they are done."""
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(_work)
    waiting: dict[ray.ObjectRef[bytes], int] = {}
    left = enumerate(jobs)
    # Where it stops early, no job is called off, as Ray ends the process if a job ends just then. So Ray has only few.
    while True:
        ahead = _AHEAD * (1 + int(ray.cluster_resources().get("CPU", 1)))
        for number, job in itertools.islice(left, max(0, ahead - len(waiting))):
            waiting[task.remote(job, known_by, functions or [])] = number
        if not waiting:
            return
        ray.wait(list(waiting), num_returns=1, timeout=_TICK)
        done, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        for reference in done:
            number = waiting.pop(reference)
            try:
                outcome = ray.get(reference)
            except ray.exceptions.RayError as error:
                raise _raised(error) from None
            if isinstance(outcome, SymphonyDataError):
                raise outcome
            yield number, outcome


def _raised(error: ray.exceptions.RayError) -> SymphonyDataError:
    """What the driver raises where a job failed: what its worker raised, without the worker's stack."""
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, SymphonyDataError):
        return cause
    said = f"{type(cause).__name__}: {str(cause).strip().splitlines()[-1]}" if str(cause).strip() else repr(cause)
    if isinstance(error, ray.exceptions.RayTaskError):
        return SymphonyDataError(f"a worker failed: {said}; install the same version of symphony-data on all machines")
    return SymphonyDataError(
        f"a job was lost {_RETRIES + 1} times: {said}; if memory ran out, use more shards or fewer workers on a "
        "machine, and run again: finished work is kept"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command ``python -m symphony_data.ray``: returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m symphony_data.ray",
        description="Score every row of a benchmark on a Ray cluster (stage 1)",
        epilog="The output and the files of the source must be on storage that all machines share. The source may be "
        "behind URLs, such as s3://; then --shared names a URL for what workers make, and the output is a folder of "
        "this machine.",
    )
    parser.add_argument("benchmark", help="the benchmark's name")
    parser.add_argument("--config", metavar="FILE", help="the configuration [default: config/data_config.yaml]")
    parser.add_argument("--output", metavar="DIR", default=FULL_DIR, help="write to this folder [default: %(default)s]")
    parser.add_argument(
        "--address",
        default="auto",
        help="the cluster: auto, local for this machine alone, or host:port [default: auto]",
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="cut the source into at most N shards [default: processors]"
    )
    parser.add_argument(
        "--shared", metavar="URL", help="leave what workers make at this URL, where machines share no folder"
    )
    parser.add_argument("--format", choices=["jsonl", "parquet"], help="store rows in this format")
    parser.add_argument(
        "--on-bad-row", choices=["stop", "skip"], help="stop at a row that cannot be scored, or set it aside"
    )
    parser.add_argument("--force", action="store_true", help="rebuild even if up to date")
    parser.add_argument("--locked", action="store_true", help="accept only the recorded source")
    given = parser.parse_args(arguments)
    try:
        tasks = preprocess(
            given.config,
            given.benchmark,
            given.output,
            address=None if given.address == "local" else given.address,
            shards=given.shards,
            shared=given.shared,
            format=given.format,
            on_bad_row=given.on_bad_row,
            force_reprocess=given.force,
            locked=given.locked,
        )
    except (SymphonyDataError, ConnectionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, (ConfigError, RequestError)) else 1
    except KeyboardInterrupt:
        print("stopped; the next run resumes at what is finished", file=sys.stderr)
        return 130
    print(f"{given.benchmark}: {len(tasks)} rows in {given.output}")
    return 0


if __name__ == "__main__":
    # Under its own name, workers find this module's functions.
    from symphony_data.ray import main as imported

    sys.exit(imported())
