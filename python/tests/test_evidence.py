"""Validation against plain SciPy, and calibration, from paths and tables."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from conftest import SHARED
from scipy.stats import pearsonr, spearmanr  # type: ignore[import-untyped]

from symphony_data import (
    DatasetBuilder,
    MissingDataError,
    ReferenceCard,
    RequestError,
    ResponseError,
    SymphonyDataWarning,
)

REAL = ("bbh", "gsm8k", "humaneval", "medical_qa")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def answers_of(benchmark: str) -> dict[str, dict[int, float]]:
    """Each model's score by row."""
    found: dict[str, dict[int, float]] = {}
    for line in lines(SHARED / "responses" / f"{benchmark}.jsonl"):
        found.setdefault(line["model"], {})[int(line["source_id"].rsplit("_", 1)[1])] = line["score"]
    return found


@pytest.mark.parametrize("benchmark", REAL)
def test_validation_is_what_scipy_computes(in_real: Path, benchmark: str) -> None:
    builder = DatasetBuilder()
    found = builder.validate(SHARED / "responses" / f"{benchmark}.jsonl")[benchmark]
    models = answers_of(benchmark)
    stored = lines(in_real / "data" / "benchmarks" / "full" / f"{benchmark}_full.jsonl")
    rows = sorted(set().union(*models.values()))
    errors = numpy.array([1 - numpy.mean([m[row] for m in models.values() if row in m]) for row in rows]).round(12)
    scores = numpy.array([stored[row]["difficulty_score"] for row in rows])
    bins = numpy.array([stored[row]["difficulty_bin"] for row in rows])

    def same(ours: float, theirs: float) -> bool:
        return ours == pytest.approx(theirs, abs=1e-9)

    assert found["rows"] == len(rows)
    assert same(found["spearman"]["value"], spearmanr(scores, errors).statistic)
    assert same(found["pearson"]["value"], pearsonr(scores, errors).statistic)
    assert found["spearman"]["low"] < found["spearman"]["value"] < found["spearman"]["high"]
    for name in ("easy", "medium", "hard"):
        assert found["bins"][name]["rows"] == (bins == name).sum()
        assert same(found["bins"][name]["error"], errors[bins == name].mean())
    assert same(found["gap"]["value"], errors[bins == "hard"].mean() - errors[bins == "easy"].mean())
    low, high = numpy.percentile([task["difficulty_score"] for task in stored], [20, 80])
    assert found["ties"] == {"easy": (scores == low).sum(), "hard": (scores == high).sum()}
    if len(models) < 3:
        assert found["ceiling"] is None
    else:
        table = 1 - numpy.array([[models[model][row] for row in rows] for model in models])
        reliabilities = []
        for half in combinations(range(len(models)), len(models) // 2):
            other = [model for model in range(len(models)) if model not in half]
            r = spearmanr(table[list(half)].mean(axis=0).round(12), table[other].mean(axis=0).round(12)).statistic
            reliabilities.append(2 * r / (1 + r))
        assert same(found["ceiling"], numpy.sqrt(numpy.mean(reliabilities)))


def test_within_configs_of_bbh(in_real: Path) -> None:
    found = DatasetBuilder().validate(SHARED / "responses" / "bbh.jsonl")["bbh"]
    (model,) = answers_of("bbh").values()
    stored = lines(in_real / "data" / "benchmarks" / "full" / "bbh_full.jsonl")
    for within in found["within"]:
        rows = [row for row in model if stored[row]["scorer_metadata"]["task_name"] == within["name"]]
        scores = [stored[row]["difficulty_score"] for row in rows]
        assert within["rows"] == len(rows)
        if len(set(scores)) > 1:
            expected = spearmanr(scores, [1 - model[row] for row in rows]).statistic
            assert within["spearman"] == pytest.approx(expected, abs=1e-9)
        else:
            assert within["spearman"] is None


def responses(rows: int = 400) -> dict[str, list[Any]]:
    """Three models; the later the row, the fewer solve it."""
    every = [(row, model) for row in range(rows) for model in range(3)]
    return {
        "benchmark": ["gsm8k"] * len(every),
        "source_id": [f"gsm8k_{row}" for row, _ in every],
        "model": [f"m{model}" for _, model in every],
        "score": [float(row < 100 * (model + 1)) for row, model in every],
    }


def test_tables_of_every_kind_and_files_give_the_same_result(builder: DatasetBuilder) -> None:
    table = pyarrow.table(responses())
    frame = pandas.DataFrame(responses())
    frame.to_csv("responses.csv", index=False)
    polars.DataFrame(responses()).write_parquet("responses.parquet")
    given = [table, frame, polars.DataFrame(responses()), "responses.csv", [Path("responses.parquet")]]
    calibrated = []
    for number, one in enumerate(given):
        fitted = builder.calibrate(one, f"calibrated{number}")
        assert list(fitted) == ["gsm8k"]
        assert fitted["gsm8k"]["converged"]
        calibrated.append(Path(fitted["gsm8k"].path).read_bytes())
        assert builder.validate(one)["gsm8k"]["gap"] == builder.validate(table)["gsm8k"]["gap"]
    assert len(set(calibrated)) == 1


def test_a_folder_stands_for_the_newest_log_of_each_model(builder: DatasetBuilder) -> None:
    tasks = builder.build_task_stream(["gsm8k"], n_total_tasks=60)

    def run(model: str, time: str, share: float) -> None:
        folder = Path("logs", model)
        folder.mkdir(parents=True, exist_ok=True)
        text = ""
        for number, task in enumerate(tasks):
            ids = {"benchmark": "gsm8k", "source_id": task.source_id, "identity": task.identity}
            score = float(number % 10 < 10 * share)
            for name, filter in (("exact_match", "strict-match"), ("acc", "pool")):
                line = {"doc_id": number, "doc": {"symphony": ids}, "filter": filter, "metrics": [name], name: score}
                text += json.dumps(line) + "\n"
        (folder / f"samples_exp_gsm8k_{time}.jsonl").write_text(text)
        (folder / f"results_{time}.json").write_text(json.dumps({"model_name": model}))

    for model, share in (("weak", 0.2), ("middle", 0.5), ("strong", 0.8)):
        run(model, "2026-01-01T10-00-00.000001", 0.0)
        run(model, "2026-01-02T10-00-00.000001", share)
    written = builder.responses(Path("logs"), "kept.jsonl")
    assert written["gsm8k"] == {"models": 3, "rows": 60, "answers": 180}
    solved = {"weak": 0.0, "middle": 0.0, "strong": 0.0}
    for line in lines(Path("kept.jsonl")):
        solved[line["model"]] += line["score"]
    assert solved == {"weak": 12, "middle": 30, "strong": 48}
    report = builder.validate("logs")["gsm8k"]
    assert report["rows"] == 60
    assert builder.validate("kept.jsonl")["gsm8k"]["gap"] == report["gap"]
    assert builder.calibrate("logs", "fitted")["gsm8k"]["n_answers"] == 180
    Path("empty").mkdir()
    with pytest.raises(ResponseError, match="this folder has no log with answers"):
        builder.validate("empty")


def test_a_pool_on_measured_difficulty(builder: DatasetBuilder, tmp_path: Path) -> None:
    fitted = builder.calibrate(pyarrow.table(responses()), "calibrated")["gsm8k"]
    assert repr(fitted).startswith("<Calibration of gsm8k: 3 models, 1200 answers")
    config = {
        "benchmarks": {
            "gsm8k": {
                "path": "synthetic:gsm8k?rows=400",
                "difficulty": {"measured": fitted.path, "min_responses": 3},
                "difficulty_cuts": [0.2, 0.6],
            }
        }
    }
    Path("measured.yaml").write_text(json.dumps(config))
    measured = DatasetBuilder("measured.yaml")
    measured.preprocess_all_benchmarks("measured")
    tasks = measured.build_task_stream(["gsm8k"], n_total_tasks=40)
    for task in tasks:
        row = int((task.source_id or "").rsplit("_", 1)[1])
        assert (task.difficulty_bin == "easy") == (task.difficulty_score <= 0.2) == (row < 100)
        assert task.scorer_metadata["n_responses"] == 3
    report = measured.validate(pyarrow.table(responses()), tasks)
    assert list(report) == ["gsm8k", "tasks/gsm8k"]
    assert report["tasks/gsm8k"]["rows"] == 40
    assert report["gsm8k"]["in_sample"]
    assert "IN-SAMPLE" in repr(report)
    assert report.to_pandas().loc["gsm8k", "gap"] == report["gsm8k"]["gap"]["value"]
    # The same pool on disk, by file or by folder; and beside the store of features, which does not know the panel.
    measured.save_task_pool(tasks, "pool/task_pool.jsonl")
    for path in (Path("pool"), "pool/task_pool.jsonl"):
        read_back = measured.validate(pyarrow.table(responses()), path)
        assert read_back[f"{path}/gsm8k"]["in_sample"]
        assert read_back[f"{path}/gsm8k"]["spearman"] == report["tasks/gsm8k"]["spearman"]
    # A stream and its parts know the panel; a list of its tasks does not.
    for known in (tasks, tasks[:20], tasks.filter(bin="hard")):
        assert builder.validate(pyarrow.table(responses()), known)["tasks/gsm8k"]["in_sample"]
    with pytest.warns(UserWarning, match="names the panel"):
        assert not builder.validate(pyarrow.table(responses()), list(tasks))["tasks/gsm8k"]["in_sample"]


def test_a_difficulty_is_chosen_when_a_stream_is_drawn(builder: DatasetBuilder) -> None:
    fitted = builder.calibrate(pyarrow.table(responses()), "fitted")["gsm8k"]
    assert fitted["synthetic"]
    before = {path: path.read_bytes() for path in Path("full").iterdir()}
    measured = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty="fitted", min_responses=3)
    assert all("surface_score" in task.scorer_metadata for task in measured)
    same = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty=Path(fitted.path), min_responses=3)
    assert list(measured) == list(same)
    surface = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty="surface")
    assert not any("surface_score" in task.scorer_metadata for task in surface)
    assert {path: path.read_bytes() for path in Path("full").iterdir()} == before
    report = builder.validate(pyarrow.table(responses()), difficulty="fitted")["gsm8k"]
    assert report["method"] == "expected-error"
    with pytest.raises(FileNotFoundError, match="there is no file or folder nowhere"):
        builder.build_task_stream(["gsm8k"], n_total_tasks=4, difficulty="nowhere")


