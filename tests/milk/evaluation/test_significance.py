"""The test of Diebold and Mariano and the bootstrap against slow loops, known values and simulated truth."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.evaluation.scores import ROUNDING, WORST_RATIO, bounded_ratio, without_rounding
from milk.evaluation.significance import (
    FEWEST_TERMS,
    LARGEST_STATISTIC,
    SMALLEST_SAMPLE,
    better_than,
    bootstrap_ratio,
    diebold_mariano,
    two_sided_p,
)

Floats = npt.NDArray[np.float64]
LOSSES = st.lists(st.floats(0.0, 100.0), min_size=SMALLEST_SAMPLE, max_size=40)


def shared_errors(rng: np.random.Generator, months: int, horizon: int) -> Floats:
    """Errors of unit variance that share all but one of `horizon` surprises with those of the next month."""
    surprises = rng.standard_normal(months + horizon - 1)
    return np.convolve(surprises, np.ones(horizon), "valid") / math.sqrt(horizon)


def two_models(rng: np.random.Generator, months: int, horizon: int, size: float = 1.0) -> tuple[Floats, Floats]:
    """Squared errors of two models of which the first has `size` times the RMSE of the second."""
    common = shared_errors(rng, months, horizon)
    first, second = (0.8 * common + 0.6 * shared_errors(rng, months, horizon) for _ in range(2))
    return (size * first) ** 2, second**2


def slow_statistic(loss: list[float], reference: list[float], h: int) -> float:
    n = len(loss)
    d = [a - b for a, b in zip(loss, reference, strict=True)]
    mean = sum(d) / n

    def covariance(k: int) -> float:
        return sum((d[t] - mean) * (d[t - k] - mean) for t in range(k, n)) / n

    total = covariance(0)
    for k in range(1, h):
        total += 2 * covariance(k)
    if total <= 0:
        total = covariance(0)
        for k in range(1, h):
            total += 2 * (1 - k / h) * covariance(k)
    return math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n) * mean / math.sqrt(total / n)


def slow_p(statistic: float, degrees: int) -> float:
    """One less the density of Student's t between the statistic and its negative, by Simpson's rule."""
    x, step = np.linspace(0.0, abs(statistic), 40_001, retstep=True)
    constant = math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2) - math.log(degrees * math.pi) / 2
    density = np.exp(constant - (degrees + 1) / 2 * np.log1p(x**2 / degrees))
    weights = np.array([1.0, *[4.0, 2.0] * 19_999, 4.0, 1.0])
    return 1 - 2 * float(weights @ density) * float(step) / 3


@pytest.mark.parametrize("horizon", [1, 2, 5, 12])
def test_the_statistic_is_that_of_the_slow_loop(horizon: int) -> None:
    rng = np.random.default_rng(horizon)
    for _ in range(20):
        loss, reference = two_models(rng, 40, horizon, 0.9)
        found = diebold_mariano(loss, reference, horizon_months=horizon)
        expected = slow_statistic([*map(float, loss)], [*map(float, reference)], horizon)
        assert found.statistic == pytest.approx(expected)
        assert found.p_value == pytest.approx(slow_p(expected, 39), abs=1e-9)
        assert found.mean_difference == pytest.approx(np.mean(loss) - np.mean(reference))
        assert found.forecasts == 40


def test_one_month_ahead_it_is_the_test_of_a_mean() -> None:
    """With h = 1 the correction turns the divisor n of the variance into n - 1: Student's test of one sample."""
    loss, reference = two_models(np.random.default_rng(3), 30, 1, 0.8)
    found = diebold_mariano(loss, reference, horizon_months=1)
    difference = loss - reference
    assert found.statistic == pytest.approx(difference.mean() / (difference.std(ddof=1) / math.sqrt(30)))


def test_bartlett_stands_in_where_the_sum_is_not_positive() -> None:
    loss, reference = [3.0, 1.0, 0.0, 2.0] * 3, [1.0] * 12
    difference = np.array(loss) - 1
    deviation = difference - difference.mean()
    assert deviation @ deviation + 2 * sum(deviation[k:] @ deviation[:-k] for k in (1, 2)) < 0
    found = diebold_mariano(loss, reference, horizon_months=3)
    assert found.statistic == pytest.approx(slow_statistic(loss, reference, 3))
    assert math.isfinite(found.statistic)


