"""Which answers never change again."""

import datetime as dt
from collections.abc import Sequence

from milk.months import Month, data_cutoff
from milk.publication.read_forecasts import ForecastAnswer

SETTLING = dt.timedelta(days=1)
"""What was issued in the last minutes of a month may be published some time after them."""


def is_closed(rows: Sequence[ForecastAnswer], *, newest: Month | None, now: dt.datetime) -> bool:
    """Whether an issue can say nothing else any more.

    It is live, its month is over, so no live revision can follow and no hindcast stands in its place; and the price of
    each of its months is known, by the value that was known first. An issue that is a hindcast is made anew by the next
    model: who wants to keep it asks with `as_of`.

    Args:
        rows: its forecasts, as they are answered.
        newest: the newest issue month of the series.
        now: an aware instant.
    """
    if not rows or newest is None:
        return False
    month = rows[0].issue_month
    is_past = month < newest and data_cutoff(month + 1) + SETTLING < now
    return is_past and all(row.kind == "live" and row.observed is not None for row in rows)
