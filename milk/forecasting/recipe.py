"""The recipe: season, drift, momentum and pull, from several memories at once, combined by what each was worth.

A *member* has one half-life and one order. It fits drift and month effects (`milk.forecasting.season`) to the log
returns, outliers cut, and explains what is left, e, by its own past, in a ridge regression with the same weights:

    e_t = phi_1 e_(t-1) + ... + phi_q e_(t-q)  +  pull (w_1 e_(t-1) + ... + w_30 e_(t-30))  +  noise
           `------------- momentum ----------'    `---------------- cycle ----------------'

    r^  = drift_share d + s_c + momentum + cycle                                     iterated over the steps

Momentum carries a surprise on for some months. The pull works the other way round: a price that has run away from its
season for two years tends to come back, which is what a cycle of supply looks like. The forecast is the mean of the
members, for each horizon with weights

    weight_m ~ (sum over earlier origins of .98 ** age times squared error of member m) ** -power

from errors that were known at the origin. All origins are fitted together (docs/decisions/0006).
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from milk.forecasting.histories import Floats, Histories, discounted_sum, observed, vintages
from milk.forecasting.model import Forecast, check_fitted, last_log_price, no_contributions
from milk.forecasting.season import (
    TINY,
    Cut,
    Returns,
    Season,
    cut_outliers,
    fit_season,
    returns_by_age,
    weights_by_age,
)

ORDERS = (1, 2)
"""Months of past surprises in the momentum; every half-life has a member of each."""
PULL_SPANS = range(18, 31)
"""The sum that pulls back is the mean of those over the last 18, 19 ... 30 residuals: any one of these spans does about
as well, so none was picked."""
PULL_MONTHS = PULL_SPANS[-1]
PULL_TAPER = np.array([sum(span >= lag for span in PULL_SPANS) for lag in range(1, PULL_MONTHS + 1)]) / len(PULL_SPANS)
"""The same as weights of the residuals, newest first: 1 for a year and a half, fading out until two and a half."""
MOMENTUM_RIDGE = 5.0
PULL_RIDGE = 20.0
"""Penalties in units of the variance of what is left."""
ERROR_DECAY = 0.98
OUTLIER_SD = 4.0


@dataclass(frozen=True)
class Setting:
    """What the search chooses.

    Attributes:
        half_lives_months: the memories of the members.
        drift_share: share of the drift that is carried forward; 0 to 1.
        weight_power: how much the past errors of a member count for its weight; 0 for equal weights.
        has_pull: whether the members pull back.
        outlier_sd: standard deviations beyond which a return is cut; `None` for never.
    """

    half_lives_months: tuple[float, ...] = (24.0, 48.0, 96.0)
    drift_share: float = 0.25
    weight_power: float = 3.0
    has_pull: bool = True
    outlier_sd: float | None = OUTLIER_SD

    def parameters(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**asdict(self), "half_lives_months": list(self.half_lives_months)}

    @classmethod
    def of_parameters(cls, parameters: dict[str, Any]) -> Self:
        """From JSON.

        Raises:
            TypeError: other names than those of a setting, or a value of another kind.
        """
        half_lives = parameters["half_lives_months"]
        return cls(**{**parameters, "half_lives_months": tuple(float(months) for months in half_lives)})

    def forecaster(self) -> "Recipe":
        """A new forecaster with this setting."""
        return Recipe(self)


@dataclass(frozen=True)
class Member:
    """What one member learnt at each origin; the first axis of every array is the origin.

    Attributes:
        half_life_months: its memory.
        season: drift and month effects.
        momentum: origins x order, the nearest month first.
        pull: origins; coefficient of the sum of the last residuals (see `PULL_TAPER`), mostly below zero.
        residuals: origins x `PULL_MONTHS`: what is left of the newest returns, newest first.
    """

    half_life_months: float
    season: Season
    momentum: Floats
    pull: Floats
    residuals: Floats

    @property
    def order(self) -> int:
        """Months of past surprises in the momentum."""
        return int(self.momentum.shape[1])


def fit_members(returns: Returns, half_life_months: float, *, has_pull: bool) -> list[Member]:
    """The members of one half-life, one for each of `ORDERS`."""
    season = fit_season(returns, half_life_months)
    residuals = np.where(returns.is_known, returns.value - season.expected(), 0.0)
    weights = weights_by_age(returns, half_life_months)
    explained = _explain(residuals, weights, returns, has_pull=has_pull)
    return [
        Member(half_life_months, season, momentum, pull, residuals[:, :PULL_MONTHS])
        for momentum, pull in explained.values()
    ]


def prepared_members(histories: Histories, setting: Setting) -> tuple[list[Member], Cut | None]:
    """The members of a setting, fitted to each history, and what their returns were cut against."""
    returns, cut = returns_by_age(histories), None
    if setting.outlier_sd is not None:
        returns, cut = cut_outliers(returns, setting.outlier_sd)
    members = [
        member
        for half_life in setting.half_lives_months
        for member in fit_members(returns, half_life, has_pull=setting.has_pull)
    ]
    return members, cut


def forecast_member(member: Member, steps: int) -> dict[str, Floats]:
    """What each cause of a member adds to the log price, the whole drift: for each an array origins x steps."""
    rows = len(member.pull)
    change = {cause: np.zeros((rows, steps)) for cause in ("drift", "season", "momentum", "cycle")}
    change["drift"][:] = member.season.drift[:, None]
    recent = member.residuals
    for step in range(1, steps + 1):
        momentum = (member.momentum * recent[:, : member.order]).sum(axis=1)
        cycle = member.pull * (recent @ PULL_TAPER)
        recent = np.column_stack([momentum + cycle, recent[:, :-1]])
        change["season"][:, step - 1] = member.season.effects[:, -step % 12]
        change["momentum"][:, step - 1] = momentum
        change["cycle"][:, step - 1] = cycle
    return {cause: values.cumsum(axis=1) for cause, values in change.items()}


def learnt_weights(log_prices: Floats, histories: Histories, power: float) -> Floats:
    """The weight of each member at each origin and horizon.

    Args:
        log_prices: members x origins x steps: what each member forecast.
        histories: what was known at each origin; errors are measured against these prices, never against later ones.
        power: see `Setting`.

    Returns:
        Members x origins x steps, adding up to 1 over the members; equal where there is no earlier error.
    """
    members, _rows, steps = log_prices.shape
    if power == 0:
        return np.full_like(log_prices, 1 / members)
    loss = np.zeros_like(log_prices)
    by_series = histories.by_series(loss)
    for start, stop in vintages(histories):
        squared = np.nan_to_num((observed(histories, stop - 1, steps) - log_prices) ** 2)
        by_series[:, :, start:stop] = _discounted(histories.by_series(squared))[:, :, start:stop]
    # Against the best member, so that errors of any size can be raised to a power; equal ones give equal weights.
    best = loss.min(axis=0)
    weights = ((best + TINY**2) / (loss + TINY**2)) ** power
    return np.asarray(weights / weights.sum(axis=0))


class Recipe:
    """The recipe as a forecaster; the setting is what the search chooses."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def fit(self, histories: Histories) -> Self:
        """Fit every member to each history."""
        self.members_, self.cut_ = prepared_members(histories, self.setting)
        self.histories_ = histories
        return self

    def forecast(self, steps: int) -> Forecast:
        """The next `steps` months of each history."""
        check_fitted(self, "members_")
        parts = [forecast_member(member, steps) for member in self.members_]
        forecast, self.weights_ = combine(parts, self.histories_, self.setting)
        return forecast


