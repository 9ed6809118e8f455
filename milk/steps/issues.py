"""The rows of `batch_predictions` as the store takes them: an issue for each series and month."""

import json
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from milk.months import Month
from milk.publication.rows import ForecastRow, Issue

_VALUES = [name for name in ForecastRow.__dataclass_fields__ if name != "target_month"]


def issues_of(rows: pd.DataFrame) -> list[Issue]:
    """The rows of some series and issue months as the store takes them, by series, the oldest month first."""
    # All at once: a frame gives its rows for little, and many small frames give them dearly.
    ordered = rows.sort_values(["series_id", "issue_month", "target_month"])
    months = {day: Month.of(day) for day in pd.concat([ordered["issue_month"], ordered["target_month"]]).unique()}
    records = ordered.to_dict(orient="records")
    return [_issue([*part], months) for _key, part in groupby(records, key=itemgetter("series_id", "issue_month"))]


def _issue(records: list[dict[Any, Any]], months: dict[Any, Month]) -> Issue:
    first = records[0]
    return Issue(
        series_id=first["series_id"],
        issue_month=months[first["issue_month"]],
        kind=first["kind"],
        issued_at=first["issued_at"].to_pydatetime(),
        data_cutoff=first["data_cutoff"].to_pydatetime(),
        forecast_origin=Month.of(first["forecast_origin"]),
        unit=first["unit"],
        is_synthetic=first["is_synthetic"],
        model_version=first["model_version"],
        data_versions=json.loads(first["data_versions"]),
        forecasts=tuple(_forecast(row, months) for row in records),
    )


def _forecast(row: dict[Any, Any], months: dict[Any, Month]) -> ForecastRow:
    # A frame holds what is not there as NaN, which alone differs from itself; a row holds it as None.
    values: dict[str, Any] = {name: None if (value := row[name]) != value else value for name in _VALUES}
    return ForecastRow(target_month=months[row["target_month"]], **values)
