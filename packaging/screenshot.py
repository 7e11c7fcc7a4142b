"""Makes docs/report.png, the README's picture: a part of a report on 400 real tasks, with the answers of five models.

The picture shows numbers and names of models, and no text of a row. To make it needs ../shared, Chromium and playwright
(make browser).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
# The width of the page, and more pixels than that, for screens that have them.
WIDTH, SHARPNESS = 1280, 1.5
ASK = "--benchmarks medical_qa --n-total-tasks 400 --difficulty-split 1:1:1"


def main(program: str, picture: str) -> None:
    """Draw a pool with the program, report on it, and photograph the report."""
    run = [str(Path(program).resolve()), "-q"]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        config.mkdir()
        source = {"path": f"file:{SHARED}/data/medical_qa/test.jsonl"}
        (config / "data_config.yaml").write_text(json.dumps({"benchmarks": {"medical_qa": source}}))
        answers = SHARED / "responses" / "medical_qa.jsonl"
        for command in (
            "preprocess --benchmarks medical_qa",
            f"build {ASK} --output pool",
            f"report pool --responses {answers} --output report.html",
        ):
            subprocess.run([*run, *command.split()], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with sync_playwright() as playwright:
            # Chromium refuses its sandbox to root. The page is ours.
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": 1000}, device_scale_factor=SHARPNESS)
            page.goto((Path(folder) / "report.html").as_uri())
            top = page.locator("h3", has_text="How difficult the tasks are").bounding_box()
            last = page.locator("#pool-1-differences").bounding_box()
            first = page.locator("#pool-1-by-bin").bounding_box()
            assert top and last and first
            bottom = max(last["y"] + last["height"], first["y"] + first["height"])
            clip = {"x": 0, "y": top["y"], "width": WIDTH, "height": bottom - top["y"]}
            page.screenshot(path=picture, clip=clip, full_page=True)
            browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
