"""Stage 1 on Ray: the store of one machine on any number of shards and nodes, and what becomes of it when something dies."""

from __future__ import annotations

import doctest
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="ray is not installed (make ray)")

from ray.cluster_utils import Cluster  # noqa: E402

import symphony_data.ray  # noqa: E402
from symphony_data import DatasetBuilder, RequestError, SourceError  # noqa: E402
from symphony_data._core import shard_work  # noqa: E402
from symphony_data.ray import preprocess  # noqa: E402

# Ray leaves sockets to the end of the process, and warns about settings of later versions.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)

BBH = {"benchmarks": {"bbh": {"path": "synthetic:bbh?rows=1500"}}}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor each."""
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    found.add_node(num_cpus=1)
    ray.init(address=found.address, log_to_driver=False, logging_level="error")
    yield found
    ray.shutdown()
    found.shutdown()


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
    found = []
    for sampler in ("numpy", "stable"):
        builder = DatasetBuilder(config)
        stream = builder.build_task_stream([benchmark], n_total_tasks=80, sampler=sampler, full_dir=folder)
        builder.save_task_pool(stream, place / "task_pool.jsonl")
        found.append((place / "task_pool.jsonl").read_bytes())
    return found


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
    command = [sys.executable, "-m", "symphony_data.ray", "gsm8k", "--config", str(tmp_path / "c.yaml")]
    command += ["--output", str(tmp_path / "many"), "--address", cluster.address, "--shards", "6"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    first = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd=tmp_path
    )
    scratch = tmp_path / "many" / ".gsm8k_shards"
    end = time.monotonic() + 60
    while len(list(scratch.glob("*.outcome"))) < 3 and time.monotonic() < end:
        assert first.poll() is None, "it was done before it could be killed"
        time.sleep(0.002)
    first.kill()
    first.wait()
    assert not (tmp_path / "many" / "gsm8k_full_meta.json").exists()
    written = {path.name: path.stat().st_mtime_ns for path in scratch.glob("*.outcome")}
    assert len(written) >= 3
    second = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=100)
    assert second.returncode == 0, second.stderr
    assert second.stdout == f"gsm8k: {rows} rows in {tmp_path / 'many'}\n"
    DatasetBuilder(tmp_path / "c.yaml").preprocess_all_benchmarks(tmp_path / "one")
    assert lines(tmp_path / "many", "gsm8k") == lines(tmp_path / "one", "gsm8k")
    assert meta(tmp_path / "many", "gsm8k") == meta(tmp_path / "one", "gsm8k")


def test_the_example_of_the_module_runs(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(symphony_data.ray).attempted > 2
    assert doctest.testmod(symphony_data.ray).failed == 0


def test_both_nodes_do_jobs(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes: set[str] = set()

    def outcomes(jobs: list[bytes]) -> Iterator[tuple[int, bytes]]:
        @ray.remote(num_cpus=1)  # type: ignore[untyped-decorator]
        def work(job: bytes) -> tuple[bytes, str]:
            # As long as the other node needs to begin.
            time.sleep(0.5)
            return shard_work(job), ray.get_runtime_context().get_node_id()

        for number, (outcome, node) in enumerate(ray.get([work.remote(job) for job in jobs])):
            nodes.add(node)
            yield number, outcome

    monkeypatch.setattr(symphony_data.ray, "_outcomes", outcomes)
    DatasetBuilder(BBH).preprocess_all_benchmarks(tmp_path / "one")
    preprocess(BBH, "bbh", tmp_path / "many", shards=2)
    assert len(nodes) == 2
    assert lines(tmp_path / "many", "bbh") == lines(tmp_path / "one", "bbh")
