"""Why a question has no answer, in words that say what can be asked instead."""

import sqlalchemy as sa

from milk.errors import MilkError, NothingPublished
from milk.months import Kind
from milk.publication.read import extent, published_series
from milk_serving.problems import NoForecast, UnknownSeries


def no_such_forecast(engine: sa.Engine, series_id: str, kind: Kind | None) -> MilkError:
    """The error to raise where a question was answered with no row."""
    series = published_series(engine)
    if not series:
        return NothingPublished("There are publications, and none of them has an issue.")
    if series_id not in series:
        return UnknownSeries(f"There is no series '{series_id}': the series are {', '.join(series)}.", series)
    there = extent(engine, series_id, kind=kind)
    why = "Nothing published matches."
    if there is None:
        there, why, kind = extent(engine, series_id), f"There is no {kind} forecast.", None
    if there is None:
        return NothingPublished(f"The series {series_id} has no forecasts.")
    kinds = f"{kind} forecasts" if kind else "forecasts"
    return NoForecast(
        f"{why} Of {series_id} there are {kinds} for the months {there.first_target} to {there.last_target}, from the "
        f"issues {there.first_issue} to {there.last_issue}.",
        there,
    )
