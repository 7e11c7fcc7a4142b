"""Stage 1 on Ray: the store of one machine on any number of shards and nodes, and what becomes of it when something dies."""

from __future__ import annotations

import doctest
import functools
import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyarrow
import pyarrow.parquet
import pytest

ray = pytest.importorskip("ray", reason="ray is not installed (make ray)")

from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: E402

import symphony_data.ray  # noqa: E402
from symphony_data import (  # noqa: E402
    ConfigError,
    DatasetBuilder,
    RequestError,
    SourceError,
    SymphonyDataError,
)
from symphony_data._core import shard_work  # noqa: E402
from symphony_data.ray import preprocess  # noqa: E402

# Ray leaves sockets to the end of the process, and warns about settings of later versions.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)

BBH = {"benchmarks": {"bbh": {"path": "synthetic:bbh?rows=1500"}}}


def lines(folder: Path, benchmark: str) -> bytes:
    """The store's lines, in parts or in one file."""
    parts = sorted((folder / f"{benchmark}_full").glob("part-*.jsonl"))
    return b"".join(part.read_bytes() for part in parts or [folder / f"{benchmark}_full.jsonl"])


def meta(folder: Path, benchmark: str) -> dict[str, Any]:
    """The meta, without what says how the rows are stored."""
    found = json.loads((folder / f"{benchmark}_full_meta.json").read_text())
    del found["store"], found["self_checksum"]
    return dict(found)


def pools(folder: Path, config: dict[str, Any], benchmark: str, place: Path) -> list[bytes]:
    return pools_of(DatasetBuilder(config), folder, place, benchmark)


def pools_of(builder: DatasetBuilder, folder: Path, place: Path, benchmark: str = "mine") -> list[bytes]:
    found = []
    for sampler in ("numpy", "stable"):
        stream = builder.build_task_stream([benchmark], n_total_tasks=80, sampler=sampler, full_dir=folder)
        builder.save_task_pool(stream, place / "task_pool.jsonl")
        found.append((place / "task_pool.jsonl").read_bytes())
    return found


def driver(cluster: Any, place: Path, benchmark: str, shards: int, address: str | None = None) -> subprocess.Popen[str]:
    """A driver of its own, with the configuration of the folder."""
    command = [sys.executable, "-m", "symphony_data.ray", benchmark, "--config", str(place / "c.yaml")]
    command += ["--output", str(place / "many"), "--address", cluster.address, "--shards", str(shards)]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=place)


def test_both_nodes_do_jobs(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first of the tests: later ones kill nodes.
    nodes: set[str] = set()

    def outcomes(jobs: list[bytes], **_: object) -> Iterator[tuple[int, bytes]]:
        @ray.remote(num_cpus=1)  # type: ignore[untyped-decorator]
        def work(job: bytes) -> tuple[bytes, str]:
            return shard_work(job, []), ray.get_runtime_context().get_node_id()

        alive = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        # Ray alone may give all jobs to one node, if the other is slow to begin.
        places = [NodeAffinitySchedulingStrategy(node, soft=False) for node in alive]
        turns = zip(jobs, itertools.cycle(places), strict=False)
        placed = [work.options(scheduling_strategy=place).remote(job) for job, place in turns]
        for number, (outcome, node) in enumerate(ray.get(placed)):
            nodes.add(node)
            yield number, outcome

    monkeypatch.setattr(symphony_data.ray, "_outcomes", outcomes)
    DatasetBuilder(BBH).preprocess_all_benchmarks(tmp_path / "one")
    preprocess(BBH, "bbh", tmp_path / "many", shards=2)
    assert len(nodes) == 2
    assert lines(tmp_path / "many", "bbh") == lines(tmp_path / "one", "bbh")


@pytest.mark.parametrize("shards", [1, 2, 8])
def test_the_store_and_its_pools_are_those_of_one_machine(cluster: Any, tmp_path: Path, shards: int) -> None:
    DatasetBuilder(BBH).preprocess_all_benchmarks(tmp_path / "one")
    tasks = preprocess(BBH, "bbh", tmp_path / "many", shards=shards)
    assert len(tasks) == 1500
    assert len(list((tmp_path / "many" / "bbh_full").glob("part-*.jsonl"))) == shards
    assert lines(tmp_path / "many", "bbh") == lines(tmp_path / "one", "bbh")
    assert meta(tmp_path / "many", "bbh") == meta(tmp_path / "one", "bbh")
    assert pools(tmp_path / "many", BBH, "bbh", tmp_path) == pools(tmp_path / "one", BBH, "bbh", tmp_path)


def test_progress_counts_shards(cluster: Any, tmp_path: Path) -> None:
    stages: list[tuple[str, int]] = []
    nodes = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
    assert len(nodes) == 2
    preprocess(BBH, "bbh", tmp_path, shards=4, progress=lambda _, stage, done, total: stages.append((stage, done)))
    assert stages[-1][1] == 4


def test_files_of_lines_are_cut_between_lines(cluster: Any, tmp_path: Path) -> None:
    rows = [json.dumps({"q": f"question {i}" * (i % 9), "n": i % 31, "topic": f"t{i % 4}"}) for i in range(4000)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows[:2500]))
    (tmp_path / "b.jsonl").write_text("\n\n".join(rows[2500:]) + "\n")
    rule = {
        "features": {"n": {"number": "n"}, "topic": {"field": "topic"}},
        "score": [{"feature": "n", "normalize": "p95"}],
    }
    config = {"benchmarks": {"mine": {"path": f"file:{tmp_path}/*.jsonl", "identity": ["q"], "difficulty": rule}}}
    DatasetBuilder(config).preprocess_all_benchmarks(tmp_path / "one")
    preprocess(config, "mine", tmp_path / "many", shards=5)
    assert lines(tmp_path / "many", "mine") == lines(tmp_path / "one", "mine")
    assert meta(tmp_path / "many", "mine") == meta(tmp_path / "one", "mine")


