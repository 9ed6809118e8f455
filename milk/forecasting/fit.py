"""The content of a model version: a recipe fitted at one origin, as plain numbers.

`last_value` is the recipe without members, so that it is kept, promoted, refitted and applied like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from milk.errors import BadSetting, VersionRefused
from milk.forecasting.baselines import LastValue
from milk.forecasting.histories import Histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.model import Forecaster
from milk.forecasting.other_data import OtherData
from milk.forecasting.recipe import PULL_TAPER, Member, Recipe, Setting
from milk.forecasting.rolling import RollingForecast, rolling_forecast
from milk.forecasting.season import Cut, by_calendar
from milk.series import SERIES_ID

COMBINATION = "combination"
LAST_VALUE = "last_value"


def recipe_content(
    setting: Setting | None, method: IntervalMethod, blocks: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """The recipe as a version keeps it; no setting means the last value, which uses no blocks."""
    return {
        "name": LAST_VALUE if setting is None else COMBINATION,
        "parameters": {} if setting is None else setting.parameters(),
        "blocks": {} if setting is None else {block: list(horizons) for block, horizons in blocks.items()},
        "interval": asdict(method),
    }


def recipe_of(content: dict[str, Any]) -> tuple[Forecaster, IntervalMethod]:
    """The forecaster and the interval method that a version names.

    Raises:
        VersionRefused: the recipe is unknown or its parameters are not those of the recipe.
    """
    try:
        method = IntervalMethod(**content["interval"])
        if content["name"] == LAST_VALUE:
            return LastValue(), method
        if content["name"] == COMBINATION:
            return Setting.of_parameters(content["parameters"]).forecaster(), method
    except (KeyError, TypeError, ValueError, BadSetting) as error:
        raise VersionRefused(f"The version holds a recipe that this program cannot build: {error}.") from error
    raise VersionRefused(f"The version names the unknown recipe '{content['name']}'.")


def fitted_model(
    histories: Histories,
    setting: Setting | None,
    *,
    steps: int,
    other: OtherData | None = None,
    method: IntervalMethod,
    unit: str,
    data: dict[str, str],
    distribution: dict[str, Any],
) -> dict[str, Any]:
    """Fit a recipe at the last origin of `histories`: the content of `model.json` (see `milk.models.version`).

    `other` are the blocks that the recipe uses beside the price, `distribution` is what every feature looked like then,
    against which later inputs are compared.
    """
    used = other if setting is not None and other is not None and other.blocks else None
    recipe = recipe_content(setting, method, used.blocks if used else {})
    forecaster, _method = recipe_of(recipe)
    rolling = rolling_forecast(forecaster, histories, steps=steps, method=method, other=used)
    return {
        "schema": 2,
        "series_id": SERIES_ID,
        "unit": unit,
        "data": data,
        "recipe": recipe,
        "fit": {
            "forecast_origin": str(histories.origin_month(len(histories) - 1)),
            "last_price": float(np.exp(histories.log_price[-1, histories.origins[-1]])),
            **_fit_numbers(forecaster, histories),
            "blocks": {} if used is None else used.fitted(forecaster.forecast(steps), histories),
        },
        "intervals": {"half_widths": _half_widths(rolling)},
        "training_distribution": distribution,
    }


def _fit_numbers(forecaster: Forecaster, histories: Histories) -> dict[str, Any]:
    """What the newest origin learnt, as `milk.models.apply` reads it."""
    if not isinstance(forecaster, Recipe):
        return {"cut": None, "drift_share": 0.0, "pull_taper": [], "members": [], "weights": []}
    return {
        "cut": None if forecaster.cut_ is None else _cut_numbers(forecaster.cut_, histories),
        "drift_share": float(forecaster.setting.drift_share),
        "pull_taper": PULL_TAPER.tolist(),
        "members": [_member_numbers(member, histories) for member in forecaster.members_],
        # One list a horizon, a weight for each member.
        "weights": forecaster.weights_[:, -1, :].T.tolist(),
    }


def _cut_numbers(cut: Cut, histories: Histories) -> dict[str, Any]:
    limit = float(cut.limit[-1])
    # Canonical JSON knows no infinity: a price that hardly ever moves has nothing cut.
    return {
        "drift": float(cut.season.drift[-1]),
        "month_effects": _from_january(cut.season.effects, histories),
        "limit": limit if np.isfinite(limit) else None,
    }


def _member_numbers(member: Member, histories: Histories) -> dict[str, Any]:
    return {
        "half_life_months": float(member.half_life_months),
        "drift": float(member.season.drift[-1]),
        "month_effects": _from_january(member.season.effects, histories),
        "momentum": member.momentum[-1].tolist(),
        "pull": float(member.pull[-1]),
    }


def _from_january(effects: np.ndarray, histories: Histories) -> list[float]:
    origin_month = histories.calendar()[histories.origins[-1:]]
    return [float(effect) for effect in by_calendar(effects[-1:], origin_month)[0]]


def _half_widths(rolling: RollingForecast) -> list[dict[str, float]]:
    widths = rolling.widths
    return [
        {
            "horizon_months": step + 1,
            "log_80": float(widths.by_level[0.80][-1, step]),
            "log_95": float(widths.by_level[0.95][-1, step]),
            "errors": int(widths.errors[-1, step]),
        }
        for step in range(widths.errors.shape[1])
    ]
