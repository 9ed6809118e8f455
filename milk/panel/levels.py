"""The level of a column: by how many powers of ten its whole path is shifted.

Continuity gives the exponents of a column relative to each other. What is left is one whole number a column, and it is
proved in one of four ways, the strongest that there is: cells whose point survived; an accounting identity; the base
year of an index; the plausible range of the register, where only one power of ten fits it.
"""

from dataclasses import dataclass

import numpy as np

from milk.panel.cells import Flags, Floats, Integers
from milk.panel.identities import EXACT

MONTHS_BEYOND_PARTS = 2
"""An identity is solved from at least so many months more than it has parts."""
HOLDS_SHARE = 0.9
"""An identity proves its columns where it is exact in this share of its months; in the others its cells are doubted."""
BASE_TOLERANCE = 0.05
"""Largest distance from 100 of the mean of a base year, in index points."""
NEAR_100 = 0.4
"""Largest distance from 100 of the middle of an index whose base year is not there, in units of log10: 40 to 251."""
SHARE_IN_RANGE = 0.99
_POWER_TOLERANCE = 0.15
"""Largest distance of the log10 of a coefficient from a whole number while small parts are left out."""


def level_by_range(values: Floats, low: float, high: float) -> int | None:
    """The one shift that puts the values into a range; none where no shift does, or several do.

    Args:
        values: the numbers of a column, months; NaN where there is none.
        low: smallest plausible value.
        high: largest one.
    """
    fitting = shifts_in_range(values, low, high)
    return fitting.pop() if len(fitting) == 1 else None


def shifts_in_range(values: Floats, low: float, high: float) -> set[int]:
    """All shifts that put nearly all values into a range; none for a range that reaches to zero, as all would."""
    known = np.abs(values[np.isfinite(values) & (values != 0)])
    if not known.size or low <= 0:
        return set()
    middle = float(np.log10(np.median(known)))
    tried = range(int(np.floor(np.log10(low) - middle)) - 1, int(np.ceil(np.log10(high) - middle)) + 2)
    # A product with a power of ten is rounded; a value that lies on the end of the range is in it.
    low, high = low * (1 - EXACT), high * (1 + EXACT)
    return {
        shift
        for shift in tried
        if np.mean((known * 10.0**shift >= low) & (known * 10.0**shift <= high)) >= SHARE_IN_RANGE
    }


def level_by_base(base: Floats) -> int | None:
    """The shift that makes the mean of the base year 100; none where no power of ten does.

    Args:
        base: the twelve numbers of the base year.
    """
    if base.mean() <= 0:
        return None
    shift = int(np.round(2 - np.log10(base.mean())))
    return shift if abs(base.mean() * 10.0**shift - 100) <= BASE_TOLERANCE else None


def level_near_100(values: Floats) -> int | None:
    """The shift that brings the middle value nearest to 100; none where it lies between two powers of ten.

    No proof: an index that is below 32 or above 316 while its base year is not in the file gets a wrong level.
    """
    distance = 2 - float(np.log10(np.median(np.abs(values))))
    return round(distance) if abs(distance - round(distance)) <= NEAR_100 else None


def level_by_sum(total: Floats, parts: Floats, *, has_small_parts: bool) -> Integers | None:
    """The shifts of the parts relative to the total: coefficients of the total on its parts, which are powers of ten.

    A wrong digit in one cell spoils all coefficients, so where they are no powers of ten the month without which the
    others fit best is left out, then another one, as many as an identity may fail in.

    Args:
        total: months, none of them zero.
        parts: months x parts, every cell a number.
        has_small_parts: whether further parts are left out, so that the sum need not be exact.

    Returns:
        A whole number for each part; none where the coefficients are no powers of ten, or the sum does not hold.
    """
    kept = np.arange(len(total))
    fewest = max(len(total) - int(len(total) * (1 - HOLDS_SHARE)), parts.shape[1] + MONTHS_BEYOND_PARTS)
    while len(kept) >= fewest:
        shifts = _powers(total[kept], parts[kept])
        if shifts is not None:
            error = np.abs(total - parts @ 10.0 ** shifts.astype(np.float64)) / np.abs(total)
            if np.median(error) <= (0.02 if has_small_parts else EXACT):
                return shifts
        kept = np.delete(kept, _worst_month(total[kept], parts[kept]))
    return None


def _powers(total: Floats, parts: Floats) -> Integers | None:
    """The coefficients of a total on its parts, as powers of ten; none where they are none.

    The largest part is taken first and its coefficient rounded, the others are solved again without it: so the small
    ones, whose coefficients are the least sure, are solved with the fewest unknowns.
    """
    count = parts.shape[1]
    shifts, free, rest = np.zeros(count, dtype=np.int64), list(range(count)), total.copy()
    scale = np.abs(parts).mean(axis=0)
    if not scale.all():
        return None
    while free:
        solved = np.linalg.lstsq(parts[:, free] / scale[free], rest, rcond=None)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            powers = np.log10(solved / scale[free])
        is_power = np.abs(powers - np.round(powers)) <= _POWER_TOLERANCE
        if not is_power.any():
            return None
        taken = int(np.argmax(np.where(is_power, solved, -np.inf)))
        part = free.pop(taken)
        shifts[part] = int(np.round(powers[taken]))
        rest = rest - parts[:, part] * 10.0 ** shifts[part]
    return shifts


def _worst_month(total: Floats, parts: Floats) -> int:
    """The month without which least squares leave the least: the largest `e^2 / (1 - h)`, with h its leverage."""
    basis = np.linalg.qr(parts / np.maximum(np.abs(parts).mean(axis=0), np.finfo(float).tiny))[0]
    left = total - basis @ (basis.T @ total)
    leverage = np.minimum((basis**2).sum(axis=1), 1 - 1e-9)
    return int(np.argmax(left**2 / (1 - leverage)))


@dataclass(frozen=True)
class SmallParts:
    """The exponents of parts that jump, cell by cell.

    Attributes:
        exponent: months x small parts.
        is_proved: months in which exactly one choice makes the sum exact.
    """

    exponent: Integers
    is_proved: Flags


def small_parts(rest: Floats, total: Floats, mantissa: Floats, ranges: list[tuple[float, float]]) -> SmallParts:
    """The exponents that make a sum exact, month by month.

    Args:
        rest: what the total leaves to the small parts, months.
        total: months.
        mantissa: months x small parts, the digits as `d.ddd`; NaN where a cell is empty, which means none.
        ranges: the plausible range of each small part.
    """
    months, count = mantissa.shape
    exponent, is_proved = np.zeros((months, count), dtype=np.int64), np.zeros(months, dtype=bool)
    tried = [_exponents_in(low, high) for low, high in ranges]
    grid = np.array(np.meshgrid(*tried, indexing="ij")).reshape(count, -1)
    for month in np.flatnonzero(np.isfinite(rest)):
        there = np.isfinite(mantissa[month])
        choices = np.unique(grid[there], axis=1) if there.any() else np.zeros((0, 1), dtype=np.int64)
        sums = (mantissa[month, there][:, None] * 10.0 ** choices.astype(np.float64)).sum(axis=0)
        error = np.abs(rest[month] - sums) / abs(total[month])
        exponent[month, there] = choices[:, int(np.argmin(error))]
        is_proved[month] = int((error <= EXACT).sum()) == 1
    return SmallParts(exponent, is_proved)


def _exponents_in(low: float, high: float) -> Integers:
    return np.arange(int(np.floor(np.log10(low))), int(np.floor(np.log10(high))) + 1, dtype=np.int64)
