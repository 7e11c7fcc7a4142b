"""Adaptive tests: what they estimate, when they stop, which rows they give, and what they refuse."""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from symphony_data import DatasetBuilder, MissingDataError, RequestError, ResponseError
from symphony_data.adaptive import AdaptiveTest, Batch

ROWS = 600
# About those of real calibrations, in logits.
ABILITY_SD = 2.0
DIFFICULTY_SD = 2.0
# A standard error that is not reached before all rows are answered.
NEVER = 1e-9


def write(folder: Path, lines: list[dict[str, object]], **meta: object) -> Path:
    """Writes a calibration by hand."""
    folder.mkdir(exist_ok=True)
    path = folder / "quiz_calibration.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    written = {"path": path.name, "checksum": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}
    about = {"benchmark": "quiz", "ability_sd": ABILITY_SD, "chance": 0.25, "n_tasks_full": len(lines), **meta}
    about.setdefault("calibration", written)
    (folder / "quiz_calibration_meta.json").write_text(json.dumps(about))
    return path


def row(place: int, difficulty: float, error: float = 0.3) -> dict[str, object]:
    name = {"source_id": f"quiz_{place}", "identity": f"{place:016x}"}
    return {**name, "difficulty": difficulty, "standard_error": error, "n_responses": 50, "expected_error": 0.5}


