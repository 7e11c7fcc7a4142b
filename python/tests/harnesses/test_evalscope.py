"""EvalScope itself runs an export and grades replies. It takes minutes: `make test-harnesses` installs it and runs this."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .clients import ROOT, Pool, Stub, comes_back

PYTHON = ROOT / "target" / "evalscope" / "bin" / "python"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="EvalScope is not installed (make test-harnesses)")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def symphony_data(*arguments: str | Path, cwd: Path) -> None:
    command = [sys.executable, "-m", "symphony_data", "-q", *map(str, arguments)]
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def evaluate(export: Path, url: str, cwd: Path) -> dict[str, float]:
    """Runs the command of an export's README in another folder. Returns the accuracies by tag, and by benchmark and bin."""
    readme = (export / "README.md").read_text(encoding="utf-8")
    (typed,) = [line[2:] for line in readme.splitlines() if line.startswith("$ evalscope") and "--sandbox" not in line]
    folder = json.dumps({"data_collection": {"dataset_id": os.path.relpath(export, cwd)}})
    own = {"MODEL": "stub", "http://127.0.0.1:8000/v1": url, '{"data_collection": {"dataset_id": "."}}': folder}
    program, *arguments = [own.get(word, word) for word in shlex.split(typed)]
    assert program == "evalscope" and url in arguments and folder in arguments
    cwd.mkdir()
    command = [str(PYTHON), "-m", "evalscope.cli.cli", *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "TQDM_DISABLE"}
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return accuracies(cwd / "out")


def accuracies(out: Path) -> dict[str, float]:
    """The accuracies that EvalScope reports, by tag, and by benchmark and bin."""
    report = json.loads((out / "reports/stub/collection_detailed_report.json").read_text())
    found = {row["tags"]: row["micro_avg."] for row in report["tag_level"]}
    found |= {f"{row['category0']}.{row['category1']}": row["micro_avg."] for row in report["category_level"]}
    return found


