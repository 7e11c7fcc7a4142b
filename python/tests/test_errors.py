"""Failures raise the right exception, and its message says how to fix them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from symphony_data import (
    ConfigError,
    DatasetBuilder,
    MissingDataError,
    RequestError,
    SourceError,
    SymphonyDataError,
    SymphonyDataWarning,
)


def test_exceptions_are_also_those_that_python_has() -> None:
    for error, bases in {
        ConfigError: (SymphonyDataError, ValueError),
        RequestError: (SymphonyDataError, ValueError),
        MissingDataError: (SymphonyDataError, FileNotFoundError),
        SourceError: (SymphonyDataError,),
    }.items():
        assert issubclass(error, bases)


def test_problems_of_a_file_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("benchmarks:\n  gsm8k: {enabeld: true}\n  mine: {path: 'file:x.jsonl'}\n")
    with pytest.raises(ConfigError) as caught:
        DatasetBuilder(path)
    first, second = str(caught.value).splitlines()
    assert first == f"{path}:2: benchmarks.gsm8k.enabeld: unknown key; did you mean `enabled`?"
    assert second.startswith(f"{path}:3: benchmarks.mine:")
    with pytest.raises(ConfigError, match="cannot read this file"):
        DatasetBuilder(tmp_path)


CONFIGURATION = {"benchmarks": {"amc": {"path": "synthetic:amc?rows=60"}}}


def test_a_configuration_may_be_a_dict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    builder = DatasetBuilder(CONFIGURATION)
    assert builder.benchmarks == DatasetBuilder(config_path=CONFIGURATION).benchmarks == ["amc"]
    tasks = builder.preprocess_all_benchmarks("full")["amc"]
    assert len(tasks) == 60 and [path.name for path in tmp_path.iterdir()] == ["full"]
    Path("same.yaml").write_text(json.dumps(CONFIGURATION))
    assert DatasetBuilder("same.yaml").preprocess_all_benchmarks("other")["amc"] == tasks
    same = ["amc_full.jsonl", "amc_full_meta.json", "amc_full.index"]
    assert all(Path("full", name).read_bytes() == Path("other", name).read_bytes() for name in same)
    pools = builder.run_experiments({1: {"benchmarks": ("amc",), "n_total_tasks": numpy.int64(4)}})  # type: ignore[dict-item]
    assert list(pools) == ["1"]


def test_a_prompt_may_be_a_dict_and_changes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prompt = {
        "input": "{{set}} {problem}\n",
        "target": {"capture": {"field": "answer", "regex": "(.+)"}},
        "grade": "number",
    }
    asked = {"benchmarks": {"amc": {"path": "synthetic:amc?rows=60", "prompt": prompt, "chance": 0}}}
    DatasetBuilder(CONFIGURATION).preprocess_all_benchmarks("full")
    DatasetBuilder(asked).preprocess_all_benchmarks("asked")
    for name in ["amc_full.jsonl", "amc_full_meta.json"]:
        assert Path("full", name).read_bytes() == Path("asked", name).read_bytes()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"benchmarks": {"amc": {"enabeld": True}}}, ConfigError, "benchmarks.amc.enabeld: unknown key; did you mean `enabled`?"),
        ({"benchmarks": {"amc": {"prompt": {"input": "{problem", "target": "{answer}", "grade": "number"}}}}, ConfigError, "benchmarks.amc.prompt.input: column 1 of the text: `{problem` is not closed"),
        ({"benchmarks": {"amc": {"prompt": {"input": "{problem}", "target": "{answer}", "grade": "code"}}}}, ConfigError, "benchmarks.amc.prompt.grade: `code` needs `tests` and `entry_point`"),
        ({"benchmarks": {"amc": {"difficulty_cuts": [0.2, float("nan")]}}}, ConfigError, "benchmarks.amc.difficulty_cuts[1]: nan is not a finite number"),
        ({"benchmarks": {"amc": {"path": Path("a.jsonl")}}}, TypeError, "benchmarks.amc.path: a PosixPath cannot be part of a configuration; write a path as text, such as 'file:a.jsonl'"),
        ({"benchmarks": {"amc": {"configs": {"law"}}}}, TypeError, "benchmarks.amc.configs: a set cannot be part of a configuration; write texts,"),
        ({"benchmarks": {1.5: {}}}, TypeError, "benchmarks: the key 1.5 is a float; write keys as text"),
        ({"benchmarks": {1: {}, "1": {}}}, ConfigError, "benchmarks: the key '1' occurs twice"),
        ({"benchmarks": {"amc": {"description": "\ud800"}}}, ValueError, "benchmarks.amc.description: '\\ud800' has half of a surrogate pair"),
        (["amc"], TypeError, "config: expected a path or a dict, found list"),
        ("benchmarks:\n  amc: {}\n", ConfigError, "config: this is a text of several lines, not a path"),
    ],
)  # fmt: skip
def test_problems_of_a_dict_are_named_by_key(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        DatasetBuilder(given)
    assert str(caught.value).startswith(message)


def test_problems_of_experiments_in_a_dict_are_named_by_key(builder: DatasetBuilder) -> None:
    with pytest.raises(RequestError) as caught:
        builder.run_experiments({"e": {"benchmarks": ["gsm8k"], "n_total_tasks": -1, "seed": 3}}, full_dir="full")
    first, second = str(caught.value).splitlines()
    assert first.startswith("experiments.e.seed: unknown key")
    assert second.startswith("experiments.e.n_total_tasks: expected a whole number")


def test_one_configuration_has_one_name() -> None:
    with pytest.raises(TypeError, match="config and config_path are two names of one argument"):
        DatasetBuilder("a.yaml", config_path="b.yaml")


WRONG: dict[str, Callable[[DatasetBuilder], object]] = {
    "output_dir": lambda b: b.preprocess_all_benchmarks(3),  # type: ignore[arg-type]
    "force_reprocess": lambda b: b.preprocess_all_benchmarks("full", "yes"),  # type: ignore[arg-type]
    "locked": lambda b: b.preprocess_all_benchmarks("full", locked=1),  # type: ignore[arg-type]
    "preprocessed_dir": lambda b: b.load_preprocessed_benchmark("gsm8k", 3),  # type: ignore[arg-type]
    "name": lambda b: b.load_preprocessed_benchmark(3),  # type: ignore[arg-type]
    "benchmarks_to_include": lambda b: b.build_task_stream(None),  # type: ignore[arg-type]
    "n_total_tasks": lambda b: b.build_task_stream(["gsm8k"], n_total_tasks="ten"),  # type: ignore[arg-type]
    "random_seed": lambda b: b.build_task_stream(["gsm8k"], random_seed=2**70),
    "min_responses": lambda b: b.build_task_stream(["gsm8k"], min_responses=None or "3"),  # type: ignore[arg-type]
    "benchmark_ratios: gsm8k": lambda b: b.build_task_stream(["gsm8k"], benchmark_ratios={"gsm8k": "x"}),  # type: ignore[dict-item]
    "difficulty_percentiles: gsm8k": lambda b: b.build_task_stream(["gsm8k"], difficulty_percentiles={"gsm8k": 3}),  # type: ignore[dict-item]
    "sampler": lambda b: b.build_task_stream(["gsm8k"], sampler=3),  # type: ignore[arg-type]
    "order": lambda b: b.build_task_stream(["gsm8k"], order=3),  # type: ignore[arg-type]
    "difficulty": lambda b: b.build_task_stream(["gsm8k"], difficulty=3),  # type: ignore[arg-type]
    "full_dir": lambda b: b.build_task_stream(["gsm8k"], full_dir=3),  # type: ignore[arg-type]
    "experiments": lambda b: b.run_experiments(3),  # type: ignore[arg-type]
    "strict": lambda b: b.run_experiments({}, strict="no"),  # type: ignore[arg-type]
    "output_path": lambda b: b.save_statistics([], 3),  # type: ignore[arg-type]
    "task_stream": lambda b: b.save_statistics(3, "s.json"),  # type: ignore[arg-type]
    "responses": lambda b: b.validate(3),
    "tasks": lambda b: b.validate("r.csv", 3),  # type: ignore[arg-type]
    "metric": lambda b: b.validate("r.csv", metric=3),  # type: ignore[arg-type]
    "benchmarks": lambda b: b.calibrate("r.csv", "out", benchmarks="gsm8k"),
    "output": lambda b: b.responses("r.csv", 3),  # type: ignore[arg-type]
    "chance": lambda b: b.calibrate("r.csv", "out", chance=3),  # type: ignore[arg-type]
    "version": lambda b: b.register_feature("f", len, version=2),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("parameter", WRONG)
def test_an_argument_of_the_wrong_type_is_named(builder: DatasetBuilder, parameter: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        WRONG[parameter](builder)
    assert str(caught.value).startswith(f"{parameter}: "), caught.value


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"benchmarks_to_include": ["gsm9k"]}, "benchmarks_to_include: there is no benchmark `gsm9k`"),
        ({"benchmarks_to_include": []}, "benchmarks_to_include: "),
        ({"benchmarks_to_include": "gsm8k"}, "write a list"),
        ({"benchmarks_to_include": {"gsm8k", "humaneval"}}, "write a list"),
        ({"exclude_benchmarks": "humaneval"}, "write a list"),
        ({"exclude_benchmarks": ["gsm9k"]}, "there is no benchmark 'gsm9k'"),
        ({"difficulty_split": (50, 50)}, "write a text"),
        ({"benchmark_ratios": [0.5]}, "write a dict"),
        ({"difficulty_split": "half"}, "half"),
        ({"n_total_tasks": 0}, "n_total_tasks"),
        ({"n_total_tasks": -1}, "whole number"),
        ({"n_total_tasks": 1.5}, "whole number"),
        ({"random_seed": 2**32}, "4294967295"),
        ({"benchmark_ratios": {"gsm8k": -1}}, "gsm8k"),
        ({"difficulty_percentiles": {"gsm8k": [80, 20]}}, "above the high one"),
        ({"difficulty_percentiles": {"gsm8k": [80]}}, "write \\[low, high\\]"),
        ({"sample_with_replacement": "sometimes"}, "when_short"),
        ({"sampler": "random"}, "random"),
        ({"order": "easy"}, "order: there is no order `easy`"),
        ({"benchmarks_to_include": ["mmlu_*"]}, "benchmarks_to_include: `mmlu_\\*` stands for no enabled benchmark"),
        ({"exclude_benchmarks": ["gsm8k"]}, "benchmark"),
    ],
)
def test_a_request_that_is_not_valid_is_refused(
    builder: DatasetBuilder, request_: dict[str, object], message: str
) -> None:
    arguments: dict[str, object] = {"benchmarks_to_include": ["gsm8k"], "n_total_tasks": 10} | request_
    with pytest.raises(ValueError, match=message):
        builder.build_task_stream(**arguments)  # type: ignore[arg-type]


def test_missing_data_names_the_call_that_makes_it(builder: DatasetBuilder) -> None:
    message = (
        r'not preprocessed in elsewhere: gsm8k; call preprocess_all_benchmarks\("elsewhere"\), or name .*full_dir='
    )
    with pytest.raises(FileNotFoundError, match=message):
        builder.build_task_stream(["gsm8k"], full_dir="elsewhere")
    with pytest.raises(FileNotFoundError, match=message):
        builder.load_preprocessed_benchmark("gsm8k", "elsewhere")
    with pytest.raises(ValueError, match="there is no enabled benchmark 'gsm9k'; enabled: humaneval, gsm8k"):
        builder.load_benchmark("gsm9k")


MINE = """
benchmarks:
  mine:
    path: file:rows.jsonl
    identity: [n]
    difficulty: {features: {n: {number: n}}, score: [{feature: n, normalize: p95}]}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetBuilder:
    """A builder on rows of a file, preprocessed into `full`, with answers to them in `answers.jsonl`."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(MINE)
    Path("rows.jsonl").write_text("".join(f'{{"n": {n}}}\n' for n in range(20)))
    answers = [{"benchmark": "mine", "source_id": f"mine_{n}", "model": "m", "score": n % 2} for n in range(20)]
    Path("answers.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    builder = DatasetBuilder("mine.yaml")
    builder.preprocess_all_benchmarks("full")
    builder.run_experiments({"tiny": {"benchmarks": ["mine"], "n_total_tasks": 4}}, "pools", full_dir="full")
    return builder


CALLS: dict[str, Callable[[DatasetBuilder], object]] = {
    "the default's name": lambda _: DatasetBuilder("config/data_config.yaml"),
    "the default's name as a path": lambda _: DatasetBuilder(Path("config", "data_config.yaml")),
    "configuration": lambda _: DatasetBuilder("absent.yaml"),
    "store": lambda b: b.load_preprocessed_benchmark("mine", "absent"),
    "stores": lambda b: b.build_task_stream(["mine"], n_total_tasks=4, full_dir="absent"),
    "experiments": lambda b: b.run_experiments("absent.yaml", full_dir="full"),
    "stores of experiments": lambda b: b.run_experiments(
        {"e": {"benchmarks": ["mine"], "n_total_tasks": 4}}, full_dir="absent"
    ),
    "responses": lambda b: b.validate("absent.jsonl", full_dir="full"),
    "some of the responses": lambda b: b.validate(["answers.jsonl", "absent.csv"], full_dir="full"),
    "pool": lambda b: b.validate("answers.jsonl", "absent/task_pool.jsonl", full_dir="full"),
    "pool's folder": lambda b: b.validate("answers.jsonl", "absent", full_dir="full"),
    "pool in a folder": lambda b: b.validate("answers.jsonl", "full", full_dir="full"),
    "stores of responses": lambda b: b.validate("answers.jsonl", full_dir="absent"),
    "responses to fit": lambda b: b.calibrate("absent.parquet", "fitted", full_dir="full"),
    "responses to write": lambda b: b.responses("absent.parquet", "kept.csv", full_dir="full"),
    "stores to fit": lambda b: b.calibrate("answers.jsonl", "fitted", full_dir="absent"),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_named_file_that_does_not_exist_is_a_file_not_found_error(mine: DatasetBuilder, what: str) -> None:
    named = {"the": "config.data_config.yaml", "pool in a folder": "full"}
    name = named.get(what) or named.get(what.split()[0], "absent")
    with pytest.raises(FileNotFoundError, match=name) as caught:
        CALLS[what](mine)
    assert isinstance(caught.value, MissingDataError)


def test_sources_and_stores_that_were_removed_are_files_not_found(mine: DatasetBuilder) -> None:
    tasks = mine.preprocess_all_benchmarks("full")["mine"]
    Path("rows.jsonl").unlink()
    with pytest.raises(SourceError, match=r"no file matches rows\.jsonl") as caught:
        mine.preprocess_all_benchmarks("full", force_reprocess=True)
    assert isinstance(caught.value, FileNotFoundError)
    shutil.rmtree("full")
    with pytest.raises(FileNotFoundError, match="full"):
        tasks[0]


def test_rows_that_cannot_be_read_or_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rule = "identity: [n], difficulty: {features: {n: {number: n}}, score: [{feature: n}]}"
    Path("mine.yaml").write_text(f"benchmarks: {{mine: {{path: 'file:rows.jsonl', {rule}}}}}")
    builder = DatasetBuilder("mine.yaml")
    with pytest.raises(SourceError, match=r"no file matches rows\.jsonl"):
        builder.preprocess_all_benchmarks("full")
    Path("rows.jsonl").write_text('{"n": 1}\n{"n": "x"}\n')
    with pytest.raises(SourceError, match=r"rows\.jsonl:2: row 1 of mine: field `n`"):
        builder.preprocess_all_benchmarks("full")
    assert len(builder.preprocess_all_benchmarks("full", on_bad_row="skip")["mine"]) == 1
    assert Path("full/mine_rejected.jsonl").exists()
    with pytest.raises(ValueError, match="on_bad_row"):
        builder.preprocess_all_benchmarks("full", on_bad_row="ignore")  # type: ignore[arg-type]


def test_warnings_are_raised_as_warnings_and_logged_and_never_printed(
    builder: DatasetBuilder, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "symphony_data"), pytest.warns(SymphonyDataWarning) as caught:
        builder.build_task_stream(
            ["humaneval", "gsm8k"], benchmark_ratios={"humaneval": 3, "gsm8k": 1}, n_total_tasks=200, full_dir="full"
        )
    told = [str(warning.message) for warning in caught]
    assert "benchmark_ratios sum to 4, not 1; they were rescaled" in told
    assert any("humaneval: 75 easy tasks asked, 33 there" in line for line in told), told
    assert all(warning.filename == __file__ for warning in caught), "a warning points at the line of the call"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == told
    assert capfd.readouterr() == ("", "")


def test_a_warning_that_is_an_error_is_raised(builder: DatasetBuilder) -> None:
    with pytest.raises(SymphonyDataWarning, match="75 easy tasks asked"):
        builder.build_task_stream(["humaneval"], n_total_tasks=150, full_dir="full")


def test_without_a_name_the_configuration_is_the_default_file_or_the_built_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert DatasetBuilder().benchmarks == ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"]
    Path("config").mkdir()
    Path("config/data_config.yaml").write_text("benchmarks: {amc: {}}")
    assert DatasetBuilder().benchmarks == ["amc"]
    assert DatasetBuilder("config/data_config.yaml").benchmarks == ["amc"]


def test_remedies_are_named_as_arguments_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"n": 1}\n{"n": "x"}\n')
    rule = "difficulty: {features: {n: {number: n}}, score: [{feature: n}]}"
    Path("mine.yaml").write_text(f"benchmarks: {{mine: {{path: 'file:rows.jsonl', {rule}}}}}")
    builder = DatasetBuilder("mine.yaml")
    said = []
    with pytest.raises(SourceError, match=r'preprocess with on_bad_row="skip"') as bad_row:
        builder.preprocess_all_benchmarks("full")
    with pytest.raises(SourceError, match="leave out locked=True") as locked:
        builder.preprocess_all_benchmarks("full", locked=True)
    builder.preprocess_all_benchmarks("full", on_bad_row="skip")
    experiments = {"e": {"benchmarks": ["mine"], "n_total_tasks": 1, "difficulty_split": "1:0"}}
    builder.run_experiments(experiments, "pools", full_dir="full")
    with Path("pools/e/task_pool.jsonl").open("a") as pool:
        pool.write("\n")
    with pytest.raises(SymphonyDataError, match="name another folder, or replace it: force=True") as occupied:
        builder.run_experiments(experiments, "pools", full_dir="full")
    builder.run_experiments(experiments, "pools", full_dir="full", force=True)
    for raised in (bad_row, locked, occupied):
        said.append(str(raised.value))
    assert not any("--" in message for message in said), said
