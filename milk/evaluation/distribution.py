"""What a feature looked like in training: its distribution, and the limits that drift checks take from it.

The statistic of drift is the root mean square, over six months, of changes less the mean of their calendar month,
in units of their size in training: 1 where nothing happened, 3 where their standard deviation tripled. A lasting change
of spread, one large jump and a shift of the mean all raise it. `benchmarks/drift.py` compares it with the distances of
Kolmogorov and Smirnov, of Wasserstein, of energy, and with a pair of location and scale. At equal false alarms the
distance of Wasserstein finds a wider spread as often and a jump less often; the others, which hardly look at how far
out six values lie, find much less.

Calendar means are part of it because the season is up to 99 % of the variance of a monthly change of the accounts.
"""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.months import Month

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
WINDOW_MONTHS = 6
"""Months of the trailing window: four and nine find a tripled spread no sooner, twelve later."""
SMALLEST_WINDOW = 4
"""Known values of a window below which there is no statistic."""
SMALLEST_TRAINING = 36
"""Values below which a feature gets no limits: three of each calendar month."""
LONGEST_RUN = 24
"""Months back that repeats are counted; a series that stood still longer than that in training is not checked."""

TRAINING_MONTHS = 240
"""Newest months that the distribution rests on. Older ones would hide a shift: the milk price moved half as much again
in the decade before, and the recipe itself has forgotten them."""

NEVER = np.iinfo(np.int64).max
NO_MONTH = -(10**6)
"""Stands for a month that there is not, among ordinals."""

_GROWTH = 0.15
_DRIFT_MARGIN = 1.08
_RANGE_MARGIN = 1.45
_GROUP_WEIGHT = 0.75
_DIGITS = 12
_GAPPY = 0.05
"""Share of missing months from which gaps are a habit of the series."""
_CHANCE_RUNS = 0.1
"""Runs in 20 years that are few enough to be a surprise."""


def training_distribution(
    changes: pd.DataFrame, *, until: dt.datetime, groups: Mapping[str, str] | None = None
) -> dict[str, dict[str, Any]]:
    """Describe every feature as it was known at an instant: plain numbers for the JSON of a model version.

    A limit is the largest value that the statistic took in training, over the feature (weight 1/4) and over its whole
    group (weight 3/4), in logs; so it knows how many features the group has, how they move together and how heavy
    their tails are. It is raised by `(240 / months)^0.15`, for in a short training the largest value of 20 years has
    not been seen. The constants were set by simulation (`benchmarks/drift.py`) to about one false alarm in 20
    years and group.

    Args:
        changes: as for `milk.evaluation.drift.input_drift`.
        until: values known later take no part; of the rest, each feature's newest 240 months do.
        groups: group of each feature; the features of a group share its false alarms, one without an entry is alone.

    Returns:
        By feature: `group`; `first_month`, `last_month` (`YYYY-MM`); `count`, `mean`, `sd` (log points), `quantiles`
        (`q0` to `q100`) of the values; `share_missing` between first and last month; `missing_limit` (longest gap that
        is usual, 0 where hardly a month is missing), `repeat_limit` (longest run of repeated values that is usual,
        months); `month_means` (12 log points, January first), `scale` (log points), `drift_threshold` (of the
        statistic) and `range_limit` (of a single value), both in units of `scale`. With fewer than 36 values, or where
        all are equal, the last four are `None` and the feature is checked for gaps, repeats and nothing else. Floats
        have twelve significant digits.
    """
    panel = Vintages.of(changes, sorted(changes["feature"].unique())).panel(until)
    rows = [int(row) for row in np.flatnonzero(np.isfinite(panel.changes).any(axis=1))]
    fits = [_fit(panel, row) for row in rows]
    group_of = [(groups or {}).get(panel.features[row], panel.features[row]) for row in rows]
    drift = _limits([None if fit is None else fit.rolling for fit in fits], group_of, _DRIFT_MARGIN)
    ranges = _limits([None if fit is None else np.abs(fit.standardised) for fit in fits], group_of, _RANGE_MARGIN)
    return {
        panel.features[row]: {
            "group": group_of[k],
            **_description(panel, row),
            "month_means": None if fit is None else [None if np.isnan(m) else _short(m) for m in fit.month_means],
            "scale": None if fit is None else _short(fit.scale),
            "drift_threshold": drift[k],
            "range_limit": ranges[k],
        }
        for k, (row, fit) in enumerate(zip(rows, fits, strict=True))
    }


def rolling_size(standardised: Floats) -> Floats:
    """Root mean square of the known values of each trailing window of `WINDOW_MONTHS`.

    Args:
        standardised: ... x months, NaN where unknown.

    Returns:
        The same shape less `WINDOW_MONTHS - 1` months; NaN where fewer than `SMALLEST_WINDOW` values are known.
    """
    windows = np.lib.stride_tricks.sliding_window_view(standardised, WINDOW_MONTHS, axis=-1)
    return root_mean_square(windows)


