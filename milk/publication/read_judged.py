"""Reading what a scorecard rests on, and what was published of it; each question is one transaction."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from milk.months import Kind, Month
from milk.publication.engine import reading
from milk.publication.judged_rows import JudgedForecast, RetrainDecision, RunningStatistics
from milk.publication.judged_schema import RETRAIN_DECISIONS, SCORECARD, SCORECARD_SUMMARY
from milk.publication.rows import ObservedPrice
from milk.publication.schema import FORECASTS, ISSUES, OBSERVED_PRICES, PUBLICATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveForecast:
    """One target month of a live revision, and when that revision was published."""

    series_id: str
    issue_month: Month
    revision: int
    kind: Kind
    issue_published_at: dt.datetime
    target_month: Month
    forecast_origin: Month
    horizon_months: int
    price: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    unit: str
    model_version: str
    data_cutoff: dt.datetime


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """What was published in time, and the prices that were published, all of one moment."""

    forecasts: list[LiveForecast]
    observed: list[ObservedPrice]


@dataclass(frozen=True, slots=True)
class HeldScorecard:
    """The newest judgement of each published forecast, and the newest running statistics, all of one moment."""

    judged: list[JudgedForecast]
    statistics: list[RunningStatistics]


def live_record(engine: sa.Engine, *series_ids: str) -> LiveRecord:
    """Every live revision ever published of some series, oldest issue first; hindcasts are not asked for."""
    same = sa.and_(*(FORECASTS.c[name] == ISSUES.c[name] for name in ("series_id", "issue_month", "revision")))
    columns = [
        PUBLICATIONS.c.published_at.label(name)
        if name == "issue_published_at"
        else (ISSUES.c[name] if name in ISSUES.c else FORECASTS.c[name])
        for name in LiveForecast.__dataclass_fields__
    ]
    forecasts = (
        sa.select(*columns)
        .join_from(ISSUES, FORECASTS, same)
        .join(PUBLICATIONS, PUBLICATIONS.c.id == ISSUES.c.publication_id)
        .where(ISSUES.c.series_id.in_(series_ids), ISSUES.c.kind == "live")
        .order_by(ISSUES.c.series_id, ISSUES.c.issue_month, ISSUES.c.revision, FORECASTS.c.target_month)
    )
    observed = (
        sa.select(*(OBSERVED_PRICES.c[name] for name in ObservedPrice.__dataclass_fields__))
        .where(OBSERVED_PRICES.c.series_id.in_(series_ids))
        .order_by(OBSERVED_PRICES.c.series_id, OBSERVED_PRICES.c.month, OBSERVED_PRICES.c.known_since)
    )
    with reading(engine) as connection:
        return LiveRecord(
            [LiveForecast(**row) for row in connection.execute(forecasts).mappings()],
            [ObservedPrice(**row) for row in connection.execute(observed).mappings()],
        )


def held_scorecard(engine: sa.Engine, series_id: str) -> HeldScorecard:
    """What is published of the scorecard of a series."""
    judged = _newest(SCORECARD, series_id, ("issue_month", "target_month"), JudgedForecast)
    statistics = _newest(SCORECARD_SUMMARY, series_id, ("observed_as", "horizon_months"), RunningStatistics)
    with reading(engine) as connection:
        return HeldScorecard(
            [JudgedForecast(**row) for row in connection.execute(judged).mappings()],
            [RunningStatistics(**row) for row in connection.execute(statistics).mappings()],
        )


def judgement_hashes(engine: sa.Engine, series_id: str) -> dict[tuple[Month, Month], str]:
    """The content hash of the newest judgement, by issue month and target month."""
    columns = SCORECARD.c
    query = (
        sa.select(columns.issue_month, columns.target_month, columns.content_sha256)
        .where(columns.series_id == series_id)
        .order_by(columns.judgement)
    )
    with reading(engine) as connection:
        return {(row.issue_month, row.target_month): row.content_sha256 for row in connection.execute(query)}


def judgement_marks(engine: sa.Engine, *series_ids: str) -> dict[tuple[str, Month, Month], tuple[int, float]]:
    """By series, issue month and target month the revision and the newest price of the newest judgement."""
    columns = SCORECARD.c
    key = (columns.series_id, columns.issue_month, columns.target_month)
    query = (
        sa.select(*key, columns.revision, columns.observed_latest)
        .where(columns.series_id.in_(series_ids))
        .order_by(columns.judgement)
    )
    with reading(engine) as connection:
        return {tuple(mark): (revision, price) for *mark, revision, price in connection.execute(query)}


def retrain_decisions(engine: sa.Engine, series_id: str) -> list[RetrainDecision]:
    """Every decision of a series, oldest first."""
    columns = [RETRAIN_DECISIONS.c[name] for name in RetrainDecision.__dataclass_fields__]
    query = sa.select(*columns).where(RETRAIN_DECISIONS.c.series_id == series_id).order_by(RETRAIN_DECISIONS.c.number)
    with reading(engine) as connection:
        return [RetrainDecision(**row) for row in connection.execute(query).mappings()]


def _newest(table: sa.Table, series_id: str, key: tuple[str, str], row: type[Any]) -> sa.Select[Any]:
    """Of each key the row of its newest judgement."""
    age = sa.func.row_number().over(partition_by=[table.c[name] for name in key], order_by=table.c.judgement.desc())
    ranked = sa.select(table, age.label("age")).where(table.c.series_id == series_id).subquery()
    columns = [ranked.c[name] for name in row.__dataclass_fields__]
    return sa.select(*columns).where(ranked.c.age == 1).order_by(*(ranked.c[name] for name in key))
