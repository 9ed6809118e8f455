"""Issue forecasts: the rows of `batch_predictions`, checked before they are written."""

import datetime as dt
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.errors

from milk.errors import ForecastRefused
from milk.evaluation.backtest import price_months
from milk.forecasting.features import PRICE
from milk.forecasting.fit import recipe_of
from milk.forecasting.histories import HISTORY_MONTHS, build_histories
from milk.forecasting.issue import issue_forecasts
from milk.forecasting.other_data import OtherData
from milk.home.layout import Home
from milk.home.tables import Months, frame_hash, has_table, read_table, table_version, write_table
from milk.models.version import ModelVersion
from milk.months import (
    Availability,
    IssueMonths,
    Month,
    contiguous_ranges,
    forecast_kind,
    forecast_origin,
    reachable_issues,
)
from milk.publication.rows import TABLES, said_versions
from milk.series import series_register
from milk.steps.training import used_features
from milk.tables import BATCH_PREDICTIONS, FEATURES, column_types, empty_table

TABLE = "batch_predictions"


@dataclass(frozen=True)
class Issuing:
    """What the forecasts of a run rest on."""

    features: pd.DataFrame
    version: ModelVersion
    price_rule: Availability
    is_synthetic: bool
    issued_at: dt.datetime


@dataclass(frozen=True)
class Issued:
    """What came of a run.

    Attributes:
        rows: the rows of the months made, as they stand in the table now.
        months: the months made; one whose standing rows were kept is among them.
        unreachable: the months that the data cannot reach, each with the reason.
        refused: the months whose rows broke their contract and were not written, each with the reason.
    """

    rows: pd.DataFrame
    months: list[Month]
    unreachable: dict[Month, str]
    refused: dict[Month, str]


def issuable_months(features: pd.DataFrame, price_rule: Availability) -> IssueMonths:
    """The months that the data can reach, whatever the setting of the first issue."""
    first, last = price_months(features)
    return reachable_issues(
        first_price=first, last_price=last, price_rule=price_rule, first_wanted=first, history_months=HISTORY_MONTHS
    )


def issue_months(home: Home, issuing: Issuing, months: list[Month]) -> Issued:
    """Forecast, check and write some issue months; the good ones are written even where others are not.

    Args:
        home: the home.
        issuing: features, version and provenance.
        months: consecutive issue months.

    Raises:
        ForecastRefused: the features themselves break their contract, or rows do that belong to no month; nothing was
            written.
    """
    checked_inputs(issuing.features)
    reachable = issuable_months(issuing.features, issuing.price_rule)
    unreachable = {m: _why_unreachable(m, reachable, issuing.price_rule) for m in months if m not in reachable}
    wanted = reachable_of(issuing, months)
    rows = forecast_rows(home, issuing, wanted) if wanted else empty_predictions()
    good, refused = split_refused(rows)
    good, changed = _standing_or_new(home, good)
    for part in month_ranges(changed.intersection(wanted)):
        write_table(home, TABLE, part.rows_of(good), replace=part)
    return Issued(good, [m for m in wanted if m not in refused], unreachable, refused)


def month_ranges(months: set[Month]) -> list[Months]:
    """Issue months as the parts of a table that follow each other."""
    return [
        Months("issue_month", pd.Timestamp(first.first_day), pd.Timestamp(last.first_day))
        for first, last in contiguous_ranges(months)
    ]


def reachable_of(issuing: Issuing, months: list[Month]) -> list[Month]:
    """The months among these that the data can reach."""
    reachable = issuable_months(issuing.features, issuing.price_rule)
    return [month for month in months if month in reachable]


def forecast_rows(home: Home, issuing: Issuing, months: list[Month]) -> pd.DataFrame:
    """The rows of reachable issue months, as the table holds them; nothing is written."""
    recipe = issuing.version.model["recipe"]
    forecaster, method = recipe_of(recipe)
    other = OtherData(issuing.features, issuing.price_rule, recipe["blocks"]) if recipe["blocks"] else None
    last_origin = forecast_origin(max(months), issuing.price_rule)
    histories = build_histories(issuing.features, price_rule=issuing.price_rule, last_origin=last_origin)
    frame = issue_forecasts(forecaster, histories, months, price_rule=issuing.price_rule, method=method, other=other)
    return _with_provenance(home, frame, issuing)


def known_prices(features: pd.DataFrame, instant: pd.Timestamp) -> pd.DataFrame:
    """`month, price` as known at an instant, one row a month."""
    known = features[(features["feature"] == "price") & (features["known_since"] <= instant)]
    newest = known.sort_values(["month", "known_since"]).drop_duplicates("month", keep="last")
    return newest.rename(columns={"value": "price"})[["month", "price"]]


def checked_inputs(features: pd.DataFrame) -> None:
    """Raise where the features break their contract.

    Raises:
        ForecastRefused: they do.
    """
    problem = schema_problem(FEATURES, features) or _price_problem(features)
    if problem:
        raise ForecastRefused(f"The features are not fit to forecast from: {problem}. Mend the source and run again.")


def _price_problem(features: pd.DataFrame) -> str:
    """The table of features knows no range, because an anomaly may be negative; a price may not."""
    price = features[features["feature"] == PRICE]
    bad = price[~(price["value"].gt(0) & np.isfinite(price["value"]))]
    if bad.empty:
        return ""
    first = bad.iloc[0]
    return f"value: the price of {first['month']:%Y-%m} is {first['value']:g}, not a positive number"


