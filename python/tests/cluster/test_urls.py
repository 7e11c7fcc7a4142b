"""Rows behind URLs, and workers that share a URL and no folder: against a stand-in for S3, and fsspec's files in memory."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pyarrow
import pyarrow.parquet
import pytest

pytest.importorskip("ray", reason="ray is not installed (make ray)")
moto = pytest.importorskip("moto.server", reason="moto is not installed (make ray)")
fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (make ray)")

from pyarrow import fs  # noqa: E402

from symphony_data import DatasetBuilder, RequestError, SourceError, _storage  # noqa: E402
from symphony_data._errors import MissingSourceError  # noqa: E402
from symphony_data.ray import preprocess  # noqa: E402

# Ray leaves sockets to the end of the process, and warns about settings of later versions.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)

RULE = {
    "identity": ["q"],
    "difficulty": {
        "features": {"n": {"number": "n"}, "topic": {"field": "topic"}},
        "score": [{"feature": "n", "normalize": "p95"}],
    },
}
KEY, SECRET = "AKIAKEY", "hush-hush"


class S3:
    """A stand-in for S3 with one bucket."""

    def __init__(self, port: int) -> None:
        self.options = f"?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
        self.files = fs.S3FileSystem(
            access_key=KEY,
            secret_key=SECRET,
            endpoint_override=f"127.0.0.1:{port}",
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        )
        self.files.create_dir("bucket")

    def url(self, name: str) -> str:
        return f"s3://{KEY}:{SECRET}@bucket/{name}{self.options}"

    def put(self, name: str, file: bytes) -> None:
        with self.files.open_output_stream(f"bucket/{name}") as to:
            to.write(file)

    def names(self, folder: str) -> list[str]:
        infos = self.files.get_file_info(fs.FileSelector(f"bucket/{folder}", recursive=True, allow_not_found=True))
        return [info.path for info in infos if info.type == fs.FileType.File]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield S3(server.get_host_and_port()[1])
    server.stop()


def rows(n: int) -> list[dict[str, Any]]:
    return [{"q": f"question {i % 900} ünd", "n": i % 31, "topic": f"t{i % 4}"} for i in range(n)]


def as_lines(found: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in found).encode()


def as_parquet(found: list[dict[str, Any]], group: int) -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(found), sink, row_group_size=group)
    return bytes(sink.getvalue())


def config(path: str) -> dict[str, Any]:
    return {"benchmarks": {"mine": {"path": path, **RULE}}}


def content(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The rows of a store of JSON lines, and its meta without what says how they are stored and where they came from."""
    parts = sorted((folder / "mine_full").glob("part-*.jsonl")) or [folder / "mine_full.jsonl"]
    meta = json.loads((folder / "mine_full_meta.json").read_text())
    for key in ("store", "self_checksum", "benchmark_config_fingerprint"):
        del meta[key]
    del meta["source"]["path"]
    return b"".join(part.read_bytes() for part in parts), meta


def pools(builder: DatasetBuilder, folder: Path, place: Path) -> list[bytes]:
    found = []
    for sampler in ("numpy", "stable"):
        stream = builder.build_task_stream(["mine"], n_total_tasks=80, sampler=sampler, full_dir=folder)
        builder.save_task_pool(stream, place / "task_pool.jsonl")
        found.append((place / "task_pool.jsonl").read_bytes())
    return found


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_workers_that_share_a_url_alone_make_the_store_of_one_machine(
    cluster: Any, s3: S3, tmp_path: Path, ending: str
) -> None:
    (tmp_path / "rows").mkdir()
    for name, found in (("a b", rows(3000)), ("c%41", rows(500))):
        file = as_lines(found) if ending == "jsonl" else as_parquet(found, 170)
        (tmp_path / "rows" / f"{name}.{ending}").write_bytes(file)
        s3.put(f"{ending} rows/{name}.{ending}", file)
    local = DatasetBuilder(config(f"file:{tmp_path}/rows/*.{ending}"))
    local.preprocess_all_benchmarks(tmp_path / "one")
    remote = DatasetBuilder(config(s3.url(f"{ending} rows/*.{ending}")))
    for shards in (1, 2, 8):
        full = tmp_path / str(shards)
        tasks = preprocess(remote, "mine", full, shards=shards, shared=s3.url("scratch"))
        assert len(tasks) == 3500
        assert content(full) == content(tmp_path / "one")
        assert pools(remote, full, tmp_path) == pools(local, tmp_path / "one", tmp_path)
        assert s3.names("scratch") == []
    # Another machine reads the same rows.
    remote.preprocess_all_benchmarks(tmp_path / "two")
    assert content(tmp_path / "two") == content(tmp_path / "one")
    text = (tmp_path / "two" / "mine_full_meta.json").read_text()
    assert f'"s3://bucket/{ending} rows/*.{ending}"' in text
    assert KEY not in text and SECRET not in text


