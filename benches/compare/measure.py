"""Runs whole processes and measures them; used by `compare_irt.py` too."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Run:
    """The time, memory and output of one process."""

    seconds: float
    cpu: float  # seconds, user and system together
    peak: float  # MiB
    printed: str


class Failed(Exception):
    """A process ended with an error."""

    def __init__(self, command: list[str], code: int, errors: str) -> None:
        """Keeps all that the process wrote to its error output; the message is the last line."""
        lines = errors.strip().splitlines()
        super().__init__(f"ended with {code}: {lines[-1] if lines else 'no error output'}")
        self.report = f"{' '.join(command)}\nended with {code}:\n{errors}"


def run(command: list[str], work: Path) -> Run:
    """Runs one whole process in the folder WORK, where its output goes."""
    done = run_until(command, work, None)
    assert done is not None
    return done


def run_until(command: list[str], work: Path, limit: float | None) -> Run | None:
    """Runs one whole process, and stops it after LIMIT seconds; None if it was stopped."""
    errors, printed = work / "stderr", work / "stdout"
    late = threading.Event()

    def stop(child: int) -> None:
        late.set()
        os.kill(child, signal.SIGKILL)

    with open(errors, "wb") as stderr, open(printed, "wb") as stdout:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, cwd=work)
        timer = threading.Timer(limit, stop, [process.pid]) if limit is not None else None
        if timer:
            timer.start()
        # Not process.wait: only wait4 reports the peak of this child alone.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if timer:
            timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        return None
    if process.returncode != 0:
        raise Failed(command, process.returncode, errors.read_text(errors="replace"))
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak, printed.read_text(encoding="utf-8", errors="replace"))


@dataclass
class Measured:
    """The runs of one command."""

    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """The time of each run."""
        return [run.seconds for run in self.runs]

    @property
    def median(self) -> float:
        """The median time, in seconds."""
        return statistics.median(self.seconds)

    @property
    def cpu(self) -> float:
        """The median CPU time, in seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> float:
        """The highest peak of all runs, in MiB."""
        return max(run.peak for run in self.runs)
