"""What a forecast has to beat: the same contract, nothing to choose.

`SeasonalDrift` is month effects and half the drift with a half-life of three years, found good on the original prices
of 2003 to 2017 and so no easy opponent there; it shows how much of a gain is plain seasonality.
"""

from collections.abc import Callable
from typing import Self

import numpy as np

from milk.forecasting.histories import Histories
from milk.forecasting.model import Forecast, Forecaster, check_fitted, last_log_price, no_contributions
from milk.forecasting.season import fit_season, returns_by_age


class LastValue:
    """The price stays where it is."""

    def fit(self, histories: Histories) -> Self:
        """Remember the last price of each history."""
        self.base_ = last_log_price(histories)
        return self

    def forecast(self, steps: int) -> Forecast:
        """The last price, `steps` times."""
        check_fitted(self, "base_")
        return Forecast(self.base_, no_contributions(len(self.base_), steps))


class Drift:
    """The price goes on along the line from the first to the last price on the log scale."""

    def fit(self, histories: Histories) -> Self:
        """Learn the mean log return of each history."""
        self.base_ = last_log_price(histories)
        returns, is_known = histories.log_returns()
        self.drift_ = returns.sum(axis=1) / is_known.sum(axis=1)
        return self

    def forecast(self, steps: int) -> Forecast:
        """The last price plus the mean change, `steps` times."""
        check_fitted(self, "drift_")
        contributions = no_contributions(len(self.base_), steps)
        contributions["drift"] = self.drift_[:, None] * np.arange(1, steps + 1)
        return Forecast(self.base_, contributions)


class SeasonalNaive:
    """Each month costs what it cost a year before."""

    def fit(self, histories: Histories) -> Self:
        """Remember the last twelve prices of each history."""
        self.base_ = last_log_price(histories)
        rows = np.arange(len(histories))[:, None]
        self.last_year_ = histories.log_price[rows, histories.origins[:, None] + np.arange(-11, 1)]
        return self

    def forecast(self, steps: int) -> Forecast:
        """The last twelve prices, repeated."""
        check_fitted(self, "last_year_")
        contributions = no_contributions(len(self.base_), steps)
        contributions["season"] = self.last_year_[:, np.arange(steps) % 12] - self.base_[:, None]
        return Forecast(self.base_, contributions)


class SeasonalDrift:
    """Month effects with a half-life of three years and half the drift, nothing shrunk and nothing cut."""

    def fit(self, histories: Histories) -> Self:
        """Learn drift and month effects of each history."""
        self.base_ = last_log_price(histories)
        self.season_ = fit_season(returns_by_age(histories), 36.0, is_shrunk=False)
        return self

    def forecast(self, steps: int) -> Forecast:
        """The last price, half the drift and the month effects."""
        check_fitted(self, "season_")
        contributions = no_contributions(len(self.base_), steps)
        ahead = np.arange(1, steps + 1)
        contributions["drift"] = 0.5 * self.season_.drift[:, None] * ahead
        contributions["season"] = self.season_.effects[:, -ahead % 12].cumsum(axis=1)
        return Forecast(self.base_, contributions)


BASELINES: dict[str, Callable[[], Forecaster]] = {
    "last_value": LastValue,
    "seasonal_naive": SeasonalNaive,
    "drift": Drift,
    "seasonal_drift": SeasonalDrift,
}
