"""The recipe: month effects of the log return with forgetting, shrunk drift, ridge autoregression.

With r the log return, c(t) the calendar month of t and weights w = 0.5 ** (age / half_life):

    d    = weighted mean of r                                       (drift)
    s_c  = sum of w (r - d) over month c / (sum of w over c + season_shrinkage), less the mean of the twelve
    e_t  = r_t - d - s_c(t)                                         (what is left)
    phi  = ridge regression of e_t on e_(t-1) ... e_(t-q), same weights
    r^   = drift_share * d + s_c + phi . (e of the q months before)   iterated over the steps

Forgetting matters most: the season of the milk year has moved within a generation. The drift is shrunk because the
inflation of the past decade is a poor guide to the next. The normal equations of all origins are solved together, not
one scikit-learn fit each (docs/decisions/0006): a test holds them against scikit-learn's Ridge.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from milk.forecasting.histories import Floats, Histories, Integers
from milk.forecasting.model import Forecast, check_fitted, last_log_price, no_contributions


@dataclass(frozen=True)
class RecipeFit:
    """What the recipe learnt at each origin; the first axis of every array is the origin.

    Attributes:
        drift: weighted mean log return, before `drift_share`.
        month_effects: origins x 12, January first; they add up to 0.
        autoregression: origins x order, the nearest month first.
        last_residuals: origins x order, what was left of the last log returns, newest first.
    """

    drift: Floats
    month_effects: Floats
    autoregression: Floats
    last_residuals: Floats


class SeasonalAutoregression:
    """The recipe; its parameters are what the search chooses.

    Args:
        half_life_months: age at which an observation counts half.
        drift_share: share of the drift that is carried forward; 0 to 1.
        season_shrinkage: observations of "no effect" added to each calendar month.
        ar_order: months of past surprises that matter; 0 for none.
        ar_ridge: penalty of the autoregression, in units of the residual variance.
    """

    def __init__(
        self,
        *,
        half_life_months: float = 36.0,
        drift_share: float = 0.5,
        season_shrinkage: float = 1.0,
        ar_order: int = 2,
        ar_ridge: float = 5.0,
    ) -> None:
        self.half_life_months = half_life_months
        self.drift_share = drift_share
        self.season_shrinkage = season_shrinkage
        self.ar_order = ar_order
        self.ar_ridge = ar_ridge

    def fit(self, histories: Histories) -> Self:
        """Fit to each history; see the module for the formulas."""
        returns, is_known = histories.log_returns()
        age = histories.origins[:, None] - np.arange(returns.shape[1])
        weights = np.where(is_known, 0.5 ** (np.maximum(age, 0) / self.half_life_months), 0.0)
        calendar = histories.calendar()
        drift = (weights * returns).sum(axis=1) / weights.sum(axis=1)
        effects = self._month_effects(returns, weights, drift, calendar)
        residuals = np.where(is_known, returns - drift[:, None] - effects[:, calendar], 0.0)
        self.fit_ = RecipeFit(
            drift=drift,
            month_effects=effects,
            autoregression=self._autoregression(residuals, weights),
            last_residuals=_last(residuals, histories.origins, self.ar_order),
        )
        self.base_ = last_log_price(histories)
        self.origin_month_ = calendar[histories.origins]
        return self

    def forecast(self, steps: int) -> Forecast:
        """The next `steps` months of each history."""
        check_fitted(self, "fit_")
        fit = self.fit_
        contributions = no_contributions(len(fit.drift), steps)
        rows = np.arange(len(fit.drift))
        recent = fit.last_residuals
        change = {cause: np.zeros(len(rows)) for cause in contributions}
        for step in range(1, steps + 1):
            surprise = (fit.autoregression * recent).sum(axis=1)
            recent = np.column_stack([surprise, recent])[:, : self.ar_order]
            change["drift"] = change["drift"] + self.drift_share * fit.drift
            change["season"] = change["season"] + fit.month_effects[rows, (self.origin_month_ + step) % 12]
            change["momentum"] = change["momentum"] + surprise
            for cause, value in change.items():
                contributions[cause][:, step - 1] = value
        return Forecast(self.base_, contributions)

    def _month_effects(self, returns: Floats, weights: Floats, drift: Floats, calendar: Integers) -> Floats:
        is_month = np.eye(12)[calendar]
        total = (weights * returns) @ is_month
        weight = weights @ is_month
        # A calendar month without any weight (a history of under a year) has no effect.
        effects = (total - drift[:, None] * weight) / np.maximum(weight + self.season_shrinkage, 1e-12)
        return np.asarray(effects - effects.mean(axis=1, keepdims=True))

    def _autoregression(self, residuals: Floats, weights: Floats) -> Floats:
        rows, months = residuals.shape
        if self.ar_order == 0:
            return np.zeros((rows, 0))
        lagged = np.zeros((rows, months, self.ar_order))
        for lag in range(1, self.ar_order + 1):
            lagged[:, lag:, lag - 1] = residuals[:, :-lag]
        # The first months have no full set of lags: they would teach that a lag of nothing is a lag of zero.
        usable = weights * (np.arange(months) > self.ar_order)
        variance = (usable * residuals**2).sum(axis=1) / np.maximum(usable.sum(axis=1), 1e-12)
        weighted = lagged * usable[:, :, None]
        # A constant series has no variance; the tiny penalty then gives coefficients of 0 in place of a division by 0.
        penalty = np.maximum(self.ar_ridge * variance, 1e-12)
        gram = weighted.transpose(0, 2, 1) @ lagged + penalty[:, None, None] * np.eye(self.ar_order)
        moment = (weighted * residuals[:, :, None]).sum(axis=1)
        return np.asarray(np.linalg.solve(gram, moment[:, :, None])[:, :, 0])


def _last(residuals: Floats, origins: Integers, order: int) -> Floats:
    rows = np.arange(len(origins))
    columns = [residuals[rows, origins - lag] for lag in range(order)]
    return np.column_stack(columns) if columns else np.zeros((len(rows), 0))
