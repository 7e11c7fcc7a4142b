"""An adaptive test: the rows that tell most about one model next, and what they say of the whole benchmark.

>>> from symphony_data.adaptive import AdaptiveTest
>>> test = AdaptiveTest("gsm8k", seed="my-model")
>>> batch = test.next_batch(10)
>>> len(batch.rows)
10
>>> batch = test.next_batch(10, {row: 1.0 for row in batch.rows})
>>> batch.n_answered, batch.done
(10, False)

How it works. The calibration predicts with which probability p a model of ability theta and slope s solves each row.
Each row is drawn with a probability q that is mostly proportional to the square root of p(1 - p), the Fisher
information of the row (so does Neyman, 1934, allot a stratified sample). Each draw gives an estimate of the accuracy
that is unbiased whatever the model is like: the scores before it, plus the predictions of the other rows, plus
(score - p) / q of the drawn row (active testing: Kossen et al., 2021; active inference: Zrnic & Candès, 2024). The
draws are averaged by their precision. This is the *drawn* estimate. The *predicted* estimate is the scores of the
answered rows plus the predictions of the others: more precise if the calibration fits the model, biased if it does not.
The result weighs both, and its standard error is no smaller than that of the drawn estimate.
"""

from __future__ import annotations

import math
import os
import random
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Union

from . import _arguments as argument
from . import _calibration
from ._errors import RequestError, ResponseError
from ._evidence import Calibration, ReferenceCard

__all__ = ["AdaptiveTest", "Batch"]

Responses = Union["Mapping[str, float]", "Iterable[tuple[str, float]]"]
"""The score (0 to 1) of each row, by source id or identity."""

# The prior of ability has twice the panel's spread: then it weighs a quarter of what it would for one more model of the
# panel, and a model that lies three spreads above the panel is within two of the prior.
WIDER = 2.0
# ln s ~ N(0, 0.3^2), as in the calibration.
SLOPE_SD = 0.3
# The share of a draw that is uniform. It bounds the weights 1 / q where the calibration is wrong about a row, at ten
# times those of a random sample, and costs at most a tenth of the draws.
UNIFORM = 0.1
# No row is this many times as likely as a random sample would have it.
MOST = 4.0
# The standard deviation of the bias of the predicted estimate that is expected before any answer: four points. With
# two, simulated models that solve 70 % of easy and hard rows alike came out half a point too well where a test stopped.
BIAS_SD = 0.04
# The spread of the draws' estimates is believed to be the predicted one with the weight of this many draws.
SPREAD_DRAWS = 10
# With fewer answers a standard error is too uncertain to stop at.
FEWEST = 20
# So many failures, and as many successes, are added to the answers before the error is judged.
PSEUDO = 2.0
# So many of its own standard errors are added to the spread of the draws. With 1, tests of simulated models took 2 to
# 11 % more rows; with a half, the intervals hold the accuracy of 93 to 100 % of models of each kind already.
CAUTION = 0.5
# Of the 95 % interval, in standard errors.
WIDTH = 1.959964

ABILITIES = 33
SLOPES = [-2.4, -1.2, 0.0, 1.2, 2.4]


@dataclass(frozen=True)
class Batch:
    """The rows to ask next, and what is known so far.

    Attributes:
        rows (tuple[str, ...]): the source ids of the rows to ask; none once the test is done.
        identities (tuple[str, ...]): their identities.
        estimate (float): the accuracy on the whole benchmark, 0 to 1.
        standard_error (float): the standard error of the estimate, with two failures and two successes added to the
            answers: so a model that has not failed yet is not known too early.
        low (float): the lower end of the 95 % interval of the accuracy, which need not have the estimate in its middle.
        high (float): the upper end.
        ability (float): the model's ability, in logits on the scale of the calibration.
        slope (float): how closely its answers follow difficulty; 1 for a model like those of the panel.
        n_answered (int): the number of rows with a score.
        done (bool): whether the standard error is reached, `max_tasks` are given, or all rows are.
    """

    rows: tuple[str, ...]
    identities: tuple[str, ...]
    estimate: float
    standard_error: float
    low: float
    high: float
    ability: float
    slope: float
    n_answered: int
    done: bool


