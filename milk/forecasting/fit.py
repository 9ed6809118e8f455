"""The content of a model version: a recipe fitted at one origin, as plain numbers.

`last_value` is the recipe with every cause at zero, so that it is kept, promoted, refitted and applied like any other.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from milk.errors import VersionRefused
from milk.forecasting.baselines import LastValue
from milk.forecasting.histories import Histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.model import Forecaster
from milk.forecasting.recipe import SeasonalAutoregression
from milk.forecasting.rolling import RollingForecast, rolling_forecast
from milk.forecasting.search import Setting
from milk.series import SERIES_ID

SEASONAL_AUTOREGRESSION = "seasonal_autoregression"
LAST_VALUE = "last_value"


def recipe_content(setting: Setting | None, method: IntervalMethod) -> dict[str, Any]:
    """The recipe as a version keeps it; no setting means the last value."""
    parameters = {} if setting is None else asdict(setting)
    return {
        "name": LAST_VALUE if setting is None else SEASONAL_AUTOREGRESSION,
        "parameters": parameters,
        "blocks": [],
        "interval": {"decay": method.decay, "memory_months": method.memory_months},
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
        if content["name"] == SEASONAL_AUTOREGRESSION:
            return Setting(**content["parameters"]).forecaster(), method
    except (KeyError, TypeError) as error:
        raise VersionRefused(f"The version holds a recipe that this program cannot build: {error}.") from error
    raise VersionRefused(f"The version names the unknown recipe '{content['name']}'.")


def fitted_model(
    histories: Histories,
    setting: Setting | None,
    *,
    steps: int,
    method: IntervalMethod,
    unit: str,
    data: dict[str, str],
    distribution: dict[str, Any],
) -> dict[str, Any]:
    """Fit a recipe at the last origin of `histories`: the content of `model.json` (see `milk.models.version`).

    `distribution` is what every feature looked like then, against which later inputs are compared.
    """
    recipe = recipe_content(setting, method)
    forecaster, _method = recipe_of(recipe)
    rolling = rolling_forecast(forecaster, histories, steps=steps, method=method)
    return {
        "schema": 1,
        "series_id": SERIES_ID,
        "unit": unit,
        "data": data,
        "recipe": recipe,
        "fit": {
            "forecast_origin": str(histories.origin_month(len(histories) - 1)),
            "last_price": float(np.exp(histories.log_price[-1, histories.origins[-1]])),
            **_fit_numbers(forecaster),
        },
        "intervals": {"half_widths": _half_widths(rolling)},
        "training_distribution": distribution,
    }


def _fit_numbers(forecaster: Forecaster) -> dict[str, Any]:
    if not isinstance(forecaster, SeasonalAutoregression):
        return {"drift": 0.0, "drift_share": 0.0, "month_effects": [0.0] * 12, "autoregression": []}
    fit = forecaster.fit_
    return {
        "drift": float(fit.drift[-1]),
        "drift_share": float(forecaster.drift_share),
        "month_effects": fit.month_effects[-1].tolist(),
        "autoregression": fit.autoregression[-1].tolist(),
    }


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
