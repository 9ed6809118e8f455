"""DO NOT EDIT. A slow, obvious rolling origin, frozen on 2026-11-25.

Written from the formulas of docs/forecasting.md, not from the code that it judges: one origin at a time, plain loops,
scikit-learn's Ridge for momentum and pull. Where the fast code and this file differ, one of them is wrong; find out
which before touching either. It knows one rule of availability: a price is known when its month ends in Chile.
"""

import math
import statistics
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

FIRST_ORIGIN = 36
DECAY = 0.94
MEMORY = 120
NEGLIGIBLE = 1e-4
NOTHING = {"momentum": 0.0, "cycle": 0.0, "other": 0.0}


class Reference:
    """All origins of one feature table."""

    def __init__(self, features: pd.DataFrame, model: str, setting: dict[str, Any] | None = None) -> None:
        self.price = features[features["feature"] == "price"]
        self.months = pd.DatetimeIndex(sorted(self.price["month"].unique()))
        self.model = model
        self.setting = setting or {}
        self.known: dict[int, pd.Series] = {}
        self.forecasts: dict[tuple[int, int], list[dict[str, float]]] = {}
        self.paths: dict[tuple[int, int], list[list[dict[str, float]]]] = {}

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
                "milk": lambda _p, n: self._combined(origin, n),
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

    def _combined(self, origin: int, steps: int) -> list[dict[str, float]]:
        """The weighted mean of the members, cause by cause."""
        paths = self._member_paths(origin, steps)
        known = np.log(self.known_prices(origin).to_numpy())
        answer = []
        for step in range(1, steps + 1):
            losses = []
            for member in range(len(paths)):
                loss = 0.0
                for earlier in range(FIRST_ORIGIN, origin - step + 1):
                    forecast = self._member_paths(earlier, steps)[member][step - 1]["log_price"]
                    loss += 0.98 ** (origin - step - earlier) * (known[earlier + step] - forecast) ** 2
                losses.append(loss)
            power = self.setting["weight_power"]
            raw = [1.0 if min(losses) == 0 else (min(losses) / loss) ** power for loss in losses]
            weights = [weight / sum(raw) for weight in raw]
            parts = [path[step - 1] for path in paths]
            answer.append({name: sum(w * p[name] for w, p in zip(weights, parts, strict=True)) for name in parts[0]})
        return answer

    def _member_paths(self, origin: int, steps: int) -> list[list[dict[str, float]]]:
        if (origin, steps) not in self.paths:
            prices = np.log(self.known_prices(origin).to_numpy())
            # Newest first, as everything here; `months` are those of the returns.
            returns = [float(prices[k] - prices[k - 1]) for k in range(origin, 0, -1)][:240]
            months = [(origin - age) % 12 for age in range(240)]
            returns = self._cut(returns, months)
            self.paths[origin, steps] = [
                self._member(returns, months, half_life, order, float(prices[origin]), steps)
                for half_life in self.setting["half_lives_months"]
                for order in (1, 2)
            ]
        return self.paths[origin, steps]

    def _cut(self, returns: list[float], months: list[int]) -> list[float]:
        drift, effects = _season(returns, months, 48.0)
        expected = [drift + effects[month] for month in months[: len(returns)]]
        # Ages without a return count as no surprise.
        surprises = [abs(r - e) for r, e in zip(returns, expected, strict=True)]
        limit = self.setting["outlier_sd"] * 1.4826 * statistics.median(surprises)
        if limit == 0:
            return returns
        return [e + min(max(r - e, -limit), limit) for r, e in zip(returns, expected, strict=True)]

    def _member(
        self, returns: list[float], months: list[int], half_life: float, order: int, last: float, steps: int
    ) -> list[dict[str, float]]:
        drift, effects = _season(returns, months, half_life)
        left = [r - drift - effects[month] for r, month in zip(returns, months, strict=False)]
        phi, pull = self._explain(left, half_life, order)
        parts = _parts(last)
        path = []
        for step in range(1, steps + 1):
            past = left + [0.0] * 30
            momentum = sum(phi[lag] * past[lag] for lag in range(order))
            cycle = pull * _past_sum(past)
            left = [momentum + cycle, *left]
            parts = {
                **parts,
                "drift": parts["drift"] + self.setting["drift_share"] * drift,
                "season": parts["season"] + effects[(months[0] + step) % 12],
                "momentum": parts["momentum"] + momentum,
                "cycle": parts["cycle"] + cycle,
            }
            parts["log_price"] = sum(parts[name] for name in ("base", "drift", "season", "momentum", "cycle", "other"))
            path.append(parts)
        return path

    def _explain(self, left: list[float], half_life: float, order: int) -> tuple[list[float], float]:
        """Ridge with a penalty of 5 on momentum and of 20 on the pull, in units of the variance of what is left."""
        rows = range(len(left) - 2)
        padded = left + [0.0] * 31
        y = [left[age] for age in rows]
        weights = [0.5 ** (age / half_life) for age in rows]
        columns = [[left[age + lag] for age in rows] for lag in range(1, order + 1)]
        if self.setting["has_pull"]:
            # Half as large a column has to pay four times the penalty for the same coefficient.
            columns.append([_past_sum(padded[age + 1 :]) / 2 for age in rows])
        variance = float(np.average(np.square(y), weights=weights))
        ridge = Ridge(alpha=5.0 * variance, fit_intercept=False)
        ridge.fit(np.transpose(columns), y, sample_weight=weights)
        coefficients = [float(c) for c in ridge.coef_]
        return coefficients[:order], coefficients[order] / 2 if self.setting["has_pull"] else 0.0