@pytest.mark.parametrize("degrees", [2, 3, 7, 8, 23, 24, 179, 500])
def test_the_p_value_is_that_of_student_s_t(degrees: int) -> None:
    for statistic in (0.0, 1e-9, 0.3, -1.7, 2.0, 4.5, -12.0, 50.0):
        assert two_sided_p(statistic, degrees) == pytest.approx(slow_p(statistic, degrees), abs=1e-10)


def test_known_values_of_student_s_t() -> None:
    assert two_sided_p(2.262157, 9) == pytest.approx(0.05, abs=1e-7)
    assert two_sided_p(3.169273, 10) == pytest.approx(0.01, abs=1e-7)
    assert two_sided_p(1.0, 2) == pytest.approx(1 - 1 / math.sqrt(3), abs=1e-15)
    assert two_sided_p(1000.0, 179) == 0.0


@settings(max_examples=30, deadline=None)
@given(LOSSES, st.data())
def test_swapped_models_change_the_sign_and_nothing_else(loss: list[float], data: st.DataObject) -> None:
    reference = data.draw(st.lists(st.floats(0.0, 100.0), min_size=len(loss), max_size=len(loss)))
    horizon = data.draw(st.integers(1, len(loss) - 1))
    one = diebold_mariano(loss, reference, horizon_months=horizon)
    other = diebold_mariano(reference, loss, horizon_months=horizon)
    assert (one.statistic, one.mean_difference) == (-other.statistic, -other.mean_difference)
    assert one.p_value == other.p_value
    assert 0.0 <= one.p_value <= 1.0
    assert abs(one.statistic) <= LARGEST_STATISTIC


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.001, 8.0, 1e6]))
def test_the_unit_of_the_losses_does_not_matter(seed: int, factor: float) -> None:
    loss, reference = two_models(np.random.default_rng(seed), 30, 3)
    plain = diebold_mariano(loss, reference, horizon_months=3)
    scaled = diebold_mariano(factor * loss, factor * reference, horizon_months=3)
    assert scaled.statistic == pytest.approx(plain.statistic)
    assert scaled.mean_difference == pytest.approx(factor * plain.mean_difference)


@settings(max_examples=20, deadline=None)
@given(LOSSES)
def test_equal_losses_differ_by_nothing_and_neither_do_those_that_only_rounding_tells_apart(loss: list[float]) -> None:
    rounded = np.array(loss) * (1 + 1e-13)
    for own in (np.array(loss), rounded):
        found = diebold_mariano(own, loss, horizon_months=4)
        assert (found.statistic, found.p_value, found.mean_difference) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_difference_that_never_changes_is_beyond_doubt_and_finite(horizon: int) -> None:
    reference = np.linspace(1.0, 2.0, 20)
    found = diebold_mariano(reference - 0.1, reference, horizon_months=horizon)
    assert found.statistic == -LARGEST_STATISTIC
    assert found.p_value < 1e-12


@pytest.mark.parametrize(("horizon", "least", "most"), [(1, 0.03, 0.07), (4, 0.03, 0.08), (12, 0.03, 0.11)])
def test_of_equal_models_it_refuses_about_one_in_twenty(horizon: int, least: float, most: float) -> None:
    rng = np.random.default_rng(11)
    p = [diebold_mariano(*two_models(rng, 180, horizon), horizon_months=horizon).p_value for _ in range(800)]
    assert least < np.mean(np.array(p) < 0.05) < most


def test_without_the_lags_it_would_refuse_far_too_often() -> None:
    rng = np.random.default_rng(12)
    p = [diebold_mariano(*two_models(rng, 180, 12), horizon_months=1).p_value for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) > 0.3


def test_it_finds_a_fifth_less_error_nearly_always_and_a_model_with_twice_the_error_is_worse() -> None:
    rng = np.random.default_rng(13)
    better = [diebold_mariano(*two_models(rng, 180, 1, 0.8), horizon_months=1) for _ in range(200)]
    assert np.mean([test.p_value < 0.05 and test.statistic < 0 for test in better]) > 0.9
    worse = diebold_mariano(*two_models(rng, 180, 1, 2.0), horizon_months=1)
    assert worse.statistic > 0
    assert worse.p_value < 0.001


