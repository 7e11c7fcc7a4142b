"""Prints the licences of the crates that are compiled into the program, each text once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

PROGRAM = "symphony-data-cli"
FONT = Path(__file__).parents[1] / "crates/symphony-data/src/report/font/LICENSE"
NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT")


def texts(folder: Path) -> list[str]:
    """The licence texts in a crate's folder."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and path.name.upper().startswith(NAMES))
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in paths]


def compiled_in() -> list[dict]:
    """The crates of other people that the program needs on this platform."""
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True).stdout
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", host]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found: set[str] = set()
    ahead = [own for own, package in packages.items() if package["name"] == PROGRAM]
    while ahead:
        own = ahead.pop()
        if own in found:
            continue
        found.add(own)
        for needed in nodes[own]["deps"]:
            if any(kind["kind"] is None for kind in needed["dep_kinds"]):
                ahead.append(needed["pkg"])
    others = [packages[own] for own in found if packages[own]["source"]]
    return sorted(others, key=lambda package: (package["name"], package["version"]))


def main() -> None:
    """Prints the list of crates, then the texts with the crates that each belongs to."""
    by_text: dict[str, list[str]] = {}
    print("symphony-data contains code of these crates, under these licences.\n")
    for package in compiled_in():
        crate = f"{package['name']} {package['version']}"
        print(f"{crate}: {package['license'] or 'see its text'}")
        for text in texts(Path(package["manifest_path"]).parent):
            by_text.setdefault(text, []).append(crate)
    print("\nPictures contain glyphs of the font DejaVu Sans, which the program has a part of; its licence is below.")
    by_text.setdefault(FONT.read_text(encoding="utf-8").strip(), []).append("DejaVu Sans")
    for text, crates in by_text.items():
        print(f"\n{'=' * 80}\n{', '.join(crates)}\n{'=' * 80}\n\n{text}")


if __name__ == "__main__":
    main()