def test_a_calibration_is_a_difficulty_and_a_prior(builder: DatasetBuilder) -> None:
    table = pyarrow.table(responses())
    fitted = builder.calibrate(table, "fitted")
    by_path = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty=fitted["gsm8k"].path)
    of_path = builder.validate(table, difficulty=fitted["gsm8k"].path)
    for given in (fitted["gsm8k"], fitted):
        stream = builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty=given)
        assert list(stream) == list(by_path) and "surface_score" in stream[0].scorer_metadata
        assert dict(builder.validate(table, difficulty=given)) == dict(of_path)
        power = builder.power(["gsm8k"], n_total_tasks=40, difficulty=given)
        assert power["benchmarks"][0]["source"] == "expected_error"
        with pytest.warns(SymphonyDataWarning, match="the prior was fitted to answers of .* too, so they count twice"):
            assert builder.calibrate(table, "again", prior=given)["gsm8k"]["prior"] == "calibration"
    # In the working folder, or in a folder that is named like a word, calibrations are still files.
    Path("reference").mkdir()
    for folder in (".", "reference"):
        moved = builder.calibrate(table, folder)
        assert list(builder.build_task_stream(["gsm8k"], n_total_tasks=40, difficulty=moved)) == list(by_path)
    several = {"gsm8k": fitted["gsm8k"], "again": builder.calibrate(table, "again")["gsm8k"]}
    with pytest.raises(RequestError, match=r"in several folders \(again, fitted\); put their files into one"):
        builder.build_task_stream(["gsm8k"], n_total_tasks=4, difficulty=several)
    for wrong in ({}, {"gsm8k": "fitted"}, 3):
        with pytest.raises(TypeError, match="difficulty: expected a path or a calibration, found"):
            builder.build_task_stream(["gsm8k"], n_total_tasks=4, difficulty=wrong)  # type: ignore[arg-type]


