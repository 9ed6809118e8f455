"""Apply a version to prices, in plain Python: the formulas of `milk.forecasting.recipe`, written out once more.

The fit is that of the version, not a refit, and the half widths are those of its promotion: this serves whoever sends
prices and wants an answer at once. Issued forecasts are refitted and do not come from here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milk.errors import VersionRefused
from milk.models.version import ModelVersion
from milk.months import Month


@dataclass(frozen=True, slots=True)
class AppliedForecast:
    """One month ahead of the given prices; prices in the unit of the version, causes in log points."""

    target_month: Month
    horizon_months: int
    price: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    contributions: dict[str, float]


def months_needed(version: ModelVersion) -> int:
    """How many past prices an application needs."""
    return len(version.model["fit"]["autoregression"]) + 1


def apply_version(
    version: ModelVersion, prices: Sequence[float], *, last_month: Month, steps: int | None = None
) -> list[AppliedForecast]:
    """Forecast from given prices.

    Args:
        version: a verified version.
        prices: consecutive monthly prices, the newest last; at least `months_needed`.
        last_month: the month of the newest price.
        steps: months ahead; as many as the version has half widths where not given.

    Raises:
        VersionRefused: too few prices, a price that is not positive, or more steps than the version has half widths.
    """
    widths = version.model["intervals"]["half_widths"]
    wanted = len(widths) if steps is None else steps
    needed = months_needed(version)
    if len(prices) < needed or not all(math.isfinite(p) and p > 0 for p in prices):
        raise VersionRefused(f"The version {version.version_id} needs {needed} positive prices, the newest last.")
    if not 1 <= wanted <= len(widths):
        raise VersionRefused(f"The version {version.version_id} reaches 1 to {len(widths)} months ahead, not {wanted}.")
    fit = version.model["fit"]
    residuals = _residuals(fit, prices, last_month)
    totals = {"drift": 0.0, "season": 0.0, "momentum": 0.0}
    base = math.log(prices[-1])
    forecasts = []
    for step in range(1, wanted + 1):
        target = last_month + step
        surprise = sum(phi * e for phi, e in zip(fit["autoregression"], residuals, strict=True))
        residuals = [surprise, *residuals][: len(residuals)]
        totals["drift"] += fit["drift_share"] * fit["drift"]
        totals["season"] += fit["month_effects"][target.month - 1]
        totals["momentum"] += surprise
        log_price = base + totals["drift"] + totals["season"] + totals["momentum"]
        forecasts.append(_forecast(target, step, log_price, widths[step - 1], {"base": base, **totals}))
    return forecasts


def _residuals(fit: Mapping[str, Any], prices: Sequence[float], last_month: Month) -> list[float]:
    """What the fit leaves of the newest log returns, newest first."""
    residuals = []
    for lag in range(len(fit["autoregression"])):
        change = math.log(prices[-1 - lag]) - math.log(prices[-2 - lag])
        month = last_month + (-lag)
        residuals.append(change - fit["drift"] - fit["month_effects"][month.month - 1])
    return residuals


def _forecast(
    target: Month, step: int, log_price: float, width: dict[str, float], contributions: dict[str, float]
) -> AppliedForecast:
    return AppliedForecast(
        target_month=target,
        horizon_months=step,
        price=math.exp(log_price),
        lower_80=math.exp(log_price - width["log_80"]),
        upper_80=math.exp(log_price + width["log_80"]),
        lower_95=math.exp(log_price - width["log_95"]),
        upper_95=math.exp(log_price + width["log_95"]),
        contributions=dict(contributions),
    )
