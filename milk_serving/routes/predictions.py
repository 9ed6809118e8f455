"""What was forecast."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query

from milk.months import Month
from milk.publication.read import PublishedForecast, forecasts_of_issue, forecasts_of_targets, series_record
from milk_serving.answers import CachedRoute
from milk_serving.deps import Store, TargetMonth
from milk_serving.missing import no_such_forecast
from milk_serving.problems import INVALID_PARAMETERS, NO_FORECAST, STORE_PROBLEMS, UNKNOWN_SERIES, documented
from milk_serving.queries import PredictionsQuery, SeriesQuery
from milk_serving.responses import Predictions

router = APIRouter(
    route_class=CachedRoute,
    tags=["predictions"],
    responses=documented(NO_FORECAST, UNKNOWN_SERIES, INVALID_PARAMETERS, *STORE_PROBLEMS),
)


@router.get("/predictions", summary="Forecasts by issue or by target month")
def list_predictions(query: Annotated[PredictionsQuery, Query()], store: Store) -> Predictions:
    """Without a filter: the newest issue, all its target months.

    With `target_month`, or `from` and `to`: for each target month the forecast of its newest issue. With `issued`: the
    forecasts of that issue, restricted to the target months where they are given.
    """
    first, last = query.targets
    if query.issued is None and (first or last):
        rows = forecasts_of_targets(store, query.series_id, kind=query.kind, first_target=first, last_target=last)
    else:
        rows = forecasts_of_issue(
            store,
            query.series_id,
            issue_month=query.issue_month,
            kind=query.kind,
            first_target=first,
            last_target=last,
        )
    return _answer(store, query, rows, issue_month=query.issue_month, limit=query.limit)


@router.get("/predictions/latest", summary="The newest issue")
def latest_predictions(query: Annotated[SeriesQuery, Query()], store: Store) -> Predictions:
    """All target months of the newest issue, the nearest first."""
    return _answer(store, query, forecasts_of_issue(store, query.series_id, kind=query.kind))


@router.get("/predictions/{target_month}", summary="The newest forecast of a month")
def prediction_of_month(target_month: TargetMonth, query: Annotated[SeriesQuery, Query()], store: Store) -> Predictions:
    """The forecast of one target month, from the newest issue that has it."""
    month = Month.parse(target_month)
    rows = forecasts_of_targets(store, query.series_id, kind=query.kind, first_target=month, last_target=month)
    return _answer(store, query, rows)


def _answer(
    store: sa.Engine,
    query: SeriesQuery,
    rows: list[PublishedForecast],
    *,
    issue_month: Month | None = None,
    limit: int | None = None,
) -> Predictions:
    if not rows:
        raise no_such_forecast(store, query.series_id, query.kind, issue_month=issue_month)
    return Predictions.of(rows, series=series_record(store, query.series_id), limit=limit)
