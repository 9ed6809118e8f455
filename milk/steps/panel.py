"""The panel of a home as it stood on a day."""

import datetime as dt

import pandas as pd

from milk.errors import BadSetting, HomeRefused
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.months import SANTIAGO
from milk.panel.merge import panel_as_of
from milk.series import series_register
from milk.steps.receive import observations_of, table_of
from milk.tables import RESTORED, empty_table

RESTORED_TABLE = "restored_central_bank"


def restored_of(home: Home) -> pd.DataFrame:
    """The restored macro observations of a home; none before they were first made."""
    return read_table(home, RESTORED_TABLE) if has_table(home, RESTORED_TABLE) else empty_table(RESTORED)


def panel_of_day(home: Home, day: dt.date) -> pd.DataFrame:
    """The merged table as it was known when a day began in Chile.

    What was received later takes no part; a month that no earlier file held counts from the day on which its rule says
    that it was published.

    Raises:
        HomeRefused: the home has received nothing yet.
        BadInput: no price was known by then.
    """
    if not has_table(home, table_of("milk_price")):
        raise HomeRefused(f"The home {home.path} has received no price yet. Run the pipeline on it first: milk run")
    instant = dt.datetime.combine(day, dt.time(), SANTIAGO)
    price, rain = observations_of(home, "milk_price"), observations_of(home, "precipitation")
    return panel_as_of(price, rain, restored_of(home), series_register(), instant)


def parse_day(text: str) -> dt.date:
    """A day written `YYYY-MM-DD`.

    Raises:
        BadSetting: it is none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise BadSetting(f"'{text}' is not a day. Write it as YYYY-MM-DD, for example 2014-10-01.") from error
