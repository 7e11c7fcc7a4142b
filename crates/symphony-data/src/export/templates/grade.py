# How answers are graded: the same for Inspect and for lm-eval, so that their results can be compared.
MARKS = " \t\r\n*_`\"'"  # what models put around an answer


def said(text):
    """What stands behind the last `ANSWER:`, on its line or the next; None without one."""
    found = re.findall(r"(?i)\banswer[*_`]*\s*:[*_`]*\s*([^\n]+)", text)
    return found[-1].strip(MARKS) if found else None


def boxed(text):
    r"""What stands in the last \boxed{}; None without one."""
    found = re.findall(r"\\boxed\s*\{\s*((?:[^{}]|\{[^{}]*\})*)\}", text)
    return found[-1] if found else None


def plain(text):
    """A text without the marks of LaTeX that numbers stand in."""
    text = re.sub(r"\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}", r"\1/\2", text.replace("\u2212", "-").replace("{,}", ","))
    return re.sub(r"[\\${}]", "", text)


def numbers(text):
    """The numbers in a text. Commas between thousands do not count, and a minus counts where it is no hyphen."""
    digits = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|\.\d+"
    pattern = rf"(?:(?<![\w)\]])- ?)?(?:{digits})"
    found = [number.replace(",", "").replace(" ", "") for number in re.findall(pattern, text)]
    return [Fraction(number) for number in found if len(number) < 400]


def number(text):
    r"""The number that an answer ends in: behind ANSWER:, else in \boxed{}, else the last one. None without one."""
    for part in (said(text), boxed(text), text):
        part = plain(part or "").strip(MARKS).rstrip(".")
        if re.fullmatch(r"-?\d{1,300} ?/ ?0*[1-9]\d{0,300}", part):
            return Fraction(part.replace(" ", ""))
        if found := numbers(part):
            return found[-1]
    return None


def exact(text):
    """A text without what does not count: case, blanks, quotes, asterisks, a last full stop, brackets of `(A)`."""
    text = " ".join(text.strip(MARKS).rstrip(".").strip(MARKS).split()).casefold()
    return text[1:-1] if re.fullmatch(r"\(\w\)", text) else text


def choice(text, labels):
    """The label that an answer chooses; None if it chooses none."""
    whole = exact(text)
    for label in labels:
        if whole == exact(label):
            return label
    spoken = re.findall(r"(?i)\b(?:answer|option|choice)\s+is:?\s*([^\n]+)", text)
    for part in (said(text), boxed(text), *spoken[-1:]):
        for label in sorted(labels, key=len, reverse=True):
            if re.match(rf"\W*{re.escape(label)}(?![\w'])", part or "", re.I):
                return label
    return None


def right(text, target, grade, labels=()):
    """Whether the answer is right, and what was taken for the answer."""
    if grade == "number":
        found = number(text)
        return found is not None and found == Fraction(target.replace(",", "")), "" if found is None else str(found)
    if grade == "choice":
        found = choice(text, labels)
        return found == target, found or ""
    answer = said(text)
    if answer is None:
        answer = (text.strip().splitlines() or [""])[-1]
    return exact(answer) == exact(target), answer


def program(text, code):
    """The program of an answer: the last block of code that has the function, behind the code that the row gives."""
    name = re.escape(code["entry_point"])
    has_it = re.compile(rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+{name}\b|^{name}[ \t]*=", re.M)
    blocks = re.findall(r"```[^\n`]*\n(.*?)(?:```|\Z)", text, re.S) or [text]
    own = next((block for block in reversed(blocks) if has_it.search(block)), blocks[-1])
    given = code["given"]
    if has_it.search(own):
        # The answer brings the function: imports and helpers stand before it.
        start = has_it.search(given)
        given = given[: start.start()] if start else given
    # Imports from __future__ have to come first.
    future = r"(?m)^from __future__ import .*$"
    return "\n".join([*re.findall(future, own), given + re.sub(future, "", own), "", code["tests"], ""])


# Runs a program as a module of its own. A word at the end shows that all of it ran: exit() is no success.
RUNNER = """
import sys, types
word, source = sys.argv.pop(), sys.stdin.read()
module = sys.modules["answer"] = types.ModuleType("answer")
exec(compile(source, "answer.py", "exec"), module.__dict__)
print("\\n" + word)
"""
SECONDS = 15  # for one program