def test_a_saved_stream_has_its_manifest(builder: DatasetBuilder) -> None:
    stream = builder.build_task_stream(["gsm8k"], n_total_tasks=6, random_seed=11)
    builder.save_task_pool(stream, "mine/task_pool.jsonl")
    builder.save_task_pool(stream, "mine/six.parquet")
    for name, pool in (("manifest.json", "task_pool.jsonl"), ("six.manifest.json", "six.parquet")):
        manifest = json.loads((Path("mine") / name).read_text())
        assert (manifest["request"]["random_seed"], manifest["request"]["n_total_tasks"]) == (11, 6)
        assert list(manifest["outputs"]) == [pool]
    builder.save_task_pool(stream[:3], "part/task_pool.jsonl")
    assert not Path("part/manifest.json").exists()


def test_answers_that_match_no_row_are_a_warning(builder: DatasetBuilder) -> None:
    table = responses()
    table["source_id"][0] = "gsm8k_400"
    with pytest.warns(UserWarning, match="1 answer to rows that gsm8k \\(400 rows, gsm8k_0 the first\\) does not have"):
        report = builder.validate(pyarrow.table(table))
    assert report.unmapped[0]["answers"] == 1


def test_wrong_arguments_and_responses_are_refused(builder: DatasetBuilder) -> None:
    with pytest.raises(RequestError, match="give a path"):
        builder.validate(3)
    with pytest.raises(RequestError, match='write "1pl" or "2pl"'):
        builder.calibrate("x.csv", "out", model="3pl")  # type: ignore[arg-type]
    with pytest.raises(ResponseError, match="has no column `score`"):
        builder.validate(pyarrow.table(responses()).drop(["score"]))
    with pytest.raises(ResponseError, match="divide percentages by 100"):
        builder.validate(polars.DataFrame(responses()).with_columns(score=polars.lit(73.0)))
    with pytest.raises(MissingDataError, match="not preprocessed"):
        builder.validate(pyarrow.table(responses()), full_dir="nowhere")
    for chance in (25, {"gsm8k": "25%"}, {"gsm8k": 25}, [0.25]):
        with pytest.raises(RequestError, match="write benchmarks and a chance"):
            builder.calibrate(pyarrow.table(responses()), "out", chance=chance)  # type: ignore[arg-type]


