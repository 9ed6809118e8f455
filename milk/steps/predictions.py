"""Issue forecasts: the rows of `batch_predictions`, checked before they are written."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
from milk.home.tables import Months, frame_hash, table_version, write_table
from milk.models.canonical import sha256_hex
from milk.models.version import ModelVersion
from milk.months import (
    YEAR_AHEAD,
    Availability,
    IssueMonths,
    Month,
    contiguous_ranges,
    forecast_kind,
    forecast_origin,
    reachable_issues,
)
from milk.publication.rows import TABLES
from milk.series import SERIES_ID, series_register
from milk.steps.further_series import further_forecasts
from milk.steps.receive_series import TABLE as PRICES
from milk.steps.receive_series import price_series
from milk.steps.standing import standing_or_new
from milk.steps.training import used_features
from milk.tables import BATCH_PREDICTIONS, FEATURES, column_types, empty_table

TABLE = "batch_predictions"
ROWS_AT_ONCE = 2_000_000
"""Rows of further series that are forecast and written together: about a gigabyte."""


@dataclass(frozen=True)
class Issuing:
    """What the forecasts of a run rest on."""

    features: pd.DataFrame
    version: ModelVersion
    price_rule: Availability
    is_synthetic: bool
    issued_at: dt.datetime
    workers: int = 1
    """Processes over which further series are spread."""


@dataclass(frozen=True)
class Issued:
    """What came of a run.

    Attributes:
        rows: the rows of the months made, as they stand in the table now; of further series those of the last block of
            months alone (`ROWS_AT_ONCE`).
        months: the months made; one whose standing rows were kept is among them.
        unreachable: the months that the data cannot reach, each with the reason.
        refused: the months whose rows broke their contract and were not written, each with the reason.
        content_sha256: hash of all that these months say.
        left_out: the further series without a forecast of the newest of these months, each with the reason.
    """

    rows: pd.DataFrame
    months: list[Month]
    unreachable: dict[Month, str]
    refused: dict[Month, str]
    content_sha256: str
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> pd.DataFrame:
        """The rows of the reference series."""
        return self.rows[self.rows["series_id"] == SERIES_ID]


def issuable_months(features: pd.DataFrame, price_rule: Availability) -> IssueMonths:
    """The months that the data can reach, whatever the setting of the first issue."""
    first, last = price_months(features)
    return reachable_issues(
        first_price=first, last_price=last, price_rule=price_rule, first_wanted=first, history_months=HISTORY_MONTHS
    )


def issue_months(home: Home, issuing: Issuing, months: list[Month]) -> Issued:
    """Forecast, check and write some issue months; the good ones are written even where others are not.

    The months are those of the reference series; of the further series each takes part that can, and what is wrong
    with one stops no other.

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
    made = [m for m in wanted if m not in refused]
    parts, contents, left_out = [good.iloc[:0]], list[str](), dict[str, str]()
    for block in _blocks(made, len(price_series(home))):
        # What came of the further series of an earlier block is written, and need not be kept.
        parts = [part[part["series_id"] == SERIES_ID] for part in parts]
        own = good[good["issue_month"].isin([pd.Timestamp(month.first_day) for month in block])]
        further, left_out = _further_rows(home, issuing, block)
        rows = _written(home, pd.concat([own, further], ignore_index=True) if len(further) else own)
        contents.append(frame_hash(rows.drop(columns="issued_at")))
        parts.append(rows)
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    # When a forecast was made is no part of what it says: the same forecast again is the same data version.
    content = contents[0] if len(contents) == 1 else sha256_hex(" ".join(contents).encode())
    return Issued(rows, made, unreachable, refused, content, left_out)


def _blocks(months: list[Month], further: int) -> list[list[Month]]:
    """The months in blocks whose rows fit into memory; all in one where there is no further series."""
    size = max(1, ROWS_AT_ONCE // (further * YEAR_AHEAD)) if further else max(1, len(months))
    return [months[start : start + size] for start in range(0, len(months), size)]


def _written(home: Home, new: pd.DataFrame) -> pd.DataFrame:
    """Write what is new of some sound rows, and return the rows that stand of their months then."""
    rows, changed = standing_or_new(home, TABLE, new)
    for part in month_ranges(changed):
        write_table(home, TABLE, part.rows_of(rows), replace=part)
    return rows


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
    data_versions = {
        "features": {"sha256": frame_hash(used_features(issuing.features, recipe["blocks"]))},
        "model": {"sha256": issuing.version.sha256},
        TABLES: {"features": table_version(home, "features")},
    }
    return _with_provenance(frame, issuing, {SERIES_ID: series_register().price.unit}, {SERIES_ID: data_versions})


def _further_rows(home: Home, issuing: Issuing, months: list[Month]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of the further series, and why others have none."""
    recipe = issuing.version.model["recipe"]
    made = further_forecasts(
        home, issuing.features, recipe, months, price_rule=issuing.price_rule, workers=issuing.workers
    )
    if made.rows.empty:
        return empty_predictions(), made.left_out
    shared = {"model": {"sha256": issuing.version.sha256}}
    tables = {PRICES: table_version(home, PRICES)}
    if recipe["blocks"]:
        shared["features"] = {"sha256": frame_hash(used_features(issuing.features, recipe["blocks"]))}
        tables["features"] = table_version(home, "features")
    data_versions = {
        series_id: {"prices": {"sha256": sha256}, **shared, TABLES: tables} for series_id, sha256 in made.prices.items()
    }
    rows, broken = split_broken(_with_provenance(made.rows, issuing, made.units, data_versions))
    return rows, made.left_out | broken


def split_broken(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Part the rows of further series into those of sound series and the reasons against the others."""
    if not schema_problem(BATCH_PREDICTIONS, rows):
        return rows, {}
    broken = {
        str(series_id): f"its forecasts break their contract: {problem}"
        for series_id, part in rows.groupby("series_id")
        if (problem := schema_problem(BATCH_PREDICTIONS, part))
    }
    return rows[~rows["series_id"].isin(broken)].reset_index(drop=True), broken


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


def empty_predictions() -> pd.DataFrame:
    """The table without rows."""
    return empty_table(BATCH_PREDICTIONS)


def _with_provenance(
    frame: pd.DataFrame, issuing: Issuing, units: Mapping[str, str], data_versions: Mapping[str, Mapping[str, Any]]
) -> pd.DataFrame:
    """Forecasts as the table holds them; units and data versions by series."""
    version = issuing.version
    chosen_with = dt.datetime.fromisoformat(version.card["data"]["data_cutoff"])
    kinds = {
        month: forecast_kind(issue_month=Month.of(month), issued_at=issuing.issued_at, version_data_cutoff=chosen_with)
        for month in frame["issue_month"].unique()
    }
    texts = {series_id: json.dumps(held, sort_keys=True) for series_id, held in data_versions.items()}
    whole = frame.assign(
        unit=frame["series_id"].map(dict(units)),
        kind=frame["issue_month"].map(kinds),
        model_version=version.version_id,
        issued_at=pd.Timestamp(issuing.issued_at),
        is_synthetic=np.full(len(frame), issuing.is_synthetic, dtype=bool),
        data_versions=frame["series_id"].map(texts),
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
