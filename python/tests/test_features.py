"""Features that are Python functions."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import numpy
import pytest

from symphony_data import ConfigError, DatasetBuilder, RequestError, SourceError

CONFIG = """
benchmarks:
  humaneval:
    path: 'synthetic:humaneval'
    difficulty:
      features:
        loops: {python: n_loops}
        prompt_len: {words: prompt}
      score:
        - {feature: loops, weight: 0.7, normalize: p95}
        - {feature: prompt_len, weight: 0.3, normalize: p95}
"""

# The same for more rows than one thread takes at once.
MANY = CONFIG.replace("synthetic:humaneval", "synthetic:gsm8k?rows=2000").replace("humaneval", "gsm8k")
MANY = MANY.replace("{words: prompt}", "{words: question}")


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetBuilder:
    monkeypatch.chdir(tmp_path)
    Path("loops.yaml").write_text(CONFIG)
    return DatasetBuilder("loops.yaml")


def n_loops(row: dict[str, Any]) -> float:
    return len(str(row["canonical_solution"]).split("for ")) - 1


def fingerprint() -> str:
    meta = json.loads(Path("full/humaneval_full_meta.json").read_text())
    return str(meta["benchmark_config_fingerprint"])


def test_its_value_is_scored_and_kept(builder: DatasetBuilder) -> None:
    builder.register_feature("n_loops", n_loops)
    tasks = builder.preprocess_all_benchmarks("full")["humaneval"]
    assert [task.scorer_metadata["loops"] for task in tasks] == [n_loops(task.raw_data) for task in tasks]
    assert len({task.difficulty_score for task in tasks}) > 10


def test_name_and_version_enter_the_fingerprint(builder: DatasetBuilder) -> None:
    calls = 0

    def counted(row: dict[str, Any]) -> float:
        nonlocal calls
        calls += 1
        return n_loops(row)

    builder.register_feature("n_loops", counted, version="1")
    builder.preprocess_all_benchmarks("full")
    first, called = fingerprint(), calls
    assert called == 164, "once a row"
    builder.preprocess_all_benchmarks("full")
    assert calls == called, "what is up to date is not computed again"
    builder.register_feature("n_loops", counted, version="2")
    builder.preprocess_all_benchmarks("full")
    assert calls == 2 * called and fingerprint() != first


def test_an_exception_names_the_row_and_is_the_cause(builder: DatasetBuilder) -> None:
    def broken(row: dict[str, Any]) -> float:
        if row["task_id"] == "SyntheticHumanEval/7":
            raise LookupError("no such loop")
        return 1.0

    builder.register_feature("n_loops", broken)
    with pytest.raises(SourceError, match="row 7 of humaneval: `n_loops`: raised LookupError: no such loop") as caught:
        builder.preprocess_all_benchmarks("full")
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "three", None])
def test_a_value_that_is_not_a_finite_number_is_refused(builder: DatasetBuilder, value: Any) -> None:
    builder.register_feature("n_loops", lambda row: value)
    with pytest.raises(SourceError, match="row 0 of humaneval: `n_loops`: "):
        builder.preprocess_all_benchmarks("full")


def test_a_feature_that_exits_ends_the_program(builder: DatasetBuilder) -> None:
    def leaving(row: dict[str, Any]) -> float:
        raise SystemExit(3)

    builder.register_feature("n_loops", leaving)
    choices: tuple[Literal["stop", "skip"], ...] = ("stop", "skip")
    for on_bad_row in choices:
        with pytest.raises(SystemExit):
            builder.preprocess_all_benchmarks("full", on_bad_row=on_bad_row)
        assert not Path("full/humaneval_full.jsonl").exists()


def test_an_unregistered_name_is_an_error_when_it_is_needed(builder: DatasetBuilder) -> None:
    with pytest.raises(ConfigError, match="no function `n_loops` is registered"):
        builder.preprocess_all_benchmarks("full")
    with pytest.raises(RequestError, match="no benchmark's rule uses the function `n_lops`"):
        builder.register_feature("n_lops", n_loops)


@pytest.mark.parametrize(
    ("value", "text"),
    [(numpy.int64(3), "3"), (numpy.bool_(True), "true"), (numpy.float32(0.5), "0.5"), (7, "7"), (False, "false")],
)
def test_numbers_of_numpy_are_written_as_plain_numbers(builder: DatasetBuilder, value: Any, text: str) -> None:
    builder.register_feature("n_loops", lambda row: value)
    builder.preprocess_all_benchmarks("full")
    line = Path("full/humaneval_full.jsonl").read_text().splitlines()[0]
    assert f'"loops":{text},' in line


# Each kind of feature that gives no number, with its message. The exception carries the row's text, so that the exception of
# another row would show.
BAD = """
import json, sys
from symphony_data import DatasetBuilder, SourceError

