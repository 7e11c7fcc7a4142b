# How answers are graded: the same for Inspect and for lm-eval, so that their results can be compared.
MARKS = " \t\r\n*_`\"'"  # what models put around an answer
DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?!\d)|\d+)"
NUMBER = rf"(?:(?<![\w)\]])- ?)?(?:{DIGITS}(?:\.\d+)?(?:[eE][+-]?\d{{1,3}})?|\.\d+)"


def said(text):
    """What stands behind the last `ANSWER:`, on its line or the next; None without one."""
    found = re.findall(r"(?i)\banswer[*_`]{0,9}\s{0,9}:[*_`]{0,9}\s{0,99}([^\n]+)", text)
    return found[-1].strip(MARKS) if found else None


def boxed(text):
    r"""What stands in the last \boxed{}; None without one."""
    start = text.rfind("\\boxed{")
    depth = 0
    for at in range(start + len("\\boxed"), len(text) if start >= 0 else 0):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[start + len("\\boxed{") : at].strip()
    return None


def parts(text):
    r"""Where an answer may stand, best first: in a \boxed{} behind ANSWER:, behind ANSWER:, in any \boxed{}."""
    answer = said(text)
    return [part for part in (boxed(answer or ""), answer, boxed(text)) if part is not None]


def plain(text):
    """A text without the commands and marks of LaTeX."""
    text = re.sub(r"\\[dt]?frac ?\{ ?(-?\d+) ?\} ?\{ ?(\d+) ?\}|\\[dt]?frac ?(\d)(\d)", r" \1\3/\2\4", text)
    text = text.replace("{,}", ",").replace("\\%", "%").replace("\u2212", "-").replace("\u2013", "-")
    text = re.sub(r"\\[,!;: ]", "", text)
    return re.sub(r"\\[a-zA-Z]+|[\\{}$]", " ", text).strip(MARKS)


def value(number):
    """A number that was found; None if it is too long to be one."""
    number = re.sub(r"[,\s\u00a0\u2009\u202f]", "", number)
    return Fraction(number) if len(number) < 400 else None


def first(text):
    """The number that a text begins with: `18 eggs`, `3/4 cups`, `1 3/4`, `10^3`; None for other sums and for words."""
    text = re.sub(r"^[\s\u20ac\u00a3\u00a5~=]+", "", text)
    if found := re.match(r"(- ?)?(?:(\d{1,99}) )?(\d{1,99}) ?/ ?0*([1-9]\d{0,99})(?![\d./])(?! ?=)", text):
        sign, whole, above, below = found.groups()
        return (Fraction(int(above), int(below)) + int(whole or 0)) * (-1 if sign else 1)
    if found := re.match(r"(\d{1,9}) ?\^ ?(\d{1,2})(?!\d)", text):
        return Fraction(int(found[1]) ** int(found[2]))
    found = re.match(NUMBER, text)
    # In `10 - 3 = 7` the number that counts is the last.
    is_sum = found and re.match(r"\s*(?:[-+*/\u00d7\u00f7^]|\\times)\s*[\d.($]", text[found.end() :])
    return value(found[0]) if found and not is_sum else None


def number(text):
    r"""The number that an answer says: behind ANSWER: or in \boxed{} the first, else the last one. None without one."""
    for part in parts(text):
        part = plain(part)
        if (found := first(part)) is not None:
            return found
        # What is in brackets only explains.
        for rest in (re.sub(r"\([^()]*\)", " ", part), part):
            if found := re.findall(NUMBER, rest):
                return value(found[-1])
    found = re.findall(NUMBER, plain(text[-20_000:]))
    return value(found[-1]) if found else None


def exact(text):
    """A text without what does not count: case, blanks, quotes, asterisks, a last full stop, brackets of `(A)`."""
    text = " ".join(text.strip(MARKS).rstrip(".").strip(MARKS).split()).casefold()
    return text[1:-1] if re.fullmatch(r"\(\w\)", text) else text


def spoken(text):
    """What stands behind the last `answer is`."""
    found = re.findall(r"(?i)\b(?:answer|option|choice) is:?\s{0,9}([^\n]+)", text)
    return found[-1:]


def leading(part, choices):
    """The label that a text begins with: `(B) Nairobi`, `Option B`; None for `A or B`, `B-cell`, `C. difficile`."""
    begin = r"[\s(\[*_`\"'<]*(?:(?:the |option |choice |letter )+[\s(\[*_`\"']*)?"
    for label in sorted(choices, key=len, reverse=True):
        found = re.match(rf"(?i:{begin}){re.escape(label)}(?!\w)", part)
        found = found or re.match(rf"{begin}{re.escape(label)}(?!\w)", part, re.I)
        if not found:
            continue
        rest = part[found.end() :]
        others = "|".join(re.escape(other) for other in choices if other != label) or "(?!)"
        if re.match(rf"\W*(?:or |and |/|,|\s)\W*(?:{others})(?!\w)", rest, re.I):
            return None
        behind = exact(rest.lstrip(" .):]*"))
        if behind and behind == exact(choices[label]):
            return label
        # A small letter behind it may go on with a word: C. difficile.
        ends = r"\W*$|[.):,;!*\]]+(?![\d.])\s*(?![a-z\d])|\s+(?:[(\u2013\u2014]|- |(?:because|since|as|is)\b)"
        return label if re.match(ends, rest) else None
    return None


