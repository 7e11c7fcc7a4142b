"""The scripts in benches reproduce what they made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, SHARED

# The command that came with the wheel: it is never older than what is tested.
PROGRAM = Path(sys.executable).with_name("symphony-data")
BENCHES = ROOT / "benches"
REFERENCE = ROOT / "crates" / "symphony-data" / "src" / "calibration" / "reference"


def test_the_reference_difficulties_are_reproduced_byte_for_byte(tmp_path: Path) -> None:
    if not (SHARED / "responses" / "panels").is_dir():
        pytest.skip("the public responses are not on this machine (../shared/responses)")
    script = [sys.executable, str(BENCHES / "reference.py"), str(PROGRAM)]
    ran = subprocess.run([*script, "--output", str(tmp_path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in REFERENCE.iterdir()}
    assert sorted(made) == sorted(kept) and len(kept) == 8
    changed = [name for name in kept if made[name] != kept[name]]
    assert not changed, f"{', '.join(changed)} differ from what the program fits now; run make reference"


def test_the_types_of_the_scripts_are_strict() -> None:
    config = ROOT / "python" / "pyproject.toml"
    scripts = ["adaptive.py", "cluster.py", "difficulty.py", "leave_out.py", "reference.py", "subsets.py"]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(config), "--strict", *scripts],
        cwd=BENCHES,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
