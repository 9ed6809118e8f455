"""Where a share of hits, or a mean error, may lie by chance alone; forecasts that share surprises count for fewer.

A forecast h months ahead misses by the sum of h monthly surprises. Two forecasts share those of the months that lie
ahead of both origins, so their errors correlate by `overlap / sqrt(h h')`, and `n` of them tell less than `n`
independent ones. The sums below go over all pairs, of one horizon or of several, with months left out or not.

Sound forecasts left their band this often (`benchmarks/scorecard.py`: 500 samples each of 12 to 120 months, surprises
normal or of heavy tails): the mean error in 0 to 1.8 % of samples, the coverages in 0 to 1.2 %.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from milk.evaluation.binomial import binomial_band
from milk.evaluation.significance import two_sided_p

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEVEL = 0.99
"""Probability that a sound forecast stays inside a band. Not 95 %: the bands are looked at anew every month, and one
month in twenty would be an alarm."""
FEWEST_DEGREES = 2
"""Degrees of freedom below which the limit of Student's t is not computed."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What some forecasts have in common.

    Attributes:
        forecasts: how many there are.
        surprises: sum over all pairs of the months that lie ahead of both, a forecast with itself included.
        for_means: how many independent forecasts tell as much about the mean error.
        for_hits: how many independent intervals tell as much about the coverage.
    """

    forecasts: int
    surprises: float
    for_means: float
    for_hits: float


def shared_surprises(origins: Integers, horizons: Integers) -> Shared:
    """How much some forecasts have in common.

    The variance of a mean of errors follows from the overlaps. Of hits it is bounded: whether an error lies inside an
    interval about zero is an even function of it, and even functions of two normal variables that correlate by r
    correlate by at most r^2 (H. O. Lancaster, Some properties of the bivariate normal distribution considered in the
    form of a contingency table, Biometrika 44, 1957). So `n^2 / sum of r^2` is never too many.

    Args:
        origins: the month of each origin as a number, any zero; each origin and horizon at most once.
        horizons: months ahead of it, at least 1.
    """
    n, longest = len(origins), int(horizons.max())
    is_there = np.zeros((int(np.ptp(origins)) + longest, longest))
    is_there[origins - origins.min(), horizons - 1] = 1.0
    ahead = np.arange(1, longest + 1)
    overlaps = squares = 0.0
    for lag in range(longest):
        pairs = is_there[: len(is_there) - lag].T @ is_there[lag:]
        both_ways = 1 if lag == 0 else 2
        overlap = np.minimum(ahead[:, None] - lag, ahead).clip(min=0)
        overlaps += both_ways * float((pairs * overlap).sum())
        squares += both_ways * float((pairs * overlap**2 / np.outer(ahead, ahead)).sum())
    return Shared(n, overlaps, n * float(horizons.sum()) / overlaps, n**2 / squares)


def hit_band(shared: Shared, share: float, *, level: float = LEVEL) -> tuple[float, float]:
    """The shares of hits that are no surprise, both ends included: those of as many independent forecasts.

    Args:
        shared: of the same forecasts.
        share: probability of a hit, between 0 and 1, neither of them.
        level: probability of the band, at least.
    """
    trials = max(1, math.floor(shared.for_hits))
    low, high = binomial_band(trials, share, level=level)
    return low / trials, high / trials


def mean_band(errors: Floats, horizons: Integers, shared: Shared, *, level: float = LEVEL) -> float:
    """How far from zero the mean of errors may lie by chance alone.

    `t s sqrt(O) / n`, with O the shared surprises, s^2 the variance of a monthly surprise (the mean of `d^2 / h`, d an
    error less the mean of all, times `m / (m - 1)`), m the independent forecasts that tell as much, and t the limit of
    Student's t with `m - 1` degrees of freedom.

    Args:
        errors: log points.
        horizons: months ahead of each.
        shared: of the same forecasts.
        level: probability of the band.

    Returns:
        Log points; infinite where the errors tell no more than one.
    """
    told = shared.for_means
    if told <= 1:
        return math.inf
    surprise = float(np.mean((errors - errors.mean()) ** 2 / horizons)) * told / (told - 1)
    limit = t_limit(max(FEWEST_DEGREES, math.floor(told - 1)), level=level)
    return limit * math.sqrt(surprise * shared.surprises) / shared.forecasts


def t_limit(degrees: int, *, level: float = LEVEL) -> float:
    """The value that Student's t exceeds on either side with probability `1 - level`; by halving."""
    low, high = 0.0, 1.0
    while two_sided_p(high, degrees) > 1 - level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided_p(middle, degrees) > 1 - level else (low, middle)
    return (low + high) / 2
