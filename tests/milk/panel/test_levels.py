"""The level of a column: range, base year, sums, and the parts that jump."""

import numpy as np
import pytest

from milk.panel.cells import Floats
from milk.panel.identities import EXACT
from milk.panel.levels import (
    level_by_base,
    level_by_range,
    level_by_sum,
    level_near_100,
    shifts_in_range,
    small_parts,
)

MONTHS = 24
SHIFTS = np.array([0, -2, 1, 3, -1])


def accounts(seed: int, months: int = MONTHS) -> tuple[Floats, Floats]:
    """A total, and its parts off by powers of ten."""
    rng = np.random.default_rng(seed)
    parts = rng.uniform(20, 900, len(SHIFTS)) * np.exp(rng.normal(0, 0.05, (months, len(SHIFTS))))
    parts = np.round(parts, 6)
    return parts.sum(axis=1), parts / 10.0**SHIFTS


@pytest.mark.parametrize("seed", range(10))
def test_shifts_are_the_coefficients_of_the_sum(seed: int) -> None:
    total, parts = accounts(seed)
    shifts = level_by_sum(total, parts, has_small_parts=False)
    assert shifts is not None
    assert shifts.tolist() == SHIFTS.tolist()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("spoiled", [1, 2])
def test_some_months_with_a_wrong_cell_spoil_nothing(seed: int, spoiled: int) -> None:
    """One cell off by a power of ten or with a wrong first digit turns every coefficient of plain least squares."""
    total, parts = accounts(seed)
    rng = np.random.default_rng(seed)
    for month in rng.choice(MONTHS, spoiled, replace=False):
        parts[month, rng.integers(len(SHIFTS))] *= rng.choice([10, 0.1, 3])
    shifts = level_by_sum(total, parts, has_small_parts=False)
    assert shifts is not None
    assert shifts.tolist() == SHIFTS.tolist()


def test_a_sum_that_does_not_hold_proves_nothing() -> None:
    total, parts = accounts(1)
    assert level_by_sum(total * 1.01, parts, has_small_parts=False) is None
    assert level_by_sum(total + np.linspace(0, total.mean(), MONTHS), parts, has_small_parts=False) is None
    assert level_by_sum(np.random.default_rng(1).permutation(total), parts, has_small_parts=False) is None


def test_a_sum_with_small_parts_left_out_need_not_be_exact() -> None:
    total, parts = accounts(2)
    shifts = level_by_sum(total * 1.001, parts, has_small_parts=True)
    assert shifts is not None
    assert shifts.tolist() == SHIFTS.tolist()


def test_too_few_months_prove_nothing() -> None:
    total, parts = accounts(3, months=len(SHIFTS) + 1)
    assert level_by_sum(total, parts, has_small_parts=False) is None
    assert level_by_sum(total[:0], parts[:0], has_small_parts=False) is None


def test_parts_that_say_nothing_prove_nothing() -> None:
    total, parts = accounts(4)
    nothing, twice = parts.copy(), parts.copy()
    nothing[:, 2] = 0.0
    twice[:, 2] = twice[:, 1]
    assert level_by_sum(total, nothing, has_small_parts=False) is None
    assert level_by_sum(total, twice, has_small_parts=False) is None


def test_a_part_may_be_negative() -> None:
    total, parts = accounts(5)
    parts[:, 3] *= -1
    shifts = level_by_sum(parts @ 10.0**SHIFTS, parts, has_small_parts=False)
    assert shifts is not None
    assert shifts.tolist() == SHIFTS.tolist()
    assert (total > 0).all()


def test_the_range_leaves_one_shift_several_or_none() -> None:
    values = np.array([np.nan, 2.0, 3.0, 0.0, -4.0])
    assert level_by_range(values, 100, 900) == 2
    assert shifts_in_range(values, 1, 90) == {0, 1}
    assert level_by_range(values, 1, 90) is None
    assert level_by_range(values, 5, 15) is None


def test_values_or_ranges_that_reach_to_zero_say_nothing() -> None:
    assert shifts_in_range(np.array([0.0, np.nan]), 1, 9) == set()
    assert shifts_in_range(np.array([]), 1, 9) == set()
    assert shifts_in_range(np.array([3.0]), 0, 9) == set()


def test_the_base_year_is_100() -> None:
    base = 1.0 + np.linspace(-0.1, 0.1, 12)
    assert level_by_base(base) == 2
    assert level_by_base(base * 1000) == -1
    assert level_by_base(base * 1.01) is None
    assert level_by_base(base * 0) is None
    assert level_by_base(-base) is None


def test_nearest_to_100_unless_between_two_powers_of_ten() -> None:
    assert level_near_100(np.array([0.5, 0.6, 0.7])) == 2
    assert level_near_100(np.array([-240.0])) == 0
    assert level_near_100(np.array([30.0, 32.0, 33.0])) is None


def test_small_parts_are_set_month_by_month() -> None:
    total = np.full(5, 8000.0)
    mantissa = np.array([[4.2, np.nan], [4.2, 1.5], [np.nan, np.nan], [4.2, 1.5], [4.2, 1.5]])
    rest = np.array([0.42, 4.2 + 0.015, 0.0, 0.5, np.nan])
    found = small_parts(rest, total, mantissa, [(0.01, 100), (0.001, 1000)])
    assert found.is_proved.tolist() == [True, True, True, False, False]
    assert found.exponent[[0, 1, 1], [0, 0, 1]].tolist() == [-1, 0, -2]


def test_a_month_that_two_choices_make_exact_is_not_proved() -> None:
    found = small_parts(np.array([1.1]), np.array([1.0]), np.array([[1.0, 1.0]]), [(0.1, 9), (0.1, 9)])
    assert found.is_proved.tolist() == [False]
    assert EXACT < 0.1
