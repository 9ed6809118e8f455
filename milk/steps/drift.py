"""Compare what an issue is made from with what its version was trained on: the rows of `input_drift`.

Findings never stop a forecast. Those of inputs of the recipe, and of its own errors, may lead to a retraining; the
others inform.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from milk.evaluation.drift import BROKEN, MOVED, group_alarms, input_drift
from milk.evaluation.target_drift import target_drift
from milk.forecasting.features import PRICE, changes_of, declared_features
from milk.forecasting.fit import recipe_of
from milk.forecasting.histories import build_histories
from milk.forecasting.issue import one_step_errors
from milk.home.layout import Home
from milk.home.tables import frame_hash, has_table, read_table, write_table
from milk.models.version import ModelVersion
from milk.months import Availability, Month, data_cutoff, forecast_origin
from milk.series import SERIES_ID, series_register
from milk.steps.predictions import Issuing, checked_inputs, month_ranges, reachable_of
from milk.steps.training import blocks
from milk.tables import INPUT_DRIFT, column_types, empty_table

TABLE = "input_drift"
ERRORS = "one_step_error"
"""Name under which the errors of the recipe itself stand among its inputs."""
FLAGS = [*MOVED, *BROKEN]


@dataclass(frozen=True)
class Assessed:
    """What was found.

    Attributes:
        rows: the rows of `input_drift` of the months judged; none where no month could be.
        blocks: what was found by issue month and block, see `milk.evaluation.drift.group_alarms`.
        errors: bias and CUSUM of the recipe up to the newest of them, see `milk.evaluation.target_drift`.
    """

    rows: pd.DataFrame
    blocks: pd.DataFrame
    errors: pd.DataFrame


def assess_inputs(home: Home, issuing: Issuing, months: list[Month]) -> Assessed:
    """Judge the inputs of some issue months, each as it was known at its cutoff, and keep what was found.

    Args:
        home: the home.
        issuing: features, version and provenance.
        months: consecutive issue months; those that the data cannot reach are left out.

    Raises:
        ForecastRefused: the features break their contract.
    """
    checked_inputs(issuing.features)
    wanted = reachable_of(issuing, months)
    if not wanted:
        return Assessed(empty_table(INPUT_DRIFT), pd.DataFrame(), pd.DataFrame())
    assessed = assess(issuing, wanted)
    standing = read_table(home, TABLE) if has_table(home, TABLE) else empty_table(INPUT_DRIFT)
    for part in month_ranges(set(wanted)):
        rows = part.rows_of(assessed.rows)
        if frame_hash(rows) != frame_hash(part.rows_of(standing)):
            write_table(home, TABLE, rows, replace=part)
    return assessed


def assess(issuing: Issuing, months: list[Month]) -> Assessed:
    """Judge the inputs of some reachable issue months; nothing is written."""
    expected = {feature.name: feature.availability for feature in declared_features(series_register())}
    distribution = distribution_of(issuing.version)
    found = input_drift(
        changes_of(issuing.features),
        distribution,
        [(month, data_cutoff(month)) for month in months],
        expected=expected | {PRICE: issuing.price_rule},
    )
    errors = judged_errors(issuing, last=max(months))
    rows = pd.concat([found, _error_rows(errors, issuing.price_rule, months)], ignore_index=True)
    rows = rows.assign(
        series_id=SERIES_ID,
        block=rows["feature"].map(blocks()).fillna("price"),
        is_input=rows["feature"].isin(inputs_of(issuing.version)),
        model_version=issuing.version.version_id,
    )
    types = column_types(INPUT_DRIFT)
    ordered = rows[list(types)].astype(types).sort_values(["issue_month", "feature"], ignore_index=True)
    return Assessed(ordered, group_alarms(found, distribution), errors)


def judged_errors(issuing: Issuing, *, last: Month) -> pd.DataFrame:
    """Bias and CUSUM of the one-step errors of the recipe, refitted at every origin up to that of an issue month."""
    forecaster, _method = recipe_of(issuing.version.model["recipe"])
    origin = forecast_origin(last, issuing.price_rule)
    histories = build_histories(issuing.features, price_rule=issuing.price_rule, last_origin=origin)
    return target_drift(one_step_errors(forecaster, histories))


def _error_rows(errors: pd.DataFrame, price_rule: Availability, months: list[Month]) -> pd.DataFrame:
    """The errors as they stood at each issue month."""
    origins = [pd.Timestamp(forecast_origin(month, price_rule).first_day) for month in months]
    at_issue = errors.set_index("target_month").reindex(origins)
    return pd.DataFrame(
        {
            "issue_month": pd.Series([pd.Timestamp(month.first_day) for month in months], dtype="datetime64[us]"),
            "feature": ERRORS,
            "last_month": pd.Series(origins, dtype="datetime64[us]"),
            "statistic": at_issue[["cusum_up", "cusum_down"]].max(axis=1).to_numpy(),
            "threshold": at_issue["cusum_limit"].to_numpy(),
            "values_in_window": [int(errors["target_month"].le(origin).sum()) for origin in origins],
            "is_drifted": at_issue["is_cusum_alarm"].eq(True).to_numpy(),
            "is_out_of_range": at_issue["is_bias_alarm"].eq(True).to_numpy(),
            **dict.fromkeys(BROKEN, False),
            "finding": [_error_finding(row) for row in at_issue.itertuples()],
        }
    )


def _error_finding(row: Any) -> str:  # noqa: ANN401 because pandas makes the type of a row as it goes
    said = []
    if row.is_cusum_alarm is True:
        side = "above" if row.cusum_up > row.cusum_down else "below"
        said.append(f"prices keep coming {side} the forecasts: CUSUM {max(row.cusum_up, row.cusum_down):.1f}")
    if row.is_bias_alarm is True:
        said.append(f"mean error of a year {row.bias:+.3f} log points, band {row.bias_band:.3f}")
    return "; ".join(said)


def inputs_of(version: ModelVersion) -> set[str]:
    """The features that the recipe of a version uses, and its own errors."""
    used = set(version.model["recipe"]["blocks"])
    return {PRICE, ERRORS} | {name for name, block in blocks().items() if block in used}


def distribution_of(version: ModelVersion) -> dict[str, dict[str, object]]:
    """The training distribution of a version; empty where an older program made it, which kept less."""
    kept = version.model["training_distribution"]
    return {name: entry for name, entry in kept.items() if isinstance(entry, dict) and "drift_threshold" in entry}


def findings(rows: pd.DataFrame, *, of_inputs: bool) -> pd.DataFrame:
    """The rows in which something was found: of inputs of the recipe, or of the features that it does not use."""
    return rows[rows[FLAGS].any(axis=1) & (rows["is_input"] == of_inputs)]
