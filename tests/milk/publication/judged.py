"""Judged forecasts and decisions for the tests: what `issues.issue` publishes, judged by a price."""

import math
from typing import Any

from milk.months import Month, data_cutoff
from milk.publication.judged_rows import JudgedForecast, RetrainDecision, RunningStatistics
from milk.publication.rows import Publication
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, issue, publication


def judged(month: Month = OCTOBER, ahead: int = 0, *, came: float = 305.0, **changed: Any) -> JudgedForecast:  # noqa: ANN401  # because any field may be changed
    published = issue(month, kind="live")
    forecast = published.forecasts[ahead]
    verdict: dict[str, Any] = {
        "observed": came,
        "known_since": data_cutoff(forecast.target_month + 1),
        "error": came - forecast.price,
        "log_error": math.log(came / forecast.price),
        "is_inside_80": True,
        "is_inside_95": True,
    }
    whole: dict[str, Any] = {
        "series_id": published.series_id,
        "issue_month": month,
        "revision": 1,
        "target_month": forecast.target_month,
        "forecast_origin": published.forecast_origin,
        "horizon_months": forecast.horizon_months,
        **{name: getattr(forecast, name) for name in ("price", "lower_80", "upper_80", "lower_95", "upper_95")},
        "unit": published.unit,
        "model_version": published.model_version,
        "data_cutoff": published.data_cutoff,
        "issue_published_at": NOON,
        **verdict,
        **{f"{name}_latest": value for name, value in verdict.items()},
        **{"last_value": 299.0, "seasonal_naive": 1 / 3, "drift": None, "seasonal_drift": 301.0},
    }
    return JudgedForecast(**whole | changed)


def statistics(horizon: int = 1, **changed: Any) -> RunningStatistics:  # noqa: ANN401  # because any field may be changed
    missing = [name for name in RunningStatistics.__dataclass_fields__ if name.startswith(("ratio", "coverage"))]
    whole: dict[str, Any] = dict.fromkeys(missing) | {
        "series_id": "s",
        "observed_as": "first",
        "horizon_months": horizon,
        "months_judged": 1,
        "forecasts": 1,
        "first_target": OCTOBER,
        "last_target": OCTOBER,
        "bias": 0.01,
        "bias_band": None,
        "rmse": 5.0,
        "coverage_80": 1.0,
        "coverage_95": 1.0,
        "is_judged": False,
        "is_biased": False,
        "is_outside_80": False,
        "is_outside_95": False,
        "is_worse_than_last_value": False,
        "finding": "1 of the 12 months that it takes",
    }
    return RunningStatistics(**whole | changed)


def decision(**changed: Any) -> RetrainDecision:  # noqa: ANN401  # because any field may be changed
    whole: dict[str, Any] = {
        "series_id": "s",
        "as_of": NOVEMBER,
        "decided_at": NOON,
        "decision": "hold",
        "rule": "nothing fired",
        "sentence": "Nothing speaks for a training.",
        "numbers": {"months_since_training": 3, "cusum": 1.5, "input": "price"},
        "model_version": "v-1",
    }
    return RetrainDecision(**whole | changed)


def stamp(**changed: Any) -> Publication:  # noqa: ANN401  # because any field may be changed
    """A publication without issues."""
    return publication([], **({"series": ()} | changed))