def _season(returns: list[float], months: list[int], half_life: float) -> tuple[float, list[float]]:
    """Drift and the twelve month effects, by the number that `months` gives each calendar month."""
    weights = [0.5 ** (age / half_life) for age in range(len(returns))]
    drift = sum(w * r for w, r in zip(weights, returns, strict=True)) / sum(weights)
    by_month = []
    for month in range(12):
        here = [age for age in range(len(returns)) if months[age] == month]
        weight = sum(weights[age] for age in here)
        squares = sum(weights[age] ** 2 for age in here)
        by_month.append((sum(weights[age] * (returns[age] - drift) for age in here) / weight, squares / weight**2))
    mean = sum(effect for effect, _share in by_month) / 12
    effects = [effect - mean for effect, _share in by_month]
    left = [r - drift - effects[month] for r, month in zip(returns, months, strict=False)]
    effective = sum(weights) ** 2 / sum(w**2 for w in weights)
    variance = sum(w * e**2 for w, e in zip(weights, left, strict=True)) / sum(weights)
    variance /= max(1 - 13 / max(effective, 14), 1 / 14)
    sampling = [variance * share for _effect, share in by_month]
    true = max(0.0, sum(effect**2 for effect in effects) / 11 - sum(sampling) / 12)
    shrunk = [
        effect * true / (true + noise) if true + noise > 0 else 0.0
        for effect, noise in zip(effects, sampling, strict=True)
    ]
    return drift, [effect - sum(shrunk) / 12 for effect in shrunk]


def _past_sum(past: list[float]) -> float:
    """The mean of the sums over the last 18, 19 ... 30."""
    return sum(sum(past[:span]) for span in range(18, 31)) / 13


def _parts(base: float, *, drift: float = 0.0, season: float = 0.0) -> dict[str, float]:
    return {"base": base, "drift": drift, "season": season, **NOTHING, "log_price": base + drift + season}


def _drift(log_prices: pd.Series, steps: int) -> list[dict[str, float]]:
    first, last = log_prices.iloc[0], log_prices.iloc[-1]
    slope = (last - first) / (len(log_prices) - 1)
    return [_parts(last, drift=slope * step) for step in range(1, steps + 1)]


def _seasonal_naive(log_prices: pd.Series, steps: int) -> list[dict[str, float]]:
    last = log_prices.iloc[-1]
    same_month = [log_prices.iloc[-12 + (step - 1) % 12] for step in range(1, steps + 1)]
    return [_parts(last, season=price - last) for price in same_month]
