# How answers are graded. The same in every export of symphony-data, so that results of several harnesses can be compared.
MARKS = " \t\r\n*_`\"'"  # what models put around an answer


def said(text):
    """What stands behind the last `ANSWER:`, on its line or the next; None without one."""
    found = re.findall(r"(?i)\banswer[*_`]*\s*:[*_`]*\s*([^\n]+)", text)
    return found[-1].strip(MARKS) if found else None


def boxed(text):
    r"""What stands in the last \boxed{}; None without one."""
    found = re.findall(r"\\boxed\s*\{\s*((?:[^{}]|\{[^{}]*\})*)\}", text)
    return found[-1] if found else None


def numbers(text):
    """The numbers in a text. Commas between thousands do not count, and a minus counts where it is no hyphen."""
    text = text.replace("\u2212", "-").replace("{,}", ",").replace("\\", "").replace("$", "")
    pattern = r"(?:(?<![\w)\]])-\s?)?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|\.\d+)"
    return [Fraction(found.replace(",", "").replace(" ", "")) for found in re.findall(pattern, text)]


def number(text):
    r"""The number that an answer ends in: behind ANSWER:, else in \boxed{}, else the last one."""
    for part in (said(text), boxed(text), text):
        if part is not None and re.fullmatch(r"-?\d+\s*/\s*\d*[1-9]\d*", part.strip("$. ")):
            return Fraction(part.strip("$. ").replace(" ", ""))
        if part is not None and (found := numbers(part)):
            return found[-1]
    return None


def exact(text):
    """A text without what does not count: case, blanks, quotes, asterisks, a full stop at its end, the brackets of `(A)`."""
    text = " ".join(text.strip(MARKS).rstrip(".").strip(MARKS).split()).casefold()
    return text[1:-1] if re.fullmatch(r"\(\w\)", text) else text


def choice(text, labels):
    """The label that an answer chooses; None if it chooses none."""
    answer = said(text)
    for part in (answer, boxed(text)) if answer is not None else (boxed(text), text.strip(MARKS)):
        for label in sorted(labels, key=len, reverse=True):
            if part is not None and re.match(rf"\W*{re.escape(label)}(?![\w'])", part, re.I) and (
                part != text.strip(MARKS) or len(part.strip("(). ")) == len(label)
            ):
                return label
    spoken = re.findall(r"(?i)\banswer\s+is:?\W*([A-Z])(?![\w'])", text)
    return next((label for label in labels if spoken and label.upper() == spoken[-1].upper()), None)


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
    """The program of an answer: the last block of code that has the function, behind the code that the question gives."""
    name = re.escape(code["entry_point"])
    has_it = re.compile(rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+{name}\b|^{name}[ \t]*=", re.M)
    blocks = re.findall(r"```[^\n`]*\n(.*?)(?:```|\Z)", text, re.S) or [text]
    own = next((block for block in reversed(blocks) if has_it.search(block)), blocks[-1])
    given = code["given"]
    if has_it.search(own):
        # The answer brings the function: imports and helpers stand before it.
        start = has_it.search(given)
        given = given[: start.start()] if start else given
    future = re.findall(r"^from __future__ import .*$", own, re.M)  # these have to come first
    return "\n".join([*future, given + own, "", code["tests"], ""])


# Runs a program as a module of its own, and prints a word at the end that shows that all of it ran: exit() is no success.
RUNNER = """
import sys, types
word, source = sys.argv.pop(), sys.stdin.read()
module = sys.modules["answer"] = types.ModuleType("answer")
exec(compile(source, "answer.py", "exec"), module.__dict__)
print("\\n" + word)
"""
SECONDS = 15  # for one program
