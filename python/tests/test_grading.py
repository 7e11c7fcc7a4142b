"""How exports grade answers: the Python that every export carries, on replies as models write them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = Path(__file__).parents[2] / "crates" / "symphony-data" / "src" / "export" / "templates" / "grade.py"
grading: dict[str, Any] = {"re": re, "Fraction": Fraction}
exec(TEMPLATE.read_text(encoding="utf-8"), grading)

NUMBERS = [
    ("She has 3 + 4 = 7 pens.\nANSWER: 7", "7"),
    ("ANSWER: 7.", "7"),
    ("ANSWER: 7.0", "7"),
    ("**ANSWER:** 1,234", "1234"),
    ("**ANSWER: 18**", "18"),
    ("ANSWER: **18**", "18"),
    ("Answer: $18.50", "18.5"),
    ("ANSWER:\n18", "18"),
    ("I will end with ANSWER: and the result.\n\n5 + 5\n\nANSWER: 10", "10"),
    ("ANSWER: -3", "-3"),
    ("ANSWER: \u22123", "-3"),
    ("ANSWER: 10 - 3 = 7", "7"),
    ("ANSWER: \\boxed{142}", "142"),
    ("ANSWER: $\\boxed{1{,}000}$", "1000"),
    ("So it is $\\boxed{\\frac{1}{2}}$.", "0.5"),
    ("ANSWER: 1/2", "0.5"),
    ("ANSWER: 1e5", "100000"),
    ("The result is 12, as 3 times 4 is 12", "12"),
    ("ANSWER: .5", "0.5"),
    ("ANSWER: 18 eggs", "18"),
]
OTHER_NUMBERS = [
    ("ANSWER: 70", "7"),
    ("ANSWER: 7.5", "7"),
    ("It is 7. No: ANSWER: 8", "7"),
    ("ANSWER: 7\nANSWER: 8", "7"),
    ("I do not know.", "7"),
    ("", "7"),
    ("ANSWER: 1/0", "1"),
    ("ANSWER: 5-7", "-7"),
]


@pytest.mark.parametrize(("reply", "target"), NUMBERS)
def test_the_same_number_is_right(reply: str, target: str) -> None:
    assert grading["right"](reply, target, "number")[0]


@pytest.mark.parametrize(("reply", "target"), OTHER_NUMBERS)
def test_another_number_is_wrong(reply: str, target: str) -> None:
    assert not grading["right"](reply, target, "number")[0]


LETTERS = ["A", "B", "C", "D"]
CHOICES = [
    ("ANSWER: B", "B", LETTERS),
    ("B", "B", LETTERS),
    ("(B)", "B", LETTERS),
    ("b.", "B", LETTERS),
    ("**ANSWER:** B", "B", LETTERS),
    ("ANSWER: (B)", "B", LETTERS),
    ("ANSWER: **B**. Nairobi", "B", LETTERS),
    ("ANSWER: B) Nairobi", "B", LETTERS),
    ("A is tempting. ANSWER: B", "B", LETTERS),
    ("The correct answer is **B**.", "B", LETTERS),
    ("The best option is B, since A is not.", "B", LETTERS),
    ("$\\boxed{B}$", "B", LETTERS),
    ("ANSWER: not sure", "not sure", ["sure", "not sure"]),
    ("ANSWER: 10", "10", ["1", "10"]),
]
OTHER_CHOICES = [
    ("ANSWER: A", "B", LETTERS),
    ("ANSWER: As B says", "A", LETTERS),
    ("A or B", "B", LETTERS),
    ("I do not know.", "A", LETTERS),
    ("", "A", LETTERS),
    ("ANSWER: B\nNo, ANSWER: C", "B", LETTERS),
    ("ANSWER: 10", "1", ["1", "10"]),
]


@pytest.mark.parametrize(("reply", "target", "labels"), CHOICES)
def test_the_label_of_the_right_choice_is_right(reply: str, target: str, labels: list[str]) -> None:
    assert grading["right"](reply, target, "choice", labels)[0]


@pytest.mark.parametrize(("reply", "target", "labels"), OTHER_CHOICES)
def test_another_label_is_wrong(reply: str, target: str, labels: list[str]) -> None:
    assert not grading["right"](reply, target, "choice", labels)[0]


# As docs/benchmarks.md says: case, blanks, quotes, asterisks, a full stop and the brackets of (A) do not count.
EXACT = [
    ("ANSWER: True", "True"),
    ("ANSWER: true.", "True"),
    ("ANSWER: **Yes**", "yes"),
    ('ANSWER: "valid"', "valid"),
    ("ANSWER: (B)", "(B)"),
    ("ANSWER: B", "(B)"),
    ("B", "(B)"),
    ("Let me think.\n\n(B)", "(B)"),
    ("ANSWER: ] > )", "] > )"),
    ("ANSWER: a  b", "a b"),
]
OTHER_EXACT = [("ANSWER: False", "True"), ("ANSWER: (A)", "(B)"), ("", "True"), ("ANSWER: not valid", "valid")]


@pytest.mark.parametrize(("reply", "target"), EXACT)
def test_the_same_text_is_right(reply: str, target: str) -> None:
    assert grading["right"](reply, target, "exact")[0]


@pytest.mark.parametrize(("reply", "target"), OTHER_EXACT)
def test_another_text_is_wrong(reply: str, target: str) -> None:
    assert not grading["right"](reply, target, "exact")[0]


GIVEN = (
    'import math\n\n\ndef helper(x):\n    return math.floor(x)\n\n\ndef half(x: float) -> int:\n    """Half of x."""\n'
)
CODE = {"entry_point": "half", "given": GIVEN, "tests": "assert half(5) == 2\nassert half(0) == 0"}
BODY = "    return helper(x / 2)\n"
WHOLE = f"def half(x: float) -> int:\n{BODY}"
PROGRAMS = [
    f"```python\n{WHOLE}```",
    f"Here it is:\n\n```python\n{WHOLE}```\nIt works because of this:\n\n```\nhalf(5)\n```",
    WHOLE,
    BODY,
    f"```\n{BODY}```",
    f"```python\n{GIVEN}{BODY}```",
    f"```python\nfrom __future__ import annotations\n{WHOLE}```",
    f"```python\n{WHOLE}\nif __name__ == '__main__':\n    print(half(float(input())))\n```",
    "```python\nhalf = lambda x: int(x // 2)\n```",
    f"```python\nfrom dataclasses import dataclass\n\n\n@dataclass\nclass P:\n    x: 'float' = 0\n\n\n{WHOLE}```",
]
OTHER_PROGRAMS = [
    "```python\ndef half(x):\n    return x\n```",
    "```python\ndef half(x):\n    exit(0)\n```",
    "```python\nimport os\nos._exit(0)\n```",
    "```python\nimport sys\nsys.exit()\n```",
    "I do not know.",
    "",
    "```python\ndef half(x) return\n```",
]


def passes(reply: str) -> bool:
    program = grading["program"](reply, CODE)
    command = [sys.executable, "-I", "-c", grading["RUNNER"], "word"]
    done = subprocess.run(command, input=program, capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.rstrip().endswith("word")


@pytest.mark.parametrize("reply", PROGRAMS)
def test_a_program_that_passes_its_tests_is_right(reply: str) -> None:
    assert passes(reply)


@pytest.mark.parametrize("reply", OTHER_PROGRAMS)
def test_a_program_that_fails_its_tests_or_ends_early_is_wrong(reply: str) -> None:
    assert not passes(reply)


def test_no_reply_raises_an_error() -> None:
    parts = [
        "ANSWER:",
        "\\boxed{",
        "}",
        "(",
        "**",
        "1,2",
        "1e999",
        "-",
        "/0",
        "```",
        "\n",
        "A",
        "\u0661",
        "\u00b2",
        "$",
        "\\frac{1}{0}",
        "9" * 5000,
    ]
    for first in parts:
        for second in parts:
            for third in parts:
                reply = first + second + third
                for grade in ("number", "choice", "exact"):
                    grading["right"](reply, "1", grade, ["A", "1"])
                grading["program"](reply, CODE)


def test_every_solution_of_humaneval_passes_without_what_the_question_gives() -> None:
    data = Path(__file__).resolve().parents[3] / "shared" / "data" / "humaneval" / "test.jsonl"
    if not data.is_file():
        pytest.skip("the real benchmarks are not on this machine (../shared/data)")
    for line in data.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name, whole = row["entry_point"], row["prompt"] + row["canonical_solution"]
        code = {"entry_point": name, "given": row["prompt"], "tests": f"{row['test']}\n\ncheck({name})"}
        start = re.search(rf"(?m)^def {name}\b", whole)
        assert start is not None
        command = [sys.executable, "-I", "-c", grading["RUNNER"], "word"]
        program = grading["program"](f"```python\n{whole[start.start() :]}```", code)
        done = subprocess.run(command, input=program, capture_output=True, text=True)
        assert done.stdout.rstrip().endswith("word"), (row["task_id"], done.stderr)