def schema_problem(schema: pandera.pandas.DataFrameSchema, frame: pd.DataFrame, *, most: int = 5) -> str:
    """What is wrong with a frame by its schema, in words; empty where nothing is."""
    try:
        # Repeated labels of rows, as a concatenation leaves them, break the report and not only the frame.
        schema.validate(frame.reset_index(drop=True), lazy=True)
    except pandera.errors.SchemaErrors as error:
        problems = _in_words(error.failure_cases)
        more = f"; and {len(problems) - most} more" if len(problems) > most else ""
        return "; ".join(problems[:most]) + more
    return ""


def _in_words(cases: pd.DataFrame) -> list[str]:
    """One text a broken check. Pandera reports a check on whole rows once for every cell of each of them."""
    is_column = cases["schema_context"].eq("Column") & cases["column"].notna()
    problems = []
    for _key, part in cases[is_column].groupby(["column", "check"], sort=False):
        case, count = part.iloc[0], len(part)
        where = f" in {count} rows" if count > 1 else ""
        problems.append(f"{case['column']}: {case['check']} ({case['failure_case']}){where}")
    for _check, part in cases[~is_column].groupby("check", sort=False):
        case, count = part.iloc[0], part["index"].nunique()
        problems.append(f"{case['check']} ({count} rows)" if count else f"{case['check']} ({case['failure_case']})")
    return problems


def split_refused(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[Month, str]]:
    """Part the rows into those of sound issue months and the reasons against the others.

    Raises:
        ForecastRefused: what is wrong lies in no month, so that none of the rows can be called sound.
    """
    if not schema_problem(BATCH_PREDICTIONS, rows):
        return rows, {}
    refused = {
        _month(month): problem
        for month, part in rows.groupby("issue_month")
        if (problem := schema_problem(BATCH_PREDICTIONS, part))
    }
    bad = [pd.Timestamp(month.first_day) for month in refused]
    good = rows[~rows["issue_month"].isin(bad)].reset_index(drop=True)
    if problem := schema_problem(BATCH_PREDICTIONS, good):
        raise ForecastRefused(f"The forecasts break their contract and were not written: {problem}.")
    return good, refused


def _month(first_day: object) -> Month:
    return Month.of(pd.Timestamp(first_day))  # type: ignore[arg-type]  # because a group is named by a first day here


def _standing_or_new(home: Home, rows: pd.DataFrame) -> tuple[pd.DataFrame, set[Month]]:
    """For each issue month the rows that stand or the new ones, and the months whose rows are new.

    What was issued stays where the new rows say the same (when they were made is no part of that), and where a forecast
    issued in time would give way to a hindcast: a later run must not wipe out what somebody may have relied on.
    """
    if rows.empty or not has_table(home, TABLE):
        return rows, {Month.of(month) for month in rows["issue_month"].unique()}
    standing = read_table(home, TABLE)
    parts, changed = [], set()
    for month in rows["issue_month"].unique():
        new, old = rows[rows["issue_month"] == month], standing[standing["issue_month"] == month]
        if not old.empty and _outlives(old, new):
            parts.append(old)
        else:
            parts.append(new)
            changed.add(Month.of(month))
    return pd.concat(parts, ignore_index=True), changed


def _outlives(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    if (old["kind"] == "live").all() and (new["kind"] == "hindcast").all():
        return True
    return _content(old) == _content(new)


def _content(rows: pd.DataFrame) -> str:
    """Hash of what rows say: without when they were made, and without the last digits in which two machines differ."""
    said = rows.drop(columns="issued_at")
    said["data_versions"] = [
        json.dumps(said_versions(json.loads(text)), sort_keys=True) for text in said["data_versions"]
    ]
    numbers = said.select_dtypes("float64").columns
    said[numbers] = said[numbers].round(9)
    return frame_hash(said)


def empty_predictions() -> pd.DataFrame:
    """The table without rows."""
    return empty_table(BATCH_PREDICTIONS)


def _with_provenance(home: Home, frame: pd.DataFrame, issuing: Issuing) -> pd.DataFrame:
    version = issuing.version
    chosen_with = dt.datetime.fromisoformat(version.card["data"]["data_cutoff"])
    kinds = {
        month: forecast_kind(issue_month=Month.of(month), issued_at=issuing.issued_at, version_data_cutoff=chosen_with)
        for month in frame["issue_month"].unique()
    }
    data_versions = {
        "features": {"sha256": frame_hash(used_features(issuing.features, version.model["recipe"]["blocks"]))},
        "model": {"sha256": version.sha256},
        TABLES: {"features": table_version(home, "features")},
    }
    whole = frame.assign(
        unit=series_register().price.unit,
        kind=frame["issue_month"].map(kinds),
        model_version=version.version_id,
        issued_at=pd.Timestamp(issuing.issued_at),
        is_synthetic=np.full(len(frame), issuing.is_synthetic, dtype=bool),
        data_versions=json.dumps(data_versions, sort_keys=True),
    )
    types = column_types(BATCH_PREDICTIONS)
    return whole[list(types)].astype(types)


def _why_unreachable(month: Month, reachable: IssueMonths, price_rule: Availability) -> str:
    origin = forecast_origin(month, price_rule)
    if month > reachable.last:
        return f"milk_price does not hold the price of {origin} yet, on which the forecast issued for {month} must rest"
    return (
        f"milk_price holds fewer than {HISTORY_MONTHS} months before {month}; "
        f"the first month reached is {reachable.first}"
    )
