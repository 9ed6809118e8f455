"""The power of ten of each cell, from the continuity of its series.

A series of monthly volumes, prices or persons seldom triples within a month, so of all ways to set the points of a
column the one with the smallest sum of `|log10 step|` is taken. That is a shortest path over months with an exponent as
the state, found by dynamic programming (Viterbi 1967, IEEE Trans. Inf. Theory 13, 260-269). Cells whose exponent is
known are pinned. In a column without one the whole path may slide: it is held at one cell, its *anchor*, and
`milk.panel.levels` finds the level.

The margin of a cell is by how much the best path with another exponent at that cell costs more. A step of factor f
that really happened leaves a margin of `1 - 2 |log10 f|` to all cells on its far side from the nearest pinned one:
factor 2 leaves 0.4, factor 3.16 nothing. Beyond that the wrong path is the shorter one, by `2 |log10 f| - 1`. So with
`UNCERTAIN_BELOW` = 0.3 steps up to 2.2 are believed, steps from there to 4.4 are doubted, and a step of more than 4.4
within a month is set wrong and not doubted, unless an identity speaks against it.

A stretch between two such steps, up and down again, costs twice as much to shift, and its margin alone would not show
the doubt. So each end of a stretch is judged by itself: the cells are doubted where both ends could be shifted for less
than `UNCERTAIN_BELOW`; the first and the last month of a column cost nothing. It follows that where no true step is
larger than 4.4, a cell is right, relative to the pinned ones, or doubted. For let it be off: then so is a whole stretch
around it, in the same direction and between pinned cells, and to shift it back by one costs less than that at each end.
"""

from dataclasses import dataclass

import numpy as np

from milk.panel.cells import Flags, Floats, Integers

UNCERTAIN_BELOW = 0.3
"""Margins below it, in units of log10, leave an exponent in doubt."""
_REACH = 4
"""Exponents tried above and below the known ones: a free column may move by so many powers of ten."""


@dataclass(frozen=True)
class Exponents:
    """The exponents of a table, months x columns: a cell is `digits * 10 ** (exponent - length of digits + 1)`.

    Attributes:
        exponent: the power of ten of the first digit; relative to the anchor in a column without a pinned cell; 0 where
            there is no number.
        margin: see the head of the module; infinite where a cell is pinned, NaN where there is no number.
        is_doubted: see the head of the module; so is a cell at the last exponent tried, as the right one may be beyond.
    """

    exponent: Integers
    margin: Floats
    is_doubted: Flags


def find_exponents(log_mantissa: Floats, pinned: Floats, anchor: Integers) -> Exponents:
    """The exponents with the smallest sum of absolute steps.

    Args:
        log_mantissa: months x columns, log10 of the digits read as `d.ddd`, so from 0 to below 1; NaN where there is no
            number.
        pinned: months x columns, the exponent where it is known, NaN where not.
        anchor: for each column the row that holds a column without a pinned cell; its exponent is called 0.
    """
    rows, packed, held = _pack(log_mantissa, _with_anchors(log_mantissa, pinned, anchor))
    lowest, states = _window(held)
    cost = _state_costs(held, lowest, states)
    forward, backward = _sweep(packed, cost), _sweep(packed[::-1], cost[::-1])[::-1]
    # What a cell may not be is infinite in all three; its own cost is counted in both sweeps.
    best, margin = _best(forward + np.where(np.isfinite(cost), backward, 0.0))
    is_doubted = (margin < UNCERTAIN_BELOW) | (best == 0) | (best == states - 1)
    is_doubted |= _shifts_cheaply(packed + best, np.isfinite(held))
    found = Exponents(
        np.zeros(log_mantissa.shape, dtype=np.int64),
        np.full(log_mantissa.shape, np.nan),
        np.zeros(log_mantissa.shape, dtype=bool),
    )
    there = np.isfinite(packed)
    places = rows[there], np.nonzero(there)[1]
    found.exponent[places] = (best + lowest)[there]
    found.margin[places] = margin[there]
    found.is_doubted[places] = is_doubted[there]
    return found


