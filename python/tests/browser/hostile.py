"""Rows, names and answers that try to run, to load something or to break the page."""

from __future__ import annotations

import json
from pathlib import Path

# Anything on this host would be a request, whether or not there is such a host.
HOST = "https://symphony-data.invalid"
# The folder of the pool is its name. A name of a file has no slash.
FOLDER = "<img src=x onerror=alert('folder')> & \"'"
BENCHMARK = "ספסל <b>bold</b>&amp;\"' <svg onload=alert('benchmark')>"
MODEL = "<script>alert('model')</script> \u202emodel"

TEXTS = {
    "end of the script": "</script><script>alert('script')</script>",
    "end of the style": "</style></title></textarea><style>@import '"
    + HOST
    + "/style.css'; body { display: none }</style>",
    "comment": "<!--<script> -->]]><!-- <script>alert('comment')</script>",
    "picture": f"<img src=x onerror=alert('img')><img src='{HOST}/picture.png'>",
    "drawing": "<svg><script>alert('svg')</script><animate onbegin=alert('animate') attributeName=x dur=1s></svg>",
    "frame": f"<iframe src='javascript:alert(1)'></iframe><iframe srcdoc='<script>alert(2)</script>'></iframe><object data='{HOST}/o'></object>",
    "head": f"<base href='{HOST}/'><meta http-equiv='refresh' content='0;url={HOST}/gone'><link rel=stylesheet href='{HOST}/s.css'>",
    "form": f"<form action='{HOST}/form'><button autofocus onfocus=alert('focus')>Send</button></form>",
    "link": "<a href=\"javascript:alert('link')\">javascript:alert('link')</a> https://symphony-data.invalid/plain",
    "entities": "&lt;b&gt; &amp;amp; &#60;script&#62; &nbsp;",
    "template": "{{ 7 * 7 }} {% include 'x' %} ${7 * 7} `${alert('template')}` %3Cscript%3E",
    "latex": r"$\frac{1}{2} \href{javascript:alert(1)}{x}$ \[ \sum_{i<n} x_i \] $$ \begin{aligned} a &= b \\ \end{aligned} $$",
    "Hebrew and Arabic": "שלום (abc) עולם 123, مرحبا بالعالم 456!",
    "direction": "start \u202eesrever\u202c \u2067isolate\u2069 \u200fmark\u200e \u2028end",
    "control": "bell \u0007 null \u0000 escape \u001b[31m red \u009b31m delete \u007f\r\n\ttab",
    "one long line": "x" * 40_000,
    "many words": "word " * 8_000,
    "marks": "a" + "\u0301" * 500 + " \u200b\u200d\ufeff \U0001f469\u200d\U0001f469\u200d\U0001f467",
}
"""Texts by what they try."""

# The same as the page is to write them: what does not show, or changes the direction, as an escape. Line breaks and tabs stay.
SHOWN = {
    **TEXTS,
    "direction": r"start \u{202e}esrever\u{202c} \u{2067}isolate\u{2069} \u{200f}mark\u{200e} \u{2028}end",
    "control": r"bell \u{7} null \u{0} escape \u{1b}[31m red \u{9b}31m delete \u{7f}\u{d}" + "\n\ttab",
}


def plant(place: Path) -> None:
    """Writes a pool with one task for each text, which is also a name of a field, a feature, a model and a part of the id."""
    (place / FOLDER).mkdir()
    tasks, answers = [], []
    for at, (kind, text) in enumerate(TEXTS.items()):
        short = text[:200]
        task = {
            "task_id": f"exp_{at:05}_{short}",
            "benchmark": BENCHMARK,
            "difficulty_score": at / 20,
            "difficulty_bin": "easy" if at < 10 else "hard",
            "raw_data": {kind: text, short: [text, {short: text}], "number": 1.10},
            "scorer_metadata": {"label": short, short: 1},
            "source_id": f"{BENCHMARK}_{at}",
            "identity": f"{at:016x}",
        }
        tasks.append(task)
        for model, score in ((MODEL, at % 2), (short, 1), ("plain", at % 3 == 0)):
            ids = {"benchmark": task["benchmark"], "source_id": task["source_id"]}
            answers.append({**ids, "model": model, "score": float(score)})
    for path, lines in ((place / FOLDER / "task_pool.jsonl", tasks), (place / "answers.jsonl", answers)):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
