"""The parts that every report has; used by `compare_irt.py` too."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

# Text below this line in a report is kept when the report is written again.
NOTES = "<!-- notes -->"


def require_packages(parser: argparse.ArgumentParser, packages: list[str]) -> None:
    """Exits with 2 if a package is missing."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        parser.error(f"{', '.join(missing)} not found: pip install {' '.join(missing)}")


def measured_by(script: str, program: Path, packages: list[str]) -> str:
    """The first sentence of a report: the script, the machine and all versions."""
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return f"Measured by `{script}` on {machine()}; {version}, Python {platform.python_version()}, {versions}."


def machine() -> str:
    """The processor, its cores, the memory and the system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {system()}"


def processor() -> str:
    """The name of the processor."""
    with_names = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)$", with_names.read_text(), re.MULTILINE) if with_names.exists() else None
    return found[1].strip() if found else platform.machine()


def system() -> str:
    """The name of the system and its kernel."""
    kernel = f"{platform.system()} {platform.release()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']} ({kernel})"
    except OSError:
        return kernel


def write(lines: list[str], output: Path) -> None:
    """Writes a report and keeps the notes below the results of the one before."""
    notes = ""
    if output.exists():
        notes = output.read_text(encoding="utf-8").partition(f"\n{NOTES}\n")[2]
    output.write_text("\n".join([*lines, NOTES, notes]), encoding="utf-8")


def say(script: str, text: str) -> None:
    """Tells the user how far it is."""
    print(f"{script}: {text}", file=sys.stderr, flush=True)