@dataclass(frozen=True)
class _Draw:
    """One draw: its row, how likely it was, and what was predicted then."""

    place: int
    """The number of rows that were known or given before."""
    row: int
    chance: float
    predicted: float
    left: float
    """The sum of the predictions of the rows that were neither known nor given, the drawn one included."""
    variance: float
    """Of the estimate of this draw, as predicted then."""


class AdaptiveTest:
    """Asks one model the rows that tell most about its accuracy on the whole benchmark.

    Args:
        calibration: a :class:`Calibration`, the path of a ``{benchmark}_calibration.jsonl`` (its meta file lies beside
            it) or of a folder with one, a :class:`ReferenceCard`, or the name of a benchmark with a reference
            difficulty, such as ``"gsm8k"``.
        standard_error: the test is done when the standard error of the accuracy is at most this, above 0 and at most
            0.5. Default: 0.02.
        max_tasks: the test is done when so many rows were given. Default: all rows.
        seed: a number or a text. The same seed and the same scores give the same rows. Give each model a seed of its
            own, such as its name: models with one seed start with the same rows. Default: 0.

    Raises:
        RequestError: the calibration is not valid, was changed since it was written or has no rows, or another argument
            is not valid (a ValueError).
        MissingDataError: a file of the calibration does not exist (a FileNotFoundError).
    """

    def __init__(
        self,
        calibration: Calibration | ReferenceCard | str | os.PathLike[str],
        *,
        standard_error: float = 0.02,
        max_tasks: int | None = None,
        seed: int | str = 0,
    ) -> None:
        """Reads the calibration; no row is drawn yet."""
        self._rows = _Rows(calibration)
        self._target = argument.number("standard_error", standard_error)
        if not 0.0 < self._target <= 0.5:
            raise RequestError(f"standard_error: {standard_error!r}: write a number above 0, at most 0.5, such as 0.02")
        self._most = len(self._rows)
        if max_tasks is not None:
            self._most = min(self._most, _at_least_one("max_tasks", max_tasks))
        seed = seed if isinstance(seed, str) else argument.whole("seed", seed)
        self._random = random.Random(seed)
        self._scores: dict[int, float] = {}
        # The rows in the order in which they were given, or known without that.
        self._order: list[int] = []
        self._placed: set[int] = set()
        self._draws: list[_Draw] = []

    def next_batch(self, k: int = 1, responses_so_far: Responses = ()) -> Batch:
        """The next `k` rows, and the estimate from the responses so far.

        A row is given once. Scores are remembered, so that it is enough to name the new ones. Rows that were asked
        elsewhere may be among them. A given row without a score counts as predicted.

        Args:
            k: how many rows to give, from 1 up; fewer if the test ends sooner. Small batches tell more: 10 is nearly as
                good as 1. Default: 1.
            responses_so_far: a score from 0 to 1 by source id or identity, as a mapping or as pairs.

        Raises:
            RequestError: `k` is not valid (a ValueError).
            ResponseError: a row is not in the calibration, or a score is not a number from 0 to 1 (a ValueError).
        """
        k = _at_least_one("k", k)
        self._remember(responses_so_far)
        points = self._posterior()
        known = self._estimate(points)
        if known.done:
            return known
        given = self._draw(min(k, self._most - len(self._draws)), points)
        rows = tuple(self._rows.source_ids[row] for row in given)
        identities = tuple(self._rows.identities[row] for row in given)
        return Batch(**{**vars(known), "rows": rows, "identities": identities})

    def result(self, responses_so_far: Responses = ()) -> Batch:
        """The estimate from the responses so far, without new rows. Raises what `next_batch` does."""
        self._remember(responses_so_far)
        return self._estimate(self._posterior())

    def _remember(self, responses: Responses) -> None:
        # All are read before any is remembered, so that a mistake changes nothing.
        scores = self._rows.scores_of(responses)
        for row, score in scores.items():
            self._scores[row] = score
            if row not in self._placed:
                self._place(row)

    def _place(self, row: int) -> None:
        self._order.append(row)
        self._placed.add(row)

    def _posterior(self) -> list[tuple[float, float]]:
        """Four points (ability, slope) of equal weight with the mean and the covariance of the posterior.

        The posterior is taken on a grid over the whole prior, and then on a finer one where it lies.
        """
        rows = self._rows
        centre, spread = rows.ability_mean, WIDER * rows.ability_sd
        mean, sd = centre, spread
        moments = (centre, 0.0, spread**2, SLOPE_SD**2, 0.0)
        for widths in (5.0, 6.0):
            abilities = [mean + sd * widths * (2 * at / (ABILITIES - 1) - 1) for at in range(ABILITIES)]
            moments = rows.moments(abilities, self._scores, centre, spread)
            # At the first grid's spacing a narrow posterior can fall between two points.
            spacing = abilities[1] - abilities[0]
            mean, sd = moments[0], max(math.sqrt(moments[2]), spacing / 3)
        ability, slope, of_ability, of_slope, joint = moments
        first = math.sqrt(of_ability)
        along = joint / first if first > 0 else 0.0
        rest = math.sqrt(max(of_slope - along**2, 0.0))
        root = math.sqrt(2)
        return [
            (ability + sign * root * step, math.exp(slope + sign * root * tilt))
            for step, tilt in ((first, along), (0.0, rest))
            for sign in (-1.0, 1.0)
        ]

    def _estimate(self, points: list[tuple[float, float]]) -> Batch:
        count, scores = len(self._rows), self._scores
        unanswered = [row for row in range(count) if row not in scores]
        answered = sum(scores[row] for row in sorted(scores))
        by_point = [self._rows.predict(unanswered, *point) for point in points]
        predicted = [sum(column) / len(points) for column in zip(*by_point, strict=True)]
        totals = [sum(of_point) for of_point in by_point]
        mean = sum(totals) / len(totals)
        scatter = sum(p * (1.0 - p) for p in predicted)
        variance = (sum((total - mean) ** 2 for total in totals) / len(totals) + scatter) / count**2
        estimate = (answered + mean) / count
        bias = (BIAS_SD * len(unanswered) / count) ** 2
        drawn = self._drawn(dict(zip(unanswered, predicted, strict=True)))
        if drawn is None:
            variance += bias
        else:
            # As the predicted estimate is efficient where the calibration fits, the two differ by a variance that is
            # the difference of theirs (Hausman, 1978), and by the bias. A larger difference shows a larger bias.
            value, own = drawn
            apart = max(own - variance, 0.1 * own)
            bias = max(bias, (value - estimate) ** 2 - apart)
            if bias + apart > 0.0:
                estimate += bias / (bias + apart) * (value - estimate)
                variance += bias * apart / (bias + apart)
            # The bias is itself uncertain. So the error is no smaller than that of the draws, which have none.
            variance = max(variance, own)
        least, most = answered / count, (answered + len(unanswered)) / count
        estimate = min(max(estimate, least), most)
        error, low, high = _cautious(estimate, variance, answered, len(scores), count)
        reached = error <= self._target and len(scores) >= min(FEWEST, count)
        return Batch(
            rows=(),
            identities=(),
            estimate=estimate,
            standard_error=error,
            low=max(low, least),
            high=min(high, most),
            ability=sum(ability for ability, _ in points) / len(points),
            slope=math.exp(sum(math.log(slope) for _, slope in points) / len(points)),
            n_answered=len(scores),
            done=reached or len(self._draws) >= self._most or len(self._order) == count,
        )

    def _drawn(self, predicted: dict[int, float]) -> tuple[float, float] | None:
        """The precision-weighted mean of the draws' estimates and its variance; `None` without answered draws."""
        count = len(self._rows)
        values = (self._scores.get(row, predicted.get(row, 0.0)) for row in self._order)
        before = list(accumulate(values, initial=0.0))
        found = [
            (
                before[draw.place] + draw.left + (self._scores[draw.row] - draw.predicted) / draw.chance,
                max(draw.variance, 1e-9),
            )
            for draw in self._draws
            if draw.row in self._scores
        ]
        if not found:
            return None
        precision = sum(1.0 / variance for _, variance in found)
        mean = sum(value / variance for value, variance in found) / precision
        spread = sum((value - mean) ** 2 / variance for value, variance in found)
        # Draws vary more than predicted where the calibration misleads, and less where scores are means of tries.
        factor = (SPREAD_DRAWS + spread) / (SPREAD_DRAWS + len(found) - 1)
        # A test stops where the spread came out too small by chance, so that a part of its standard error is added.
        squares = [(value - mean) ** 2 / variance for value, variance in found]
        typical = spread / len(found)
        uncertain = math.sqrt(sum((square - typical) ** 2 for square in squares)) / (SPREAD_DRAWS + len(found) - 1)
        return mean / count, (factor + CAUTION * uncertain) / precision / count**2

    def _draw(self, k: int, points: list[tuple[float, float]]) -> list[int]:
        """Draws rows one after the other, each in proportion to its weight among those not yet drawn."""
        free = [row for row in range(len(self._rows)) if row not in self._placed]
        by_point = [self._rows.predict(free, *point) for point in points]
        predicted = [sum(column) / len(points) for column in zip(*by_point, strict=True)]
        variances = [p * (1.0 - p) for p in predicted]
        weights = _weights([math.sqrt(variance) for variance in variances])
        ends = list(accumulate(weights))
        left, weight = sum(predicted), ends[-1]
        of_variances = sum(variances)
        by_weight = sum(variance / own for variance, own in zip(variances, weights, strict=True))
        drawn: list[int] = []
        taken: set[int] = set()
        for _ in range(min(k, len(free))):
            at = _pick(self._random, ends, weights, taken)
            draw = _Draw(
                place=len(self._order),
                row=free[at],
                chance=min(weights[at] / weight, 1.0),
                predicted=predicted[at],
                left=left,
                variance=max(by_weight * weight - of_variances, 0.0),
            )
            self._draws.append(draw)
            self._place(draw.row)
            drawn.append(draw.row)
            taken.add(at)
            left -= predicted[at]
            weight -= weights[at]
            of_variances -= variances[at]
            by_weight -= variances[at] / weights[at]
        return drawn


