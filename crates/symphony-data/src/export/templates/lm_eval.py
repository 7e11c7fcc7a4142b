"""What the YAML files of this folder cannot say by themselves. Written by symphony-data; README.md has the commands.

A leaf is the tasks of one benchmark in one bin. Where the installed harness has a task for the benchmark, the leaf asks
and scores as that task does: its prompt, examples, filters and metrics are read from the harness when the leaf is
loaded, and only the documents are the pool's. Everywhere else it asks and grades as symphony-data does.

Every leaf has the filter `pool`, and under it the metric `acc`: whether the answer is right. The groups add it up.
"""

import ast
import contextlib
import functools
import json
import logging
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import textwrap
from fractions import Fraction
from pathlib import Path

import lm_eval.tasks
import yaml
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks import TaskManager

HERE = Path(__file__).resolve().parent
LOG = logging.getLogger(__name__)
{grade}


class Docs(list):
    """Documents as they are. A table of `datasets` would refuse fields of mixed types and change dates."""

    features = {"symphony": None}


class Answer(str):
    """What the filter `pool` takes for the answer."""


class Choice(tuple):
    """How likely an answer is to choose from, and whether it is the likeliest, under the filter `pool`."""


def counted(response):
    return Answer(response) if isinstance(response, str) else Choice(response)


def unmarked(response):
    if isinstance(response, Answer):
        return str(response)
    return tuple(response) if isinstance(response, Choice) else response


def never(doc, results):
    """Stands in a configuration whose results the leaf itself scores."""
    raise NotImplementedError


class Pool:
    """The filter `pool`: the answer that another filter found, or the first response."""

    name = "pool"

    def __init__(self, of=None):
        self.of = of

    def apply(self, instances):
        for instance in instances:
            found = instance.filtered_resps[self.of] if self.of else instance.resps[0]
            instance.filtered_resps[self.name] = counted(found)


