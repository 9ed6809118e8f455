"""The shortest path against a slow one that tries every path."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.panel.cells import Flags, Floats
from milk.panel.exponents import UNCERTAIN_BELOW, Exponents, find_exponents

MONTHS = 4
TRIED = range(-4, 5)
mantissas = st.one_of(st.just(np.nan), st.floats(0, 0.999))


def find_slowly(mantissa: Floats, pinned: Floats) -> tuple[float, dict[int, dict[int, float]]]:
    """The least cost of all paths, and for each month and exponent the least cost of the paths through it."""
    months = np.flatnonzero(np.isfinite(mantissa))
    held = pinned[months]
    if not np.isfinite(held).any():
        held = np.where(np.arange(len(months)) == 0, 0.0, held)
    low, high = int(np.nanmin(held)), int(np.nanmax(held))
    through: dict[int, dict[int, float]] = {int(month): {} for month in months}
    allowed = [[int(h)] if np.isfinite(h) else range(low + TRIED[0], high + TRIED[-1] + 1) for h in held]
    for path in itertools.product(*allowed):
        values = mantissa[months] + np.array(path)
        cost = float(np.abs(np.diff(values)).sum())
        for month, exponent in zip(months, path, strict=True):
            through[int(month)][exponent] = min(cost, through[int(month)].get(exponent, np.inf))
    return min(through[int(months[0])].values()), through


def found(mantissa: Floats, pinned: Floats) -> Exponents:
    anchor = np.array([int(np.flatnonzero(np.isfinite(mantissa))[0])])
    return find_exponents(mantissa[:, None], pinned[:, None], anchor)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(
    st.lists(mantissas, min_size=MONTHS, max_size=MONTHS).filter(lambda m: bool(np.isfinite(m).any())),
    st.lists(st.sampled_from([np.nan, np.nan, -1.0, 0.0, 1.0]), min_size=MONTHS, max_size=MONTHS),
)
def test_costs_and_margins_are_those_of_all_paths(mantissa: list[float], pinned: list[float]) -> None:
    numbers = np.array(mantissa)
    held = np.where(np.isfinite(numbers), pinned, np.nan)
    least, through = find_slowly(numbers, held)
    exponents = found(numbers, held)
    there = np.isfinite(numbers)
    path = (numbers + exponents.exponent[:, 0])[there]
    for month, costs in through.items():
        chosen = int(exponents.exponent[month, 0])
        others = [cost for exponent, cost in costs.items() if exponent != chosen]
        # Where two paths cost the same each cell may take either; both are among the best.
        assert costs[chosen] == pytest.approx(least)
        assert exponents.margin[month, 0] == pytest.approx(min(others, default=np.inf) - least)
    if (exponents.margin[there, 0] > 1e-9).all():
        assert np.abs(np.diff(path)).sum() == pytest.approx(least)
    assert np.isnan(exponents.margin[~there, 0]).all()


def doubted_slowly(value: Floats, is_pinned: Flags) -> Flags:
    """Whether a cell lies in any stretch without a pinned cell, each end of which is shifted for little cost."""

    def cost(month: int, by: int) -> float:
        if month in (0, len(value)):
            return 0.0
        step = value[month] - value[month - 1]
        return float(abs(step + by) - abs(step))

    doubted = np.zeros(len(value), dtype=bool)
    for first, behind in itertools.combinations(range(len(value) + 1), 2):
        if is_pinned[first:behind].any():
            continue
        for by in (-1, 1):
            if cost(first, by) < UNCERTAIN_BELOW and cost(behind, -by) < UNCERTAIN_BELOW:
                doubted[first:behind] = True
    return doubted


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.lists(st.floats(0, 0.999), min_size=8, max_size=8), st.sets(st.integers(0, 7), min_size=1, max_size=2))
def test_stretches_with_two_cheap_ends_are_doubted(mantissa: list[float], at: set[int]) -> None:
    numbers, pinned = np.array(mantissa), np.full(8, np.nan)
    pinned[list(at)] = 0.0
    exponents = found(numbers, pinned)
    value = numbers + exponents.exponent[:, 0].astype(np.float64)
    margin = exponents.margin[:, 0]
    is_edge = np.abs(exponents.exponent[:, 0]) == TRIED[-1]
    slow = doubted_slowly(value, np.isfinite(pinned))
    assert (exponents.is_doubted[:, 0] == (slow | (margin < UNCERTAIN_BELOW) | is_edge)).all()


def test_each_column_is_found_by_itself() -> None:
    rng = np.random.default_rng(3)
    mantissa = rng.uniform(0, 0.999, (30, 12))
    mantissa[rng.random(mantissa.shape) < 0.2] = np.nan
    mantissa[:, 5] = np.nan
    pinned = np.where(rng.random(mantissa.shape) < 0.1, np.round(rng.uniform(-2, 2, mantissa.shape)), np.nan)
    anchor = np.isfinite(mantissa).argmax(axis=0)
    together = find_exponents(mantissa, pinned, anchor)
    for column in range(mantissa.shape[1]):
        one = [column]
        alone = find_exponents(mantissa[:, one], pinned[:, one], anchor[one])
        np.testing.assert_array_equal(together.exponent[:, one], alone.exponent)
        np.testing.assert_allclose(together.margin[:, one], alone.margin)


def test_no_months_and_no_columns() -> None:
    for shape in ((0, 3), (4, 0), (0, 0)):
        exponents = find_exponents(np.zeros(shape), np.zeros(shape), np.zeros(shape[1], dtype=np.int64))
        assert exponents.exponent.shape == exponents.margin.shape == exponents.is_doubted.shape == shape


def test_a_path_that_leaves_the_exponents_tried_is_doubted() -> None:
    growing = np.linspace(0, 6.5, 60)
    exponents = find_exponents((growing % 1)[:, None], np.full((60, 1), np.nan), np.array([0]))
    off = exponents.exponent[:, 0] != np.floor(growing)
    assert off.any()
    assert exponents.is_doubted[off, 0].all()