class _Rows:
    """The rows of a calibration, and its item response model."""

    def __init__(self, calibration: object) -> None:
        fitted = _calibration.read(calibration)
        self.source_ids = [row.source_id for row in fitted.rows]
        self.identities = [row.identity for row in fitted.rows]
        self._where = fitted.where
        self._difficulties = [row.difficulty for row in fitted.rows]
        self._steepness = [
            # The probability at a difficulty that is known up to a normal error is close to that at the estimate, with
            # a flatter curve (MacKay, 1992). It depends on the slope, too; the panel's, 1, is close enough.
            row.discrimination / math.sqrt(1.0 + math.pi / 8.0 * (row.discrimination * row.standard_error) ** 2)
            for row in fitted.rows
        ]
        self.ability_mean = fitted.ability_mean
        self.ability_sd = fitted.ability_sd
        # Hard rows are solved by half of the chance of a guess, as the calibration assumes.
        self._floor = 0.5 * fitted.chance
        self._places: dict[str, list[int]] = {}
        for place, identity in enumerate(self.identities):
            self._places.setdefault(identity, []).append(place)
        # A source id names one row, an identity all copies.
        self._places.update({source_id: [place] for place, source_id in enumerate(self.source_ids)})

    def __len__(self) -> int:
        return len(self.source_ids)

    def scores_of(self, responses: Responses) -> dict[int, float]:
        """The score of each row, by its place."""
        try:
            pairs = list(responses.items() if isinstance(responses, Mapping) else responses)
            named = [(name, score) for name, score in pairs]
        except (TypeError, ValueError):
            raise ResponseError(
                'responses_so_far: write a mapping from source ids to scores, such as {"gsm8k_26": 1.0}, or pairs'
            ) from None
        scores = {}
        for name, score in named:
            places = self._places.get(name) if isinstance(name, str) else None
            if places is None:
                raise ResponseError(
                    f"responses_so_far: {name!r} is neither a source id nor an identity in {self._where}; "
                    f"write one as {self.source_ids[0]!r} or {self.identities[0]!r}"
                )
            try:
                value = argument.number(repr(name), score)
            except RequestError:
                value = math.nan
            if not 0.0 <= value <= 1.0:
                raise ResponseError(f"responses_so_far: {name!r}: {score!r}: write a score from 0 to 1")
            scores.update(dict.fromkeys(places, value))
        return scores

    def predict(self, rows: list[int], ability: float, slope: float) -> list[float]:
        """The probability that a model solves each of these rows."""
        difficulties, steepness, tanh = self._difficulties, self._steepness, math.tanh
        # logistic(x) = (1 + tanh(x / 2)) / 2, which does not overflow.
        half, reach, middle = slope / 2.0, (1.0 - self._floor) / 2.0, (1.0 + self._floor) / 2.0
        return [middle + reach * tanh(half * steepness[row] * (ability - difficulties[row])) for row in rows]

    def moments(
        self, abilities: list[float], scores: Mapping[int, float], centre: float, spread: float
    ) -> tuple[float, float, float, float, float]:
        """The posterior means of ability and ln slope, their variances, and their covariance, on a grid."""
        rows = sorted(scores)
        own = [scores[row] for row in rows]
        points = []
        for ability in abilities:
            for at in SLOPES:
                likelihood = -0.5 * ((ability - centre) / spread) ** 2 - 0.5 * at**2
                for p, score in zip(self.predict(rows, ability, math.exp(at * SLOPE_SD)), own, strict=True):
                    p = min(max(p, 1e-9), 1.0 - 1e-9)
                    likelihood += score * math.log(p) + (1.0 - score) * math.log(1.0 - p)
                points.append((ability, at * SLOPE_SD, likelihood))
        top = max(likelihood for _, _, likelihood in points)
        weighed = [(ability, slope, math.exp(likelihood - top)) for ability, slope, likelihood in points]
        total = sum(weight for _, _, weight in weighed)
        ability = sum(theta * weight for theta, _, weight in weighed) / total
        slope = sum(ln * weight for _, ln, weight in weighed) / total
        return (
            ability,
            slope,
            sum((theta - ability) ** 2 * weight for theta, _, weight in weighed) / total,
            sum((ln - slope) ** 2 * weight for _, ln, weight in weighed) / total,
            sum((theta - ability) * (ln - slope) * weight for theta, ln, weight in weighed) / total,
        )


