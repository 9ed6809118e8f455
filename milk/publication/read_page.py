"""What the pages of the reader say; each page is one transaction, so that its parts belong together."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from milk.errors import NothingPublished
from milk.months import Kind, Month
from milk.publication.engine import reading
from milk.publication.judged_rows import JudgedForecast, RetrainDecision, RunningStatistics
from milk.publication.judged_schema import RETRAIN_DECISIONS, SCORECARD, SCORECARD_SUMMARY
from milk.publication.ledger import PromotionRow
from milk.publication.read import SeriesRecord
from milk.publication.rows import ForecastRow, Score
from milk.publication.schema import (
    FORECASTS,
    ISSUES,
    MODEL_CARDS,
    OBSERVED_PRICES,
    PROMOTIONS,
    PUBLICATIONS,
    SCORES,
    SERIES,
)

MOST_JUDGED = 200
"""So many of the newest judgements are read: enough for a year of target months, each from its nearest issue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedIssue:
    """The issue that a page is about: the revision that stands of the newest month."""

    series_id: str
    issue_month: Month
    revision: int
    kind: Kind
    reason: str
    issued_at: dt.datetime
    published_at: dt.datetime
    data_cutoff: dt.datetime
    forecast_origin: Month
    unit: str
    is_synthetic: bool
    model_version: str
    data_versions: Mapping[str, Any] = field(hash=False)
    content_sha256: str


@dataclass(frozen=True, slots=True)
class KnownPrice:
    """The price of a month as it is known now."""

    month: Month
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRecord:
    """The card of a model version, without its rows of scores."""

    version_id: str
    sha256: str
    recipe: str
    created_at: dt.datetime
    card: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class YearAhead:
    """The newest issue with what it stands beside; `live` are the running statistics of all horizons."""

    issue: PublishedIssue
    forecasts: list[ForecastRow]
    observed: list[KnownPrice]
    series: SeriesRecord | None
    scores: list[Score]
    live: RunningStatistics | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRecord:
    """How the model of the newest issue did in its backtest, and how live forecasts did; the newest target first."""

    issue: PublishedIssue
    card: CardRecord | None
    scores: list[Score]
    statistics: list[RunningStatistics]
    judged: list[JudgedForecast]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsRecord:
    """What is in production and how it came there; `ledger` has the newest decision first."""

    issue: PublishedIssue
    ledger: list[PromotionRow]
    card: CardRecord | None
    decision: RetrainDecision | None


def year_ahead(engine: sa.Engine, series_id: str) -> YearAhead:
    """The newest issue of a series, the prices known by now, and how far to trust it.

    Raises:
        NothingPublished: nothing is published of the series.
        HomeRefused: the store does not answer.
    """
    with reading(engine) as connection:
        issue = _newest_issue(connection, series_id)
        everything = _statistics(connection, series_id)
        return YearAhead(
            issue=issue,
            forecasts=_forecasts(connection, issue),
            observed=_known_prices(connection, series_id),
            series=_series(connection, issue),
            scores=_scores(connection, issue),
            live=next((row for row in everything if row.horizon_months == 0), None),
        )


def accuracy_record(engine: sa.Engine, series_id: str) -> AccuracyRecord:
    """What the past says of the forecasts of a series.

    Raises:
        NothingPublished: nothing is published of the series.
        HomeRefused: the store does not answer.
    """
    with reading(engine) as connection:
        issue = _newest_issue(connection, series_id)
        return AccuracyRecord(
            issue=issue,
            card=_card(connection, series_id, issue.model_version),
            scores=_scores(connection, issue),
            statistics=_statistics(connection, series_id),
            judged=_judged(connection, series_id),
        )


def models_record(engine: sa.Engine, series_id: str) -> ModelsRecord:
    """What the ledger says of a series.

    Raises:
        NothingPublished: nothing is published of the series.
        HomeRefused: the store does not answer.
    """
    with reading(engine) as connection:
        issue = _newest_issue(connection, series_id)
        columns = PROMOTIONS.c
        query = sa.select(PROMOTIONS).where(columns.series_id == series_id).order_by(columns.id.desc())
        ledger = [PromotionRow(**row) for row in connection.execute(query).mappings()]
        champion = ledger[0].champion_version_id if ledger else issue.model_version
        return ModelsRecord(
            issue=issue,
            ledger=ledger,
            card=_card(connection, series_id, champion),
            decision=_newest_decision(connection, series_id),
        )


def newest_decision_number(engine: sa.Engine, series_id: str) -> int:
    """The number of the newest row of the ledger, 0 for none: a promotion is written without a publication."""
    query = sa.select(sa.func.max(PROMOTIONS.c.id)).where(PROMOTIONS.c.series_id == series_id)
    with reading(engine) as connection:
        return connection.scalar(query) or 0


