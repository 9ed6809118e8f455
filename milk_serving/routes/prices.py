"""Observed prices, and the mean of the next months."""

from typing import Annotated

from fastapi import APIRouter, Query

from milk.publication.read_forecasts import ForecastAnswer, ForecastQuestion, find_forecasts, newest_issue_month
from milk.publication.read_lists import find_observations
from milk_serving.answers import CachedRoute
from milk_serving.deps import Asked, page_of
from milk_serving.meta import meta_of
from milk_serving.missing import no_such_forecast, no_such_price
from milk_serving.problems import LISTING_PROBLEMS, documented
from milk_serving.queries import IssueQuery, ObservationsQuery
from milk_serving.responses_prices import MeanAnswer, Means, ObservationAnswer, Observations

MEANS_OF = (3, 12)
"""Months that a mean is told of, counted from the issue month."""

router = APIRouter(route_class=CachedRoute, tags=["prices"], responses=documented(*LISTING_PROBLEMS))


@router.get("/observations", summary="Observed prices")
def list_observations(query: Annotated[ObservationsQuery, Query()], desk: Asked) -> Observations:
    """The newest known price of each month, the oldest month first; with `all_values` every value ever known."""
    state = desk.state(query)
    first, last = query.months
    rows, total = find_observations(
        desk.store,
        page_of(query, state),
        first=first,
        last=last,
        newest_months=query.last,
        is_every_value=query.all_values,
    )
    if not rows:
        is_known = newest_issue_month(desk.store, query.series_id, upto=state.publication) is not None
        if not (is_known and (query.updated_after or query.place)):
            raise no_such_price(desk.store, query.series_id, upto=state.publication)
    meta = meta_of(desk, state, query.series_id, rows, total=total, query=query)
    return Observations(data=[ObservationAnswer.model_validate(row) for row in rows], meta=meta)


@router.get("/means", summary="The mean price of the next 3 and 12 months")
def next_means(query: Annotated[IssueQuery, Query()], desk: Asked) -> Means:
    """As an issue forecasts them, the newest where none is named; each with its own intervals."""
    state = desk.state(query)
    month = query.issue_month or newest_issue_month(
        desk.store, query.series_id, upto=state.publication, kind=query.kind
    )
    question = ForecastQuestion(series_id=query.series_id, upto=state.publication, kind=query.kind, issue_month=month)
    rows = find_forecasts(desk.store, question).rows if month else []
    ends = [(months, row) for row in rows for months in MEANS_OF if row.target_month - row.issue_month == months - 1]
    if not ends:
        raise no_such_forecast(
            desk.store, query.series_id, query.kind, upto=state.publication, issue_month=query.issue_month
        )
    meta = meta_of(desk, state, query.series_id, [row for _months, row in ends])
    return Means(data=[_mean(months, row) for months, row in ends], meta=meta)


def _mean(months: int, row: ForecastAnswer) -> MeanAnswer:
    return MeanAnswer(
        series_id=row.series_id,
        months=months,
        first_month=str(row.issue_month),
        last_month=str(row.target_month),
        issue_month=str(row.issue_month),
        revision=row.revision,
        kind=row.kind,
        mean_price=row.mean_price,
        lower_80=row.mean_lower_80,
        upper_80=row.mean_upper_80,
        lower_95=row.mean_lower_95,
        upper_95=row.mean_upper_95,
        unit=row.unit,
        model_version=row.model_version,
    )