def test_a_bad_row_names_shard_file_and_line(cluster: Any, tmp_path: Path) -> None:
    rows = [json.dumps({"n": i}) for i in range(300)]
    rows[200] = '{"n": "many"}'
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    rule = {"features": {"n": {"number": "n"}}, "score": [{"feature": "n", "normalize": "p95"}]}
    config = {"benchmarks": {"mine": {"path": f"file:{tmp_path}/rows.jsonl", "difficulty": rule}}}
    with pytest.raises(SourceError, match=r"rows\.jsonl:201: row 200 of mine: field `n`.*in shard 3 of 4") as raised:
        preprocess(config, "mine", tmp_path / "full", shards=4)
    assert 'on_bad_row="skip"' in str(raised.value)
    assert len(preprocess(config, "mine", tmp_path / "full", shards=4, on_bad_row="skip")) == 299


LOOPS = {
    "features": {"loops": {"python": "n_loops"}, "topic": {"field": "topic"}},
    "score": [{"feature": "loops", "normalize": "p95"}],
}


def counting(word: str) -> Any:
    """A feature with a state, of a class that workers do not have: it goes to them with the object."""

    class Counting:
        def __init__(self) -> None:
            self.word = word

        def __call__(self, row: dict[str, Any]) -> float:
            return float(str(row["q"]).count(self.word) + row["n"] / 7)

    return Counting()


def mine(place: Path, function: Any, version: str = "1") -> DatasetBuilder:
    """A builder with a registered feature."""
    builder = DatasetBuilder({"benchmarks": {"mine": {"path": f"file:{place}/rows.jsonl", "difficulty": LOOPS}}})
    builder.register_feature("n_loops", function, version=version)
    return builder


def with_rows(place: Path, n: int = 900) -> None:
    rows = [json.dumps({"q": "for each " * (i % 9), "n": i % 31, "topic": f"t{i % 4}"}) for i in range(n)]
    (place / "rows.jsonl").write_text("\n".join(rows))


@pytest.mark.parametrize("kind", ["function", "object", "partial"])
def test_python_features_are_computed_by_workers(cluster: Any, tmp_path: Path, kind: str) -> None:
    with_rows(tmp_path)
    workers = tmp_path / "workers"
    workers.mkdir()

    count = counting("for")

    def counted(suffix: str, row: dict[str, Any]) -> float:
        (workers / f"{os.getpid()}{suffix}").touch()
        return float(count(row))

    functions = {
        "function": lambda row: counted("", row),
        "object": count,
        "partial": functools.partial(counted, ""),
    }
    alone, many = mine(tmp_path, count), mine(tmp_path, functions[kind])
    alone.preprocess_all_benchmarks(tmp_path / "one")
    tasks = preprocess(many, "mine", tmp_path / "many", shards=5)
    assert tasks[8].scorer_metadata["loops"] == 8 + 8 / 7
    assert lines(tmp_path / "many", "mine") == lines(tmp_path / "one", "mine")
    assert meta(tmp_path / "many", "mine") == meta(tmp_path / "one", "mine")
    assert str(os.getpid()) not in os.listdir(workers)
    # The builder draws from there, as after its own stage 1.
    assert len(many.build_task_stream(["mine"], n_total_tasks=10)) == 10
    assert pools_of(alone, tmp_path / "one", tmp_path) == pools_of(many, tmp_path / "many", tmp_path)