@pytest.fixture(scope="module")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Difficulties that are known up to their standard errors."""
    source = random.Random(1)
    return write(
        tmp_path_factory.mktemp("fitted"), [row(place, source.gauss(0.0, DIFFICULTY_SD)) for place in range(ROWS)]
    )


Answers = dict[str, float]


def model(calibration: Path, source: random.Random, ability: float, slope: float) -> Answers:
    """The scores of a model on every row, drawn from the item response model."""
    answers = {}
    for line in map(json.loads, calibration.read_text().splitlines()):
        # The true difficulty, of which the calibration has an estimate.
        difficulty = source.gauss(line["difficulty"], line["standard_error"])
        solves = 0.125 + 0.875 / (1.0 + math.exp(-slope * (ability - difficulty)))
        answers[line["source_id"]] = float(source.random() < solves)
    return answers


def run(test: AdaptiveTest, answers: Answers, k: int = 10) -> tuple[Batch, list[str]]:
    """Takes the test to its end; gives the result and the rows in order."""
    batch, asked = test.next_batch(k), list[str]()
    while batch.rows:
        asked += batch.rows
        batch = test.next_batch(k, {row: answers[row] for row in batch.rows})
    return batch, asked


def accuracy(answers: Answers) -> float:
    return sum(answers.values()) / len(answers)


# As rarely as this, a count of the binomial law lies outside of what a test allows.
RARELY = 1e-3


def quantile(n: int, share: float, below: float) -> int:
    """The smallest count that the binomial law stays at or below with this probability."""
    total = 0.0
    for count in range(n + 1):
        total += math.comb(n, count) * share**count * (1.0 - share) ** (n - count)
        if total >= below:
            return count
    return n


def kinds() -> list[tuple[str, Callable[[random.Random], tuple[float, float]]]]:
    def typical(source: random.Random) -> tuple[float, float]:
        return source.gauss(0.0, ABILITY_SD), math.exp(source.gauss(0.0, 0.3))

    def strong(source: random.Random) -> tuple[float, float]:
        return ABILITY_SD * (1.5 + source.random()), math.exp(source.gauss(0.0, 0.3))

    return [("typical", typical), ("stronger than the panel", strong)]


@pytest.mark.parametrize(("kind", "drawn"), kinds(), ids=[kind for kind, _ in kinds()])
def test_the_interval_holds_the_accuracy_of_about_95_of_100_models_and_the_error_is_below_that_of_a_random_sample(
    calibration: Path, kind: str, drawn: Callable[[random.Random], tuple[float, float]]
) -> None:
    source, n, models = random.Random(f"models/{kind}"), 60, 200
    held, errors, of_random = 0, [], []
    for number in range(models):
        answers = model(calibration, source, *drawn(source))
        test = AdaptiveTest(calibration, standard_error=NEVER, max_tasks=n, seed=f"{kind}/{number}")
        batch, asked = run(test, answers)
        assert len(asked) == len(set(asked)) == batch.n_answered == n
        truth = accuracy(answers)
        held += batch.low <= truth <= batch.high
        errors.append((batch.estimate - truth) ** 2)
        of_random.append(truth * (1.0 - truth) / n * (ROWS - n) / (ROWS - 1))
    assert held >= quantile(models, 0.95, RARELY), held
    # Nor is it so wide that it always does.
    assert (sum(errors) / models) ** 0.5 > 0.25 * (sum(of_random) / models) ** 0.5
    # The sum of 200 squares is known to about a tenth.
    assert sum(errors) < (0.8 if kind == "typical" else 1.0) * sum(of_random)


def test_models_that_the_calibration_is_wrong_about_are_estimated_without_bias(calibration: Path) -> None:
    # They solve hard rows more often than easy ones.
    source, models = random.Random("contrary"), 200
    lines = [json.loads(line) for line in calibration.read_text().splitlines()]
    held, total, spread = 0, 0.0, 0.0
    for number in range(models):
        answers = {
            line["source_id"]: float(source.random() < (0.9 if line["difficulty"] > 0.5 else 0.3)) for line in lines
        }
        batch, _ = run(AdaptiveTest(calibration, standard_error=NEVER, max_tasks=60, seed=number), answers, 20)
        truth = accuracy(answers)
        held += batch.low <= truth <= batch.high
        total += batch.estimate - truth
        spread += (batch.estimate - truth) ** 2
    assert held >= quantile(models, 0.95, RARELY), held
    assert abs(total / models) < 3.3 * (spread / models) ** 0.5 / models**0.5 + 0.01


def test_it_stops_at_the_standard_error_or_at_the_most_tasks(calibration: Path) -> None:
    answers = model(calibration, random.Random(3), 0.5, 1.0)
    batch, asked = run(AdaptiveTest(calibration, standard_error=0.03, seed=3), answers)
    assert batch.done and batch.standard_error <= 0.03 and len(asked) < ROWS / 2
    # The batch before had not reached it.
    before = AdaptiveTest(calibration, standard_error=0.03, seed=3)
    for start in range(0, len(asked), 10):
        known = before.next_batch(10, {row: answers[row] for row in asked[max(0, start - 10) : start]})
        assert not known.done and known.rows == tuple(asked[start : start + 10])
        assert known.standard_error > 0.03 or known.n_answered < 20
    batch, asked = run(AdaptiveTest(calibration, standard_error=NEVER, max_tasks=37, seed=3), answers)
    assert batch.done and len(asked) == 37


@pytest.mark.parametrize("share", [0.9, 0.95])
def test_a_test_that_stops_early_holds_the_accuracy_of_models_that_solve_easy_and_hard_rows_alike(
    calibration: Path, share: float
) -> None:
    # Such a model is known too early if the test stops when it has by chance seen no failures.
    source, models = random.Random(f"early/{share}"), 120
    held, total, squares, errors = 0, 0.0, 0.0, 0.0
    for number in range(models):
        answers = {f"quiz_{place}": float(source.random() < share) for place in range(ROWS)}
        batch, _ = run(AdaptiveTest(calibration, standard_error=0.03, seed=f"early/{number}"), answers)
        truth = accuracy(answers)
        assert batch.standard_error <= 0.03
        held += batch.low <= truth <= batch.high
        total += batch.estimate - truth
        squares += (batch.estimate - truth) ** 2
        errors += batch.standard_error
    assert held >= quantile(models, 0.95, RARELY), held
    # The mean error is known up to this; beyond it, it is below a quarter of the standard error.
    by_chance = 3.3 * (squares / models) ** 0.5 / models**0.5
    assert abs(total / models) < 0.25 * errors / models + by_chance


def test_a_model_without_a_failure_is_known_no_better_than_two_failures_and_two_successes_more_would_allow(
    calibration: Path,
) -> None:
    test = AdaptiveTest(calibration, standard_error=0.02, seed=1)
    batch = test.next_batch(10)
    while batch.rows:
        batch = test.next_batch(10, dict.fromkeys(batch.rows, 1.0))
        n = batch.n_answered
        # The standard error of Agresti and Coull's proportion, of a finite number of rows.
        solved = (n + 2) / (n + 4)
        least = math.sqrt(solved * (1.0 - solved) / (n + 4) * (ROWS - n) / ROWS)
        assert batch.standard_error >= least * (1.0 - 1e-12)
        assert batch.low <= solved and batch.high >= batch.estimate
    assert 60 <= batch.n_answered < 150


def test_all_rows_give_the_accuracy_itself(tmp_path: Path) -> None:
    path = write(tmp_path, [row(place, place / 10 - 2) for place in range(40)])
    answers = model(path, random.Random(4), 0.0, 1.0)
    batch, asked = run(AdaptiveTest(path, standard_error=NEVER), answers, 7)
    assert sorted(asked) == sorted(answers) and batch.done
    assert batch.estimate == pytest.approx(accuracy(answers), abs=1e-12)
    assert (batch.standard_error, batch.low, batch.high) == (0.0, batch.estimate, batch.estimate)


def test_a_batch_that_has_most_of_the_rows_is_weighed_by_what_was_left_at_each_draw(tmp_path: Path) -> None:
    path = write(tmp_path, [row(place, place / 5 - 4) for place in range(40)])
    source, n, models = random.Random("large"), 30, 200
    errors, of_random = [], []
    for number in range(models):
        answers = model(path, source, source.gauss(0.0, ABILITY_SD), 1.0)
        batch, _ = run(AdaptiveTest(path, standard_error=NEVER, max_tasks=n, seed=number), answers, n)
        truth = accuracy(answers)
        errors.append((batch.estimate - truth) ** 2)
        of_random.append(truth * (1.0 - truth) / n * (40 - n) / 39)
    assert sum(errors) < sum(of_random)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(calibration: Path) -> None:
    answers = model(calibration, random.Random(5), 0.5, 1.0)
    first, again, other = (
        run(AdaptiveTest(calibration, max_tasks=60, seed=seed), answers) for seed in ("a model", "a model", "another")
    )
    assert first == again and first[1] != other[1]


def test_no_row_is_given_to_more_models_than_its_share_allows(tmp_path: Path) -> None:
    # One row in ten tells something; the others are so easy that every model of the panel solves them.
    path = write(tmp_path, [row(place, 0.0 if place % 10 == 0 else -9.0, 0.1) for place in range(ROWS)])
    source, n, models = random.Random("exposure"), 40, 200
    given = Counter[str]()
    for number in range(models):
        answers = model(path, source, source.gauss(0.0, 0.5), 1.0)
        given.update(run(AdaptiveTest(path, standard_error=NEVER, max_tasks=n, seed=number), answers)[1])
    # A draw takes a row at most four times as often as a uniform one; in a batch, those before it leave a little more.
    most = sum(4.0 / (ROWS - at) for at in range(n)) * 1.05
    assert max(given.values()) <= quantile(models, most, 1.0 - RARELY / ROWS)
    # Without that bound, they would be given to nearly half of the models and more.
    telling = sum(given[f"quiz_{place}"] for place in range(0, ROWS, 10)) / (models * ROWS / 10)
    assert 2.0 * n / ROWS < telling <= most
    # Every row is given to some models: no one can prepare for a few.
    assert len(given) == ROWS


def test_rows_that_tell_most_are_given_most(calibration: Path) -> None:
    # A model of ability -1: rows of about that difficulty tell more than rows that it surely fails.
    lines = [json.loads(line) for line in calibration.read_text().splitlines()]
    difficulty = {line["source_id"]: line["difficulty"] for line in lines}
    near, far = (sum(test(value) for value in difficulty.values()) for test in (about_minus_one, far_above))
    given = Counter[str]()
    for number in range(30):
        answers = model(calibration, random.Random(number), -1.0, 1.5)
        asked = run(AdaptiveTest(calibration, standard_error=NEVER, max_tasks=80, seed=number), answers)[1]
        given["near"] += sum(about_minus_one(difficulty[row]) for row in asked[20:])
        given["far"] += sum(far_above(difficulty[row]) for row in asked[20:])
    # With the chance of a guess, they are solved with probability 0.56 and at most 0.15.
    assert given["near"] / near > 1.2 * given["far"] / far > 0


def about_minus_one(difficulty: float) -> bool:
    return abs(difficulty + 1.0) < 0.4


def far_above(difficulty: float) -> bool:
    return difficulty > 1.5


def test_rows_answered_elsewhere_count_and_are_not_given(calibration: Path) -> None:
    answers = model(calibration, random.Random(6), 0.5, 1.0)
    rows = sorted(answers)
    test = AdaptiveTest(calibration, standard_error=NEVER, seed=1)
    known = {row: answers[row] for row in rows[:550]}
    batch = test.next_batch(10, known)
    assert batch.n_answered == 550 and not set(batch.rows) & set(known)
    assert batch.estimate == pytest.approx(accuracy(answers), abs=50 / ROWS)
    # Identities name rows as source ids do, and pairs do as a mapping.
    by_identity = AdaptiveTest(calibration, standard_error=NEVER, seed=1)
    pairs = ((f"{int(row.removeprefix('quiz_')):016x}", score) for row, score in known.items())
    assert by_identity.next_batch(10, pairs) == batch
    # A row whose score never comes is not given again, and counts as predicted.
    later = test.next_batch(10, {row: answers[row] for row in batch.rows[1:]})
    assert batch.rows[0] not in later.rows and later.n_answered == 559
    assert test.result() == test.result({}) and test.result().rows == ()


def test_copies_share_an_identity(tmp_path: Path) -> None:
    lines = [row(place, 0.0) for place in range(30)]
    lines[1]["identity"] = lines[0]["identity"]
    path = write(tmp_path, lines)
    assert AdaptiveTest(path).result({"0" * 16: 1.0}).n_answered == 2
    assert AdaptiveTest(path).result({"quiz_0": 1.0}).n_answered == 1


def test_a_batch_of_40_000_rows_takes_well_under_a_second(tmp_path: Path) -> None:
    source = random.Random(8)
    path = write(tmp_path, [row(place, source.gauss(0.0, 2.0)) for place in range(40_000)])
    test = AdaptiveTest(path, standard_error=NEVER)
    batch = test.next_batch(100)
    times = []
    for _ in range(3):
        start = time.process_time()
        batch = test.next_batch(100, {row: float(source.random() < 0.6) for row in batch.rows})
        times.append(time.process_time() - start)
    assert min(times) < 1.0


def test_a_calibration_and_a_reference_are_taken_as_the_package_gives_them(builder: DatasetBuilder) -> None:
    source = random.Random(9)
    answers = [
        {"benchmark": "gsm8k", "source_id": f"gsm8k_{row}", "model": f"m{at}", "score": int(source.random() < at / 12)}
        for row in range(400)
        for at in range(3, 12)
    ]
    Path("responses.jsonl").write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    fitted = builder.calibrate("responses.jsonl", "fitted", full_dir="full", demo=True)["gsm8k"]
    by_object, by_path = AdaptiveTest(fitted).next_batch(5), AdaptiveTest(fitted.path).next_batch(5)
    assert by_object == by_path and len(by_path.rows) == 5
    card = DatasetBuilder.reference()["gsm8k"]
    by_card, by_name = AdaptiveTest(card).next_batch(5), AdaptiveTest("gsm8k").next_batch(5)
    assert by_card == by_name
    # The mean model of the panel fails a row as often as the reference expects, so that the first estimate is about that.
    assert 0.3 < by_name.estimate < 0.9 and by_name.low < 0.2


def test_what_is_not_valid_is_said_once_and_changes_nothing(calibration: Path, tmp_path: Path) -> None:
    test = AdaptiveTest(calibration, seed=1)
    before = test.next_batch(5)
    good = {before.rows[0]: 1.0}
    for responses, said in [
        ({**good, "quiz_9999": 1.0}, "'quiz_9999' is neither a source id nor an identity in .*'quiz_0'"),
        ({**good, "quiz_1": 1.5}, "'quiz_1': 1.5: write a score from 0 to 1"),
        ({**good, "quiz_1": -0.1}, "'quiz_1': -0.1: write a score from 0 to 1"),
        ({**good, "quiz_1": math.nan}, "'quiz_1': nan: write a score from 0 to 1"),
        ({**good, "quiz_1": "1"}, "'quiz_1': '1': write a score from 0 to 1"),
        ({**good, "quiz_1": None}, "'quiz_1': None: write a score from 0 to 1"),
        ({3: 1.0}, "3 is neither a source id"),
        ([1.0], "write a mapping from source ids to scores"),
        (7, "write a mapping from source ids to scores"),
    ]:
        with pytest.raises(ResponseError, match=said):
            test.next_batch(5, responses)  # type: ignore[arg-type]
    assert test.result().n_answered == 0
    for arguments, said in [
        ({"k": 0}, "k: 0: write a whole number from 1 up"),
        ({"k": 2.5}, "k: 2.5: write a whole number"),
    ]:
        with pytest.raises(RequestError, match=said):
            test.next_batch(**arguments)  # type: ignore[arg-type]
    for options, said in [
        ({"max_tasks": 0}, "max_tasks: 0: write a whole number from 1 up"),
        ({"standard_error": -1.0}, "standard_error: -1.0: write a number above 0, at most 0.5"),
        ({"standard_error": 0.0}, "standard_error: 0.0: write a number above 0, at most 0.5"),
        ({"standard_error": 0.51}, "standard_error: 0.51: write a number above 0, at most 0.5"),
        ({"standard_error": math.nan}, "standard_error: nan: write a number"),
        ({"seed": -1}, "seed: -1: write a whole number"),
    ]:
        with pytest.raises(RequestError, match=said):
            AdaptiveTest(calibration, **options)  # type: ignore[arg-type]


def test_a_calibration_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    good = [row(place, 0.0) for place in range(3)]

    def last(name: str, **keys: object) -> Path:
        return write(tmp_path / name, [*good, {**row(3, 0.0), **keys}])

    number = "and must be a number"
    cases: list[tuple[Path | str, type[Exception], str]] = [
        (write(tmp_path / "a", []), RequestError, "quiz_calibration.jsonl has no rows; calibrate the benchmark first"),
        (write(tmp_path / "b", [{}, *good]), RequestError, "jsonl:1 is not a row of a calibration; calibrate again"),
        (last("c", curve=[1]), RequestError, "jsonl:4 is not a row of a calibration; calibrate again"),
        (last("d", difficulty=math.inf), RequestError, f"jsonl:4: difficulty is inf, {number} from -50 to 50"),
        (last("e", difficulty=math.nan), RequestError, f"jsonl:4: difficulty is nan, {number}"),
        (last("f", difficulty=-50.1), RequestError, f"jsonl:4: difficulty is -50.1, {number}"),
        (last("g", difficulty="1"), RequestError, f"jsonl:4: difficulty is '1', {number}"),
        (last("h", difficulty=True), RequestError, f"jsonl:4: difficulty is True, {number}"),
        (last("i", difficulty=10**400), RequestError, f"jsonl:4: difficulty is 1000.*, {number}"),
        (last("j", standard_error=1e300), RequestError, f"jsonl:4: standard_error is 1e.300, {number} from 0 to 50"),
        (last("k", standard_error=-0.1), RequestError, f"jsonl:4: standard_error is -0.1, {number}"),
        (
            last("l", curve={"difficulty": 0.0, "discrimination": 1e300}),
            RequestError,
            f"jsonl:4: discrimination is 1e.300, {number} above 0 to 100; calibrate again",
        ),
        (last("m", discrimination=0), RequestError, f"jsonl:4: discrimination is 0, {number} above 0"),
        (last("n", curve={"discrimination": 1.0}), RequestError, f"jsonl:4: difficulty is missing, {number}"),
        (last("o", source_id="quiz_1"), RequestError, "jsonl:4: source_id 'quiz_1' is that of line 2, too"),
        (write(tmp_path / "p", good, ability_sd=None), RequestError, f"meta.json: ability_sd is missing, {number}"),
        (write(tmp_path / "q", good, ability_sd=0), RequestError, f"ability_sd is 0, {number} above 0 to 50"),
        (write(tmp_path / "r", good, ability_sd=1e300), RequestError, f"ability_sd is 1e.300, {number}"),
        (write(tmp_path / "s", good, ability_mean=-51), RequestError, f"ability_mean is -51, {number} from -50 to 50"),
        (write(tmp_path / "t", good, chance=1), RequestError, f"chance is 1, {number} from 0 to below 1"),
        (tmp_path / "u" / "quiz_calibration.jsonl", MissingDataError, "meta.json does not exist"),
    ]
    for path, kind, said in cases:
        with pytest.raises(kind, match=said):
            AdaptiveTest(path)
    with pytest.raises(TypeError, match="calibration: expected a path"):
        AdaptiveTest(7)  # type: ignore[arg-type]


def test_numbers_at_the_ends_of_what_is_allowed_do_not_overflow(tmp_path: Path) -> None:
    curve = {"difficulty": 50.0, "discrimination": 100.0}
    lines = [{**row(0, 0.0, 50.0), "curve": curve}, row(1, -50.0, 0.0), *(row(place, 0.0) for place in range(2, 40))]
    path = write(tmp_path, lines, ability_sd=50, ability_mean=-50, chance=0.999)
    answers = {f"quiz_{place}": float(place % 2) for place in range(40)}
    batch, asked = run(AdaptiveTest(path, standard_error=NEVER), answers)
    assert len(asked) == 40 and batch.estimate == pytest.approx(0.5, abs=1e-12)


def test_a_calibration_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows", [row(place, 0.0) for place in range(9)])
    whole = path.read_text()
    assert len(AdaptiveTest(path).next_batch(9).rows) == 9
    lines = whole.splitlines(keepends=True)
    for changed in ("".join(lines[:5]), whole.replace("0.3", "0.4", 1), whole[:-1], "{\n", "", whole + lines[0]):
        path.write_text(changed)
        with pytest.raises(RequestError, match=r"jsonl was changed since it was written .*; calibrate again"):
            AdaptiveTest(path)
    short = write(tmp_path / "short", [row(place, 0.0) for place in range(9)], n_tasks_full=10)
    with pytest.raises(RequestError, match="has 9 rows, and its meta says 10: it was changed since it was written"):
        AdaptiveTest(short)
    unknown = write(tmp_path / "unknown", [row(0, 0.0)], calibration=None)
    with pytest.raises(RequestError, match="was changed since it was written"):
        AdaptiveTest(unknown)
    broken = write(tmp_path / "broken", [row(0, 0.0)])
    (tmp_path / "broken" / "quiz_calibration_meta.json").write_text("[" * 100_000)
    with pytest.raises(RequestError, match=r"meta.json is not a JSON object"):
        AdaptiveTest(broken)


def test_a_folder_with_one_calibration_stands_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "fitted"
    path = write(folder, [row(place, 0.0) for place in range(30)])
    assert AdaptiveTest(folder).next_batch(5) == AdaptiveTest(path).next_batch(5)
    (folder / "amc_calibration.jsonl").write_text("")
    said = (
        "fitted is a folder with 2 calibrations: write the path of one of amc_calibration.jsonl, quiz_calibration.jsonl"
    )
    with pytest.raises(RequestError, match=said):
        AdaptiveTest(str(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(RequestError, match=r"empty is a folder without a \{benchmark\}_calibration.jsonl; calibrate"):
        AdaptiveTest(tmp_path / "empty")


def test_a_name_without_a_reference_difficulty_is_told_apart_from_a_typo(tmp_path: Path) -> None:
    known = ", ".join(DatasetBuilder.reference())
    with pytest.raises(RequestError, match=f"amc has no reference difficulty: calibrate it, .*: {known}"):
        AdaptiveTest("amc")
    for typo in ("gsm8", str(tmp_path / "quiz.csv")):
        said = f"{typo}: write the path of a {{benchmark}}_calibration.jsonl, or a benchmark .*: {known}"
        with pytest.raises(RequestError, match=said.replace("{", r"\{").replace("}", r"\}")):
            AdaptiveTest(typo)
