"""How exports grade answers: the Python that every export carries, on replies as models write them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = Path(__file__).parents[2] / "crates" / "symphony-data" / "src" / "export" / "templates" / "grade.py"
grading: dict[str, Any] = {"ast": ast, "re": re, "textwrap": textwrap, "Fraction": Fraction}
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
    ("ANSWER: \\boxed{-4}", "-4"),
    ("ANSWER: $\\boxed{-4}$", "-4"),
    ("ANSWER: \\boxed{\\text{-4}}", "-4"),
    ("ANSWER: \\boxed{-\\frac{1}{2}}", "-0.5"),
    ("ANSWER: \\frac{-3}{4}", "-0.75"),
    ("ANSWER: \\dfrac34", "0.75"),
    ("ANSWER: 1\\frac{3}{4}", "1.75"),
    ("ANSWER: 1 3/4", "1.75"),
    ("ANSWER: $3/4$ cups", "0.75"),
    ("ANSWER: 18 dollars per 2 weeks", "18"),
    ("ANSWER: 18 (9 x 2)", "18"),
    ("ANSWER: 18 = 36/2", "18"),
    ("ANSWER: 18 \\(\\text{m}^3\\)", "18"),
    ("ANSWER: \\boxed{18 \\text{ m}^2}", "18"),
    ("ANSWER: 100 miles (160 km)", "100"),
    ("ANSWER: about $18 (in 2024)", "18"),
    ("ANSWER: 50% (or 0.5)", "50"),
    ("ANSWER: 1 000", "1000"),
    ("ANSWER: 1\\,018", "1018"),
    ("ANSWER: 10^3", "1000"),
    ("ANSWER: \u20135", "-5"),
    ("ANSWER: The total is 54", "54"),
    ("ANSWER: 3 * 6 = 18", "18"),
    ("ANSWER: x = 5", "5"),
    ("ANSWER: -$5", "-5"),
    ("ANSWER: 12.50.", "12.5"),
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
    ("ANSWER: \\boxed{-4}", "4"),
    ("ANSWER: \u20135", "5"),
    ("ANSWER: $3/4$ cups", "4"),
    ("ANSWER: 100 miles (160 km)", "160"),
    ("ANSWER: 18 or 17", "17"),
    ("ANSWER: 1e999999999", "1e999999999"),
    ("ANSWER: 0", "1e-999999999"),
]


@pytest.mark.parametrize(("reply", "target"), NUMBERS)
def test_the_same_number_is_right(reply: str, target: str) -> None:
    assert grading["right"](reply, target, "number")[0]


@pytest.mark.parametrize(("reply", "target"), OTHER_NUMBERS)
def test_another_number_is_wrong(reply: str, target: str) -> None:
    assert not grading["right"](reply, target, "number")[0]


LETTERS = {"A": "Mombasa", "B": "Nairobi", "C": "Norovirus", "D": "C. difficile"}
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
    ("ANSWER: Option B", "B", LETTERS),
    ("ANSWER: option (B)", "B", LETTERS),
    ("ANSWER: \\text{B}", "B", LETTERS),
    ("ANSWER: \\boxed{\\text{B}}", "B", LETTERS),
    ("ANSWER: Nairobi", "B", LETTERS),
    ("ANSWER: B Nairobi", "B", LETTERS),
    ("ANSWER: B because it is the capital", "B", LETTERS),
    ("B. Nairobi", "B", LETTERS),
    ("Nairobi", "B", LETTERS),
    ("**B**\n\nIt is the capital.", "B", LETTERS),
    ("The answer is option B", "B", LETTERS),
    ("ANSWER: C. difficile", "D", LETTERS),
    ("ANSWER: A", "A", {"a": "a", "A": "A"}),
    ("ANSWER: not sure", "not sure", {"sure": "sure", "not sure": "not sure"}),
    ("ANSWER: 10", "10", {"1": "1", "10": "10"}),
]
OTHER_CHOICES = [
    ("ANSWER: A", "B", LETTERS),
    ("ANSWER: As B says", "A", LETTERS),
    ("A or B", "B", LETTERS),
    ("I do not know.", "A", LETTERS),
    ("", "A", LETTERS),
    ("ANSWER: B\nNo, ANSWER: C", "B", LETTERS),
    ("ANSWER: 10", "1", {"1": "1", "10": "10"}),
    ("ANSWER: A or B", "A", LETTERS),
    ("ANSWER: A/B", "A", LETTERS),
    ("ANSWER: A B C D", "A", LETTERS),
    ("ANSWER: B-cell lymphoma", "B", LETTERS),
    ("ANSWER: D-dimer", "D", LETTERS),
    ("ANSWER: C. difficile", "C", LETTERS),
    ("The answer is a matter of opinion", "A", LETTERS),
    ("ANSWER: no idea", "no", {"yes": "yes", "no": "no"}),
    ("ANSWER: 1.5", "1", {"1": "1", "10": "10"}),
    ("ANSWER: -1", "1", {"1": "1", "10": "10"}),
    ("A is wrong.\nANSWER: none of them", "A", LETTERS),
]


@pytest.mark.parametrize(("reply", "target", "labels"), CHOICES)
def test_the_label_of_the_right_choice_is_right(reply: str, target: str, labels: dict[str, str]) -> None:
    assert grading["right"](reply, target, "choice", labels)[0]


@pytest.mark.parametrize(("reply", "target", "labels"), OTHER_CHOICES)
def test_another_label_is_wrong(reply: str, target: str, labels: dict[str, str]) -> None:
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
    ("ANSWER: (B) 12/25/1937", "(B)"),
    ("ANSWER: False, because it is not.", "False"),
    ("ANSWER: \\boxed{False}", "False"),
    ("ANSWER: $False$", "False"),
    ("ANSWER: \\text{Yes}", "Yes"),
    ("The answer is (B).", "(B)"),
]
OTHER_EXACT = [
    ("ANSWER: False", "True"),
    ("ANSWER: (A)", "(B)"),
    ("", "True"),
    ("ANSWER: not valid", "valid"),
    ("", "***"),
    ("ANSWER: (B) or (C)", "(B)"),
    ("ANSWER: Falsehood", "False"),
    ("ANSWER: True or False", "True"),
]


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
    "First the imports:\n```python\nimport sys\n```\nand the function:\n```python\ndef half(x):\n    sys.version\n    return helper(x / 2)\n```",
    "- so:\n\n  ```python\n  def half(x):\n      return int(x // 2)\n  ```",
    f"~~~python\n{WHOLE}~~~",
    f"This is it:\n{WHOLE}",
    f"```python\nfrom __future__ import (\n    annotations,\n)\n{WHOLE}```",
    f"```python\nimport atexit\natexit.register(print, 'bye')\n{WHOLE}```",
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
    command = [sys.executable, "-I", "-c", grading["RUNNER"]]
    done = subprocess.run(command, input=f"word\n{program}", capture_output=True, text=True)
    return done.returncode == 0 and "word" in done.stdout.split()


@pytest.mark.parametrize("reply", PROGRAMS)
def test_a_program_that_passes_its_tests_is_right(reply: str) -> None:
    assert passes(reply)


@pytest.mark.parametrize("reply", OTHER_PROGRAMS)
def test_a_program_that_fails_its_tests_or_ends_early_is_wrong(reply: str) -> None:
    assert not passes(reply)


def test_no_reply_raises_an_error_or_is_read_without_end() -> None:
    for reply in (" " * 30_000, "\\boxed{" * 10_000, "1 " * 30_000, "(" * 30_000, "```\n" * 10_000, "*" * 30_000):
        for start in ("", "ANSWER:", "\\boxed{"):
            for grade in ("number", "choice", "exact"):
                grading["right"](start + reply, "1", grade, LETTERS)
            grading["program"](start + reply, CODE)
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
                    grading["right"](reply, "1", grade, {"A": "x", "1": "1"})
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
        command = [sys.executable, "-I", "-c", grading["RUNNER"]]
        program = grading["program"](f"```python\n{whole[start.start() :]}```", code)
        done = subprocess.run(command, input=f"word\n{program}", capture_output=True, text=True)
        assert "word" in done.stdout.split(), (row["task_id"], done.stderr)