class Leaf(ConfigurableTask):
    """The tasks of one benchmark in one bin."""

    def __init__(self, config):
        ours = config.pop("symphony")
        config.pop("class", None)
        with open(HERE / ours["data"], encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.docs = Docs({**line["row"], "symphony": line["symphony"]} for line in lines)
        asked = {line["symphony"]["task_id"]: line["asked"] for line in lines}
        way = stock(ours["like"], self.docs) if ours.get("like") else None
        self.way = way or Own(asked)
        common = {"test_split": "test", "process_results": never, "filter_list": None}
        super().__init__(config={**self.way.config(ours), **config, **common})
        self._filters = self.way.filters()
        self.way.follow(self.config)

    def download(self, *_, **__):
        self.dataset = {"test": self.docs}

    def fewshot_docs(self):
        return None

    def set_fewshot_seed(self, seed=None):
        self.way.seed(seed)

    def build_all_requests(self, *, cache_requests=False, **options):
        # The harness's cache is found by the name of a task, whatever its documents are.
        super().build_all_requests(cache_requests=False, **options)

    def doc_to_text(self, doc, doc_to_text=None):
        return self.way.text(doc)

    def doc_to_target(self, doc, doc_to_target=None):
        return self.way.target(doc)

    def doc_to_choice(self, doc, doc_to_choice=None):
        return self.way.choices(doc)

    def doc_to_prefix(self, doc):
        return self.way.prefix(doc)

    def fewshot_context(self, doc, num_fewshot, **options):
        return self.way.context(doc, num_fewshot, **options) or super().fewshot_context(doc, num_fewshot, **options)

    def construct_requests(self, doc, ctx, **options):
        requests = self.way.requests(doc, ctx, **options)
        return requests if requests is not None else super().construct_requests(doc, ctx, **options)

    def process_results(self, doc, results):
        if "bypass" in self._metric_fn_list:  # --predict_only
            return {"bypass": 999}
        scores = self.way.score(doc, [unmarked(result) for result in results])
        counts = isinstance(results[0], (Answer, Choice))
        return {"acc": float(scores[self.way.metric])} if counts else scores


class Own:
    """Asks and grades as symphony-data does."""

    metric = "acc"

    def __init__(self, asked):
        self.asked = asked

    def of(self, doc):
        return self.asked[doc["symphony"]["task_id"]]

    def config(self, ours):
        until = [*ours.get("stop", []), "</s>", "<|im_end|>"]
        return {
            "output_type": "generate_until",
            "num_fewshot": 0,
            "metric_list": [ACC],
            "generation_kwargs": {"until": until, "max_gen_toks": ours["max_gen_toks"], "do_sample": False},
        }

    def filters(self):
        return [Pool()]

    def follow(self, config):
        pass

    seed = follow

    def text(self, doc):
        return self.of(doc)["input"]

    def target(self, doc):
        return self.of(doc)["target"]

    def choices(self, doc):
        return None

    def prefix(self, doc):
        return None

    def context(self, doc, num_fewshot, **options):
        return None

    def requests(self, doc, ctx, **options):
        return None

    def score(self, doc, results):
        asked, text = self.of(doc), results[0]
        if asked["grade"] == "code":
            return {"acc": passes(program(text, asked["code"]))}
        return {"acc": float(right(text, asked["target"], asked["grade"], asked.get("choices", {}))[0])}


class Stock:
    """Asks and scores as tasks of the harness do."""

    def __init__(self, parts, part_of, metric):
        # `parts` are the harness's tasks by name; `part_of` gives the name for a document, and its form.
        self.parts, self.part_of, self.metric = parts, part_of, metric
        self.first = next(iter(parts.values()))

    def of(self, doc):
        name, doc = self.part_of(doc)
        return self.parts[name], doc

    def config(self, ours):
        own, keys = self.first.config, ("output_type", "doc_to_text", "doc_to_target", "doc_to_choice", "description")
        keys += ("generation_kwargs", "num_fewshot", "target_delimiter", "fewshot_delimiter", "repeats")
        metrics = [{key: metric[key] for key in ACC if key in metric} for metric in own.metric_list]
        metrics += [] if any(metric["metric"] == "acc" for metric in metrics) else [ACC]
        return {**{key: own[key] for key in keys}, "metric_list": metrics}

    def follow(self, config):
        # Arguments of the command line change the leaf's configuration, which is the parts' from here on.
        for part in self.parts.values():
            part.config.generation_kwargs = config.generation_kwargs

    def seed(self, seed):
        for part in self.parts.values():
            part.set_fewshot_seed(seed)

    def filters(self):
        names = [kept.name for kept in self.first._filters]
        return [*(functools.partial(Filter, self)(name) for name in names), Pool(names[-1])]

    def text(self, doc):
        part, doc = self.of(doc)
        return part.doc_to_text(doc)

    def target(self, doc):
        part, doc = self.of(doc)
        return part.doc_to_target(doc)

    def choices(self, doc):
        part, doc = self.of(doc)
        return part.doc_to_choice(doc)

    def prefix(self, doc):
        part, doc = self.of(doc)
        return part.doc_to_prefix(doc)

    def context(self, doc, num_fewshot, **options):
        part, doc = self.of(doc)
        if num_fewshot and part.fewshot_cfg.samples is None:
            # The harness would take them from the documents, which are the questions themselves.
            raise ValueError(f"{part.config.task} has no examples beside the pool's own tasks: leave out --num_fewshot")
        return part.fewshot_context(doc, num_fewshot, **options)

    def requests(self, doc, ctx, **options):
        part, own = self.of(doc)
        requests = part.construct_requests(own, ctx, **options)
        for request in requests if isinstance(requests, list) else [requests]:
            request.doc = doc
        return requests

    def score(self, doc, results):
        part, doc = self.of(doc)
        return part.process_results(doc, results)


class Filter:
    """One of the filters that the harness's tasks have."""

    def __init__(self, way, name):
        self.way, self.name = way, name

    def apply(self, instances):
        parts = {}
        for instance in instances:
            part, _ = self.way.of(instance.doc)
            parts.setdefault(id(part), (part, []))[1].append(instance)
        for part, own in parts.values():
            next(kept for kept in part._filters if kept.name == self.name).apply(own)


class StockCode(Stock):
    """Asks as the harness's `humaneval` does. The harness has its metric from the Hub; here programs run alone."""

    def config(self, ours):
        metrics = [{**ACC, "metric": "pass@1"}, ACC]
        return {**super().config(ours), "metric_list": metrics}

    def filters(self):
        return [Program("create_test"), Program("pool")]

    def score(self, doc, results):
        return {"pass@1": passes(f"{results[0]}\n{doc['test']}\ncheck({doc['entry_point']})\n")}


class Program:
    """The filter of `humaneval`: the prompt, and what the model wrote after it."""

    def __init__(self, name):
        self.name = name

    def apply(self, instances):
        for instance in instances:
            text = instance.doc["prompt"] + instance.resps[0]
            instance.filtered_resps[self.name] = Answer(text) if self.name == "pool" else text


ACC = {"metric": "acc", "aggregation": "mean", "higher_is_better": True}


@contextlib.contextmanager
def quiet():
    """The harness warns of every part that its documents are not its own."""
    log = logging.getLogger("lm_eval.api.task")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


@functools.cache
def manager(folder):
    """The harness's own tasks in one of its folders."""
    return TaskManager(include_path=str(Path(lm_eval.tasks.__file__).parent / folder), include_defaults=False)


def stock(like, docs):
    """The way of the harness's task that `like` names; None if the harness lacks it, or a document does not fit."""
    try:
        with quiet():
            return {"gsm8k_cot": gsm8k, "bbh_zeroshot": bbh, "humaneval": humaneval, "medqa_4options": medqa}[like](
                docs
            )
    except (KeyError, ValueError, TypeError, AttributeError, FileNotFoundError) as missing:
        LOG.warning(
            "the installed lm-eval has no fitting %s (%s): asking and grading as symphony-data does", like, missing
        )
        return None


def parts_of(folder, docs):
    """The harness's tasks of these names, with these documents."""
    tasks = manager(folder)
    absent = [name for name in docs if name not in tasks.all_subtasks]
    if absent:
        raise KeyError(absent[0])
    none = {"training_split": None, "validation_split": None, "fewshot_split": None, "process_docs": None}
    ours = [
        {
            "task": name,
            "custom_dataset": functools.partial(dict, test=own),
            "dataset_kwargs": {},
            "test_split": "test",
            **none,
        }
        for name, own in docs.items()
    ]
    loaded = tasks.load([{"group": "symphony_parts", "task": ours}])["tasks"]
    return {name: loaded[name] for name in docs}


def gsm8k(docs):
    needed(docs, "question", "answer")
    return Stock(parts_of("gsm8k", {"gsm8k_cot": docs}), lambda doc: ("gsm8k_cot", doc), "exact_match")


def bbh(docs):
    needed(docs, "task_name", "input", "target")
    by_name = {}
    for doc in docs:
        by_name.setdefault(f"bbh_zeroshot_{doc['task_name']}", Docs()).append(doc)
    return Stock(parts_of("bbh", by_name), lambda doc: (f"bbh_zeroshot_{doc['task_name']}", doc), "exact_match")


def medqa(docs):
    needed(docs, "question", "options", "answer_idx")
    if any(sorted(doc["options"]) != list("ABCD") for doc in docs):
        raise KeyError("options")

    def form(doc):
        options = [doc["options"][letter] for letter in "ABCD"]
        endings = {f"ending{at}": option for at, option in enumerate(options)}
        return {"sent1": doc["question"], "sent2": "", **endings, "label": "ABCD".index(doc["answer_idx"])}

    parts = parts_of("medqa", {"medqa_4options": Docs(form(doc) for doc in docs)})
    return Stock(parts, lambda doc: ("medqa_4options", form(doc)), "acc")


def humaneval(docs):
    needed(docs, "prompt", "test", "entry_point")
    with open(manager("humaneval").task_index["humaneval"].yaml_path, encoding="utf-8") as file:
        own = yaml.load(file, Loader=_Plain)
    keys = ("output_type", "doc_to_text", "doc_to_target", "generation_kwargs", "num_fewshot", "test_split")
    config = {key: own[key] for key in keys} | {"task": "humaneval", "metric_list": [ACC], "process_results": never}
    part = ConfigurableTask(config={**config, "custom_dataset": functools.partial(dict, test=docs)})
    return StockCode({"humaneval": part}, lambda doc: ("humaneval", doc), "pass@1")


class _Plain(yaml.SafeLoader):
    """Reads a task of the harness without its functions."""


_Plain.add_constructor("!function", lambda loader, node: None)


def needed(docs, *fields):
    for field in fields:
        if any(field not in doc for doc in docs):
            raise KeyError(field)


@functools.cache
def passes(source):
    """Whether a program runs to its end on this machine, in a folder of its own."""
    word = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, tempfile.TemporaryFile() as printed:
        # A file takes what the program prints, which may be without end; the runner limits its size.
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", RUNNER],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )
        try:
            process.communicate(f"{word}\n{source}".encode("utf-8", "replace"), timeout=SECONDS)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            pass
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        printed.seek(0)
        return float(process.returncode == 0 and word.encode() in printed.read().split())