def test_a_python_feature_that_fails_names_the_row_and_is_run_again_once_it_is_mended(
    cluster: Any, tmp_path: Path
) -> None:
    with_rows(tmp_path)
    wrong = tmp_path / "wrong"
    wrong.touch()

    def depends(row: dict[str, Any]) -> float:
        # As a function does whose module is mended: the function itself stays the same.
        if wrong.exists() and row["n"] == 30 and len(row["q"]) > 60:
            raise LookupError("no such loop")
        return 2.0 if wrong.exists() else float(row["n"])

    with pytest.raises(
        SourceError, match=r"rows\.jsonl:\d+: row \d+ of mine: `n_loops`: raised LookupError: no such loop"
    ):
        preprocess(mine(tmp_path, depends), "mine", tmp_path / "many", shards=4)
    wrong.unlink()
    preprocess(mine(tmp_path, depends), "mine", tmp_path / "many", shards=4)
    mine(tmp_path, depends).preprocess_all_benchmarks(tmp_path / "one")
    assert lines(tmp_path / "many", "mine") == lines(tmp_path / "one", "mine")


def test_a_python_feature_that_workers_cannot_have_is_refused(cluster: Any, tmp_path: Path) -> None:
    with_rows(tmp_path, 20)
    lock = threading.Lock()

    def locked(row: dict[str, Any]) -> float:
        with lock:
            return 1.0

    with pytest.raises(RequestError, match=r"function `n_loops` cannot be sent to workers: .*inside the function"):
        preprocess(mine(tmp_path, locked), "mine", tmp_path / "many", shards=2)
    (tmp_path / "only_here.py").write_text("def feature(row):\n    return 1.0\n")
    sys.path.insert(0, str(tmp_path))
    try:
        import only_here  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(tmp_path))
    with pytest.raises(
        SymphonyDataError, match=r"cannot load a registered feature: No module named 'only_here'; install"
    ):
        preprocess(mine(tmp_path, only_here.feature), "mine", tmp_path / "many", shards=2)

    def leaving(row: dict[str, Any]) -> float:
        raise SystemExit(3)

    with pytest.raises(SymphonyDataError, match=r"ended its worker \(SystemExit: 3\)"):
        preprocess(mine(tmp_path, leaving), "mine", tmp_path / "many", shards=2)
    config = {"benchmarks": {"mine": {"path": f"file:{tmp_path}/rows.jsonl", "difficulty": LOOPS}}}
    with pytest.raises(ConfigError, match=r"`builder\.register_feature\(\"n_loops\", function\)`"):
        preprocess(config, "mine", tmp_path / "many", shards=2)


