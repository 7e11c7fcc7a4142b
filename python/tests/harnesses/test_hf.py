"""Exports to the Hugging Face Hub, read by datasets and mlcroissant, and run by Inspect."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from symphony_data import SymphonyDataWarning

from .clients import Pool, Stub

REPO = "owner/name"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
OFFLINE = {"HF_HUB_OFFLINE": "1"}

READ = """
import json, sys
import datasets

folder, configs = sys.argv[1], sys.argv[2:]
assert sorted(datasets.get_dataset_config_names(folder)) == sorted(["default", *configs]), folder
found = {config: datasets.load_dataset(folder, config, split="test").to_list() for config in configs}
found["default"] = datasets.load_dataset(folder, split="test").to_list()
json.dump(found, sys.stdout)
"""

CROISSANT = """
import json, sys
import mlcroissant

def plain(value):
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value

dataset = mlcroissant.Dataset(sys.argv[1])
sets = [each.uuid for each in dataset.metadata.record_sets]
json.dump({name: [plain(record) for record in dataset.records(name)] for name in sets}, sys.stdout)
"""


def run(
    harness_python: str, *arguments: str, cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the harnesses' Python with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "INSPECT_", "PYTHON"))}
    home = {"HF_HOME": str(cwd / "home"), "XDG_CACHE_HOME": str(cwd / "cache"), "XDG_DATA_HOME": str(cwd / "share")}
    ran = subprocess.run(
        [harness_python, *arguments],
        cwd=cwd,
        env={**kept, **home, **(environment or {})},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran


def exported(pool: Pool, source: Path, place: Path) -> Path:
    """An export, copied away from where it was written."""
    pool.builder.export(source, "hf", place / "written", name="demo")
    shutil.copytree(place / "written", place / "elsewhere" / "dataset")
    shutil.rmtree(place / "written")
    return place / "elsewhere" / "dataset"


def test_datasets_loads_every_config_with_the_values_of_the_pool(
    harness_python: str, pool: Pool, tmp_path: Path
) -> None:
    folder, tasks = exported(pool, pool.folder, tmp_path), pool.tasks()
    configs = sorted({task["benchmark"] for task in tasks})
    found = json.loads(run(harness_python, "-c", READ, str(folder), *configs, cwd=tmp_path, environment=OFFLINE).stdout)
    assert len(configs) == 5 and len(found["default"]) == len(tasks) == 40
    for task, row in zip(tasks, found["default"], strict=True):
        for name in ("task_id", "benchmark", "difficulty_score", "difficulty_bin", "source_id", "identity"):
            assert row[name] == task[name]
        assert json.loads(row["raw_data"]) == task["raw_data"]
        assert json.loads(row["scorer_metadata"]) == task["scorer_metadata"]
    for config in configs:
        own = [task for task in tasks if task["benchmark"] == config]
        for task, row in zip(own, found[config], strict=True):
            ids = row.pop("symphony")
            asked = [row.pop("symphony_input"), row.pop("symphony_target")]
            # Equal in Python: 142 and 142.0.
            assert row == task["raw_data"] and all(asked)
            same = ("task_id", "benchmark", "source_id", "identity", "difficulty_bin", "difficulty_score")
            assert ids == {**{name: task[name] for name in same}, "phase": None, "weight": 1.0}


def test_croissant_is_valid_and_loads_every_record_set(harness_python: str, pool: Pool, tmp_path: Path) -> None:
    folder, tasks = exported(pool, pool.folder, tmp_path), pool.tasks()
    validate = [str(Path(harness_python).with_name("mlcroissant")), "validate", "--jsonld", "croissant.json"]
    said = subprocess.run(validate, cwd=folder, capture_output=True, text=True)
    assert said.returncode == 0 and "Done." in said.stderr, said.stderr
    assert "warn" not in said.stderr.lower() and len(said.stderr.splitlines()) == 1, said.stderr
    found = json.loads(run(harness_python, "-c", CROISSANT, str(folder / "croissant.json"), cwd=tmp_path).stdout)
    assert [row["default/difficulty_score"] for row in found["default"]] == [task["difficulty_score"] for task in tasks]
    assert [json.loads(row["default/raw_data"]) for row in found["default"]] == [task["raw_data"] for task in tasks]
    medical = [task for task in tasks if task["benchmark"] == "medical_qa"]
    for task, row in zip(medical, found["medical_qa"], strict=True):
        options = {key.rsplit("/", 1)[1]: value for key, value in row["medical_qa/options"].items()}
        assert options == task["raw_data"]["options"]
        assert row["medical_qa/metamap_phrases"] == task["raw_data"]["metamap_phrases"]
        assert row["medical_qa/symphony"]["medical_qa/symphony/task_id"] == task["task_id"]
    assert sorted(found) == ["amc", "bbh", "default", "gsm8k", "humaneval", "medical_qa"]


def test_rows_of_any_form_load_in_both(harness_python: str, pool: Pool, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "symphony": 1,
            "a/b": 0,
            "o'": {"p q": {"x": 1}, "l": [1, 2]},
            "l": [{"k": "ä"}, {"j": None}],
            "m": "\u2028",
            "n": 5,
        },
        {"symphony": 2, "o'": None, "l": [], "m": 2**70, "lists": [[1.5], []], "index": True},
        {"symphony": 3, "o'": {"l": []}, "l": None, "m": {"a": [None]}, "lists": None, "n": 7.0, "e": {}},
    ]
    names = ['b: "c" | `d`\n---', "default", "../up"]
    lines = [
        {
            "task_id": f"t{at}",
            "benchmark": name,
            "difficulty_score": 0.1,
            "difficulty_bin": "easy",
            "raw_data": row,
            "scorer_metadata": {},
        }
        for at, (name, row) in enumerate((name, row) for row in rows for name in names)
    ]
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "task_pool.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.warns(SymphonyDataWarning, match="eval.yaml leaves them out"):
        folder = exported(pool, odd, tmp_path)
    configs = sorted(path.stem for path in (folder / "data").iterdir() if path.stem != "pool")
    found = json.loads(run(harness_python, "-c", READ, str(folder), *configs, cwd=tmp_path, environment=OFFLINE).stdout)
    assert len(configs) == len(names)
    for config in configs:
        first, second, third = found[config]
        assert (first["symphony"], first["symphony_"]["benchmark"] in names) == (1, True)
        assert first["o'"] == {"p q": {"x": 1}, "l": [1, 2]} and second["o'"] is None and third["o'"]["l"] == []
        assert first["l"] == [{"k": "ä", "j": None}, {"k": None, "j": None}]
        assert [json.loads(row["m"]) for row in found[config]] == [row["m"] for row in rows]
        assert [row["n"] for row in found[config]] == [5, None, 7] and second["lists"] == [[1.5], []]
    validate = [str(Path(harness_python).with_name("mlcroissant")), "validate", "--jsonld", "croissant.json"]
    said = subprocess.run(validate, cwd=folder, capture_output=True, text=True)
    assert said.returncode == 0 and len(said.stderr.splitlines()) == 1 and "Done." in said.stderr, said.stderr
    loaded = json.loads(run(harness_python, "-c", CROISSANT, str(folder / "croissant.json"), cwd=tmp_path).stdout)
    for config in configs:
        assert [row[f"{config}/symphony"] for row in loaded[config]] == [1, 2, 3]
        assert loaded[config][0][f"{config}/a%2Fb"] == 0
        assert loaded[config][1][f"{config}/lists"] == [[1.5], []]


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """A stand-in for the Hub with one dataset. Yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def entry(self, path: Path) -> dict[str, Any]:
            name = path.relative_to(folder).as_posix()
            oid = hashlib.sha1(name.encode()).hexdigest()
            if path.is_dir():
                return {"type": "directory", "path": name, "oid": oid}
            return {"type": "file", "path": name, "oid": oid, "size": path.stat().st_size}

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            paths = sorted(folder.rglob("*"))
            of_files, of_repo = f"/datasets/{REPO}/resolve/", f"/api/datasets/{REPO}/"
            if path.startswith(of_files):
                file = folder / path.removeprefix(of_files).split("/", 1)[1]
                if not file.is_file():
                    return self.reply(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
                body = file.read_bytes()
                return self.reply(200, body, ETag=f'"{hashlib.sha256(body).hexdigest()}"', X_Repo_Commit=COMMIT)
            answer: Any
            if path.startswith(f"{of_repo}revision/"):
                files = [{"rfilename": path.relative_to(folder).as_posix()} for path in paths if path.is_file()]
                answer = {"_id": "1", "id": REPO, "sha": COMMIT, "private": False, "tags": [], "siblings": files}
            elif path.startswith(f"{of_repo}tree/"):
                inside = folder / path.removeprefix(f"{of_repo}tree/{COMMIT}").strip("/")
                answer = [self.entry(path) for path in paths if path.parent == inside]
            elif path.startswith(f"{of_repo}paths-info/"):
                asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["paths"]
                answer = [self.entry(folder / name) for name in asked if (folder / name).exists()]
            else:
                return self.reply(404)
            self.reply(200, json.dumps(answer).encode(), Content_Type="application/json")

        do_HEAD = do_POST = do_GET

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_inspect_runs_it_from_the_hub_and_gets_the_accuracies_of_the_pool(
    harness_python: str, pool: Pool, stub: Stub, tmp_path: Path
) -> None:
    folder = exported(pool, pool.folder, tmp_path)
    with hub(folder) as address:
        run(
            *[harness_python, "-m", "inspect_ai", "eval", f"hf/{REPO}", "--model", "openai-api/stub/stub"],
            *["--log-dir", "logs", "--display", "plain"],
            cwd=tmp_path,
            environment={
                "HF_ENDPOINT": address,
                "HF_HUB_DISABLE_TELEMETRY": "1",
                "INSPECT_LOG_FORMAT": "json",
                "STUB_BASE_URL": stub.url,
                "STUB_API_KEY": "none",
            },
        )
    tasks = {task["task_id"]: task for task in pool.tasks()}
    accuracies, seen = {}, set()
    for path in (tmp_path / "logs").glob("*.json"):
        log = json.loads(path.read_text(encoding="utf-8"))
        assert log["status"] == "success"
        (score,) = log["results"]["scores"]
        benchmark = log["eval"]["task"].rsplit("/", 1)[1]
        accuracies[benchmark] = score["metrics"]["accuracy"]["value"]
        for sample in log["samples"]:
            ids = sample["metadata"]["symphony"]
            task = tasks[ids["task_id"]]
            assert (ids["benchmark"], ids["difficulty_score"]) == (benchmark, task["difficulty_score"])
            seen.add(ids["task_id"])
    benchmarks = ["amc", "bbh", "gsm8k", "medical_qa"]
    # Inspect compares five digits of numbers: a wrong answer to a question about 120,000 may count.
    rows = [task["raw_data"]["answer"] for task in tasks.values() if task["benchmark"] == "gsm8k"]
    long = sum(len(row.split("####")[-1].strip().replace(",", "")) > 5 for row in rows)
    allowed = {"gsm8k": long / len(rows) + 1e-9}
    assert long < 2 and accuracies == {
        name: pytest.approx(stub.accuracy(name), abs=allowed.get(name, 1e-9)) for name in benchmarks
    }
    assert seen == {name for name, task in tasks.items() if task["benchmark"] in benchmarks}


GRADE = """
import asyncio, json, sys
import yaml
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Target, match, pattern
from inspect_ai.solver import TaskState

scorers = {"match": match, "pattern": pattern}

def grade(task, answer, target):
    (scorer,) = task["scorers"]
    output = ModelOutput.from_content("stub", answer)
    state = TaskState(model="stub", sample_id=1, epoch=1, input="", messages=[], output=output)
    return asyncio.run(scorers[scorer["name"]](**scorer["args"])(state, Target(target))).value == "C"

tasks = {task["id"]: task for task in yaml.safe_load(open(sys.argv[1], encoding="utf-8"))["tasks"]}
json.dump([grade(tasks[name], answer, target) for name, answer, target, _ in json.load(sys.stdin)], sys.stdout)
"""

ANSWERS = [
    ("medical_qa", "Either A or C.\nANSWER: B", "B", True),
    ("medical_qa", "ANSWER: (B)", "B", True),
    ("medical_qa", "**Answer:** **B. Tell him**", "B", True),
    ("medical_qa", "ANSWER: A\nNo, I was wrong.\nANSWER:\n b", "B", True),
    ("medical_qa", "ANSWER: B\nANSWER: C", "B", False),
    ("medical_qa", "ANSWER: Because", "B", False),
    ("medical_qa", "B", "B", False),
    ("bbh", "ANSWER: (B)", "B", True),
    ("bbh", "ANSWER: B.", "B", True),
    ("bbh", "Say valid.\n*ANSWER:* 'Invalid'.", "invalid", True),
    ("bbh", "ANSWER: invalid", "valid", False),
    ("bbh", "ANSWER: no\nANSWER: yes\n\n", "yes", True),
    ("bbh", "ANSWER: (B) or (C)", "B", False),
    ("bbh", "ANSWER:\n\n", "yes", False),
    ("gsm8k", "First 7.\nANSWER: $1,218.00.", "1218", True),
    ("gsm8k", "ANSWER: **18**", "18", True),
    ("gsm8k", "18 of 20\nANSWER: 20", "18", False),
]


def test_the_scorers_of_inspect_grade_answers_as_people_write_them(
    harness_python: str, pool: Pool, tmp_path: Path
) -> None:
    tasks = exported(pool, pool.folder, tmp_path) / "eval.yaml"
    ran = subprocess.run(
        [harness_python, "-c", GRADE, str(tasks)],
        input=json.dumps(ANSWERS),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    graded = zip(ANSWERS, json.loads(ran.stdout), strict=True)
    assert [answer for answer, is_right in graded if answer[3] != is_right] == []
