"""Variants of the recipe, each with one thing changed, built from the recipe's public parts.

What the recipe has no switch for is written out here: the shape of the pull, month effects that are not shrunk, and
regressions of the change over h months in place of one that is iterated.
"""

from dataclasses import dataclass, field

import numpy as np

from milk.forecasting.histories import Floats, Histories
from milk.forecasting.recipe import MOMENTUM_RIDGE, ORDERS, PULL_RIDGE, PULL_TAPER, Setting, combine
from milk.forecasting.season import TINY, Returns, cut_outliers, fit_season, returns_by_age, weights_by_age

SOFT_MONTHS = 96


@dataclass(frozen=True)
class Variant:
    """What a variant changes; `Variant()` is the whole recipe with its usual setting.

    Attributes:
        setting: of the recipe.
        is_shrunk: whether the month effects are shrunk.
        taper: weights of the residuals, newest first, in the sum that pulls back.
        is_direct: whether each horizon has a regression of its own; else the next month's is iterated.
    """

    setting: Setting = field(default_factory=Setting)
    is_shrunk: bool = True
    taper: Floats = field(default_factory=lambda: PULL_TAPER)
    is_direct: bool = False


VARIANTS = {
    "no pull": Variant(Setting(has_pull=False)),
    "pull over 18 months": Variant(taper=np.ones(18)),
    "pull over 24 months": Variant(taper=np.ones(24)),
    "pull over 30 months": Variant(taper=np.ones(30)),
    "pull with a half-life of 20 months": Variant(taper=0.5 ** (np.arange(SOFT_MONTHS) / 20)),
    "nothing cut": Variant(Setting(outlier_sd=None)),
    "month effects not shrunk": Variant(is_shrunk=False),
    "equal weights": Variant(Setting(weight_power=0.0)),
    "one memory of 48 months": Variant(Setting(half_lives_months=(48.0,))),
    "direct regressions": Variant(is_direct=True),
}


@dataclass(frozen=True)
class Left:
    """What is left of the returns once season and drift are off, by age.

    Attributes:
        residuals: origins x ages.
        weights: origins x ages, 0 where the lags are not all known.
        past_sums: for each residual the tapered sum of those before it; `None` without a pull.
    """

    residuals: Floats
    weights: Floats
    past_sums: Floats | None


def forecast_variant(variant: Variant, histories: Histories, steps: int) -> Floats:
    """Log prices, origins x steps."""
    setting, returns = variant.setting, returns_by_age(histories)
    if setting.outlier_sd is not None:
        returns, _cut = cut_outliers(returns, setting.outlier_sd)
    parts = [
        part
        for half_life in setting.half_lives_months
        for part in _forecast_members(variant, returns, half_life, steps)
    ]
    return combine(parts, histories, setting)[0].log_price


def _forecast_members(variant: Variant, returns: Returns, half_life: float, steps: int) -> list[dict[str, Floats]]:
    """What each cause adds to the log price, for the members of one half-life."""
    season = fit_season(returns, half_life, is_shrunk=variant.is_shrunk)
    residuals = np.where(returns.is_known, returns.value - season.expected(), 0.0)
    most = max(ORDERS)
    has_lags = np.pad(returns.is_known[:, most:], ((0, 0), (0, most)))
    weights = np.where(has_lags, weights_by_age(returns, half_life), 0.0)
    left = Left(residuals, weights, _past_sums(residuals, variant.taper) if variant.setting.has_pull else None)
    ahead = np.arange(1, steps + 1)
    known = {"drift": season.drift[:, None] * ahead, "season": season.effects[:, -ahead % 12].cumsum(axis=1)}
    changes = _direct if variant.is_direct else _iterated
    return [known | {"momentum": changes(left, variant.taper, order, steps)} for order in ORDERS]


def _iterated(left: Left, taper: Floats, order: int, steps: int) -> Floats:
    """Momentum and pull, summed over the months ahead: the regression of the next month, step by step."""
    coefficients = _ridge(left, order, horizon=1)
    recent, changes = left.residuals, np.zeros((len(left.residuals), steps))
    for step in range(steps):
        changes[:, step] = (coefficients * _causes(left, recent, taper, order)).sum(axis=1)
        recent = np.column_stack([changes[:, step], recent[:, :-1]])
    return changes.cumsum(axis=1)


def _direct(left: Left, taper: Floats, order: int, steps: int) -> Floats:
    """The same from a regression for each horizon."""
    causes = _causes(left, left.residuals, taper, order)
    return np.column_stack([(_ridge(left, order, horizon) * causes).sum(axis=1) for horizon in range(1, steps + 1)])


def _causes(left: Left, recent: Floats, taper: Floats, order: int) -> Floats:
    """What the next month is explained by: origins x coefficients."""
    pull = [] if left.past_sums is None else [recent[:, : len(taper)] @ taper]
    return np.column_stack([recent[:, :order], *pull])


def _ridge(left: Left, order: int, horizon: int) -> Floats:
    """Coefficients of the sum of `horizon` residuals on those before it, from sums that ended by the origin."""
    running = np.pad(left.residuals.cumsum(axis=1), ((0, 0), (horizon, 0)))
    target = running[:, horizon:] - running[:, :-horizon]
    # The newest ages begin a sum whose end is not known yet.
    usable = np.where(np.arange(target.shape[1]) >= horizon - 1, left.weights, 0.0)
    columns = [_lagged(left.residuals, lag) for lag in range(1, order + 1)]
    penalty = [MOMENTUM_RIDGE] * order
    if left.past_sums is not None:
        columns, penalty = [*columns, left.past_sums], [*penalty, PULL_RIDGE]
    design = np.stack(columns, axis=2)
    variance = (usable * left.residuals**2).sum(axis=1) / np.maximum(usable.sum(axis=1), TINY)
    gram = np.einsum("ij,ijk,ijl->ikl", usable, design, design)
    gram += np.maximum(np.array(penalty) * variance[:, None], TINY)[:, :, None] * np.eye(len(penalty))
    moment = np.einsum("ij,ijk->ik", usable * target, design)
    return np.asarray(np.linalg.solve(gram, moment[:, :, None])[:, :, 0])


def _past_sums(residuals: Floats, taper: Floats) -> Floats:
    parts = (weight * _lagged(residuals, lag) for lag, weight in enumerate(taper, start=1))
    return np.asarray(sum(parts, np.zeros_like(residuals)))


def _lagged(residuals: Floats, lag: int) -> Floats:
    """By age: the residual `lag` months before, 0 where there is none."""
    return np.pad(residuals[:, lag:], ((0, 0), (0, lag)))