@pytest.fixture(scope="module")
def moved(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    mktemp = tmp_path_factory.mktemp
    return pool.exported("evalscope", mktemp("written") / "export", mktemp("moved") / "copy")


@pytest.fixture(scope="module")
def ran(moved: Path, stub: Stub) -> Path:
    """The folder that EvalScope wrote to."""
    place = moved.parent / "run"
    evaluate(moved, stub.url, place)
    return place / "out"


def test_the_accuracies_are_what_the_answers_are_worth(ran: Path, pool: Pool, stub: Stub) -> None:
    tasks = pool.tasks()
    found = accuracies(ran)
    found["all"] = found.pop("five")  # the tag that all share
    assert found == {key: pytest.approx(cell["accuracy"], abs=6e-5) for key, cell in stub.expected.items()}
    # The model is right and wrong in turn, so that no constant would pass.
    assert 0 < found["all"] < 1 and len(set(found.values())) > 3
    reviews = lines(ran / "reviews/stub/data_collection_default.jsonl")
    ids = {review["index"]: review["sample_score"]["sample_metadata"]["symphony"] for review in reviews}
    keys = ("task_id", "benchmark", "source_id", "identity", "difficulty_bin", "difficulty_score")
    assert {index: [known[key] for key in keys] for index, known in ids.items()} == {
        index: [task[key] for key in keys] for index, task in enumerate(tasks)
    }


def test_the_reviews_come_back_without_flags(pool: Pool, stub: Stub, ran: Path, tmp_path: Path) -> None:
    comes_back(pool, ran, stub, tmp_path)


def test_a_changed_target_changes_the_accuracy(moved: Path, stub: Stub, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(moved, changed)
    entries = [entry for entry in lines(moved / "test.jsonl") if "gsm8k" in entry["tags"]]
    # What the model says where it is wrong: one task more, or one less, is right.
    entries[0]["prompt"]["target"] = str(int(entries[0]["prompt"]["target"]) + 1)
    (changed / "test.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    found = evaluate(changed, stub.url, tmp_path / "run")["gsm8k"]
    assert abs(found - stub.accuracy("gsm8k")) == pytest.approx(1 / 8)


# A benchmark of each kind that is graded in a way of its own: its prompt, and its one row.
TASKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "number": ({"target": "{a}", "grade": "number"}, {"a": "1,018"}),
    "fraction": ({"target": "{a}", "grade": "number"}, {"a": 0.50}),
    "letter": (
        {"target": "{a}", "choices": {"items": "o"}, "grade": "choice"},
        {"a": "B", "o": ["Rome", "Oslo", "Bonn"]},
    ),
    "label": (
        {"target": "{a}", "choices": {"items": "o"}, "grade": "choice"},
        {"a": "2", "o": {"1": "Rome", "2": "The Hague"}},
    ),
    "option": ({"target": "{a}", "grade": "exact"}, {"a": "(B)"}),
    "first": ({"target": "{a}", "grade": "exact"}, {"a": "(A)"}),
    "word": ({"target": "{a}", "grade": "exact"}, {"a": "Yes"}),
    "text": ({"target": "{a}", "grade": "exact"}, {"a": "[ ( -1"}),
    "code": (
        {"target": "{q}", "grade": {"code": {"tests": "{t}", "entry_point": "total", "given": "{g}"}}},
        {
            "g": 'from typing import List\n\ndef total(xs: List[int]) -> int:\n    """The sum."""\n',
            "t": "def check(f):\n    assert f([1, 2]) == 3\n\ncheck(total)",
        },
    ),
    # No docstring, and tests without a function `check`.
    "bare": (
        {"target": "{q}", "grade": {"code": {"tests": "{t}", "entry_point": "twice", "given": "{g}"}}},
        {"g": "def twice(x):", "t": "assert twice(2) == 4"},
    ),
}

WHOLE = "def total(xs: List[int]) -> int:\n    return sum(xs)\n"

# Replies as chat models write them, and whether they are right.
REPLIES: list[tuple[str, str, bool]] = [
    ("number", "9 * 2 = 18, so in all 1018.\nANSWER: \\boxed{1018}", True),
    ("number", "**ANSWER: \\boxed{1,018}**", True),
    ("number", "**ANSWER:** $\\boxed{1018}$", True),
    ("number", "ANSWER: \\boxed{\\$1,018.00}", True),
    ("number", "ANSWER: \\boxed{1018 \\text{ eggs}}", True),
    ("number", "It was \\boxed{17}. No.\nANSWER: \\boxed{1018}", True),
    ("number", "**ANSWER:** 1018", True),
    ("number", "ANSWER: $1,018", True),
    ("number", "It costs $9 * 2 = $18.\nANSWER: 1018 dollars", True),
    ("number", "#### 1018", True),
    ("number", "ANSWER: \\boxed{1019}", False),
    ("number", "1018 comes first.\nANSWER: \\boxed{18}", False),
    ("number", "ANSWER: \\boxed{-1018}", False),
    ("number", "I do not know.", False),
    ("fraction", "ANSWER: \\boxed{\\frac{1}{2}}", True),
    ("fraction", "**ANSWER:** 1/2", True),
    ("fraction", "ANSWER: \\boxed{0.05}", False),
    ("letter", "ANSWER: B", True),
    ("letter", "Rome (A) is south.\n\n**ANSWER:** B", True),
    ("letter", "**ANSWER: (B)**", True),
    ("letter", "ANSWER: B. Oslo", True),
    ("letter", "ANSWER: \\boxed{B}", True),
    ("letter", "Not A, not C. So the answer is (B).", True),
    ("letter", "ANSWER: A\nNo, wait.\nANSWER: B", True),
    ("letter", "ANSWER: C", False),
    ("letter", "Not B.\nANSWER: A", False),
    ("letter", "ANSWER: D", False),
    ("letter", "", False),
    ("label", "ANSWER: 2", True),
    ("label", "**ANSWER:** (2)", True),
    ("label", "ANSWER: 2. The Hague", True),
    ("label", "ANSWER: 1", False),
    ("label", "ANSWER: 12", False),
    ("option", "ANSWER: (B)", True),
    ("option", "(A) is no match.\n**ANSWER:** (B)", True),
    ("option", "ANSWER: B", True),
    ("option", "ANSWER: **(B) Crimson Tide**", True),
    ("option", "Step by step it is clear. So the answer is (B).", True),
    ("option", "ANSWER: (A)", False),
    ("option", "(B)? No.\nANSWER: (C) Best Men", False),
    ("first", "(B) is no match.\nANSWER: (A)", True),
    ("first", "ANSWER: A", True),
    ("first", "ANSWER: (B) A Man", False),
    ("word", "It is.\nANSWER: Yes", True),
    ("word", '**ANSWER:** "yes".', True),
    ("word", "ANSWER:\n**Yes**", True),
    ("word", "Yes.", True),
    ("word", "Yes, at first.\nANSWER: No", False),
    ("word", "ANSWER: Yes and no", False),
    ("text", "The brackets close.\nANSWER: [ ( -1", True),
    ("text", "**ANSWER: [ ( -1**", True),
    ("text", "ANSWER: [ ( 1", False),
    ("text", "ANSWER: -1", False),
    ("code", f"Here it is:\n```python\n{WHOLE}```\nIt sums.", True),
    ("code", f"```python\nfrom typing import List\n\n{WHOLE}```", True),
    ("code", "```\n    return sum(xs)\n```", True),
    ("code", WHOLE, True),
    ("code", "```python\ndef total(xs):\n    return 4\n```", False),
    ("code", "```python\nimport sys\nsys.exit(0)\n```", False),
    ("code", "```python\ndef check(f):\n    pass\n```", False),
    ("bare", "```python\ndef twice(x):\n    return 2 * x\n```", True),
    ("bare", "```python\n    return 2 * x\n```", True),
    ("bare", "```python\ndef twice(x):\n    return x\n```", False),
]

# Replies that EvalScope grades otherwise than they should be, each with what the README says of it: right ones that count as
# wrong, and wrong ones that count as right.
MISREAD: list[tuple[str, str, str]] = [
    ("number", "**ANSWER: 1018**", "A number in bold"),
    ("number", "ANSWER: \\$1018", "behind `\\$`"),
    ("letter", "ANSWER: b", "A letter in lower case"),
    ("letter", "It is (B), because A is wrong.", "counts by its last capital letter"),
    ("word", "**ANSWER**: Yes", "the asterisks hide the marker"),
    ("text", "ANSWER: [ ( -1.", "wrong with a full stop"),
    (
        "code",
        "```python\nfrom __future__ import annotations\n\ndef total(xs):\n    return sum(xs)\n```",
        "`from __future__ import` fails",
    ),
    ("code", f"```python\ntotal([1, 2])\n```\nneeds\n```python\n{WHOLE}```", "only its first block of code"),
    ("code", f"```python\n{WHOLE}", "if the block is closed"),
    ("number", "ANSWER: \\boxed{1\\,018}", "a blank between thousands"),
]
LENIENT: list[tuple[str, str, str]] = [
    ("number", "ANSWER: \\boxed{1018\\%}", "18 and 18% are the same"),
    ("fraction", "ANSWER: \\boxed{0.5000001}", "fractions that differ after the sixth decimal"),
    ("word", "ANSWER: The (yes)", "case, punctuation and a, an, the do not count"),
]

# Runs in EvalScope's Python: prints the score of each reply to the entry of its benchmark.
GRADE = """
import json, sys

def main():
    from evalscope.api.dataset import Sample
    from evalscope.api.evaluator import TaskState
    from evalscope.api.model import ModelOutput
    from evalscope.api.registry import get_benchmark
    from evalscope.collections import DatasetEntry
    from evalscope.config import TaskConfig

    entries, replies = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:3])
    config = TaskConfig(model="model", eval_type="mock_llm", datasets=["data_collection"])
    adapters, scores = {}, []
    for benchmark, reply in replies:
        entry = DatasetEntry.model_validate(entries[benchmark])
        name = entry.dataset_name
        adapter = adapters[name] = adapters.get(name) or get_benchmark(name, config=config)
        state = TaskState(model="model", sample=Sample.model_validate(entry.prompt), completed=True)
        state.output = ModelOutput.from_content(model="model", content=reply)
        answer = adapter.extract_answer(reply, state)
        score = adapter.match_score(reply, answer, state.target, state)
        scores.append(None if score.main_value is None else float(score.main_value))
    json.dump(scores, open(sys.argv[3], "w"))

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[tuple[str, str], float], str]:
    """The score of each reply, and the README of the export that it was graded by."""
    place = tmp_path_factory.mktemp("replies")
    rule = {"features": {"n": {"words": "q"}}, "score": [{"feature": "n", "normalize": "p95"}]}
    config = {}
    for name, (prompt, row) in TASKS.items():
        (place / f"{name}.jsonl").write_text(json.dumps({"q": "Which is it?", **row}) + "\n", encoding="utf-8")
        config[name] = {"path": f"file:{name}.jsonl", "difficulty": rule, "prompt": {"input": "{q}", **prompt}}
    (place / "config.yaml").write_text(json.dumps({"benchmarks": config}))
    symphony_data(
        "preprocess", "--config", "config.yaml", "--benchmarks", ",".join(TASKS), "--output", "full", cwd=place
    )
    symphony_data("export", "full", "--config", "config.yaml", "--to", "evalscope", "--output", "export", cwd=place)
    entries = {entry["categories"][0]: entry for entry in lines(place / "export" / "test.jsonl")}
    replies = [(name, reply) for name, reply, _ in [*REPLIES, *MISREAD, *LENIENT]]
    for name, value in (("entries", entries), ("replies", replies)):
        (place / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    (place / "grade.py").write_text(GRADE)
    command = [str(PYTHON), "grade.py", "entries.json", "replies.json", "scores.json"]
    ran = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    scores = json.loads((place / "scores.json").read_text())
    readme = (place / "export" / "README.md").read_text(encoding="utf-8")
    return dict(zip(replies, scores, strict=True)), " ".join(readme.split())


@pytest.mark.parametrize("name", TASKS)
def test_replies_are_graded_as_they_should_be(name: str, graded: tuple[dict[tuple[str, str], float], str]) -> None:
    found = {reply: graded[0][name, reply] for of, reply, _ in REPLIES if of == name}
    assert found == {reply: float(right) for of, reply, right in REPLIES if of == name}


def test_the_readme_names_the_replies_that_evalscope_grades_otherwise(
    graded: tuple[dict[tuple[str, str], float], str],
) -> None:
    scores, readme = graded
    assert {reply: scores[name, reply] for name, reply, _ in MISREAD} == {reply: 0.0 for _, reply, _ in MISREAD}
    assert {reply: scores[name, reply] for name, reply, _ in LENIENT} == {reply: 1.0 for _, reply, _ in LENIENT}
    assert [said for _, _, said in [*MISREAD, *LENIENT] if said not in readme] == []
