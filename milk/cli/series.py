"""What the terminal says of the further series: counts, and the few that a person must look at."""

import pandas as pd

from milk.cli.console import OUT, command, say
from milk.cli.report import forecast_table
from milk.errors import BadSetting
from milk.home.layout import Home
from milk.home.tables import Months, has_table, read_table
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.sources.manifest import MANIFEST_FILE
from milk.steps.predictions import TABLE
from milk.steps.receive_series import check_series, price_series

MOST_SHOWN = 10


def print_checked_series(folder: DataFolder) -> None:
    """Print how many further price files there are, and which of them cannot be used; nothing where there are none.

    Raises:
        BadInput: the list of them cannot be used.
    """
    further = len(folder.price_files()) - 1
    if not further:
        return
    refused = check_series(folder)
    say(f"{MANIFEST_FILE}: {further} further series, {len(refused)} of them with a file that cannot be used")
    for series_id, reason in [*sorted(refused.items())][:MOST_SHOWN]:
        say(f"  {series_id}: {reason}")
    if refused:
        more = f"The first {MOST_SHOWN} are shown. " if len(refused) > MOST_SHOWN else ""
        say(f"  {more}They stop no other series: what stood of them stays.")


def print_series(home: Home) -> None:
    """Print how many further series a home has, and how many of them the newest issue; nothing where there are none."""
    entries = price_series(home)
    if not entries:
        return
    refused = sum(bool(entry.refused) for entry in entries)
    issued = _of_newest_issue(home)
    without = len({entry.series_id for entry in entries} - issued)
    say(
        f"series    the reference {SERIES_ID} and {len(entries)} further; {len(issued)} of these have the newest "
        f"issue, {without} have not, {refused} with a file that was not taken"
    )
    say(f"          one of them: {command()} status --series NAME")


def print_one_series(home: Home, series_id: str) -> None:
    """Print the newest issue of a series.

    Raises:
        BadSetting: the home has no forecast of it.
    """
    rows = read_table(home, TABLE, series_id=series_id) if has_table(home, TABLE) else pd.DataFrame()
    refused = {entry.series_id: entry.refused for entry in price_series(home)}.get(series_id, "")
    if rows.empty:
        raise BadSetting(f"There is no forecast of '{series_id}' in {home.path}. {refused}".rstrip())
    newest = rows[rows["issue_month"] == rows["issue_month"].max()].sort_values("target_month")
    first = newest.iloc[0]
    say(f"{series_id} in {first['unit']}, as issued for {first['issue_month']:%Y-%m} ({first['kind']}):")
    OUT.print(forecast_table(newest))
    held = ", ".join(f"{level} % intervals held {newest[f'measured_{level}'].mean():.0%}" for level in ("80", "95"))
    say(f"Earlier forecasts of this series by the same recipe: {held}, mean over the months ahead.")
    if refused:
        say(f"Its newest file was not taken. {refused}")


def _of_newest_issue(home: Home) -> set[str]:
    """The further series of which there is a forecast for the newest issue month."""
    if not has_table(home, TABLE):
        return set()
    newest = read_table(home, TABLE, columns=["issue_month"])["issue_month"].max()
    rows = read_table(home, TABLE, months=Months("issue_month", newest, newest), columns=["series_id"])
    return set(rows["series_id"].unique()) - {SERIES_ID}