def slow_interval(squared: Floats, reference: Floats, block: int, draws: int, seed: int) -> tuple[float, float]:
    months = len(squared)
    blocks = math.ceil(months / block)
    starts = np.random.default_rng(seed).integers(months, size=(draws, blocks))
    ratios = []
    for row in starts:
        sample = [(int(start) + k) % months for start in row for k in range(block)][:months]
        ratios.append(math.sqrt(sum(squared[m] for m in sample) / sum(reference[m] for m in sample)))
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("block", [1, 5, 7, 15])
def test_the_interval_is_that_of_the_slow_loop(block: int) -> None:
    squared, reference = two_models(np.random.default_rng(block), 31, 3, 0.8)
    low, high = bootstrap_ratio(squared, reference, block_months=block, draws=120, seed=5)
    assert (float(low), float(high)) == pytest.approx(slow_interval(squared, reference, block, 120, 5))


def test_many_columns_at_once_are_each_the_interval_of_its_own() -> None:
    pairs = [two_models(np.random.default_rng(k), 60, 2, 0.7 + 0.1 * k) for k in range(6)]
    squared, reference = (np.column_stack([pair[side] for pair in pairs]) for side in (0, 1))
    low, high = bootstrap_ratio(squared, reference, block_months=6)
    assert low.shape == high.shape == (6,)
    for k, pair in enumerate(pairs):
        alone = bootstrap_ratio(*pair, block_months=6)
        assert (low[k], high[k]) == pytest.approx((float(alone[0]), float(alone[1])))


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    squared, reference = two_models(np.random.default_rng(1), 60, 1)
    first, again, other = (bootstrap_ratio(squared, reference, block_months=4, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first != other


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10), st.floats(0.1, 10.0))
def test_the_interval_scales_with_the_error_and_turns_over_with_the_models(seed: int, block: int, size: float) -> None:
    squared, reference = two_models(np.random.default_rng(seed), 24, 2)
    low, high = bootstrap_ratio(squared, reference, block_months=block, draws=41)
    assert 0 < low <= high
    scaled = bootstrap_ratio(size**2 * squared, reference, block_months=block, draws=41)
    assert (float(scaled[0]), float(scaled[1])) == pytest.approx((size * float(low), size * float(high)))
    # With 41 draws the quantiles are draws themselves, so the inverse of one is the other.
    turned = bootstrap_ratio(reference, squared, block_months=block, draws=41)
    assert (float(turned[0]), float(turned[1])) == pytest.approx((1 / float(high), 1 / float(low)))


def test_a_ratio_that_is_the_same_in_every_month_has_no_width() -> None:
    reference = np.random.default_rng(2).uniform(1.0, 9.0, 40)
    low, high = bootstrap_ratio(0.25 * reference, reference, block_months=4)
    assert (float(low), float(high)) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(("months", "horizon", "least"), [(180, 1, 0.90), (180, 6, 0.84), (60, 1, 0.87)])
def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says(months: int, horizon: int, least: float) -> None:
    rng = np.random.default_rng(21)
    pairs = [two_models(rng, months, horizon, 0.8) for _ in range(400)]
    squared, reference = (np.column_stack([pair[side] for pair in pairs]) for side in (0, 1))
    low, high = bootstrap_ratio(squared, reference, block_months=6)
    assert least < np.mean((low <= 0.8) & (high >= 0.8)) < 0.98


def test_blocks_of_a_month_make_an_interval_too_narrow_for_long_horizons() -> None:
    rng = np.random.default_rng(22)
    pairs = [two_models(rng, 180, 12, 0.8) for _ in range(200)]
    squared, reference = (np.column_stack([pair[side] for pair in pairs]) for side in (0, 1))
    short, long = (bootstrap_ratio(squared, reference, block_months=block) for block in (1, 12))
    assert np.mean(long[1] - long[0]) > 1.5 * np.mean(short[1] - short[0])


def test_ratios_follow_the_rules_of_the_scores() -> None:
    error, reference = [2.0, 2.0, ROUNDING / 2, 1e9, 0.0], [4.0, 0.0, ROUNDING, 1.0, 3.0]
    assert bounded_ratio(error, reference).tolist() == [0.5, WORST_RATIO, 1.0, WORST_RATIO, 0.0]
    assert np.array_equal(without_rounding([1e-12, 0.5, np.nan]), [0.0, 0.5, np.nan], equal_nan=True)


