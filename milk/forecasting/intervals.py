"""Intervals from the errors that were made before: rolling split-conformal, scaled by recent size.

At each origin and horizon, the absolute log errors of earlier forecasts whose target is already known are divided by
the size that errors had when each was made (an exponentially weighted mean of the errors known then). The 80 % and 95 %
quantiles of the last `memory` of these ratios, times the size of errors now, are the half widths on the log scale. A
ratio to a size below `NEGLIGIBLE_SIZE` counts as 1.

The decay of .94 is a customary one for running volatility and the memory is ten years; both are the same for every
model and every origin. Scaling by the running size was chosen because plain split-conformal covered too little at long
horizons on the original prices of 2003 to 2017: coverage measured on those months flatters the method a little.
"""

from dataclasses import dataclass

import numpy as np

from milk.forecasting.histories import Floats, Histories, Integers
from milk.forecasting.model import Forecast

LEVELS = (0.80, 0.95)
SMALLEST_SIZE = 1e-12
"""Keeps the interval of a series that never surprised as good as a point, yet not empty."""
NEGLIGIBLE_SIZE = 1e-4
"""A hundredth of a percent, below the rounding of a quoted price. The first move after years of a fixed price, divided
by such a size, would be a ratio of millions, and the intervals of the ten years after it without end."""


@dataclass(frozen=True)
class IntervalMethod:
    """How the half widths are made.

    Attributes:
        decay: weight of the past in the running size of errors, per month.
        memory_months: how many of the latest scaled errors the quantiles rest on.
    """

    decay: float = 0.94
    memory_months: int = 120


@dataclass(frozen=True)
class HalfWidths:
    """Half widths of the intervals on the log scale.

    Attributes:
        by_level: for each of `LEVELS` an array origins x steps; NaN where there is no earlier error.
        errors: origins x steps: how many past errors stand behind them.
    """

    by_level: dict[float, Floats]
    errors: Integers


def half_widths(forecast: Forecast, histories: Histories, method: IntervalMethod) -> HalfWidths:
    """The half widths that could have been known at each origin.

    Args:
        forecast: forecasts of all origins of `histories`, in order.
        histories: what was known at each origin; errors are measured against these prices, never against later ones.
        method: decay and memory.
    """
    rows, steps = forecast.log_price.shape
    widths = {level: np.full((rows, steps), np.nan) for level in LEVELS}
    counts = np.zeros((rows, steps), dtype=np.int64)
    for start, stop in _vintage_groups(histories):
        observed = _observed(histories, stop - 1, steps)
        errors = np.abs(observed - forecast.log_price)
        for step in range(1, steps + 1):
            size = _running_size(errors[:, step - 1], method.decay)
            ordered, count = _scaled_errors(errors[:, step - 1], size, step, method.memory_months)
            counts[start:stop, step - 1] = count[start:stop]
            for level in LEVELS:
                now = _known_at_row(size, step)[start:stop]
                widths[level][start:stop, step - 1] = now * _quantile(ordered, count, level)[start:stop]
    return HalfWidths(widths, counts)


def _vintage_groups(histories: Histories) -> list[tuple[int, int]]:
    """Ranges of rows that saw the same past: one range, and one more for each revision of a price."""
    later, earlier = histories.log_price[1:], histories.log_price[:-1]
    is_revised = (np.isfinite(earlier) & (later != earlier)).any(axis=1)
    starts = [0, *(np.flatnonzero(is_revised) + 1).tolist()]
    return list(zip(starts, [*starts[1:], len(histories)], strict=True))


def _observed(histories: Histories, row: int, steps: int) -> Floats:
    """Origins x steps: the log price that came, as known at one row; NaN where it had not come."""
    prices = np.append(histories.log_price[row], np.full(steps, np.nan))
    return np.asarray(prices[histories.origins[:, None] + np.arange(1, steps + 1)])


def _running_size(errors: Floats, decay: float) -> Floats:
    """Exponentially weighted mean of the errors up to each row."""
    size = np.full(len(errors), np.nan)
    total = weight = 0.0
    for row, error in enumerate(errors):
        if not np.isfinite(error):
            break
        total, weight = decay * total + error, decay * weight + 1.0
        size[row] = max(total / weight, SMALLEST_SIZE)
    return size


def _known_at_row(size: Floats, step: int) -> Floats:
    """The running size that was known at each row: the error of `step` months ago is the newest there is."""
    known = np.full(len(size), np.nan)
    known[step:] = size[:-step] if step < len(size) else size[:0]
    return known


def _scaled_errors(errors: Floats, size: Floats, step: int, memory: int) -> tuple[Floats, Integers]:
    """For each row the scaled errors known at it, sorted, and how many there are."""
    then = _known_at_row(size, step)
    scaled = np.where(then < NEGLIGIBLE_SIZE, np.where(np.isfinite(errors), 1.0, np.nan), errors / then)
    padded = np.concatenate([np.full(memory + step - 1, np.nan), scaled])
    windows = np.lib.stride_tricks.sliding_window_view(padded, memory)[: len(errors)]
    ordered = np.sort(windows, axis=1)  # NaN goes last
    return ordered, np.isfinite(ordered).sum(axis=1).astype(np.int64)


def _quantile(ordered: Floats, count: Integers, level: float) -> Floats:
    """The conformal quantile: the ceil(level (n + 1))-th smallest of n, the largest where n is too small for it."""
    rank = np.minimum(np.ceil(level * (count + 1)).astype(np.int64), count) - 1
    chosen = ordered[np.arange(len(ordered)), np.maximum(rank, 0)]
    return np.where(count > 0, chosen, np.nan)
