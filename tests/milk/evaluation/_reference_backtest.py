"""DO NOT EDIT. A slow, obvious rolling origin, frozen on 2026-11-23.

Written from the words of the design, not from the code that it judges: one origin at a time, pandas and plain loops,
scikit-learn's Ridge for the autoregression. Where the fast code and this file differ, one of them is wrong; find out
which before touching either. It knows one rule of availability: a price is known when its month ends in Chile.
"""

import math

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

FIRST_ORIGIN = 60
DECAY = 0.94
MEMORY = 120
NEGLIGIBLE = 1e-4


class Reference:
    """All origins of one feature table."""

    def __init__(self, features: pd.DataFrame, model: str, setting: dict[str, float] | None = None) -> None:
        self.price = features[features["feature"] == "price"]
        self.months = pd.DatetimeIndex(sorted(self.price["month"].unique()))
        self.model = model
        self.setting = setting or {}
        self.known: dict[int, pd.Series] = {}
        self.forecasts: dict[tuple[int, int], list[dict[str, float]]] = {}

    def known_prices(self, origin: int) -> pd.Series:
        """The newest value of each month up to the origin that was known when the origin's month ended."""
        if origin not in self.known:
            cutoff = (self.months[origin] + pd.DateOffset(months=1)).tz_localize("America/Santiago")
            values = self.price[(self.price["month"] <= self.months[origin]) & (self.price["known_since"] <= cutoff)]
            self.known[origin] = values.sort_values("known_since").groupby("month")["value"].last()
        return self.known[origin]

    def forecast(self, origin: int, steps: int) -> list[dict[str, float]]:
        """For each step the log price and its causes."""
        if (origin, steps) not in self.forecasts:
            log_prices = np.log(self.known_prices(origin))
            make = {
                "milk": self._recipe,
                "last_value": lambda p, n: [_parts(p.iloc[-1]) for _ in range(n)],
                "drift": _drift,
                "seasonal_naive": _seasonal_naive,
            }[self.model]
            self.forecasts[origin, steps] = make(log_prices, steps)
        return self.forecasts[origin, steps]

    def half_widths(self, origin: int, step: int, levels: tuple[float, ...], steps: int) -> list[float]:
        """The intervals at one origin and step, from the errors known there."""
        known = np.log(self.known_prices(origin).to_numpy())
        errors = []
        for earlier in range(FIRST_ORIGIN, origin - step + 1):
            came = known[earlier + step]
            errors.append(abs(came - self.forecast(earlier, steps)[step - 1]["log_price"]))
        sizes = []
        for number in range(len(errors)):
            weights = DECAY ** np.arange(number, -1, -1)
            size = float(np.average(errors[: number + 1], weights=weights))
            sizes.append(max(size, 1e-12))
        ratios = []
        for number, error in enumerate(errors):
            made_with = number - step  # the newest error known when this forecast was made
            if made_with >= 0:
                ratios.append(1.0 if sizes[made_with] < NEGLIGIBLE else error / sizes[made_with])
        ratios = sorted(ratios[-MEMORY:])
        ranks = [min(math.ceil(level * (len(ratios) + 1)), len(ratios)) for level in levels]
        return [sizes[-1] * ratios[rank - 1] for rank in ranks]

    def _recipe(self, log_prices: pd.Series, steps: int) -> list[dict[str, float]]:
        returns = log_prices.diff().dropna()
        age = np.arange(len(returns))[::-1]
        weights = pd.Series(0.5 ** (age / self.setting["half_life_months"]), index=returns.index)
        drift = float(np.average(returns, weights=weights))
        effects = {}
        for month in range(1, 13):
            here = [m.month == month for m in self.months[1 : len(log_prices)]]
            surplus = (weights[here] * (returns[here] - drift)).sum()
            effects[month] = surplus / (weights[here].sum() + self.setting["season_shrinkage"])
        mean = sum(effects.values()) / 12
        effects = {month: effect - mean for month, effect in effects.items()}
        left = pd.Series(
            [r - drift - effects[m.month] for m, r in zip(self.months[1:], returns, strict=False)], index=returns.index
        )
        phi = self._autoregression(left, weights)
        return self._ahead(log_prices, drift, effects, list(left), phi, steps)

    def _autoregression(self, left: pd.Series, weights: pd.Series) -> list[float]:
        order = int(self.setting["ar_order"])
        if order == 0:
            return []
        lags = pd.DataFrame({lag: left.shift(lag) for lag in range(1, order + 1)}).dropna()
        y, w = left[lags.index], weights[lags.index]
        variance = float(np.average(y**2, weights=w))
        ridge = Ridge(alpha=self.setting["ar_ridge"] * variance, fit_intercept=False)
        ridge.fit(lags.to_numpy(), y.to_numpy(), sample_weight=w.to_numpy())
        return [float(c) for c in ridge.coef_]

    def _ahead(
        self,
        log_prices: pd.Series,
        drift: float,
        effects: dict[int, float],
        left: list[float],
        phi: list[float],
        steps: int,
    ) -> list[dict[str, float]]:
        parts = _parts(log_prices.iloc[-1])
        path = []
        for step in range(1, steps + 1):
            month = (log_prices.index[-1] + pd.DateOffset(months=step)).month
            surprise = sum(coefficient * left[-lag] for lag, coefficient in enumerate(phi, start=1))
            left = [*left, surprise]
            parts = {
                **parts,
                "drift": parts["drift"] + self.setting["drift_share"] * drift,
                "season": parts["season"] + effects[month],
                "momentum": parts["momentum"] + surprise,
            }
            parts["log_price"] = parts["base"] + parts["drift"] + parts["season"] + parts["momentum"]
            path.append(parts)
        return path


def _parts(base: float, *, drift: float = 0.0, season: float = 0.0) -> dict[str, float]:
    return {"base": base, "drift": drift, "season": season, "momentum": 0.0, "log_price": base + drift + season}


def _drift(log_prices: pd.Series, steps: int) -> list[dict[str, float]]:
    first, last = log_prices.iloc[0], log_prices.iloc[-1]
    slope = (last - first) / (len(log_prices) - 1)
    return [_parts(last, drift=slope * step) for step in range(1, steps + 1)]


def _seasonal_naive(log_prices: pd.Series, steps: int) -> list[dict[str, float]]:
    last = log_prices.iloc[-1]
    same_month = [log_prices.iloc[-12 + (step - 1) % 12] for step in range(1, steps + 1)]
    return [_parts(last, season=price - last) for price in same_month]