def test_a_reference_without_error_gives_a_finite_interval() -> None:
    nothing, some = np.zeros(20), np.full(20, 4.0)
    assert [float(end) for end in bootstrap_ratio(some, nothing, block_months=2)] == [WORST_RATIO, WORST_RATIO]
    assert [float(end) for end in bootstrap_ratio(nothing, nothing, block_months=2)] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("loss", "reference", "said"),
    [
        ([1.0] * 9, [1.0] * 10, "differ in shape"),
        ([1.0] * 7, [1.0] * 7, "at least 8 forecasts"),
        ([], [], "at least 8 forecasts"),
        ([1.0] * 9 + [np.nan], [1.0] * 10, "missing or infinite"),
        ([1.0] * 10, [1.0] * 9 + [np.inf], "missing or infinite"),
    ],
)
def test_losses_that_cannot_be_compared_are_refused(loss: list[float], reference: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        diebold_mariano(loss, reference, horizon_months=1)
    with pytest.raises(ValueError, match=said):
        bootstrap_ratio(loss, reference, block_months=1)


@pytest.mark.parametrize("horizon", [-1, 0, 10, 11])
def test_a_horizon_that_leaves_nothing_to_test_is_refused(horizon: int) -> None:
    with pytest.raises(ValueError, match=f"horizon of {horizon} months cannot be tested with 10 forecasts"):
        diebold_mariano([1.0] * 10, [2.0] * 10, horizon_months=horizon)


def test_a_table_of_losses_is_refused_by_the_test() -> None:
    with pytest.raises(ValueError, match="two series of losses"):
        diebold_mariano(np.ones((10, 2)), np.ones((10, 2)), horizon_months=1)


@pytest.mark.parametrize("block", [0, 6, 100])
def test_blocks_that_leave_nothing_to_draw_are_refused(block: int) -> None:
    with pytest.raises(ValueError, match=f"Blocks of {block} months cannot be drawn from 10"):
        bootstrap_ratio([1.0] * 10, [2.0] * 10, block_months=block)


def test_a_negative_square_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        bootstrap_ratio([1.0] * 9 + [-1.0], [2.0] * 10, block_months=1)


def slow_cosine_statistic(d: list[float], terms: int) -> float:
    n = len(d)
    squares = 0.0
    for j in range(1, terms + 1):
        squares += (math.sqrt(2 / n) * sum(d[t] * math.cos(math.pi * j * (t + 0.5) / n) for t in range(n))) ** 2
    return math.sqrt(n) * sum(d) / n / math.sqrt(squares / terms)


@given(LOSSES, LOSSES, st.integers(1, 14))
@settings(max_examples=50, deadline=None)
def test_the_cosine_test_is_the_slow_one(first: list[float], second: list[float], horizon: int) -> None:
    n = min(len(first), len(second))
    own, reference = first[:n], second[:n]
    test = better_than(own, reference, horizon_months=horizon)
    assert test.terms == max(FEWEST_TERMS, min(int(0.4 * n ** (2 / 3)), n // horizon))
    assert test.months == n
    difference = [a - b for a, b in zip(own, reference, strict=True)]
    if np.std(difference) > 1e-6 and abs(np.mean(difference)) > 1e-6:
        slow = slow_cosine_statistic(difference, test.terms)
        assert test.statistic == pytest.approx(
            min(max(slow, -LARGEST_STATISTIC), LARGEST_STATISTIC), rel=1e-6, abs=1e-6
        )
    two_sided = two_sided_p(test.statistic, test.terms)
    assert test.p_value == pytest.approx(two_sided / 2 if test.statistic < 0 else 1 - two_sided / 2)


def test_better_is_one_sided_and_turns_with_the_models() -> None:
    rng = np.random.default_rng(3)
    own, reference = two_models(rng, 360, 12, size=0.5)
    better, worse = (better_than(*pair, horizon_months=12) for pair in ((own, reference), (reference, own)))
    assert better.p_value < 0.01
    assert worse.p_value == pytest.approx(1 - better.p_value)
    assert worse.statistic == pytest.approx(-better.statistic)


def test_equal_losses_are_not_better_and_a_constant_difference_is_beyond_doubt() -> None:
    same = better_than([1.0] * 24, [1.0 + 1e-12] * 24, horizon_months=12)
    assert (same.statistic, same.p_value) == (0.0, 0.5)
    always = better_than([1.0] * 24, [2.0] * 24, horizon_months=12)
    assert always.statistic == -LARGEST_STATISTIC
    assert always.p_value < 1e-5


def test_the_cosine_test_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        better_than([1.0] * 7, [2.0] * 7, horizon_months=1)
    with pytest.raises(ValueError, match="differ in shape"):
        better_than([1.0] * 9, [2.0] * 8, horizon_months=1)
    with pytest.raises(ValueError, match="two series"):
        better_than(np.ones((9, 2)), np.ones((9, 2)), horizon_months=1)