def combine(parts: list[dict[str, Floats]], histories: Histories, setting: Setting) -> tuple[Forecast, Floats]:
    """The forecast of the recipe from those of its members, and the weights: members x origins x steps."""
    base = last_log_price(histories)
    stacked = {cause: np.stack([part[cause] for part in parts]) for cause in parts[0]}
    stacked["drift"] = setting.drift_share * stacked["drift"]
    log_prices = base[:, None] + sum(stacked.values())
    weights = learnt_weights(log_prices, histories, setting.weight_power)
    contributions = no_contributions(*log_prices.shape[1:])
    contributions |= {cause: (weights * values).sum(axis=0) for cause, values in stacked.items()}
    return Forecast(base, contributions), weights


def _explain(
    residuals: Floats, weights: Floats, returns: Returns, *, has_pull: bool
) -> dict[int, tuple[Floats, Floats]]:
    """Momentum and pull of every origin, for each order: weighted ridge regression of a residual on those before it."""
    most = max(ORDERS)
    # The oldest months have no full set of lags: they would teach that a lag of nothing is a lag of zero.
    months = residuals.shape[1] - most
    own = residuals[:, :months]
    lagged = [residuals[:, lag : lag + months] for lag in range(1, most + 1)]
    lagged.append(_past_sums(residuals)[:, :months])
    usable = np.where(returns.is_known[:, most:], weights[:, :months], 0.0)
    variance = _products(usable * own, own) / np.maximum(usable.sum(axis=1), TINY)
    weighted = [usable * column for column in lagged]
    gram = np.array([[_products(row, column) for column in lagged] for row in weighted]).transpose(2, 0, 1)
    moment = np.array([_products(row, own) for row in weighted]).T
    # A constant series has no variance; the tiny penalty then gives coefficients of 0 in place of a division by 0.
    penalty = np.maximum(np.array([MOMENTUM_RIDGE] * most + [PULL_RIDGE]) * variance[:, None], TINY)
    gram[:, np.arange(most + 1), np.arange(most + 1)] += penalty
    answer = {}
    for order in ORDERS:
        chosen = [*range(order), *([most] if has_pull else [])]
        solved = np.linalg.solve(gram[:, chosen][:, :, chosen], moment[:, chosen, None])[:, :, 0]
        answer[order] = solved[:, :order], solved[:, order] if has_pull else np.zeros(len(residuals))
    return answer


def _products(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", left, right))


def _past_sums(residuals: Floats) -> Floats:
    """For each residual the mean over `PULL_SPANS` of the sums of as many residuals before it."""
    rows, months = residuals.shape
    running = np.zeros((rows, months + PULL_MONTHS + 2))
    np.cumsum(residuals, axis=1, out=running[:, 1 : months + 1])
    running[:, months + 1 :] = running[:, months, None]
    twice = np.zeros((rows, running.shape[1] + 1))
    np.cumsum(running, axis=1, out=twice[:, 1:])
    newest, oldest = 1 + PULL_SPANS[0], 1 + PULL_SPANS[-1]
    mean_end = (twice[:, oldest + 1 : oldest + 1 + months] - twice[:, newest : newest + months]) / len(PULL_SPANS)
    return np.asarray(mean_end - running[:, 1 : 1 + months])


def _discounted(squared: Floats) -> Floats:
    """For each origin the discounted sum of the squared errors known there: members x series x origins x steps."""
    total = discounted_sum(squared, ERROR_DECAY)
    known = np.zeros_like(squared)
    # The error of `step` months ago is the newest there is.
    for step in range(1, min(squared.shape[-1], squared.shape[-2] - 1) + 1):
        known[..., step:, step - 1] = total[..., :-step, step - 1]
    return known