def test_the_command_takes_a_url_that_machines_share(cluster: Any, s3: S3, tmp_path: Path) -> None:
    s3.put("own/rows.jsonl", as_lines(rows(700)))
    (tmp_path / "c.yaml").write_text(json.dumps(config(s3.url("own/rows.jsonl"))))
    command = [sys.executable, "-m", "symphony_data.ray", "mine", "--config", "c.yaml", "--output", "full"]
    command += ["--address", cluster.address, "--shards", "3", "--shared", s3.url("own scratch"), "--format", "parquet"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "mine: 700 rows in full\n"), done.stderr
    assert len(list((tmp_path / "full" / "mine_full").glob("part-*.parquet"))) == 3
    assert s3.names("own scratch") == []


def test_what_is_wrong_is_said_without_secrets(cluster: Any, s3: S3, tmp_path: Path) -> None:
    s3.put("bad/rows.jsonl", as_lines(rows(40)) + b'{"q": "none"}\n')
    s3.put("bad/rows.parquet", b"PAR1 but no more")
    said = []
    with pytest.raises(SourceError, match=r"s3://bucket/bad/rows\.jsonl:41: .*\(in shard 2 of 2\)") as raised:
        preprocess(config(s3.url("bad/rows.jsonl")), "mine", tmp_path, shards=2, shared=s3.url("scratch"))
    said.append(str(raised.value))
    with pytest.raises(
        SourceError, match=r"s3://bucket/bad/rows\.parquet: this is not a complete Parquet file"
    ) as raised:
        preprocess(config(s3.url("bad/rows.parquet")), "mine", tmp_path, shards=2, shared=s3.url("scratch"))
    said.append(str(raised.value))
    for name in ("none/*.jsonl", "bad/none.jsonl"):
        missing = config(s3.url(name))
        with pytest.raises(MissingSourceError, match=r"nothing is at s3://bucket/") as absent:
            DatasetBuilder(missing).preprocess_all_benchmarks(tmp_path)
        said.append(str(absent.value))
    assert not any(KEY in text or SECRET in text for text in said), said
    for wrong in ("scratch", "s3://", "s3:///", "file://", "://x", " s3://bucket/x", "s3:/KEY:hush@bucket/x", ""):
        with pytest.raises(RequestError, match=r"shared: .*write it like s3://bucket/scratch") as refused:
            preprocess(config(s3.url("bad/rows.jsonl")), "mine", tmp_path, shared=wrong)
        assert "hush" not in str(refused.value)
    for call in (_storage.stamp, _storage.remove, functools.partial(_storage.listed, below=True)):
        for secret in ("hu sh", "hu[sh", "hu%sh", "hu/sh", "hu?sh", "hü"):
            with pytest.raises(OSError) as failed:
                call(f"s3://KEY:{secret}@bucket/x?endpoint_override=private")
            assert all(part not in str(failed.value) for part in ("KEY", secret, "private")), failed.value
    with pytest.raises(SourceError, match=r"neither pyarrow nor fsspec can read `nowhere://`"):
        DatasetBuilder(config("nowhere://rows.jsonl")).preprocess_all_benchmarks(tmp_path)