def test_the_cards_of_reference_difficulties() -> None:
    cards = DatasetBuilder.reference()
    assert list(cards) == ["humaneval", "gsm8k", "bbh", "medical_qa"]
    assert all(isinstance(card, ReferenceCard) for card in cards.values())
    gsm8k = cards["gsm8k"]
    assert gsm8k["n_tasks_full"] == 1319
    assert repr(gsm8k).startswith("<Reference difficulty of gsm8k: 1319 rows, ")
    assert len(gsm8k["panel"]) > 1 and all(model["n_responses"] > 0 for model in gsm8k["panel"])
    assert list(DatasetBuilder.reference(["bbh"])) == ["bbh"]
    with pytest.raises(RequestError, match="'amc' has no reference difficulty; these have one: humaneval, gsm8k"):
        DatasetBuilder.reference(["amc"])
    with pytest.raises(RequestError, match="write a list of names"):
        DatasetBuilder.reference("bbh")


def test_generated_rows_are_drawn_by_their_surface_score_in_place_of_the_reference(builder: DatasetBuilder) -> None:
    with pytest.warns(SymphonyDataWarning, match="gsm8k: its rows are generated, so the reference difficulty does not"):
        tasks = builder.build_task_stream(["gsm8k"], n_total_tasks=20, difficulty="reference")
    assert tasks == builder.build_task_stream(["gsm8k"], n_total_tasks=20)
    # A path object is a path, whatever its name.
    for path in ("./reference", Path("reference")):
        with pytest.raises(MissingDataError, match=r"there is no file or folder \./reference"):
            builder.build_task_stream(["gsm8k"], n_total_tasks=20, difficulty=path)


def test_real_rows_by_the_reference(in_real: Path) -> None:
    builder = DatasetBuilder()
    with pytest.warns(SymphonyDataWarning, match="amc: there is no reference difficulty; its surface score is used"):
        tasks = builder.build_task_stream(["gsm8k", "amc"], n_total_tasks=60, difficulty="reference")
    for task in tasks:
        assert ("surface_score" in task.scorer_metadata) == (task.benchmark == "gsm8k")
    builder.save_task_pool(tasks, "by_reference/task_pool.jsonl")
    parts = json.loads(Path("by_reference/manifest.json").read_text())["benchmarks"]
    assert [part["difficulty"]["kind"] for part in parts] == ["reference", "surface"]
    panel = [model["name"] for model in DatasetBuilder.reference()["gsm8k"]["panel"]]
    assert [model["name"] for model in parts[0]["difficulty"]["panel"]] == panel
    # Experiments and the configuration say it too.
    experiment = {"benchmarks": ["gsm8k"], "n_total_tasks": 20, "difficulty": "reference"}
    (pool,) = builder.run_experiments({"by": experiment}, "by_experiment").values()
    assert json.loads((pool / "manifest.json").read_text())["benchmarks"][0]["difficulty"] == parts[0]["difficulty"]
    path = json.loads(Path("config/data_config.yaml").read_text())["benchmarks"]["gsm8k"]["path"]
    configured = DatasetBuilder({"benchmarks": {"gsm8k": {"path": path, "difficulty": "reference"}}})
    drawn = configured.build_task_stream(["gsm8k"], n_total_tasks=20)
    assert drawn == builder.build_task_stream(["gsm8k"], n_total_tasks=20, difficulty="reference")
    # The panel is left out of a validation, or marked.
    answers = SHARED / "responses" / "gsm8k.jsonl"
    models = {line["model"] for line in lines(answers)}
    report = builder.validate(answers, drawn, difficulty="reference")
    for found in report.values():
        assert found["method"] == "expected-error"
        assert found["in_sample"] == (models <= set(panel))
        assert set(found["left_out"]) == (set() if found["in_sample"] else models & set(panel))


