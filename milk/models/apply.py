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

CAUSES = ("drift", "season", "momentum", "cycle", "other")


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
    """How many past prices an application needs at least: those of the momentum."""
    return max((len(member["momentum"]) for member in version.model["fit"]["members"]), default=0) + 1


def months_used(version: ModelVersion) -> int:
    """How many past prices an application makes use of; with fewer, what is not given counts as no surprise."""
    fit = version.model["fit"]
    return len(fit["pull_taper"]) + 1 if fit["members"] else 1


def apply_version(
    version: ModelVersion,
    prices: Sequence[float],
    *,
    last_month: Month,
    steps: int | None = None,
    other: Mapping[str, float] | None = None,
) -> list[AppliedForecast]:
    """Forecast from given prices.

    Args:
        version: a verified version.
        prices: consecutive monthly prices, the newest last; at least `months_needed`, and better `months_used`.
        last_month: the month of the newest price.
        steps: months ahead; as many as the version has half widths where not given.
        other: values of the columns of other data that the version names, where it uses any; a column that is not
            given adds nothing.

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
    changes = _cut_changes(fit["cut"], prices[-months_used(version) :], last_month)
    paths = [_path(member, fit, changes, last_month, wanted) for member in fit["members"]]
    base = math.log(prices[-1])
    forecasts = []
    for step in range(1, wanted + 1):
        causes = dict.fromkeys(CAUSES, 0.0)
        for weight, path in zip(fit["weights"][step - 1] if paths else [], paths, strict=True):
            for cause, value in path[step - 1].items():
                causes[cause] += weight * value
        causes["other"] = sum(_correction(block, step, other or {}) for block in fit["blocks"].values())
        log_price = base + sum(causes.values())
        forecasts.append(_forecast(last_month + step, step, log_price, widths[step - 1], {"base": base, **causes}))
    return forecasts


def _correction(block: Mapping[str, Any], step: int, values: Mapping[str, float]) -> float:
    """What a block of other data adds to the log price of a step (`milk.forecasting.blocks`)."""
    if step > len(block["coefficients"]):
        return 0.0
    total = 0.0
    columns = zip(block["columns"], block["means"], block["deviations"], block["coefficients"][step - 1], strict=True)
    for column, mean, deviation, coefficient in columns:
        if column in values and deviation > 0 and math.isfinite(values[column]):
            scaled = (values[column] - mean) / deviation
            total += coefficient * min(max(scaled, -block["largest"]), block["largest"])
    return total


def _cut_changes(cut: Mapping[str, Any] | None, prices: Sequence[float], last_month: Month) -> list[float]:
    """The log returns, newest first, with what lies too far from the expected cut down."""
    changes = []
    for lag in range(len(prices) - 1):
        change = math.log(prices[-1 - lag]) - math.log(prices[-2 - lag])
        if cut is not None and cut["limit"] is not None:
            expected = cut["drift"] + cut["month_effects"][(last_month + (-lag)).month - 1]
            change = expected + min(max(change - expected, -cut["limit"]), cut["limit"])
        changes.append(change)
    return changes


def _path(
    member: Mapping[str, Any], fit: Mapping[str, Any], changes: Sequence[float], last_month: Month, steps: int
) -> list[dict[str, float]]:
    """What each cause of a member adds to the log price, step by step."""
    effects, taper = member["month_effects"], fit["pull_taper"]
    recent = [change - member["drift"] - effects[(last_month + (-lag)).month - 1] for lag, change in enumerate(changes)]
    recent += [0.0] * (len(taper) - len(recent))
    totals = {"drift": 0.0, "season": 0.0, "momentum": 0.0, "cycle": 0.0}
    path = []
    for step in range(1, steps + 1):
        momentum = sum(phi * e for phi, e in zip(member["momentum"], recent, strict=False))
        cycle = member["pull"] * sum(weight * e for weight, e in zip(taper, recent, strict=True))
        recent = [momentum + cycle, *recent[:-1]]
        totals["drift"] += fit["drift_share"] * member["drift"]
        totals["season"] += effects[(last_month + step).month - 1]
        totals["momentum"] += momentum
        totals["cycle"] += cycle
        path.append(dict(totals))
    return path


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
