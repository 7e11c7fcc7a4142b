"""While Rust works: progress, other threads, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from symphony_data import DatasetBuilder, RequestError
from symphony_data._progress import Lines


def builder_of(rows: int, place: Path) -> DatasetBuilder:
    (place / "large.yaml").write_text(f"benchmarks: {{gsm8k: {{path: 'synthetic:gsm8k?rows={rows}'}}}}")
    return DatasetBuilder(place / "large.yaml")


def test_a_callable_is_told_of_every_stage(tmp_path: Path) -> None:
    told: list[tuple[str, str, int, int | None]] = []
    builder_of(3000, tmp_path).preprocess_all_benchmarks(tmp_path / "full", progress=lambda *now: told.append(now))
    assert {(benchmark, stage) for benchmark, stage, _, _ in told} == {("gsm8k", "scoring"), ("gsm8k", "writing")}
    for stage in ("scoring", "writing"):
        done = [now[2] for now in told if now[1] == stage]
        assert done == sorted(done) and done[0] == 0 and done[-1] == 3000
        assert all(now[3] == 3000 for now in told if now[1] == stage)


def test_an_exception_of_the_callable_ends_the_work(tmp_path: Path) -> None:
    def progress(benchmark: str, stage: str, done: int, total: int | None) -> None:
        if done:
            raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        builder_of(3000, tmp_path).preprocess_all_benchmarks(tmp_path / "full", progress=progress)
    assert list((tmp_path / "full").iterdir()) == []


def test_true_shows_bars(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    builder_of(3000, tmp_path).preprocess_all_benchmarks(tmp_path / "full", progress=True)
    out, err = capfd.readouterr()
    assert "gsm8k: scoring" in err and "gsm8k: writing" in err and "/3.00k" in err and out == ""


def test_true_prints_lines_without_tqdm(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    builder_of(3000, tmp_path).preprocess_all_benchmarks(tmp_path / "full", progress=True)
    assert capfd.readouterr() == ("", "gsm8k: scoring: 3,000 rows\ngsm8k: writing: 3,000 rows\n")


def test_lines_come_once_a_second_and_at_the_end_of_a_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    lines = Lines()
    for done in range(0, 25_001, 1000):
        lines("gsm8k", "scoring", done, 25_000)
        now += 0.125
    lines("gsm8k", "downloading", 1_500_000, None)
    lines("gsm8k", "downloading", 2_500_000, 20_000_000)
    lines.close()
    assert capsys.readouterr().err.splitlines() == [
        "gsm8k: scoring: 8,000 of 25,000 rows",
        "gsm8k: scoring: 16,000 of 25,000 rows",
        "gsm8k: scoring: 24,000 of 25,000 rows",
        "gsm8k: scoring: 25,000 rows",
        "gsm8k: downloading: 2.5 of 20.0 MB",
    ]


def test_progress_is_true_or_a_function(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="progress: 'yes': write True, or a function"):
        builder_of(30, tmp_path).preprocess_all_benchmarks(tmp_path / "full", progress="yes")  # type: ignore[arg-type]


def test_other_threads_run_meanwhile(tmp_path: Path) -> None:
    builder = builder_of(300_000, tmp_path)
    ticks = 0
    stop = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not stop.wait(0.002):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.perf_counter()
    builder.preprocess_all_benchmarks(tmp_path / "full")
    took = time.perf_counter() - began
    stop.set()
    thread.join()
    # With the GIL held throughout there would be a handful.
    assert ticks > took / 0.002 / 10, f"{ticks} ticks in {took:.2f} s"


def test_threads_that_preprocess_one_folder_wait_for_each_other(tmp_path: Path) -> None:
    builder_of(60_000, tmp_path)
    script = (
        "import threading\n"
        "from symphony_data import DatasetBuilder\n"
        "def work():\n"
        "    for _ in range(3):\n"
        "        DatasetBuilder('large.yaml').preprocess_all_benchmarks('full', force_reprocess=True)\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "print('done')\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.stdout == "done\n", ran.stderr


def test_ctrl_c_stops_within_a_second_and_leaves_the_disk_whole(tmp_path: Path) -> None:
    builder_of(50_000_000, tmp_path)
    script = (
        "from symphony_data import DatasetBuilder\n"
        "print('begins', flush=True)\n"
        "DatasetBuilder('large.yaml').preprocess_all_benchmarks('full')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begins\n"
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    began = time.perf_counter()
    _, err = process.communicate(timeout=30)
    assert time.perf_counter() - began < 1
    assert process.returncode != 0 and "KeyboardInterrupt" in err, err
    assert list((tmp_path / "full").iterdir()) == []


def test_ctrl_c_while_tasks_are_read_is_not_lost(tmp_path: Path) -> None:
    tasks = builder_of(100_000, tmp_path).preprocess_all_benchmarks(tmp_path / "full")["gsm8k"]
    # Where the tests run in the background, SIGINT is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        tasks[0]
        time.sleep(5)
    assert tasks[0].task_id == "gsm8k_0"