def root_mean_square(windows: Floats) -> Floats:
    """Root mean square over the last axis; NaN where fewer than `SMALLEST_WINDOW` values are known."""
    is_known = np.isfinite(windows)
    count = is_known.sum(axis=-1)
    total = np.where(is_known, windows, 0.0)
    mean_square = np.einsum("...i,...i->...", total, total) / np.maximum(count, 1)
    return np.where(count >= SMALLEST_WINDOW, np.sqrt(mean_square), np.nan)


@dataclass(frozen=True)
class _Fit:
    """What standardises a feature; `standardised` and `rolling` are those of the training months themselves."""

    month_means: Floats
    scale: float
    standardised: Floats
    rolling: Floats


def _ordinals(months: pd.Series) -> Integers:
    """Months since year 0, as `Month.ordinal` counts them."""
    return months.to_numpy().astype("datetime64[M]").astype(np.int64) + 1970 * 12


def _repeated(changes: pd.DataFrame) -> Booleans:
    """Where the level is that of the month before: `is_repeated` if there is such a column, else a change of 0."""
    if "is_repeated" in changes:
        is_repeated: Booleans = changes["is_repeated"].to_numpy(dtype=np.bool_)
        return is_repeated
    is_still: Booleans = (changes["value"] == 0.0).to_numpy(dtype=np.bool_)
    return is_still


@dataclass(frozen=True)
class Layer:
    """The n-th vintage of the features that have one: `rows` into the features, the rest rows x months."""

    rows: Integers
    changes: Floats
    known_since: Integers
    is_repeated: Booleans


@dataclass(frozen=True)
class Vintages:
    """All changes, oldest vintage first. A layer beyond the first holds only features that were ever revised so often.

    Attributes:
        features: names, in the order of all rows here.
        first: ordinal of the month of column 0.
        layers: at least one; the first has all features.
    """

    features: list[str]
    first: int
    layers: list[Layer]

    @classmethod
    def of(cls, changes: pd.DataFrame, features: list[str]) -> "Vintages":
        """Sort the rows of a frame into layers."""
        usable = changes[np.isfinite(changes["value"].to_numpy(dtype=np.float64))]
        if usable.empty:
            return cls(features, 0, [_layer(np.arange(len(features)), 1)])
        feature = pd.Index(features).get_indexer(usable["feature"])
        ordinals = _ordinals(usable["month"])
        first, months = int(ordinals.min()), int(np.ptp(ordinals)) + 1
        column, since = ordinals - first, usable["known_since"].to_numpy(dtype="datetime64[us]").astype(np.int64)
        order = np.lexsort((since, column, feature))
        cell = (feature * months + column)[order]
        starts = np.flatnonzero(np.concatenate(([True], np.diff(cell) != 0)))
        number = np.arange(len(cell)) - np.repeat(starts, np.diff(np.append(starts, len(cell))))
        values, is_repeated = usable["value"].to_numpy(dtype=np.float64), _repeated(usable)
        layers = []
        for n in range(int(number.max()) + 1):
            chosen = order[number == n]
            rows = np.arange(len(features)) if n == 0 else np.unique(feature[chosen])
            layer = _layer(rows, months)
            place = (np.searchsorted(rows, feature[chosen]), column[chosen])
            layer.changes[place], layer.known_since[place] = values[chosen], since[chosen]
            layer.is_repeated[place] = is_repeated[chosen]
            layers.append(layer)
        return cls(features, first, layers)

    def panel(self, until: dt.datetime) -> "Panel":
        """The newest vintage of everything that was known at an instant."""
        shape = self.layers[0].changes.shape
        panel = Panel(self.features, self.first, np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_))
        for layer in self.layers:
            is_known = layer.known_since <= microseconds(until)
            panel.changes[layer.rows] = np.where(is_known, layer.changes, panel.changes[layer.rows])
            panel.is_repeated[layer.rows] = np.where(is_known, layer.is_repeated, panel.is_repeated[layer.rows])
        return panel

    def last_months(self, cutoffs: Integers) -> Integers:
        """Issues x features: ordinal of the newest month known at each cutoff, `NO_MONTH` where there is none."""
        since = self.layers[0].known_since
        ordinals = self.first + np.arange(since.shape[1])
        last = [np.where(since <= cutoff, ordinals, NO_MONTH).max(axis=1) for cutoff in cutoffs]
        return np.array(last, dtype=np.int64).reshape(len(cutoffs), len(since))


