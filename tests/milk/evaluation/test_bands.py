"""The bands against slow loops and known values; how often sound forecasts leave them."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.evaluation.bands import hit_band, mean_band, shared_surprises, t_limit
from milk.evaluation.binomial import binomial_band

PAIRS = st.sets(st.tuples(st.integers(600, 640), st.integers(1, 14)), min_size=1, max_size=60)


@given(PAIRS)
def test_what_is_shared_is_that_of_the_slow_loop(forecasts: set[tuple[int, int]]) -> None:
    months = [(set(range(origin + 1, origin + ahead + 1)), ahead) for origin, ahead in sorted(forecasts)]
    overlaps = [len(one & other) / math.sqrt(h * k) for one, h in months for other, k in months]
    surprises = sum(len(one & other) for one, _h in months for other, _k in months)
    origins, horizons = (np.array(values) for values in zip(*sorted(forecasts), strict=True))
    shared = shared_surprises(origins, horizons)
    assert shared.forecasts == len(forecasts)
    assert shared.surprises == pytest.approx(surprises)
    assert shared.for_hits == pytest.approx(len(forecasts) ** 2 / sum(r**2 for r in overlaps))
    assert shared.for_means == pytest.approx(len(forecasts) * horizons.sum() / surprises)
    assert 1 <= shared.for_means <= len(forecasts) + 1e-9


def test_forecasts_one_month_ahead_share_nothing() -> None:
    shared = shared_surprises(np.arange(24), np.ones(24, dtype=np.int64))
    assert (shared.for_means, shared.for_hits) == (24, 24)


def test_a_long_record_has_a_narrow_band() -> None:
    shared = shared_surprises(np.arange(4000), np.ones(4000, dtype=np.int64))
    spread = 2.576 * math.sqrt(0.8 * 0.2 / 4000)
    assert hit_band(shared, 0.8) == pytest.approx((0.8 - spread, 0.8 + spread), abs=5e-4)


def test_the_band_of_hits_is_the_exact_one_of_as_many_independent_forecasts() -> None:
    shared = shared_surprises(np.arange(24), np.ones(24, dtype=np.int64))
    low, high = binomial_band(24, 0.95, level=0.99)
    assert hit_band(shared, 0.95) == (low / 24, high / 24)


@pytest.mark.parametrize(("degrees", "limit"), [(2, 9.9248), (5, 4.0321), (10, 3.1693), (30, 2.7500), (1000, 2.5808)])
def test_the_limit_is_that_of_the_tables(degrees: int, limit: float) -> None:
    assert t_limit(degrees) == pytest.approx(limit, abs=1e-4)


def test_one_forecast_says_nothing_of_the_mean() -> None:
    one = np.array([1])
    assert mean_band(np.array([0.3]), one, shared_surprises(one, one)) == math.inf


@pytest.mark.parametrize("longest", [1, 6])
@pytest.mark.parametrize("shift", [0.0, 2.0])
def test_sound_forecasts_stay_inside_and_biased_ones_do_not(longest: int, shift: float) -> None:
    """All horizons up to the longest together; a shift in standard deviations of a month ahead for each month."""
    months, samples = 48, 150
    grid = [(origin, ahead) for ahead in range(1, longest + 1) for origin in range(months - ahead + 1)]
    origins, horizons = (np.array(values) for values in zip(*grid, strict=True))
    shared = shared_surprises(origins, horizons)
    bands = {share: hit_band(shared, share) for share in (0.8, 0.95)}
    outside = np.zeros(3)
    for seed in range(samples):
        level = np.cumsum(np.random.default_rng([20261126, seed]).standard_normal(months + 1) + shift)
        errors = level[origins + horizons] - level[origins]
        outside[0] += abs(errors.mean()) > mean_band(errors, horizons, shared)
        for place, (share, (low, high)) in enumerate(bands.items(), start=1):
            width = NormalDist().inv_cdf((1 + share) / 2) * np.sqrt(horizons)
            outside[place] += not low <= np.mean(np.abs(errors) <= width) <= high
    if shift:
        assert outside.min() >= 0.9 * samples
    else:
        assert outside.max() <= 0.03 * samples