def _cautious(estimate: float, variance: float, answered: float, n: int, count: int) -> tuple[float, float, float]:
    """The standard error to report and to stop at, and both ends of the 95 % interval.

    `variance` is that of the estimate as the answers have it, and `answered` the sum of `n` scores.

    A strong model that has not failed yet would seem to be known well, and the test would stop before its first
    failure. So two failures and two successes are added, as Agresti and Coull (1998) do for a proportion. They are
    added to a random sample of `n` rows whose mean is as uncertain as the estimate of the rows without a score. Without
    a failure, the standard error is then about sqrt(2) / (n + 4). The interval reaches as far as the one around the
    proportion with the four added, and as the one around the estimate.
    """
    left = count - n
    if left == 0:
        return 0.0, estimate, estimate
    error = math.sqrt(variance)
    low, high = estimate - WIDTH * error, estimate + WIDTH * error
    if n == 0:
        return error, low, high
    mean = (estimate * count - answered) / left
    # The mean of `n` random rows differs from that of the `left` others by the variance of one row over this.
    size = n * left / count
    of_row = variance * (count / left) ** 2 * size
    pulled = (n * mean + PSEUDO) / (n + 2.0 * PSEUDO)
    squares = n * (of_row + (mean - pulled) ** 2) + PSEUDO * (pulled**2 + (1.0 - pulled) ** 2)
    of_row = squares / (n + 2.0 * PSEUDO)
    error = max(error, math.sqrt(of_row / size * n / (n + 2.0 * PSEUDO)) * left / count)
    centre = (answered + left * pulled) / count
    return error, min(low, centre - WIDTH * error), max(high, centre + WIDTH * error)


def _weights(informations: list[float]) -> list[float]:
    """The probabilities of a draw: in proportion to the square roots of informations, and in part uniform."""
    count, total = len(informations), sum(informations)
    if total <= 0.0:
        return [1.0 / count] * count
    peak = max(informations) * count / total
    uniform = max(UNIFORM, (peak - MOST) / (peak - 1.0) if peak > MOST else 0.0)
    return [(1.0 - uniform) * own / total + uniform / count for own in informations]


def _pick(source: random.Random, ends: list[float], weights: list[float], taken: set[int]) -> int:
    """One row that is not taken, in proportion to its weight."""
    for _ in range(100):
        at = min(bisect_right(ends, source.random() * ends[-1]), len(ends) - 1)
        if at not in taken:
            return at
    # Most of the weight is taken: the others are listed.
    others = [at for at in range(len(weights)) if at not in taken]
    return source.choices(others, [weights[at] for at in others])[0]


def _at_least_one(parameter: str, value: object) -> int:
    found = argument.whole(parameter, value)
    if found == 0:
        raise RequestError(f"{parameter}: 0: write a whole number from 1 up")
    return found
