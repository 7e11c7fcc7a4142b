"""The files in dist/ work. `make dist-test` makes them, then runs this.

The wheel is installed into a fresh virtual environment, which runs the README's Python tour; the source distribution is
compiled; the archive is unpacked, and its program run.
"""
# ruff: noqa: D103

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"
TARGET = ROOT / "target"


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Runs a command that must succeed, and gives what it prints."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ran = subprocess.run(command, cwd=cwd, env=inherited | environment, capture_output=True, text=True)
    assert ran.returncode == 0, f"{' '.join(map(str, command))}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def the(pattern: str) -> Path:
    """The one file in dist/ with such a name."""
    found = sorted(DIST.glob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def test_checksums_are_those_of_all_files() -> None:
    lines = (DIST / "SHA256SUMS").read_text().splitlines()
    listed = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(listed) == {path.name for path in DIST.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest, name


def test_the_wheel_needs_no_newer_glibc_than_its_tag_says() -> None:
    wheel = the("*.whl")
    tag = re.search(r"-cp310-abi3-manylinux_(\d+)_(\d+)_\w+\.whl$", wheel.name)
    assert tag, f"{wheel.name} is not tagged for manylinux"
    with zipfile.ZipFile(wheel) as files:
        module = files.read("symphony_data/_core.abi3.so")
    needed = {(int(major), int(minor)) for major, minor in re.findall(rb"\bGLIBC_(\d+)\.(\d+)", module)}
    allowed = (int(tag[1]), int(tag[2]))
    assert needed and max(needed) <= allowed, f"{wheel.name} needs glibc {max(needed)}"


def test_the_source_distribution_compiles_and_has_the_package() -> None:
    place = TARGET / "dist-test"
    shutil.rmtree(place, ignore_errors=True)
    with tarfile.open(the("symphony_data-*.tar.gz")) as sdist:
        sdist.extractall(place, filter="data")
    (source,) = place.iterdir()
    with zipfile.ZipFile(the("*.whl")) as files:
        modules = {name for name in files.namelist() if re.match(r"symphony_data/\w+\.pyi?$", name)}
    assert modules and modules <= {path.relative_to(source).as_posix() for path in source.rglob("*.py*")}
    # In the folder of the other builds, whose dependencies are compiled already.
    manifest = source / "python" / "Cargo.toml"
    run(
        "cargo", "check", "--release", "--locked", "--manifest-path", manifest, cwd=source, CARGO_TARGET_DIR=str(TARGET)
    )


def test_the_archive_has_what_a_user_of_the_program_needs(tmp_path: Path) -> None:
    archive = the("symphony-data-*.tar.gz")
    with tarfile.open(archive) as files:
        members = files.getmembers()
        files.extractall(tmp_path, filter="data")
    names = [member.name for member in members]
    assert names == sorted(names)
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert len({member.mtime for member in members}) == 1
    own = tmp_path / archive.name.removesuffix(".tar.gz")
    program = own / "symphony-data"
    assert own.name.startswith(run(program, "--version", cwd=tmp_path).strip().replace(" ", "-") + "-")
    assert ".symtab" not in run("readelf", "--sections", "--wide", program, cwd=tmp_path)
    commands = re.findall(r"^  ([a-z-]+)  ", run(program, "--help", cwd=tmp_path), re.M)
    assert len(commands) > 10
    for name in ["symphony-data", *(f"symphony-data-{command}" for command in commands if command != "help")]:
        page = (own / "man" / "man1" / f"{name}.1").read_text()
        assert ".SH SYNOPSIS" in page and "Examples:" in page, name
    scripts = list((own / "completions").iterdir())
    assert len(scripts) == 5 and all("quick-start" in script.read_text() for script in scripts)
    for name in ("LICENSE-APACHE", "LICENSE-MIT"):
        assert (own / name).read_bytes() == (ROOT / name).read_bytes()
    third_party = (own / "THIRD-PARTY-LICENSES").read_text()
    crates = re.findall(r"^[\w-]+ [\w.+-]+: .+$", third_party, re.M)
    assert len(crates) > 50 and any(crate.startswith("clap ") for crate in crates), len(crates)
    assert "Permission is hereby granted" in third_party
    assert "Bitstream Vera Fonts Copyright" in third_party


def test_the_readmes_tour_runs_from_the_wheel(tmp_path: Path) -> None:
    """Runs the first Python block of the README as a new user would.

    Before that, the files that the README shows are written, and its demo commands run. The benchmarks are generated,
    as with --demo, so that nothing is downloaded.
    """
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=tmp_path)
    run(
        venv / "bin" / "pip",
        "install",
        "--quiet",
        "--no-index",
        "--disable-pip-version-check",
        the("*.whl"),
        cwd=tmp_path,
    )
    user = tmp_path / "user"
    (user / "config").mkdir(parents=True)
    names = ("humaneval", "gsm8k", "bbh", "amc", "medical_qa")
    generated = {"benchmarks": {name: {"path": f"synthetic:{name}"} for name in names}}
    (user / "config" / "data_config.yaml").write_text(json.dumps(generated))
    path = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for above, language, block in re.findall(r"([^\n]*)\n*^```(\w*)\n(.*?)^```", readme(), re.M | re.S):
        file = re.search(r"`([^`]+)`:$", above)
        if language == "python" and not file:
            install(venv, block)
            (user / "tour.py").write_text(block)
            run(venv / "bin" / "python", "tour.py", cwd=user, PATH=path, HF_HUB_OFFLINE="1", MPLBACKEND="agg")
            assert set(user.rglob("task_pool.*")), "the tour made no pool"
            return
        if file:
            (user / file[1]).parent.mkdir(parents=True, exist_ok=True)
            (user / file[1]).write_text(block)
        for command in re.findall(r"^\$ (.*--demo.*)$", block, re.M):
            line = command.replace("cargo run --release --", "symphony-data")
            # Whether it succeeds is for tests/readme.rs to say; here the tour may need what it made.
            environment = os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1"}
            subprocess.run(["sh", "-c", line], cwd=user, env=environment, capture_output=True)
    raise AssertionError("the README has no Python tour")


def readme() -> str:
    return (ROOT / "README.md").read_text()


def install(venv: Path, block: str) -> None:
    """Installs what a block imports beside the package, in the versions that the tests use."""
    imported = {
        alias.name for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {node.module for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom) and node.module}
    needed = {name.split(".")[0] for name in imported} - sys.stdlib_module_names - {"symphony_data"}
    pinned = (ROOT / "python" / "tests" / "requirements.txt").read_text().splitlines()
    packages = [line for line in pinned if line.split("==")[0] in needed]
    if packages:
        run(
            venv / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *packages,
            cwd=venv,
        )
