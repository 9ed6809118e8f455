"""Blocks of other data: what they said at each origin, and by how much they would have corrected the recipe.

A block is a group of features that enter together (rain, exchange rate, activity ...). Of each feature an origin takes
the means of the newest known months; of what the price-only forecast then missed, a ridge regression learns the share
that these means foretold. For origin i and step h, over the origins j <= i - h, whose target is known at i:

    z_jk = (x_jk - mean of x_k) / deviation of x_k, both over the origins up to j; within +-LARGEST, 0 where unknown
    e_jh = log price of the target, as known at i, less its price-only log forecast at j
    w_j  = 1 / size_j^2,  size_j the exponentially weighted mean of the next-month errors known at j
    b_h  = (Z'WZ + ridge K I)^-1 Z'W e_h,  Z and e_h less their weighted means, K columns
    correction_ih = z_i . b_h

The intercept is learnt and left out: a bias of the price-only recipe is no merit of the block. The penalty grows with
the number of columns, so that a large block explains no more by chance than a small one, while what its features have
in common is shrunk as little as a single feature. It is counted in rows of equal weight: total^2 / sum of squares of
them say as much as the weighted ones. Without weights the errors of the 1980s, three times those of the 1990s, would
decide the slopes. Where `half_life_months` is given, rows count by age too.

The means of one, two and three months span the three newest months. A mean of twelve was tried and refused: it moves
so slowly that a block of mere noise follows the calendar time, and foretells errors that a recipe repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.forecasting.features import declared_features
from milk.forecasting.histories import Floats, Histories, Integers, observed, vintages
from milk.months import Availability, data_cutoff, issue_month_of
from milk.series import Register

Booleans = npt.NDArray[np.bool_]

WINDOWS: Final = (1, 2, 3)
"""Months of the means that an origin takes of each feature."""
STALE_MONTHS = 8
"""A feature whose newest month is older than this, counted from the origin, says nothing. The accounts of the third
quarter are the newest until the middle of March, so a monthly or quarterly source that still arrives is never stale."""
SMALLEST_COLUMN = 36
"""Origins at which a column must have been known before its mean and deviation are believed."""
LARGEST = 3.0
"""Deviations beyond which a value counts no more: one crisis must not decide for all calm years."""
NEGLIGIBLE_SIZE = 1e-4
"""A hundredth of a percent: errors of a fixed price are no smaller, so that no row counts without bound."""
NEGLIGIBLE = 1e-12
"""Deviation in parts of the mean below which a column is constant: rounding alone makes so much."""


@dataclass(frozen=True)
class CorrectionMethod:
    """How a correction is learnt.

    Attributes:
        ridge: penalty of each column, in observations of "no effect" (of equal weight) for each column of the block.
        decay: weight of the past, per month, in the running size of the next-month errors.
        half_life_months: age at which an error counts half; None for no forgetting.
        smallest_sample: errors without which no correction is made.
    """

    ridge: float = 5.0
    decay: float = 0.94
    half_life_months: float | None = None
    smallest_sample: int = 60


@dataclass(frozen=True)
class Corrections:
    """What a block would have added to each price-only forecast.

    Attributes:
        log_points: origins x steps; 0 where none could be made.
        errors: origins x steps: how many past errors stand behind it; 0 where none could be made.
    """

    log_points: Floats
    errors: Integers


def declared_blocks(register: Register) -> dict[str, tuple[str, ...]]:
    """The features of each block but that of the price, in the order of the register."""
    blocks: dict[str, list[str]] = {}
    for feature in declared_features(register):
        if feature.series != register.price.name:
            blocks.setdefault(feature.block, []).append(feature.name)
    return {block: tuple(names) for block, names in blocks.items()}


def design_columns(names: Sequence[str]) -> list[str]:
    """The names of the columns of `block_design`."""
    return [f"{name}_mean_{window}" for name in names for window in WINDOWS]


def block_design(
    features: pd.DataFrame, histories: Histories, price_rule: Availability, names: Sequence[str]
) -> Floats:
    """What each feature of a block said at each origin.

    Args:
        features: the feature table: `feature, month, value, known_since`, a revision being a further row.
        histories: the origins; a value takes part where `known_since` is not after the cutoff of the origin.
        price_rule: when the price of a month is known, which fixes the cutoff that belongs to an origin.
        names: the features of the block; one that the table lacks was never known.

    Returns:
        Origins x columns in the order of `design_columns`: for each feature the means of `WINDOWS` months up
        to the newest one known, in the unit of the feature. NaN where half of these months or more are unknown, or
        where the newest is older than `STALE_MONTHS`.
    """
    origins = [histories.origin_month(row) for row in range(len(histories))]
    cutoffs = [data_cutoff(issue_month_of(origin, price_rule)).replace(tzinfo=None) for origin in origins]
    instants = np.array(cutoffs, dtype="datetime64[us]")
    ordinals = np.array([origin.ordinal for origin in origins], dtype=np.int64)
    wanted = features[features["feature"].isin(list(names))].sort_values(["month", "known_since"])
    parts = dict(list(wanted.groupby("feature", sort=False)))
    unknown = np.full((len(origins), len(WINDOWS)), np.nan)
    columns = [_recent_means(parts[name], instants, ordinals) if name in parts else unknown for name in names]
    return np.hstack(columns) if columns else np.empty((len(origins), 0))


def _recent_means(values: pd.DataFrame, cutoffs: npt.NDArray[np.datetime64], origins: Integers) -> Floats:
    """Origins x windows: means of the newest months of one feature, sorted by month and `known_since`."""
    month = (values["month"].dt.year * 12 + values["month"].dt.month - 1).to_numpy(dtype=np.int64)
    longest, first = max(WINDOWS), int(month.min())
    known = np.full((len(cutoffs), int(month.max()) - first + 1 + longest), np.nan)
    vintage = values.groupby("month").cumcount().to_numpy()
    since = values["known_since"].to_numpy(dtype="datetime64[us]")
    value = values["value"].to_numpy(dtype=np.float64)
    for number in range(int(vintage.max()) + 1):
        chosen = vintage == number
        columns = month[chosen] - first + longest
        known[:, columns] = np.where(since[chosen] <= cutoffs[:, None], value[chosen], known[:, columns])
    is_known = np.isfinite(known)
    newest = known.shape[1] - 1 - np.argmax(is_known[:, ::-1], axis=1)
    is_fresh = is_known.any(axis=1) & (origins - (newest - longest + first) <= STALE_MONTHS)
    end = np.where(is_fresh, newest, longest)
    recent = known[np.arange(len(known))[:, None], end[:, None] + np.arange(1 - longest, 1)]
    means = [_mean_of_known(recent[:, -window:]) for window in WINDOWS]
    return np.where(is_fresh[:, None], np.column_stack(means), np.nan)


def _mean_of_known(window: Floats) -> Floats:
    """Mean of each row over its known months; NaN where half of them or more are unknown."""
    count = np.isfinite(window).sum(axis=1)
    return np.where(2 * count > window.shape[1], np.nansum(window, axis=1) / np.maximum(count, 1), np.nan)


def corrections(
    design: Floats,
    base_log_price: Floats,
    histories: Histories,
    method: CorrectionMethod | None = None,
    *,
    steps: Sequence[int] | None = None,
) -> Corrections:
    """The correction that could have been made at each origin; see the module for the formulas.

    Args:
        design: origins x columns, as `block_design` gives it.
        base_log_price: origins x steps: the price-only forecasts of all origins of `histories`, in log CLP/L.
        histories: what was known at each origin; errors are measured against these prices, never against later ones.
        method: ridge, forgetting, smallest sample; the default where None.
        steps: the steps wanted, counted from 1; all where None.

    Returns:
        Corrections in log points; 0 where an origin has fewer past errors than `smallest_sample`, where nothing of the
        block is known at it, or where the step is not wanted.
    """
    chosen = method or CorrectionMethod()
    scaled, is_known = _standardised(design, *_moments(design))
    past = _past(scaled, is_known, _weights(base_log_price, histories, chosen), chosen)
    log_points = np.zeros_like(base_log_price)
    counts = np.zeros(base_log_price.shape, dtype=np.int64)
    for start, stop in vintages(histories):
        missed = np.nan_to_num(observed(histories, stop - 1, base_log_price.shape[1]) - base_log_price)
        for step in steps or range(1, missed.shape[1] + 1):
            # The target of a forecast made `step` months before had come.
            rows = np.arange(max(start, step), stop)
            coefficients = _coefficients(past, missed[:, step - 1], rows - step)
            is_made = is_known[rows] & (past.count[rows - step] >= chosen.smallest_sample)
            log_points[rows, step - 1] = np.where(is_made, (coefficients * scaled[rows]).sum(axis=1), 0.0)
            counts[rows, step - 1] = np.where(is_made, past.count[rows - step], 0)
    return Corrections(log_points, counts)


def fitted_block(
    names: Sequence[str],
    design: Floats,
    base_log_price: Floats,
    histories: Histories,
    method: CorrectionMethod | None = None,
) -> dict[str, Any]:
    """The correction learnt at the last origin, as plain numbers that a model version can hold.

    Args:
        names: the features of the block.
        design: see `corrections`.
        base_log_price: see `corrections`.
        histories: see `corrections`.
        method: see `corrections`.

    Returns:
        `columns` (names), `means` and `deviations` of each column in the unit of its feature (deviation 0: the column
        takes no part), `largest`, and `coefficients`: for each step a list of log points per deviation. The correction
        of a step is the sum over the columns of coefficient times (value - mean) / deviation, the latter within
        +-`largest`, and 0 where the value is unknown. `errors`: how many past errors each step was learnt from; 0
        where they were too few.
    """
    chosen, last, steps = method or CorrectionMethod(), len(histories) - 1, base_log_price.shape[1]
    means, deviations = _moments(design)
    scaled, is_known = _standardised(design, means, deviations)
    past = _past(scaled, is_known, _weights(base_log_price, histories, chosen), chosen)
    missed = np.nan_to_num(observed(histories, last, steps) - base_log_price)
    coefficients, errors = np.zeros((steps, design.shape[1])), [0] * steps
    for step in range(1, min(steps, last) + 1):
        row = last - step
        if past.count[row] >= chosen.smallest_sample:
            coefficients[step - 1] = _coefficients(past, missed[:, step - 1], np.array([row]))[0]
            errors[step - 1] = int(past.count[row])
    return {
        "columns": design_columns(names),
        "means": means[last].tolist(),
        "deviations": deviations[last].tolist(),
        "largest": LARGEST,
        "coefficients": coefficients.tolist(),
        "errors": errors,
    }


def _moments(design: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each column over the origins up to each row; deviation 0 where it cannot be used."""
    is_known = np.isfinite(design)
    count = np.maximum(np.cumsum(is_known, axis=0), 1)
    # Sums of squares lose their digits where a column lies far from 0 and moves little: count from its first value.
    first = design[np.argmax(is_known, axis=0), np.arange(design.shape[1])]
    moved = np.where(is_known, design - first, 0.0)
    mean = np.cumsum(moved, axis=0) / count
    variance = np.maximum(np.cumsum(moved**2, axis=0) / count - mean**2, 0.0)
    means = mean + np.nan_to_num(first)
    deviations = np.sqrt(variance)
    is_usable = (count >= SMALLEST_COLUMN) & (deviations > NEGLIGIBLE * np.abs(means))
    return means, np.where(is_usable, deviations, 0.0)