def choice(text, choices):
    """The label that an answer chooses, of a dict from labels to texts; None if it chooses none."""
    # Without ANSWER:, a reply that is a choice, or begins with one: `B. Nairobi`, `**B**`.
    begins = [line for line in text.strip().splitlines()[:1] if re.match(r"\W*\w{1,20}(?:\W*$|[.):])", line)]
    for part in parts(text) or [*spoken(text), *begins, text]:
        part = plain(part)
        for is_label in (True, False):
            for kind in (str.strip, exact):
                same = [label for label in choices if kind(part) == kind(label if is_label else choices[label])]
                if len(same) == 1:
                    return same[0]
        if (label := leading(part, choices)) is not None:
            return label
    return None


def same_text(text, target):
    """Whether an answer is a text, alone or with what explains it behind: `(B) 12/25/1937`, `False, because ...`."""
    answers = parts(text)[:2] or [*spoken(text), *text.strip().splitlines()[-1:]]
    letter = re.fullmatch(r"\((\w)\)", target.strip())
    for answer in answers:
        for part in (answer, plain(answer)):
            if exact(part) == exact(target) != "" or part.strip() == target.strip() != "":
                return True, answer
            if letter and re.match(rf"[\s*_`\"']*\({letter[1]}\)(?!\W*(?:or|and|/|,)\W*\(\w\))", part, re.I):
                return True, answer
            if re.fullmatch(r"\w{2,}", target.strip()):
                word = re.split(r"[,;:.](?=\s)|\s\(|\s[-\u2013]\s", part)[0]
                if exact(word) == exact(target):
                    return True, answer
    return False, answers[0] if answers else ""


def right(text, target, grade, choices=()):
    """Whether the answer is right, and what was taken for the answer."""
    if grade == "number":
        found, wanted = number(text), re.fullmatch(NUMBER, target)
        return found is not None and wanted is not None and found == value(target), "" if found is None else str(found)
    if grade == "choice":
        found = choice(text, choices)
        return found == target, found or ""
    return same_text(text, target)


def blocks_of(text):
    """The blocks of code in a reply; without any, the reply from the first line on that looks like code."""
    blocks = re.findall(r"^[ \t]*(?:```|~~~)[^\n`]*\n(.*?)(?:^[ \t]*(?:```|~~~)|\Z)", text, re.S | re.M)
    start = re.search(r"(?m)^(?:from|import|def|class|async def|@)\b", text)
    return blocks or [text[start.start() :] if start else text]


def only_defines(block):
    """Whether a block of code holds nothing but imports, definitions and assignments."""
    try:
        body = ast.parse(block).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return all(isinstance(node, kinds) for node in body)


def program(text, code):
    """The program of an answer: the last block of code that has the function, behind the code that the row gives."""
    name = re.escape(code["entry_point"])
    has_it = re.compile(rf"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+{name}\b|^[ \t]*{name}[ \t]*=", re.M)
    blocks, given = blocks_of(text), code["given"]
    at = max((at for at, block in enumerate(blocks) if has_it.search(block)), default=None)
    own = blocks[-1 if at is None else at]
    if at is not None:
        # The answer brings the function. Imports and helpers stand before it: those of the row, and of earlier blocks.
        own = textwrap.dedent(own)
        before = [textwrap.dedent(block) for block in blocks[:at] if not has_it.search(block)]
        own = "\n".join([*(block for block in before if only_defines(block)), own])
        starts = list(re.finditer(rf"(?m)^(?:@.*\n)*(?:async[ \t]+def|def|class)[ \t]+{name}\b", given))
        given = given[: starts[-1].start()] if starts else given
    # Imports from __future__ have to come first.
    future = r"(?m)^from __future__ import (?:\([^)]*\)|.*$)"
    return "\n".join([*re.findall(future, own), given + re.sub(future, "", own), "", code["tests"], ""])


# Runs a program as a module of its own. The word is read before it and printed after it, so that exit() is no success.
RUNNER = """
import sys, types
def run(word, source):
    module = sys.modules["answer"] = types.ModuleType("answer")
    exec(compile(source, "answer.py", "exec"), module.__dict__)
    print("\\n" + word, flush=True)
try:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 24, 1 << 24))
except (ImportError, ValueError, OSError):
    pass
run(sys.stdin.readline().strip(), sys.stdin.read())
"""
SECONDS = 15  # for one program