def _newest_issue(connection: sa.Connection, series_id: str) -> PublishedIssue:
    columns = [
        PUBLICATIONS.c.published_at if name == "published_at" else ISSUES.c[name]
        for name in PublishedIssue.__dataclass_fields__
    ]
    is_hindcast = sa.case((ISSUES.c.kind == "live", 0), else_=1)
    query = (
        sa.select(*columns)
        .join(PUBLICATIONS, PUBLICATIONS.c.id == ISSUES.c.publication_id)
        .where(ISSUES.c.series_id == series_id)
        .order_by(ISSUES.c.issue_month.desc(), is_hindcast, ISSUES.c.revision.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NothingPublished(f"Nothing is published of the series {series_id}.")
    return PublishedIssue(**row)


def _forecasts(connection: sa.Connection, issue: PublishedIssue) -> list[ForecastRow]:
    names = ("series_id", "issue_month", "revision")
    query = (
        sa.select(*(FORECASTS.c[name] for name in ForecastRow.__dataclass_fields__))
        .where(*(FORECASTS.c[name] == getattr(issue, name) for name in names))
        .order_by(FORECASTS.c.target_month)
    )
    return [ForecastRow(**row) for row in connection.execute(query).mappings()]


def _known_prices(connection: sa.Connection, series_id: str) -> list[KnownPrice]:
    columns = OBSERVED_PRICES.c
    query = (
        sa.select(columns.month, columns.price)
        .where(columns.series_id == series_id)
        .order_by(columns.month, columns.known_since)
    )
    # The newest value of a month comes last, and is the one that stays.
    return [
        KnownPrice(month, price) for month, price in {row.month: row.price for row in connection.execute(query)}.items()
    ]


def _series(connection: sa.Connection, issue: PublishedIssue) -> SeriesRecord | None:
    names = ("series_id", "meaning", "unit", "source", "licence")
    query = (
        sa.select(*(SERIES.c[name] for name in names))
        .where(SERIES.c.series_id == issue.series_id, SERIES.c.name == "price")
        .order_by(SERIES.c.revision.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else SeriesRecord(**row, is_synthetic=issue.is_synthetic)


def _card(connection: sa.Connection, series_id: str, version_id: str) -> CardRecord | None:
    query = sa.select(*(MODEL_CARDS.c[name] for name in CardRecord.__dataclass_fields__)).where(
        MODEL_CARDS.c.series_id == series_id, MODEL_CARDS.c.version_id == version_id
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else CardRecord(**row)


def _scores(connection: sa.Connection, issue: PublishedIssue) -> list[Score]:
    query = (
        sa.select(*(SCORES.c[name] for name in Score.__dataclass_fields__))
        .where(SCORES.c.series_id == issue.series_id, SCORES.c.version_id == issue.model_version)
        .order_by(SCORES.c.model, SCORES.c.horizon_months)
    )
    return [Score(**row) for row in connection.execute(query).mappings()]


def _statistics(connection: sa.Connection, series_id: str) -> list[RunningStatistics]:
    """Of each horizon the newest, judged by the price as it was first known."""
    columns = SCORECARD_SUMMARY.c
    query = (
        sa.select(*(columns[name] for name in RunningStatistics.__dataclass_fields__))
        .where(columns.series_id == series_id, columns.observed_as == "first")
        .order_by(columns.horizon_months, columns.judgement)
    )
    rows = [RunningStatistics(**row) for row in connection.execute(query).mappings()]
    return list({row.horizon_months: row for row in rows}.values())


def _judged(connection: sa.Connection, series_id: str) -> list[JudgedForecast]:
    """The newest judgements, each forecast once, the newest target month first and of it the nearest issue."""
    age = sa.func.row_number().over(
        partition_by=[SCORECARD.c.issue_month, SCORECARD.c.target_month], order_by=SCORECARD.c.judgement.desc()
    )
    ranked = sa.select(SCORECARD, age.label("age")).where(SCORECARD.c.series_id == series_id).subquery()
    query = (
        sa.select(*(ranked.c[name] for name in JudgedForecast.__dataclass_fields__))
        .where(ranked.c.age == 1)
        .order_by(ranked.c.target_month.desc(), ranked.c.horizon_months)
        .limit(MOST_JUDGED)
    )
    return [JudgedForecast(**row) for row in connection.execute(query).mappings()]


def _newest_decision(connection: sa.Connection, series_id: str) -> RetrainDecision | None:
    columns = RETRAIN_DECISIONS.c
    query = (
        sa.select(*(columns[name] for name in RetrainDecision.__dataclass_fields__))
        .where(columns.series_id == series_id)
        .order_by(columns.number.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else RetrainDecision(**row)