def _standardised(design: Floats, means: Floats, deviations: Floats) -> tuple[Floats, Booleans]:
    """Deviations from the mean, 0 where unknown or not usable; and whether any column of a row is known and usable."""
    is_usable = (deviations > 0) & np.isfinite(design)
    scaled = np.where(is_usable, design - means, 0.0) / np.where(is_usable, deviations, 1.0)
    return np.clip(scaled, -LARGEST, LARGEST), np.asarray(is_usable.any(axis=1))


@dataclass(frozen=True)
class _Past:
    """What the rows up to each row say of the columns.

    Attributes:
        weighted: rows x columns: values times weights.
        weight: weight of each row; 0 where nothing of the block is known.
        total: sum of the weights up to each row.
        mean: rows x columns: weighted mean up to each row.
        inverse: rows x columns x columns: inverse of the penalised moments about the mean; 0 where rows are too few.
        count: how many rows up to each row are known.
    """

    weighted: Floats
    weight: Floats
    total: Floats
    mean: Floats
    inverse: Floats
    count: Integers


def _past(scaled: Floats, is_known: Booleans, weights: Floats, method: CorrectionMethod) -> _Past:
    weight = is_known * weights
    total = np.maximum(np.cumsum(weight), np.finfo(np.float64).tiny)
    weighted = scaled * weight[:, None]
    mean = np.cumsum(weighted, axis=0) / total[:, None]
    square = np.cumsum(weighted[:, :, None] * scaled[:, None, :], axis=0)
    gram = square - total[:, None, None] * mean[:, :, None] * mean[:, None, :]
    columns = np.maximum((np.cumsum(scaled != 0, axis=0) > 0).sum(axis=1), 1)
    # The weight of one of the total^2 / (sum of squares) rows of equal weight that would say as much.
    penalty = method.ridge * columns * np.cumsum(weight**2) / total
    count = np.cumsum(is_known, dtype=np.int64)
    is_enough = count >= method.smallest_sample
    inverse = np.zeros_like(gram)
    inverse[is_enough] = np.linalg.inv((gram + penalty[:, None, None] * np.eye(scaled.shape[1]))[is_enough])
    return _Past(weighted, weight, total, mean, inverse, count)


