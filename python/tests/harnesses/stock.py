"""Scores the logged responses of an export with the harness's own task files, and compares prompts and scores.

    python stock.py BENCHMARK LINES.json

Runs in the harness's Python. The harness's YAML is included as it is; only where its documents come from is replaced.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lm_eval.tasks
from lm_eval.tasks import TaskManager

TASKS = Path(lm_eval.tasks.__file__).parent


def form_of_medqa(row: dict[str, Any]) -> dict[str, Any]:
    endings = {f"ending{at}": row["options"][letter] for at, letter in enumerate("ABCD")}
    return {"sent1": row["question"], "sent2": "", **endings, "label": "ABCD".index(row["answer_idx"])}


def stock(file: str, rows: list[dict[str, Any]], name: str) -> Any:
    """The task in a file of the harness, on these rows, which it reads from a file."""
    Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = json.dumps({"data_files": {"test": str(Path(f"{name}.jsonl").resolve())}})
    text = f"include: {TASKS / file}\ntask: {name}\ndataset_path: json\ndataset_name: null\ndataset_kwargs: {data}\n"
    Path(f"{name}.yaml").write_text(text + "training_split: null\nvalidation_split: null\n", encoding="utf-8")
    return TaskManager(include_path=".", include_defaults=False).load([name])["tasks"][name]


benchmark, path = sys.argv[1:]
lines = json.loads(Path(path).read_text(encoding="utf-8"))
parts: dict[str, list[dict[str, Any]]] = {}
for line in lines:
    part = line["doc"]["task_name"] if benchmark == "bbh" else benchmark
    parts.setdefault(part, []).append(line)
prompts, scores, differences = set(), 0, []
for part, own in parts.items():
    file = {"gsm8k": "gsm8k/gsm8k-cot.yaml", "medical_qa": "medqa/medqa.yaml"}.get(
        benchmark, f"bbh/zeroshot/{part}.yaml"
    )
    form = form_of_medqa if benchmark == "medical_qa" else lambda row: row
    rows = [form({key: value for key, value in line["doc"].items() if key != "symphony"}) for line in own]
    task = stock(file, rows, f"stock_{part}")
    for line, row in zip(own, rows, strict=True):
        context = task.fewshot_context(row, num_fewshot=task.config.num_fewshot or 0)
        made = task.construct_requests(doc=row, ctx=context, metadata=(part, 0, 1))
        made = made if isinstance(made, list) else [made]
        logged = [tuple(arguments.values()) for arguments in line["arguments"].values()]
        asked = [tuple(argument for argument in request.args) for request in made]
        if json.dumps(asked, default=str) != json.dumps(logged, default=str):
            differences.append([line["doc"]["symphony"]["task_id"], "prompt", asked[0][0][-300:], logged[0][0][-300:]])
        prompts.add(line["doc"]["symphony"]["task_id"])
        if line["filter"] == "pool":
            continue
        for request, responses in zip(made, line["resps"], strict=True):
            request.resps = [tuple(each) if isinstance(each, list) else each for each in responses]
        # Logs write the likelihood and whether it is greedy as texts.
        for request in made:
            request.resps = [
                (float(each[0]), each[1] in (True, "True")) if isinstance(each, tuple) else each
                for each in request.resps
            ]
        for kept in task._filters:
            kept.apply(made)
        name = line["filter"]
        found = task.process_results(row, [request.filtered_resps[name] for request in made])
        scores += 1
        for metric, value in found.items():
            if float(value) != float(line[metric]):
                differences.append([line["doc"]["symphony"]["task_id"], name, metric, float(value), line[metric]])
print(json.dumps({"prompts": len(prompts), "scores": scores, "differences": differences}))
