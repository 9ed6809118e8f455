"""The panel of a home as it stood on a day."""

import datetime as dt
import re

import pandas as pd

from milk.errors import BadInput, BadSetting, HomeRefused
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.months import SANTIAGO
from milk.panel.merge import panel_as_of
from milk.series import series_register
from milk.steps.receive import observations_of, table_of
from milk.tables import RESTORED, empty_table

RESTORED_TABLE = "restored_central_bank"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def restored_of(home: Home) -> pd.DataFrame:
    """The restored macro observations of a home; none where it has received none.

    Raises:
        HomeRefused: it has received some, and they were never restored: an empty part would pass for "not published".
    """
    if has_table(home, RESTORED_TABLE):
        return read_table(home, RESTORED_TABLE)
    if not observations_of(home, "central_bank").empty:
        raise HomeRefused(
            f"The home {home.address} holds macro values that were never restored, as an older program leaves them. "
            "Run `milk run` on it first."
        )
    return empty_table(RESTORED)


def panel_of_day(home: Home, day: dt.date) -> pd.DataFrame:
    """The merged table as it was known when a day began in Chile.

    What was received later takes no part; a month that no earlier file held counts from the day on which its rule says
    that it was published.

    Raises:
        HomeRefused: the home has received nothing yet, or macro values that were never restored.
        BadInput: no price was known by then.
    """
    if not has_table(home, table_of("milk_price")):
        raise HomeRefused(f"The home {home.address} has received no price yet. Run the pipeline on it first: milk run")
    instant = dt.datetime.combine(day, dt.time(), SANTIAGO)
    price, rain = observations_of(home, "milk_price"), observations_of(home, "precipitation")
    _refuse_day_before_prices(price, day, instant)
    return panel_as_of(price, rain, restored_of(home), series_register(), instant)


def _refuse_day_before_prices(price: pd.DataFrame, day: dt.date, instant: dt.datetime) -> None:
    if price.empty or (first := price["known_since"].min()) <= instant:
        return
    known = first.tz_convert(SANTIAGO)
    # What becomes known during a day is known when the next one begins.
    first_day = known.date() + dt.timedelta(days=known != known.normalize())
    raise BadInput(
        f"No milk price was known when {day} began in Chile. The first one was known on {first_day}: choose that day "
        "or a later one."
    )


def parse_day(text: str, *, today: dt.date) -> dt.date:
    """A day written `YYYY-MM-DD`, today at the latest: nobody knows what will be known later.

    Raises:
        BadSetting: it is none, or is still to come.
    """
    try:
        # `fromisoformat` alone takes further ways to write a day, such as 2014-W40-1.
        day = dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise BadSetting(f"'{text}' is not a day. Write it as YYYY-MM-DD, for example 2014-10-01.")
    if day > today:
        raise BadSetting(f"{day} is still to come. Choose {today}, today in Chile, or an earlier day.")
    return day
