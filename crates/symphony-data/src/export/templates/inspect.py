"""The tasks of `{name}`, written by symphony-data. README.md has the commands.

inspect eval {name}.py --model PROVIDER/MODEL
inspect eval {name}.py --model PROVIDER/MODEL -T benchmarks=gsm8k,bbh -T bins=hard   # a part
inspect eval {name}.py --model PROVIDER/MODEL -T sandbox=local                       # code without Docker: no isolation
"""

import ast
import json
import re
import secrets
import shutil
import textwrap
from fractions import Fraction
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import Sample, json_dataset
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, grouped, scorer, stderr
from inspect_ai.solver import generate
from inspect_ai.util import SandboxEnvironmentSpec
from inspect_ai.util import sandbox as sandbox_of_sample

HERE = Path(__file__).parent
{grade}


def by(key):
    """Accuracy and standard error by a key of the metadata. Tasks that repeat count as one for the error."""
    return [
        grouped(accuracy(), key, all=False, name_template="{group_name}"),
        grouped(stderr(cluster="cluster"), key, all=False, name_template="{group_name}_stderr"),
    ]


@scorer(metrics=[accuracy(), stderr(cluster="cluster"), *by("difficulty_bin"), *by("benchmark"), *by("cell")])
def graded():
    async def score(state, target):
        text, metadata = state.output.completion, state.metadata
        if metadata["grade"] == "code":
            return await run(program(text, metadata["code"]))
        is_right, answer = right(text, target.text, metadata["grade"], metadata.get("choices", {}))
        return Score(value=CORRECT if is_right else INCORRECT, answer=answer, explanation=text)

    return score


async def run(source):
    """Whether a program runs to its end in the sample's sandbox."""
    word = secrets.token_hex(8)
    try:
        done = await sandbox_of_sample().exec(
            ["python3", "-c", RUNNER], input=f"{word}\n{source}", timeout=SECONDS, timeout_retry=False
        )
        passed, why = done.success and word in done.stdout.split(), done.stderr or "stopped before its end"
    except TimeoutError:
        passed, why = False, f"not done after {SECONDS} seconds"
    return Score(value=CORRECT if passed else INCORRECT, answer=source, explanation="passed" if passed else why)


def drawn():
    """How the tasks were drawn, for the log."""
    path = HERE / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pool = manifest.get("pool") or {}
    return {"symphony": {**manifest.get("export", {}), "request": pool.get("request"), "files": pool.get("outputs")}}


def listed(names):
    """Names with commas between them, or a list of them."""
    names = names.split(",") if isinstance(names, str) else names
    return [name.strip() for name in names if name.strip()]


@task(name="{name}")
def pool(benchmarks: str | list[str] = "", bins: str | list[str] = "", sandbox: str = "docker"):
    asked = {"benchmark": listed(benchmarks), "difficulty_bin": listed(bins)}
    dataset = json_dataset(str(HERE / "{name}.jsonl"), lambda record: Sample(**record), name="{name}")
    for key, names in asked.items():
        known = sorted({sample.metadata[key] for sample in dataset})
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"{', '.join(unknown)}: this export has {', '.join(known)}")
    dataset = dataset.filter(lambda each: all(each.metadata[key] in names for key, names in asked.items() if names))
    with_code = [sample for sample in dataset if sample.metadata["grade"] == "code"]
    for sample in with_code:
        sample.sandbox = SandboxEnvironmentSpec(type=sandbox)
    if with_code and sandbox == "docker" and shutil.which("docker") is None:
        these = ", ".join(sorted({sample.metadata["benchmark"] for sample in with_code}))
        raise ValueError(
            f"{these} asks for code, which runs in Docker, and there is no Docker here: install it, run the other "
            "benchmarks with -T benchmarks=..., or write -T sandbox=local, which isolates nothing"
        )
    return Task(
        dataset=dataset,
        solver=generate(),
        scorer=graded(),
        metadata=drawn(),
    )