def raising(row): raise LookupError("nothing for " + row["question"][:40])
BAD = {
    "raised LookupError: nothing for ": raising,
    "returned None, which is not a number": lambda row: None,
    "returned 'three', which is not a number": lambda row: "three",
    "returned nan, which is not a finite number": lambda row: float("nan"),
    "returned an int that is too large for a float": lambda row: 10 ** 400,
}
for time in range(int(sys.argv[1])):
    for why, function in BAD.items():
        builder = DatasetBuilder("loops.yaml")
        builder.register_feature("n_loops", function)
        try:
            builder.preprocess_all_benchmarks("full")
        except SourceError as error:
            message = str(error)
            assert "row 0 of gsm8k: `n_loops`: " + why in message, message
            cause = error.__cause__
            assert (cause is not None) == (function is raising), cause
            assert cause is None or str(cause.args[0]) in message, (cause, message)
        else:
            raise AssertionError(why)
print("done")
"""


def test_a_feature_without_a_number_ends_in_an_error_every_time(tmp_path: Path) -> None:
    """A deadlock would show in a fraction of the runs only: hence so many, in a process that can be stopped."""
    (tmp_path / "loops.yaml").write_text(MANY)
    ran = subprocess.run([sys.executable, "-c", BAD, "200"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ran.stdout == "done\n", ran.stderr


SLOW = """
import os, signal, threading, time
from symphony_data import DatasetBuilder

begun, pressed = [], []

def slow(row):
    begun.append(time.perf_counter())
    time.sleep(0.05)
    return 1.0

def press():
    time.sleep(1)
    pressed.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

builder = DatasetBuilder("loops.yaml")
builder.register_feature("n_loops", slow)
threading.Thread(target=press).start()
try:
    builder.preprocess_all_benchmarks("full", on_bad_row="skip")
except KeyboardInterrupt:
    ended = time.perf_counter()
print(len(begun), max(begun) - pressed[0], ended - pressed[0])
"""


def test_ctrl_c_starts_no_further_call(tmp_path: Path) -> None:
    (tmp_path / "loops.yaml").write_text(MANY)
    ran = subprocess.run([sys.executable, "-c", SLOW], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    begun, last, ended = map(float, ran.stdout.split() or pytest.fail(ran.stderr))
    assert begun > 5
    assert last < 0.5 and ended < 1, f"the last call began {last:.2f} s after Ctrl-C, the end came after {ended:.2f} s"
    assert list((tmp_path / "full").iterdir()) == []


HELD_UP = """
import json, os, signal, sys, threading, time
from pathlib import Path
from symphony_data import DatasetBuilder

pressed, returned = [], []

def asleep(row):
    try:
        time.sleep(SECONDS)
    finally:
        returned.append(time.perf_counter())
    return 1.0

def busy(row):
    while True:
        pass

def press():
    time.sleep(0.5)
    pressed.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

builder = DatasetBuilder("loops.yaml")
builder.register_feature("n_loops", FUNCTION)
threading.Thread(target=press).start()
try:
    builder.preprocess_all_benchmarks("full", on_bad_row="skip", progress=PROGRESS)
except KeyboardInterrupt:
    took = time.perf_counter() - pressed[0]
    print(json.dumps({"took": took, "returned": len(returned), "files": os.listdir("full")}), flush=True)
