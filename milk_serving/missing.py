"""Why a question has no answer, in words that say what can be asked instead."""

import sqlalchemy as sa

from milk.errors import MilkError, NothingPublished, UnknownMonth
from milk.months import Kind, Month
from milk.publication.read import SERIES_WATCHED, Extent, is_published, published_series
from milk.publication.read_forecasts import ForecastQuestion, extent, find_forecasts
from milk.publication.read_series import series_extent
from milk_serving.problems import NoForecast, UnknownSeries


def unknown_series(engine: sa.Engine, series_id: str) -> MilkError | None:
    """The error to raise where a series is none; `None` where something of it is published."""
    if is_published(engine, series_id):
        return None
    series = published_series(engine, limit=SERIES_WATCHED + 1)
    if not series:
        return NothingPublished("There are publications, and none of them has an issue.")
    named, more = series[:SERIES_WATCHED], " and others" if len(series) > SERIES_WATCHED else ""
    return UnknownSeries(f"There is no series '{series_id}': the series are {', '.join(named)}{more}.", named)


def no_such_forecast(
    engine: sa.Engine, series_id: str, kind: Kind | None, *, upto: int, issue_month: Month | None = None
) -> MilkError:
    """The error to raise where a question was answered with no row, as of the publication that it was asked of."""
    if error := unknown_series(engine, series_id):
        return error
    if issue_month is not None and (error := _other_months_of_issue(engine, series_id, kind, issue_month, upto)):
        return error
    there = extent(engine, series_id, upto=upto, kind=kind)
    why = "Nothing published matches."
    if there is None:
        there, why, kind = extent(engine, series_id, upto=upto), f"There is no {kind} forecast.", None
    if there is None:
        return UnknownMonth(f"Nothing of {series_id} was published by then.")
    kinds = f"{kind} forecasts" if kind else "forecasts"
    return NoForecast(
        f"{why} Of {series_id} there are {kinds} for the months {there.first_target} to {there.last_target}, from the "
        f"issues {there.first_issue} to {there.last_issue}.",
        there,
    )


def no_such_price(engine: sa.Engine, series_id: str, *, upto: int) -> MilkError:
    """The error to raise where a question about observed prices was answered with no row."""
    if error := unknown_series(engine, series_id):
        return error
    there = series_extent(engine, series_id, upto=upto)
    if there is None or there.first_month is None:
        return UnknownMonth(f"No observed price of {series_id} is published.")
    return UnknownMonth(
        f"No observed price matches. Of {series_id} there are the months {there.first_month} to {there.last_month}."
    )


def _other_months_of_issue(
    engine: sa.Engine, series_id: str, kind: Kind | None, issue_month: Month, upto: int
) -> NoForecast | None:
    """What to say where the issue asked for is there, and only the target months are not; the extent would mislead."""
    question = ForecastQuestion(series_id=series_id, upto=upto, kind=kind, issue_month=issue_month)
    rows = find_forecasts(engine, question).rows
    if not rows:
        return None
    first, last = rows[0].target_month, rows[-1].target_month
    return NoForecast(
        f"The issue {issue_month} of {series_id} has no forecast of what is asked for: it has the months {first} to "
        f"{last}.",
        Extent(first, last, issue_month, issue_month),
    )