@dataclass(frozen=True)
class Panel:
    """Features x months of what is known, NaN where nothing is; `first` is the ordinal of column 0."""

    features: list[str]
    first: int
    changes: Floats
    is_repeated: Booleans

    def own_months(self, row: int) -> slice:
        """From the first to the last known month of a feature, but the newest `TRAINING_MONTHS` at most."""
        known = np.flatnonzero(np.isfinite(self.changes[row]))
        stop = int(known[-1]) + 1
        return slice(int(known[known >= stop - TRAINING_MONTHS][0]), stop)


def _layer(rows: Integers, months: int) -> Layer:
    shape = (len(rows), months)
    return Layer(rows, np.full(shape, np.nan), np.full(shape, NEVER), np.zeros(shape, dtype=np.bool_))


def _fit(panel: Panel, row: int) -> _Fit | None:
    """Calendar means and scale; None where the values are too few or all equal.

    A training value is compared with the mean of the *other* years of its calendar month, as a later value will be.
    Compared with a mean that it is part of, it would look smaller than any later one: with five years by a fifth.
    """
    months = panel.own_months(row)
    values = panel.changes[row, months]
    is_known = np.isfinite(values)
    calendar = (panel.first + months.start + np.arange(len(values))) % 12
    if is_known.sum() < SMALLEST_TRAINING:
        return None
    count = np.bincount(calendar[is_known], minlength=12)
    total = np.bincount(calendar[is_known], weights=values[is_known], minlength=12)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    n = count[calendar]
    without = np.where(n > 1, (values - means[calendar]) * n / np.maximum(n - 1, 1), np.nan)
    usable = without[np.isfinite(without)]
    scale = float(np.sqrt(np.mean(usable**2))) if len(usable) else 0.0
    # Equal values leave a rest of rounding.
    if scale <= 1e-12 * max(1.0, float(np.abs(values[is_known]).max())):
        return None
    standardised = without / scale
    return _Fit(means, scale, standardised, rolling_size(standardised))


def _limits(statistics: list[Floats | None], group_of: list[str], margin: float) -> list[float | None]:
    """The limit of each feature from what the statistic was in training; see `training_distribution`."""
    seen = [None if s is None else s[np.isfinite(s)] for s in statistics]
    largest = [None if s is None or not len(s) else float(s.max()) for s in seen]
    of_group: dict[str, float] = {}
    for group, own in zip(group_of, largest, strict=True):
        if own is not None:
            of_group[group] = max(own, of_group.get(group, 0.0))
    limits: list[float | None] = []
    for group, own, values in zip(group_of, largest, seen, strict=True):
        if own is None or values is None:
            limits.append(None)
            continue
        unseen = (TRAINING_MONTHS / len(values)) ** _GROWTH
        limits.append(_short(margin * unseen * of_group[group] ** _GROUP_WEIGHT * own ** (1.0 - _GROUP_WEIGHT)))
    return limits


def _description(panel: Panel, row: int) -> dict[str, Any]:
    months = panel.own_months(row)
    values = panel.changes[row, months]
    is_known = np.isfinite(values)
    known = values[is_known]
    quantiles = np.quantile(known, QUANTILES)
    share_missing = 1.0 - float(is_known.mean())
    return {
        "first_month": str(Month.from_ordinal(panel.first + months.start)),
        "last_month": str(Month.from_ordinal(panel.first + months.stop - 1)),
        "count": int(is_known.sum()),
        "mean": _short(known.mean()),
        "sd": _short(known.std()),
        "quantiles": {f"q{round(100 * q)}": _short(v) for q, v in zip(QUANTILES, quantiles, strict=True)},
        "share_missing": _short(share_missing),
        "missing_limit": longest_run(~is_known) if share_missing >= _GAPPY else 0,
        "repeat_limit": _repeat_limit(panel.is_repeated[row, months][is_known]),
    }


def _repeat_limit(is_repeated: Booleans) -> int:
    """The longest run of repeated values that is no surprise: half as long again as the longest that training saw.

    Where single repeats are so frequent that chance would join more of them in 20 years, it is that longer run: one of
    more than `r` is to be expected `240 p^(r + 1)` times, with `p` the share of repeated values.
    """
    share = float(is_repeated.mean())
    limit = math.ceil(1.5 * longest_run(is_repeated))
    while limit < LONGEST_RUN and TRAINING_MONTHS * share ** (limit + 1) > _CHANCE_RUNS:
        limit += 1
    return limit


def longest_run(flags: Booleans) -> int:
    """Length of the longest run of true values."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return int((ends[1::2] - ends[::2]).max()) if len(ends) else 0


def microseconds(instant: dt.datetime) -> int:
    """An instant as the frames count it, since 1970 in UTC."""
    return int(np.datetime64(instant.astimezone(dt.UTC).replace(tzinfo=None), "us").astype(np.int64))


def _short(number: float | np.floating[Any]) -> float:
    return float(f"{float(number):.{_DIGITS}g}")
