"""What changed since the last issue: for each target month how much is news in the data, how much another recipe."""

from dataclasses import replace

import pandas as pd

from milk.errors import VersionRefused
from milk.home.layout import Home
from milk.home.tables import Months, has_table, read_table
from milk.models.version import ModelVersion, read_version
from milk.months import Month
from milk.series import SERIES_ID
from milk.steps.predictions import TABLE, Issuing, forecast_rows, reachable_of

COLUMNS = ["target_month", "previous_price", "price", "change", "news", "recipe"]


def what_changed(home: Home, issuing: Issuing, issue: pd.DataFrame) -> pd.DataFrame:
    """Hold an issue against the one of the month before.

    The recipe of the former issue is refitted on what is known now: what it says differently is news, and what the
    present recipe says differently from it is the change of recipe. The two add up to the whole change.

    Args:
        home: the home.
        issuing: features, version and provenance of the issue.
        issue: the rows of one issue month.

    Returns:
        A row for each target month of both issues, with `COLUMNS`, prices and their differences in the unit of the
        issue; no row where the month before cannot be forecast. `news` and `recipe` are NaN where the former version
        cannot be read any more.
    """
    month = Month.of(issue["issue_month"].iloc[0])
    former = _former(home, issuing, month + (-1))
    if former.empty:
        return pd.DataFrame(columns=COLUMNS)
    version = _version_of(home, issuing, str(former["model_version"].iloc[0]))
    if version is None:
        same = pd.Series(float("nan"), index=issue["target_month"])
    elif version.model["recipe"] == issuing.version.model["recipe"]:
        same = issue.set_index("target_month")["price"]
    else:
        rows = forecast_rows(home, replace(issuing, version=version), [month])
        same = rows.set_index("target_month")["price"]
    before = former.rename(columns={"price": "previous_price"})[["target_month", "previous_price"]]
    table = before.merge(issue[["target_month", "price"]], on="target_month", validate="1:1")
    by_former_recipe = table["target_month"].map(same)
    return table.assign(
        change=table["price"] - table["previous_price"],
        news=by_former_recipe - table["previous_price"],
        recipe=table["price"] - by_former_recipe,
    )[COLUMNS].sort_values("target_month", ignore_index=True)


def _former(home: Home, issuing: Issuing, month: Month) -> pd.DataFrame:
    """The issue of the month before: as it was made, or else as the present recipe would have made it then."""
    if has_table(home, TABLE):
        day = pd.Timestamp(month.first_day)
        rows = read_table(home, TABLE, months=Months("issue_month", day, day), series_id=SERIES_ID)
        if len(rows):
            return rows
    reachable = reachable_of(issuing, [month])
    return forecast_rows(home, issuing, reachable) if reachable else pd.DataFrame()


def _version_of(home: Home, issuing: Issuing, version_id: str) -> ModelVersion | None:
    if version_id == issuing.version.version_id:
        return issuing.version
    try:
        return read_version(home.models, version_id)
    except VersionRefused:
        return None