def test_responses_are_written_in_one_form(builder: DatasetBuilder) -> None:
    before = builder.validate(pyarrow.table(responses()))["gsm8k"]
    for name in ("kept.jsonl", "kept.csv.gz", "kept.parquet"):
        written = builder.responses(polars.DataFrame(responses()), Path(name))
        assert dict(written) == {"gsm8k": {"models": 3, "rows": 400, "answers": 1200}}
        assert (written.path, written.unmapped) == (name, [])
        assert repr(written) == f"<WrittenResponses: gsm8k: 1200; in {name}>"
        assert builder.validate(name)["gsm8k"] == before
    first = lines(Path("kept.jsonl"))[0]
    assert list(first) == ["benchmark", "source_id", "identity", "model", "score"]
    assert pandas.read_parquet("kept.parquet")["score"].sum() == 100 + 200 + 300
    # What a table has beyond that is kept.
    table = {**responses(1), "family": ["f"] * 3, "tries": [4, 4, 1], "cost": [0.5, None, 0.0], "tokens": [7, 8, 9]}
    builder.responses(pyarrow.table(table), "more.csv")
    more = pandas.read_csv("more.csv")
    assert more["tries"].tolist() == [4, 4, 1]
    assert more["tokens"].tolist() == [7, 8, 9]
    assert more["cost"].tolist() == pytest.approx([0.5, numpy.nan, 0.0], nan_ok=True)


def test_a_wide_table_is_read_as_pandas_has_it(builder: DatasetBuilder) -> None:
    tasks = builder.load_preprocessed_benchmark("gsm8k", "full")
    # RouterBench has each prompt as Python shows a list of messages.
    asked = [str([f"Solve it.\nQuestion: {task.raw_data['question']}\nAnswer:"]) for task in tasks[:2]]
    wide = pandas.DataFrame(
        {
            "sample_id": ["grade-school-math.dev.0", "grade-school-math.dev.1", "mmlu.val.0"],
            "prompt": [*asked, "['Which one?']"],
            "eval_name": ["grade-school-math", "grade-school-math", "mmlu"],
            # RouterBench has scores as objects.
            "org/a": pandas.Series([1.0, 0.25, 1.0], dtype=object),
            "b": [0.0, numpy.nan, 1.0],
            "org/a|total_cost": [0.001, 0.002, 0.0],
            "b|total_cost": [0.1, 0.2, 0.0],
        }
    )
    with pytest.warns(SymphonyDataWarning, match="without a score|match no row"):
        written = builder.responses(wide, "wide.jsonl")
    assert dict(written) == {"gsm8k": {"models": 2, "rows": 2, "answers": 3}}
    found = [(line["source_id"], line["model"], line["score"], line["cost"]) for line in lines(Path("wide.jsonl"))]
    assert found == [("gsm8k_0", "b", 0.0, 0.1), ("gsm8k_0", "org/a", 1.0, 0.001), ("gsm8k_1", "org/a", 0.25, 0.002)]
    assert {one["reason"]: one["answers"] for one in written.unmapped} == {
        "of the evaluation `mmlu` to questions that match no row": 2,
        "without a score": 1,
    }


def test_responses_are_not_written_over_themselves_or_under_any_name(builder: DatasetBuilder) -> None:
    pandas.DataFrame(responses(3)).to_csv("own.csv", index=False)
    before = Path("own.csv").read_bytes()
    with pytest.raises(ResponseError, match=r"own\.csv is one of the inputs, and is not replaced"):
        builder.responses("own.csv", Path("own.csv").absolute())
    assert Path("own.csv").read_bytes() == before
    with pytest.raises(RequestError, match=r"output: 'own\.xlsx': write a name that ends in \.jsonl, \.csv"):
        builder.responses("own.csv", "own.xlsx")
    with pytest.raises(ResponseError, match="`cost` is -1, and must be a number from 0"):
        builder.responses(pyarrow.table({**responses(1), "cost": [-1.0, 0.0, 0.0]}), "out.jsonl")
    assert not Path("out.jsonl").exists()