def test_a_worker_that_cannot_do_a_job_ends_the_run_in_plain_words(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rows(tmp_path, 20)
    monkeypatch.setattr(symphony_data.ray, "_RETRIES", 1)
    with pytest.raises(
        SymphonyDataError, match=r"a job was lost 2 times: WorkerCrashedError: .*; if memory ran out, use"
    ):
        preprocess(mine(tmp_path, lambda row: os._exit(9)), "mine", tmp_path / "many", shards=2)

    # As a worker does that has another version.
    def other(*_: object) -> bytes:
        raise TypeError("_work() takes 1 positional argument")

    monkeypatch.setattr(symphony_data.ray, "_work", other)
    with pytest.raises(
        SymphonyDataError, match=r"a worker failed: TypeError: .*; install the same version of symphony"
    ):
        preprocess(BBH, "bbh", tmp_path / "many", shards=2)


def test_only_the_recorded_source_is_used_where_that_is_asked_for(cluster: Any, tmp_path: Path) -> None:
    with_rows(tmp_path)
    builder, full = mine(tmp_path, counting("for")), tmp_path / "many"
    with pytest.raises(SourceError, match="no source is recorded yet"):
        preprocess(builder, "mine", full, shards=2, locked=True)
    preprocess(builder, "mine", full, shards=2)
    before = lines(full, "mine")
    preprocess(builder, "mine", full, shards=3, locked=True, force_reprocess=True)
    assert lines(full, "mine") == before
    with_rows(tmp_path, 901)
    with pytest.raises(SourceError, match=r"only the recorded source may be used, but rows\.jsonl has changed"):
        preprocess(builder, "mine", full, shards=2, locked=True)
    assert lines(full, "mine") == before
    assert len(preprocess(builder, "mine", full, shards=2)) == 901


def test_folders_and_files_may_be_named_by_urls_of_this_machine_only(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "a b.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    rule = {"features": {"n": {"number": "n"}}, "score": [{"feature": "n"}]}
    config = {"benchmarks": {"mine": {"path": f"file://{tmp_path}/a b.jsonl", "difficulty": rule}}}
    assert len(preprocess(config, "mine", f"file://{tmp_path}/full%20rows", shards=2)) == 2
    assert (tmp_path / "full rows" / "mine_full_meta.json").exists()
    DatasetBuilder(config).preprocess_all_benchmarks(tmp_path / "one")
    assert meta(tmp_path / "full rows", "mine") == meta(tmp_path / "one", "mine")
    for folder in ("s3://bucket/full", "memory://full", "file://host/full"):
        with pytest.raises(RequestError, match=r"output_dir: .* is not a folder; give the path of one"):
            preprocess(config, "mine", folder)


def test_two_drivers_at_once_do_not_harm_each_other(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=30000'}}")
    drivers = [driver(cluster, tmp_path, "gsm8k", shards) for shards in (4, 7)]
    ended = [one.communicate(timeout=100) for one in drivers]
    assert [one.returncode for one in drivers] == [0, 0], ended
    assert {out for out, _ in ended} == {f"gsm8k: 30000 rows in {tmp_path / 'many'}\n"}
    # One made it, and the other found it up to date.
    assert len(list((tmp_path / "many" / "gsm8k_full").glob("part-*.jsonl"))) in (4, 7)
    DatasetBuilder(tmp_path / "c.yaml").preprocess_all_benchmarks(tmp_path / "one")
    assert lines(tmp_path / "many", "gsm8k") == lines(tmp_path / "one", "gsm8k")
    assert meta(tmp_path / "many", "gsm8k") == meta(tmp_path / "one", "gsm8k")
    assert not (tmp_path / "many" / ".gsm8k_shards").exists()


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as one download asks for; a dataset of two files."""

    files: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        path, headers, body = self.path.split("?")[0], {}, b""
        if path.endswith("/refs"):
            converted = {"name": "parquet", "ref": "refs/convert/parquet", "targetCommit": COMMIT}
            body = json.dumps({"branches": [], "tags": [], "converts": [converted]}).encode()
        elif "/tree/" in path:
            files = [{"type": "file", "size": len(file), "path": name} for name, file in self.files.items()]
            body = json.dumps(files).encode()
        else:
            body = next((file for name, file in self.files.items() if path.endswith(name)), b"")
            headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT}
        self.send_response(200 if body else 404)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_dataset_of_the_hub_is_downloaded_once_and_read_by_workers(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in range(2):
        rows = [{"question": "why " * ((i + file) % 23), "answer": f"#### {i}"} for i in range(400)]
        table = pyarrow.Table.from_pylist(rows)
        pyarrow.parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=90)
        Hub.files[f"main/test/000{file}.parquet"] = (tmp_path / "rows.parquet").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_CACHE", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    rule = {"features": {"n": {"words": "question"}}, "score": [{"feature": "n", "normalize": "p95"}]}
    config = {
        "benchmarks": {"quiz": {"path": "datasets:org/quiz", "identity": ["question", "answer"], "difficulty": rule}}
    }
    tasks = preprocess(config, "quiz", tmp_path / "many", shards=6)
    assert len(tasks) == 800 and len(list((tmp_path / "many" / "quiz_full").glob("*.index"))) > 2
    assert meta(tmp_path / "many", "quiz")["source"]["revision"] == COMMIT
    assert [sum(name in path for path in Hub.asked if path.startswith("GET /datasets")) for name in Hub.files] == [1, 1]
    server.shutdown()
    server.server_close()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    # From the cache, as from the Hub.
    DatasetBuilder(config).preprocess_all_benchmarks(tmp_path / "one")
    preprocess(config, "quiz", tmp_path / "many", shards=3, force_reprocess=True)
    assert lines(tmp_path / "many", "quiz") == lines(tmp_path / "one", "quiz")
    assert meta(tmp_path / "many", "quiz") == meta(tmp_path / "one", "quiz")


def test_what_a_worker_raises_arrives_as_it_is(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00 this is not gzip")
    config = {"benchmarks": {"gsm8k": {"path": f"file:{tmp_path}/rows.jsonl.gz"}}}
    with pytest.raises(SourceError, match=r"rows\.jsonl\.gz"):
        preprocess(config, "gsm8k", tmp_path / "full", shards=2)
    with pytest.raises(RequestError, match="no enabled benchmark 'bbh'"):
        preprocess(config, "bbh", tmp_path / "full")
    with pytest.raises(RequestError, match="shards: 0 is less than 1"):
        preprocess(config, "gsm8k", tmp_path / "full", shards=0)


def test_a_worker_that_is_killed_is_replaced(cluster: Any, tmp_path: Path) -> None:
    config = {"benchmarks": {"gsm8k": {"path": "synthetic:gsm8k?rows=40000"}}}
    DatasetBuilder(config).preprocess_all_benchmarks(tmp_path / "one")
    killed: list[int] = []

    def kill() -> None:
        # Whichever process has a try under way, as the folder of the try says.
        while not killed:
            for folder in (tmp_path / "many" / ".gsm8k_shards").glob("*.*.*"):
                killed.append(int(folder.name.split(".")[1]))
                os.kill(killed[0], signal.SIGKILL)
                return
            time.sleep(0.001)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    preprocess(config, "gsm8k", tmp_path / "many", shards=4)
    killer.join(timeout=5)
    assert killed and killed[0] != os.getpid()
    assert lines(tmp_path / "many", "gsm8k") == lines(tmp_path / "one", "gsm8k")
    assert not (tmp_path / "many" / ".gsm8k_shards").exists()


def test_a_node_that_dies_is_done_without(cluster: Any, tmp_path: Path) -> None:
    config = {"benchmarks": {"gsm8k": {"path": "synthetic:gsm8k?rows=40000"}}}
    DatasetBuilder(config).preprocess_all_benchmarks(tmp_path / "one")
    third = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def remove() -> None:
        while not list((tmp_path / "many" / ".gsm8k_shards").glob("*.outcome")):
            time.sleep(0.001)
        cluster.remove_node(third, allow_graceful=False)

    remover = threading.Thread(target=remove, daemon=True)
    remover.start()
    preprocess(config, "gsm8k", tmp_path / "many", shards=9)
    remover.join(timeout=20)
    assert not remover.is_alive()
    assert lines(tmp_path / "many", "gsm8k") == lines(tmp_path / "one", "gsm8k")


def test_a_driver_that_is_killed_and_started_again_resumes(cluster: Any, tmp_path: Path) -> None:
    rows = 60000
    (tmp_path / "c.yaml").write_text(f"benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows={rows}'}}}}")
    first = driver(cluster, tmp_path, "gsm8k", 6)
    scratch = tmp_path / "many" / ".gsm8k_shards"
    end = time.monotonic() + 60
    while len(list(scratch.glob("*.outcome"))) < 3 and time.monotonic() < end:
        assert first.poll() is None, "it was done before it could be killed"
        time.sleep(0.002)
    first.kill()
    first.communicate()
    assert not (tmp_path / "many" / "gsm8k_full_meta.json").exists()
    written = {path.name: path.stat().st_mtime_ns for path in scratch.glob("*.outcome")}
    assert len(written) >= 3
    second = driver(cluster, tmp_path, "gsm8k", 6)
    out, errors = second.communicate(timeout=100)
    assert second.returncode == 0, errors
    assert out == f"gsm8k: {rows} rows in {tmp_path / 'many'}\n"
    DatasetBuilder(tmp_path / "c.yaml").preprocess_all_benchmarks(tmp_path / "one")
    assert lines(tmp_path / "many", "gsm8k") == lines(tmp_path / "one", "gsm8k")
    assert meta(tmp_path / "many", "gsm8k") == meta(tmp_path / "one", "gsm8k")


def test_the_command_says_what_is_wrong_without_a_traceback(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("benchmarks: {gsm8k: {path: 'synthetic:gsm8k?rows=2000000'}}")
    stopped = driver(cluster, tmp_path, "gsm8k", 20)
    while not list((tmp_path / "many" / ".gsm8k_shards").glob("*.*.*")):
        assert stopped.poll() is None
        time.sleep(0.01)
    stopped.send_signal(signal.SIGINT)
    assert stopped.communicate(timeout=60) == ("", "stopped; the next run resumes at what is finished\n")
    assert stopped.returncode == 130

    def none(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", none)
    assert symphony_data.ray.main(["gsm8k", "--config", str(tmp_path / "c.yaml"), "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "error: no Ray cluster was found at 'auto'; start one with `ray start --head`, or use this machine alone with "
        "address=None (--address local)\n"
    )


def test_the_example_of_the_module_runs(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(symphony_data.ray).attempted > 2
    assert doctest.testmod(symphony_data.ray).failed == 0