def _weights(base_log_price: Floats, histories: Histories, method: CorrectionMethod) -> Floats:
    """What each row counts: by the size of the next-month errors known at it, and by its age."""
    rows = np.arange(1, len(histories))
    next_month = np.abs(histories.log_price[rows, histories.origins[rows]] - base_log_price[:-1, 0])
    size, total, weight = np.zeros(len(histories)), 0.0, 0.0
    for row, error in enumerate(next_month, start=1):
        total, weight = method.decay * total + error, method.decay * weight + 1.0
        size[row] = max(total / weight, NEGLIGIBLE_SIZE)
    # No error is known at the first origin; it comes before any deviation is believed, and never counts.
    size[0] = np.inf
    half_life = np.inf if method.half_life_months is None else method.half_life_months
    return np.asarray(0.5 ** (np.arange(len(size))[::-1] / half_life) * (NEGLIGIBLE_SIZE / size) ** 2)


def _coefficients(past: _Past, missed: Floats, rows: Integers) -> Floats:
    """Rows x columns: the slopes of the errors of one step on the columns, learnt from all rows up to each."""
    total_missed = np.cumsum(past.weight * missed)
    moment = np.cumsum(past.weighted * missed[:, None], axis=0)
    about_mean = moment[rows] - total_missed[rows, None] * past.mean[rows]
    return np.asarray((past.inverse[rows] @ about_mean[:, :, None])[:, :, 0])