def test_fsspec_reaches_what_pyarrow_does_not_know(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    (tmp_path / "rows").mkdir()
    for name, n in (("a.jsonl", 300), ("b.jsonl", 20)):
        (tmp_path / "rows" / name).write_bytes(as_lines(rows(n)))
        memory.pipe(f"/bucket/rows/{name}", as_lines(rows(n)))
    DatasetBuilder(config(f"file:{tmp_path}/rows/*.jsonl")).preprocess_all_benchmarks(tmp_path / "one")
    told: list[tuple[str, int, int | None]] = []
    DatasetBuilder(config("memory://bucket/rows/*.jsonl")).preprocess_all_benchmarks(
        tmp_path / "two", progress=lambda _, stage, done, total: told.append((stage, done, total))
    )
    size = len(as_lines(rows(300))) + len(as_lines(rows(20)))
    assert ("downloading", size, size) in told
    assert content(tmp_path / "two") == content(tmp_path / "one")
    _storage.put(tmp_path / "rows" / "a.jsonl", "memory://bucket/deep/er/copy.jsonl")
    assert memory.cat("/bucket/deep/er/copy.jsonl") == as_lines(rows(300))
    assert _storage.read("memory://bucket/deep/er/copy.jsonl", 3, 10) == as_lines(rows(1))[3:10]
    _storage.remove("memory://bucket/deep")
    _storage.remove("memory://bucket/deep")
    assert _storage.listed("memory://bucket/deep", True) == []
    with pytest.raises(FileNotFoundError):
        _storage.stamp("memory://bucket/deep/er/copy.jsonl")


class Web(BaseHTTPRequestHandler):
    """A web server that sends stretches of files, and knows their versions."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        body, headers = self.files.get(name, b""), {"Accept-Ranges": "bytes", "Content-Type": "text/plain"}
        if not name:
            body = "".join(f'<a href="{other}">{other}</a>' for other in self.files).encode()
            headers["Content-Type"] = "text/html"
        else:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()}"'
        status, whole = 200 if body else 404, len(body)
        if body and "Range" in self.headers:
            start, end = self.headers["Range"].removeprefix("bytes=").split("-")
            last = min(int(end), whole - 1) if end else whole - 1
            body, status = body[int(start) : last + 1], 206
            headers["Content-Range"] = f"bytes {start}-{last}/{whole}"
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_a_web_server_is_read_and_a_change_of_equal_size_is_noticed(cluster: Any, tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed (make ray)")
    (tmp_path / "rows").mkdir()
    for name, n in (("a.jsonl", 900), ("b.jsonl", 50)):
        (tmp_path / "rows" / name).write_bytes(as_lines(rows(n)))
        Web.files[name] = as_lines(rows(n))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    DatasetBuilder(config(f"file:{tmp_path}/rows/*.jsonl")).preprocess_all_benchmarks(tmp_path / "one")
    behind = config(f"http://127.0.0.1:{server.server_port}/*.jsonl")
    preprocess(behind, "mine", tmp_path / "many", shards=3)
    assert content(tmp_path / "many") == content(tmp_path / "one")

    def stop(_: str, stage: str, done: int, total: int | None) -> None:
        if stage == "writing" and done:
            raise RuntimeError("stopped here")

    with pytest.raises(RuntimeError, match="stopped here"):
        preprocess(behind, "mine", tmp_path / "many", shards=3, progress=stop, force_reprocess=True)
    Web.files["a.jsonl"] = Web.files["a.jsonl"].replace(b"question 1", b"question 2")
    (tmp_path / "rows" / "a.jsonl").write_bytes(Web.files["a.jsonl"])
    preprocess(behind, "mine", tmp_path / "many", shards=3)
    DatasetBuilder(config(f"file:{tmp_path}/rows/*.jsonl")).preprocess_all_benchmarks(tmp_path / "one")
    assert content(tmp_path / "many") == content(tmp_path / "one")
    server.shutdown()
    server.server_close()


def test_runs_that_fail_while_other_jobs_end_leave_the_process_alone(cluster: Any, tmp_path: Path) -> None:
    for number in range(4):
        found = b"PAR1 broken" if number == 1 else as_parquet(rows(200 + number), 50)
        (tmp_path / f"b{number}.parquet").write_bytes(found)
    broken = config(f"file:{tmp_path}/b*.parquet")
    for _ in range(25):
        with pytest.raises(SourceError, match=r"b1\.parquet: this is not a complete Parquet file"):
            preprocess(broken, "mine", tmp_path / "full", shards=8)
