"""Judge the published forecasts of the further series, as the reference is judged, and publish what was found.

Some hundred series at a time, whole series in each transaction. What is said of a series is kept in the store alone;
there are running statistics for all horizons together, which rank thousands of series, and none by horizon.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd
import sqlalchemy as sa

from milk.errors import ForecastRefused
from milk.evaluation.scorecard import judged_forecasts
from milk.evaluation.scorecard_summary import overall_statistics
from milk.home.layout import Home
from milk.publication.publish_judged import publish_scorecard
from milk.publication.read import published_series
from milk.publication.read_judged import judgement_marks, live_record
from milk.publication.rows import Publication
from milk.scorecard_tables import SCORECARD, SCORECARD_SUMMARY
from milk.series import SERIES_ID
from milk.steps.publish_series import publish_prices
from milk.steps.published_versions import software_versions
from milk.steps.scorecard import (
    Scored,
    are_marked,
    forecast_frame,
    judge_published,
    judged_rows,
    price_frame,
    refuse_unsound,
    statistics_rows,
    typed,
)

SERIES_AT_ONCE = 250


@dataclass(frozen=True)
class ScoredSeries:
    """What came of the further series.

    Attributes:
        series: how many have a live forecast whose price came.
        judgements: how many judgements were added.
        statistics: the running statistics against the first prices, a row a series.
        refused: the series that could not be judged, each with the reason.
    """

    series: int = 0
    judgements: int = 0
    statistics: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*SCORECARD_SUMMARY.columns]))
    refused: dict[str, str] = field(default_factory=dict)


def judge_all(
    home: Home, store: sa.Engine, *, published_at: dt.datetime, run_id: str | None
) -> tuple[Scored, ScoredSeries]:
    """Judge the reference series (see `judge_published`) and then the others, whose prices are published first."""
    scored = judge_published(home, store, published_at=published_at, run_id=run_id)
    of_all = Publication(published_at=published_at, run_id=run_id, software=software_versions())
    publish_prices(home, store, of_all)
    return scored, judge_series(store, of_all)


def judge_series(store: sa.Engine, of_all: Publication) -> ScoredSeries:
    """Judge every live forecast of every further series whose price was published.

    Args:
        store: a store that is migrated.
        of_all: when, by which run and with what software.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
    """
    names = [name for name in published_series(store) if name != SERIES_ID]
    judgements, parts, refused = 0, list[pd.DataFrame](), dict[str, str]()
    for series in _some(names):
        try:
            added, summary = _judge(store, series, of_all)
        except ForecastRefused:
            # One of them is to blame: each by itself, so that it stops no other.
            added, summary = 0, typed(pd.DataFrame(columns=[*SCORECARD_SUMMARY.columns]), SCORECARD_SUMMARY)
            for name in series:
                try:
                    own, of_series = _judge(store, [name], of_all)
                except ForecastRefused as error:
                    refused[name] = str(error)
                else:
                    added, summary = added + own, pd.concat([summary, of_series])
        judgements += added
        parts.append(summary[summary["observed_as"] == "first"])
    if not parts:
        return ScoredSeries()
    statistics = pd.concat(parts, ignore_index=True)
    return ScoredSeries(len(statistics), judgements, statistics, refused)


def _some(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), SERIES_AT_ONCE):
        yield names[start : start + SERIES_AT_ONCE]


def _judge(store: sa.Engine, series: list[str], of_all: Publication) -> tuple[int, pd.DataFrame]:
    """How many judgements of some series were added, and their running statistics."""
    record = live_record(store, *series)
    rows = typed(judged_forecasts(forecast_frame(record.forecasts), price_frame(record.observed)), SCORECARD)
    summary = typed(overall_statistics(rows), SCORECARD_SUMMARY)
    refuse_unsound(rows, summary)
    # What the store holds by the same revision and price says the same: it need not be hashed again.
    unsaid = judged_rows(rows[~are_marked(rows, judgement_marks(store, *series))])
    added = publish_scorecard(store, unsaid, statistics_rows(summary), of_all)
    return added.judged, summary