"""


def held_up(function: str, seconds: int, progress: str = "None") -> str:
    return HELD_UP.replace("FUNCTION", function).replace("SECONDS", str(seconds)).replace("PROGRESS", progress)


@pytest.mark.parametrize(
    ("function", "progress"), [("busy", "None"), ("asleep", "None"), ("len", "lambda *now: asleep(now)")]
)
def test_ctrl_c_ends_within_a_second_whatever_a_function_does(tmp_path: Path, function: str, progress: str) -> None:
    (tmp_path / "loops.yaml").write_text(CONFIG)
    code = held_up(function, 60, progress) + "raise KeyboardInterrupt"
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    assert time.perf_counter() - began < 20, "the program does not wait for the call either"
    found = json.loads(ran.stdout or pytest.fail(ran.stderr))
    assert found["took"] < 1 and found["returned"] == 0 and found["files"] == []
    assert ran.stderr.endswith("KeyboardInterrupt\n") and ran.returncode == -signal.SIGINT, ran.stderr


def test_a_call_that_is_left_behind_writes_nothing_and_gives_the_folder_back(tmp_path: Path) -> None:
    (tmp_path / "loops.yaml").write_text(CONFIG)
    again = """
builder.register_feature("n_loops", lambda row: 2.0)
builder.preprocess_all_benchmarks("full")
meta = json.loads(Path("full/humaneval_full_meta.json").read_text())
first = json.loads(Path("full/humaneval_full.jsonl").read_text().splitlines()[0])
print(json.dumps({"returned": len(returned), "loops": first["scorer_metadata"]["loops"]}))
"""
    code = held_up("asleep", 3) + again
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    stopped, after = map(json.loads, ran.stdout.splitlines() or pytest.fail(ran.stderr))
    assert stopped["returned"] == 0 and stopped["files"] == []
    assert after["returned"] >= 1, "the second run waited until the folder was free"
    assert after["loops"] == 2.0


def test_an_exception_of_an_earlier_run_is_not_the_cause_of_a_later_error(builder: DatasetBuilder) -> None:
    def raising(row: dict[str, Any]) -> float:
        if row["task_id"] == "SyntheticHumanEval/7":
            raise LookupError("no such loop")
        return 1.0

    builder.register_feature("n_loops", raising)
    builder.preprocess_all_benchmarks("full", on_bad_row="skip")
    with pytest.raises(FileNotFoundError) as caught:
        builder.build_task_stream(["humaneval"], full_dir="elsewhere")
    assert caught.value.__cause__ is None


def test_a_function_is_called_where_a_draw_rebuilds_a_store(builder: DatasetBuilder) -> None:
    builder.register_feature("n_loops", n_loops)
    builder.preprocess_all_benchmarks("full")
    Path("full/humaneval_full.jsonl").write_text("damaged")

    def raising(row: dict[str, Any]) -> float:
        raise LookupError("no such loop")

    builder.register_feature("n_loops", raising)
    with pytest.raises(SourceError, match="row 0 of humaneval: `n_loops`: raised LookupError: no such loop") as caught:
        builder.build_task_stream(["humaneval"], n_total_tasks=10, full_dir="full")
    assert isinstance(caught.value.__cause__, LookupError)


NESTED = """
import os, signal, threading
from symphony_data import DatasetBuilder

def waiting(row):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    return len(builder.load_preprocessed_benchmark("gsm8k", "full"))

builder = DatasetBuilder("loops.yaml")
builder.register_feature("n_loops", waiting)
builder.preprocess_all_benchmarks("full")
"""


def test_ctrl_c_ends_a_feature_that_waits_for_the_folder_that_its_own_run_has(tmp_path: Path) -> None:
    (tmp_path / "loops.yaml").write_text(MANY)
    (tmp_path / "full").mkdir()
    ran = subprocess.run([sys.executable, "-c", NESTED], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.stderr.endswith("KeyboardInterrupt\n"), ran.stderr


LEFT = """
import threading, time
from symphony_data import DatasetBuilder
builder = DatasetBuilder({config!r})
builder.register_feature("loops", lambda row: time.sleep(0.001) or 1.0)
threading.Thread(target=builder.preprocess_all_benchmarks, args=("full",), daemon=True).start()
time.sleep(1)
print("end")
"""


def test_the_program_may_end_while_a_feature_is_called(tmp_path: Path) -> None:
    rule = {"features": {"loops": {"python": "loops"}}, "score": [{"feature": "loops"}]}
    config = {"benchmarks": {"humaneval": {"path": "synthetic:humaneval?rows=200000", "difficulty": rule}}}
    code = LEFT.format(config=config)
    for _ in range(3):
        ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=50)
        assert (ran.returncode, ran.stdout) == (0, "end\n"), ran.stderr