def _best(total: Floats) -> tuple[Integers, Floats]:
    """The cheapest exponent of each cell, and by how much the next one costs more."""
    best = total.argmin(axis=1)
    least = total.min(axis=1)
    np.put_along_axis(total, best[:, None, :], np.inf, axis=1)
    return best, total.min(axis=1) - least


def _with_anchors(log_mantissa: Floats, pinned: Floats, anchor: Integers) -> Floats:
    """Hold each column that has no pinned cell at its anchor."""
    held = np.where(np.isfinite(log_mantissa), pinned, np.nan)
    free = np.flatnonzero(~np.isfinite(held).any(axis=0) & np.isfinite(log_mantissa).any(axis=0))
    held[anchor[free], free] = 0.0
    return held


def _pack(log_mantissa: Floats, held: Floats) -> tuple[Integers, Floats, Floats]:
    """Each column without its gaps: rows its numbers came from, numbers, known exponents; NaN at the end."""
    rows = np.argsort(~np.isfinite(log_mantissa), axis=0, kind="stable")
    longest = int(np.isfinite(log_mantissa).sum(axis=0).max(initial=0))
    rows = rows[:longest]
    return rows, np.take_along_axis(log_mantissa, rows, axis=0), np.take_along_axis(held, rows, axis=0)


def _window(held: Floats) -> tuple[Integers, int]:
    """For each column the lowest exponent tried, and how many are tried."""
    known = np.isfinite(held)
    low = np.where(known, held, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, held, -np.inf).max(axis=0, initial=-np.inf)
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    states = int((high - low).max(initial=0)) + 2 * _REACH + 1
    return (low - _REACH).astype(np.int64), states


def _state_costs(held: Floats, lowest: Integers, states: int) -> Floats:
    """Packed months x exponents x columns: 0 where a cell may have it, infinite where it is known to have another."""
    wanted = (held - lowest)[:, None, :]
    return np.where(np.isfinite(wanted) & (wanted != np.arange(states)[:, None]), np.inf, 0.0)


def _sweep(packed: Floats, cost: Floats) -> Floats:
    """Cost of the best path from the first month to each exponent and cell, the cell itself included."""
    exponents = np.arange(cost.shape[1], dtype=np.float64)
    change = np.subtract.outer(exponents, exponents)[:, :, None]
    reached = cost.copy()
    for month in range(1, len(packed)):
        step = packed[month] - packed[month - 1]
        # Where a column has not begun or has ended there is no step; what stands there is never read.
        continues = np.isfinite(step)
        costs = reached[month - 1] + np.abs(change + np.where(continues, step, 0.0))
        reached[month] += np.where(continues, costs.min(axis=1), 0.0)
    return reached


def _shifts_cheaply(log_value: Floats, is_pinned: Flags) -> Flags:
    """Cells in a stretch without a pinned one, each end of which can be shifted by a power of ten for little cost.

    A step s that is changed by one costs `|s + 1| - |s|` more: less than the limit if it falls by half of `1 - limit`.
    """
    step = np.diff(log_value, axis=0, prepend=0.0)[1:]
    large = (1 - UNCERTAIN_BELOW) / 2
    cheap = np.zeros(log_value.shape, dtype=bool)
    for opens, closes in ((step < -large, step > large), (step > large, step < -large)):
        # NaN behind the end of a column: the end itself costs nothing.
        is_end = ~np.isfinite(step)
        before = _reaches(opens, is_pinned)
        after = _reaches((closes | is_end)[::-1], is_pinned[::-1])[::-1]
        cheap |= before & after
    return cheap


def _reaches(is_cheap: Flags, is_pinned: Flags) -> Flags:
    """Where a stretch that begins at a cheap step, or at the first month, reaches without meeting a pinned cell."""
    reached = ~is_pinned
    for month in range(1, len(is_pinned)):
        reached[month] &= is_cheap[month - 1] | reached[month - 1]
    return reached
