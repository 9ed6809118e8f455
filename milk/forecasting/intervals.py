"""Intervals from the errors that were made before, each judged by what was known at its origin.

All methods are rolling split-conformal on the log scale: at each origin and horizon the half widths are quantiles of
the absolute log errors of earlier forecasts whose target is already known. They differ in the errors and in the
quantile:

    split       the errors of the last `memory_months`, as they are
    ewma        each error divided by the size that errors had when its forecast was made (an exponentially weighted
                mean of the errors known then), or by a power of it; the quantile of these ratios times the same power
                of the size now
    neighbours  as ewma, but only errors whose target lies in the calendar month of the target or in one beside it
    adaptive    as ewma, but the level moves: up after a miss, down after a hit (Gibbs and Candes 2021, "Adaptive
                conformal inference under distribution shift", equation 2), at each horizon by itself

An error made at a size below `NEGLIGIBLE_SIZE` counts as one of that size. At last the widths are made to grow with the
horizon: what is further away is never surer. The mean price of several months has errors, and so intervals, of its own:
the errors of neighbouring months go together, and the ends of the intervals of single months say nothing about their
mean.

The decay of .94 is a customary one for running volatility and the memory is ten years; scaling by the running size is
the default because plain split-conformal covered too little at long horizons on the original prices of 2003 to 2017. A
full scaling pays for a shock twice: its error is large against the calm before it, and that ratio then multiplies the
unrest after it. A power below 1 takes part of this back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from milk.errors import BadSetting
from milk.forecasting.histories import (
    Floats,
    Histories,
    Integers,
    discounted_sum,
    observed,
    observed_by_series,
    vintages,
)
from milk.forecasting.model import Forecast

LEVEL_NAMES = {0.80: "80", 0.95: "95"}
LEVELS = tuple(LEVEL_NAMES)
SMALLEST_SIZE = 1e-12
"""Keeps the interval of a series that never surprised as good as a point, yet not empty."""
NEGLIGIBLE_SIZE = 1e-4
"""A hundredth of a percent, below the rounding of a quoted price. The first move after years of a fixed price, divided
by such a size, would be a ratio of millions, and the intervals of the ten years after it without end."""
MEASURED_MONTHS = 180
"""Measured coverage looks at the intervals of the last fifteen years at most."""
LEVEL_RANGE = (0.50, 0.995)
"""Where an adaptive level may move: without ends, years without a miss would take as long to undo."""

MethodName = Literal["split", "ewma", "neighbours", "adaptive"]


@dataclass(frozen=True)
class IntervalMethod:
    """How the half widths are made.

    Attributes:
        name: the method, see the module.
        decay: weight of the past in the running size of errors, per month; not of `split`.
        scaling: power of the size by which errors are divided: 1 for the size itself, towards 0 for less of it; not of
            `split`.
        memory_months: how many of the latest errors the quantiles rest on; `neighbours` uses a quarter of them.
        learning_rate: by how much a miss moves the level of `adaptive`, times the level.

    Raises:
        BadSetting: there is no method of that name.
    """

    name: MethodName = "ewma"
    decay: float = 0.94
    scaling: float = 1.0
    memory_months: int = 120
    learning_rate: float = 0.005

    def __post_init__(self) -> None:
        names = get_args(MethodName)
        if self.name not in names:
            raise BadSetting(f"'{self.name}' makes no intervals: the methods are {', '.join(names)}.")


@dataclass(frozen=True)
class HalfWidths:
    """Half widths of the intervals on the log scale; every array is origins x steps.

    Attributes:
        by_level: for each of `LEVELS` the half widths; they never fall from one step to the next, and are NaN where
            there is no earlier error.
        errors: how many past errors stand behind them.
        measured: for each of `LEVELS` the share of the earlier intervals of that step, those of the last
            `MEASURED_MONTHS` whose price was known at the origin, that held the price; NaN where there are none.
        measured_forecasts: how many intervals that share rests on.
    """

    by_level: dict[float, Floats]
    errors: Integers
    measured: dict[float, Floats]
    measured_forecasts: Integers


def half_widths(forecast: Forecast, histories: Histories, method: IntervalMethod) -> HalfWidths:
    """The half widths that could have been known at each origin, for the price of each month ahead.

    Args:
        forecast: forecasts of all origins of `histories`, in order.
        histories: what was known at each origin; errors are measured against these prices, never against later ones.
        method: how they are made.
    """
    return _half_widths(forecast.log_price, histories, method, lambda log_price: log_price)


def mean_half_widths(
    forecast: Forecast, histories: Histories, method: IntervalMethod, *, first_step: int
) -> HalfWidths:
    """The same for the mean price of the months `first_step` to h, for each step h from `first_step` on; NaN before.

    The error is the log of the mean of the prices that came, less the log of the mean of the forecasts.
    """
    return _half_widths(
        mean_log_price(forecast, first_step), histories, method, lambda log_price: _running_mean(log_price, first_step)
    )


def mean_log_price(forecast: Forecast, first_step: int) -> Floats:
    """Origins x steps: log of the mean forecast price of the months `first_step` to h; NaN before `first_step`."""
    return _running_mean(forecast.log_price, first_step)


def log_errors(forecast: Forecast, histories: Histories) -> Floats:
    """Origins x steps: absolute log errors against the prices that the last origin knew; NaN where none had come."""
    return np.abs(observed(histories, histories.rows_of_series - 1, forecast.log_price.shape[1]) - forecast.log_price)


def _running_mean(log_price: Floats, first_step: int) -> Floats:
    mean = np.full_like(log_price, np.nan)
    with np.errstate(invalid="ignore"):  # a mean with a price that had not come is not known
        total = np.logaddexp.accumulate(log_price[..., first_step - 1 :], axis=-1)
    mean[..., first_step - 1 :] = total - np.log(np.arange(1, total.shape[-1] + 1))
    return mean


def _half_widths(
    predicted: Floats, histories: Histories, method: IntervalMethod, quantity: Callable[[Floats], Floats]
) -> HalfWidths:
    """Half widths for any quantity made of the months ahead; `quantity` makes it from their log prices."""
    made = histories.by_series(predicted)
    widths = np.full((len(LEVELS), *made.shape), np.nan)
    shares = np.full_like(widths, np.nan)
    behind, judged = np.zeros((2, *made.shape), dtype=np.int64)
    for start, stop in vintages(histories):
        rows = slice(start, stop)
        came = observed_by_series(histories, stop - 1, stop, predicted.shape[1])
        errors = np.abs(quantity(came) - made[:, :stop])
        past = _past_errors(errors, rows, method)
        behind[:, rows] = past.count
        if method.name == "adaptive":
            _follow_misses(widths, errors, past, rows, method.learning_rate)
        else:
            widths[:, :, rows] = past.half_widths(np.array(LEVELS)[:, None, None, None])
        shares[:, :, rows], judged[:, rows] = _measured(widths, errors, rows)
    by_level, measured = (
        dict(zip(LEVELS, values.reshape(-1, *predicted.shape), strict=True)) for values in (widths, shares)
    )
    return HalfWidths(by_level, behind.reshape(predicted.shape), measured, judged.reshape(predicted.shape))


def _known_at_row(values: Floats) -> Floats:
    """What was known at each row of values that belong to forecasts: that of the forecast `step` months ago."""
    series, rows, steps = values.shape
    padded = np.concatenate([np.full((series, steps, steps), np.nan), values], axis=1)
    return np.asarray(padded[:, np.arange(rows)[:, None] + steps - np.arange(1, steps + 1), np.arange(steps)])


@dataclass(frozen=True)
class _PastErrors:
    """The past errors, or ratios, behind the intervals of some rows of each series.

    Attributes:
        size: series x rows x steps: the size of errors now, to its power; 1 where errors are taken as they are.
        values: series x all rows x steps: the errors, each step of a series in order of size.
        ordered: series x rows x steps x memory: places in `values`, the smallest first.
        count: series x rows x steps: how many of those are errors.
    """

    size: Floats
    values: Floats
    ordered: Integers
    count: Integers

    def half_widths(self, level: Floats, row: int | slice = slice(None)) -> Floats:
        """Levels x series x rows x steps: conformal quantiles times the size, 80 inside 95, growing with the step.

        The quantile is the ceil(level (n + 1))-th smallest of n errors, the largest where n is too small for it.
        """
        count = self.count[:, row]
        rank = np.minimum(np.ceil(level * (count + 1)).astype(np.int64), count) - 1
        places = np.take_along_axis(self.ordered[:, row][None], np.maximum(rank, 0)[..., None], axis=-1)[..., 0]
        series = np.arange(len(count)).reshape(-1, *[1] * (count.ndim - 1))
        chosen = self.values[series, np.minimum(places, self.values.shape[1] - 1), np.arange(count.shape[-1])]
        widths = np.maximum(self.size[:, row] * chosen, SMALLEST_SIZE)
        # fmax passes over steps without errors, where maximum would blank all that follow.
        growing = np.fmax.accumulate(np.maximum.accumulate(np.where(count > 0, widths, np.nan), axis=0), axis=-1)
        return np.where(count > 0, growing, np.nan)


def _past_errors(errors: Floats, rows: slice, method: IntervalMethod) -> _PastErrors:
    """The errors known at some rows, of the kind that the method looks at."""
    if method.name == "split":
        size, ratios = np.ones_like(errors), errors
    else:
        running = _known_at_row(_running_size(errors, method.decay))
        size = running**method.scaling
        ratios = np.where((running < NEGLIGIBLE_SIZE) & np.isfinite(errors), running, errors) / size
    known = _known_at_row(ratios)
    # Places are sorted in place of values, in half the time. A place depends on later rows, the order within a memory
    # does not.
    series, length, steps = known.shape
    places = known.argsort(axis=1).argsort(axis=1).astype(np.int32)
    places[np.isnan(known)] = length
    padded = np.concatenate([np.full((series, method.memory_months - 1, steps), length, np.int32), places], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, method.memory_months, axis=1)[:, rows]
    wanted = _wanted(steps, method)
    if not wanted.all():
        windows = np.where(wanted, windows, length)
    count = _number_wanted(wanted, np.isfinite(known).cumsum(axis=1)[:, rows])
    return _PastErrors(size[:, rows], np.sort(known, axis=1), np.sort(windows, axis=-1), count)


def _wanted(steps: int, method: IntervalMethod) -> np.ndarray:
    """Steps x memory: which remembered errors the method looks at.

    The newest known error, last in the memory, has its target `step` months before the target.
    """
    months_before = np.arange(1, steps + 1)[:, None] + np.arange(method.memory_months - 1, -1, -1)
    return np.isin(months_before % 12, (11, 0, 1)) | (method.name != "neighbours")


def _number_wanted(wanted: np.ndarray, known: Integers) -> Integers:
    """How many of the errors known so far are in the memory and wanted, in the shape of `known`."""
    among_newest = np.pad(wanted[:, ::-1].cumsum(axis=1), ((0, 0), (1, 0)))
    return np.asarray(among_newest[np.arange(len(wanted)), np.minimum(known, wanted.shape[1])])


def _running_size(errors: Floats, decay: float) -> Floats:
    """Exponentially weighted mean of the errors up to each row."""
    weights = discounted_sum(np.ones((errors.shape[-2], 1)), decay)
    return np.maximum(discounted_sum(errors, decay) / weights, SMALLEST_SIZE)


def _follow_misses(widths: Floats, errors: Floats, past: _PastErrors, rows: slice, rate: float) -> None:
    """Fill the half widths of some rows, the level of each moved by the misses known there.

    The levels start anew at the first row of all: where a price was revised, a miss may have become a hit.
    """
    known = _known_at_row(errors)
    ahead, lanes = np.arange(1, errors.shape[-1] + 1), np.arange(errors.shape[-1])
    level = nominal = np.array(LEVELS)[:, None, None]
    for row in range(rows.stop):
        then = widths[:, :, np.maximum(row - ahead, 0), lanes]
        # Nothing moves where there was no interval or its price is not known: neither comparison holds.
        moved = np.where(known[:, row] > then, nominal, 0.0) - np.where(known[:, row] <= then, 1 - nominal, 0.0)
        level = np.clip(level + rate * moved, *LEVEL_RANGE)
        if row >= rows.start:
            widths[:, :, row] = past.half_widths(level, row - rows.start)


def _measured(widths: Floats, errors: Floats, rows: slice) -> tuple[Floats, Integers]:
    """Levels x series x rows x steps: the share of earlier intervals that held; without levels, how many there were."""
    until = np.arange(rows.start, rows.stop)[:, None] + 1 - np.arange(1, errors.shape[-1] + 1)
    last, first = np.maximum(until, 0), np.maximum(until - MEASURED_MONTHS, 0)
    lanes = np.arange(errors.shape[-1])

    def number_of(cases: np.ndarray) -> Integers:
        total = np.concatenate([np.zeros_like(cases[..., :1, :], dtype=np.int64), cases.cumsum(axis=-2)], axis=-2)
        return np.asarray(total[..., last, lanes] - total[..., first, lanes])

    made = widths[:, :, : rows.stop]
    judged = number_of(np.isfinite(made[0]) & np.isfinite(errors))
    held = number_of(errors <= made)
    return np.where(judged > 0, held / np.maximum(judged, 1), np.nan), judged
