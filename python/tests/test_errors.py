"""What goes wrong comes as the right exception, with the message of the command line."""

from __future__ import annotations

import logging
from pathlib import Path

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


def test_classes() -> None:
    for error, bases in {
        ConfigError: (SymphonyDataError, ValueError),
        RequestError: (SymphonyDataError, ValueError),
        MissingDataError: (SymphonyDataError, FileNotFoundError),
        SourceError: (SymphonyDataError,),
    }.items():
        assert issubclass(error, bases)


def test_a_configuration_with_problems(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("benchmarks:\n  gsm8k: {enabeld: true}\n  mine: {path: 'file:x.jsonl'}\n")
    with pytest.raises(ConfigError) as caught:
        DatasetBuilder(path)
    first, second = str(caught.value).splitlines()
    assert first == f"{path}:2: benchmarks.gsm8k.enabeld: unknown key; did you mean `enabled`?"
    assert second.startswith(f"{path}:3: benchmarks.mine:")
    with pytest.raises(ConfigError, match="cannot read this file"):
        DatasetBuilder(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"benchmarks_to_include": ["gsm9k"]}, "gsm9k"),
        ({"benchmarks_to_include": []}, "benchmark"),
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
        ({"exclude_benchmarks": ["gsm8k"]}, "benchmark"),
    ],
)
def test_a_bad_request(builder: DatasetBuilder, request_: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"benchmarks_to_include": ["gsm8k"], "n_total_tasks": 10} | request_
    with pytest.raises(ValueError, match=message):
        builder.build_task_stream(**arguments)  # type: ignore[arg-type]


def test_missing_data_names_the_command_that_makes_it(builder: DatasetBuilder) -> None:
    message = "run `symphony-data preprocess --benchmarks gsm8k --output-dir elsewhere` first"
    with pytest.raises(FileNotFoundError, match=message):
        builder.build_task_stream(["gsm8k"], full_dir="elsewhere")
    with pytest.raises(FileNotFoundError, match=message):
        builder.load_preprocessed_benchmark("gsm8k", "elsewhere")
    with pytest.raises(ValueError, match="there is no enabled benchmark 'gsm9k'; enabled: humaneval, gsm8k"):
        builder.load_benchmark("gsm9k")


def test_rows_that_cannot_be_had_or_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_warnings_are_warned_and_logged_and_never_printed(
    builder: DatasetBuilder, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "symphony_data"), pytest.warns(SymphonyDataWarning) as caught:
        builder.build_task_stream(
            ["humaneval", "gsm8k"], benchmark_ratios={"humaneval": 3, "gsm8k": 1}, n_total_tasks=200, full_dir="full"
        )
    told = [str(warning.message) for warning in caught]
    assert "benchmark_ratios sum to 4, not 1; they were rescaled" in told
    assert any("humaneval: 75 easy tasks asked, 33 there" in line for line in told), told
    assert all(warning.filename == __file__ for warning in caught), "a warning points at who asked"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == told
    assert capfd.readouterr() == ("", "")


def test_a_warning_that_is_an_error_is_raised(builder: DatasetBuilder) -> None:
    with pytest.raises(SymphonyDataWarning, match="75 easy tasks asked"):
        builder.build_task_stream(["humaneval"], n_total_tasks=150, full_dir="full")


def test_the_built_in_configuration_serves_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert DatasetBuilder().benchmarks == ["humaneval", "gsm8k", "bbh", "amc", "medical_qa"]
