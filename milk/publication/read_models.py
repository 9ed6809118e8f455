"""Reading model versions and what they were worth: cards, the ledger, backtest scores and the running scorecard."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from milk.months import Month
from milk.publication.engine import reading
from milk.publication.judged_schema import RETRAIN_DECISIONS, SCORECARD_SUMMARY
from milk.publication.read_at import is_standing
from milk.publication.schema import ISSUES, MODEL_CARDS, PROMOTIONS, PUBLICATIONS, SCORES

DECISION_FIELDS = ("number", "as_of", "decided_at", "decision", "rule", "sentence", "numbers", "model_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model version whose card is published."""

    series_id: str
    version_id: str
    recipe: str
    created_at: dt.datetime
    published_at: dt.datetime
    issues: int
    """How many revisions of issues it made."""
    first_issue_month: Month | None
    last_issue_month: Month | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCardRecord(ModelRecord):
    """A model version with its card, as its folder holds it."""

    card: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyRecord:
    """What forecasts of a horizon were worth: one row of the backtest, or of the running statistics of live forecasts.

    `None` stands where one of the two does not say it. Prices in the unit of the series; `bias` and its band in log
    points.
    """

    evaluation: str
    model: str
    model_version: str | None
    observed_as: str | None
    horizon_months: int
    forecasts: int
    months_judged: int | None
    first_target: Month | None
    last_target: Month | None
    rmse: float
    mae: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    coverage_80: float
    coverage_80_low: float | None
    coverage_80_high: float | None
    coverage_95: float
    coverage_95_low: float | None
    coverage_95_high: float | None
    width_80: float | None
    bias: float | None
    bias_band: float | None
    is_judged: bool | None
    finding: str | None


def model_records(engine: sa.Engine, series_id: str, *, upto: int) -> list[ModelRecord]:
    """The versions whose card was published by then, the newest first."""
    columns = [*_record_columns(upto)]
    with reading(engine) as connection:
        rows = connection.execute(_cards(columns, series_id, upto)).mappings()
        return [ModelRecord(**row) for row in rows]


def model_card(engine: sa.Engine, series_id: str, version_id: str, *, upto: int) -> ModelCardRecord | None:
    """A version with its card; `None` where it was not published by then."""
    query = _cards([*_record_columns(upto), MODEL_CARDS.c.card], series_id, upto)
    with reading(engine) as connection:
        row = connection.execute(query.where(MODEL_CARDS.c.version_id == version_id)).mappings().one_or_none()
    return None if row is None else ModelCardRecord(**row)


def issuing_version(engine: sa.Engine, series_id: str, *, upto: int) -> str | None:
    """The version behind the newest issue that stood then; `None` where nothing was issued.

    It made what is published. The ledger may name another: a promotion re-issues nothing.
    """
    query = (
        sa.select(ISSUES.c.model_version)
        .where(ISSUES.c.series_id == series_id, is_standing(upto, None))
        .order_by(ISSUES.c.issue_month.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        version: str | None = connection.scalar(query)
    return version


def backtest_accuracy(engine: sa.Engine, series_id: str, version_id: str) -> list[AccuracyRecord]:
    """The rolling-origin scores by which a version was judged, and those of the baselines on the same forecasts."""
    query = (
        sa.select(SCORES)
        .where(SCORES.c.series_id == series_id, SCORES.c.version_id == version_id)
        .order_by(SCORES.c.model, SCORES.c.horizon_months)
    )
    with reading(engine) as connection:
        return [_of_backtest(row) for row in connection.execute(query).mappings()]


def live_accuracy(engine: sa.Engine, series_id: str, *, upto: int) -> list[AccuracyRecord]:
    """The running statistics of what was published in time, as they stood then; horizon 0 is all of them."""
    table = SCORECARD_SUMMARY
    age = sa.func.row_number().over(
        partition_by=(table.c.observed_as, table.c.horizon_months), order_by=table.c.judgement.desc()
    )
    ranked = (
        sa.select(table, age.label("age"))
        .where(table.c.series_id == series_id, table.c.publication_id <= upto)
        .subquery("ranked")
    )
    query = sa.select(ranked).where(ranked.c.age == 1).order_by(ranked.c.observed_as, ranked.c.horizon_months)
    with reading(engine) as connection:
        return [_of_scorecard(row) for row in connection.execute(query).mappings()]


def newest_decision(engine: sa.Engine, series_id: str, *, upto: int) -> dict[str, Any] | None:
    """The newest decision whether to retrain that was published by then; `None` where there is none."""
    query = (
        sa.select(*(RETRAIN_DECISIONS.c[name] for name in DECISION_FIELDS))
        .where(RETRAIN_DECISIONS.c.series_id == series_id, RETRAIN_DECISIONS.c.publication_id <= upto)
        .order_by(RETRAIN_DECISIONS.c.number.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def ledger_until(engine: sa.Engine, series_id: str, instant: dt.datetime) -> list[dict[str, Any]]:
    """The decisions about production up to an instant, oldest first; the ledger names no publication."""
    names = ("version_id", "decided_at", "actor_kind", "actor", "decision", "reason", "champion_version_id", "numbers")
    query = (
        sa.select(*(PROMOTIONS.c[name] for name in names))
        .where(PROMOTIONS.c.series_id == series_id, PROMOTIONS.c.decided_at <= instant)
        .order_by(PROMOTIONS.c.id)
    )
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _record_columns(upto: int) -> list[sa.ColumnElement[Any]]:
    of_version = (
        ISSUES.c.series_id == MODEL_CARDS.c.series_id,
        ISSUES.c.model_version == MODEL_CARDS.c.version_id,
        ISSUES.c.publication_id <= upto,
    )
    month = ISSUES.c.issue_month

    def count(what: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[Any]:
        return sa.select(what).where(*of_version).correlate(MODEL_CARDS).scalar_subquery().label(name)

    cards = [MODEL_CARDS.c[name] for name in ("series_id", "version_id", "recipe", "created_at", "sha256")]
    return [
        *cards,
        PUBLICATIONS.c.published_at,
        count(sa.func.count(), "issues"),
        count(sa.func.min(month, type_=month.type), "first_issue_month"),
        count(sa.func.max(month, type_=month.type), "last_issue_month"),
    ]


def _cards(columns: list[sa.ColumnElement[Any]], series_id: str, upto: int) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .join_from(MODEL_CARDS, PUBLICATIONS, PUBLICATIONS.c.id == MODEL_CARDS.c.publication_id)
        .where(MODEL_CARDS.c.series_id == series_id, MODEL_CARDS.c.publication_id <= upto)
        .order_by(MODEL_CARDS.c.publication_id.desc(), MODEL_CARDS.c.version_id)
    )


def _of_backtest(row: sa.RowMapping) -> AccuracyRecord:
    missing: dict[str, Any] = dict.fromkeys(AccuracyRecord.__dataclass_fields__)
    named = {name: row[name] for name in missing if name in row}
    return AccuracyRecord(**missing | named | {"evaluation": "backtest", "model_version": row["version_id"]})


def _of_scorecard(row: sa.RowMapping) -> AccuracyRecord:
    missing: dict[str, Any] = dict.fromkeys(AccuracyRecord.__dataclass_fields__)
    named = {name: row[name] for name in missing if name in row}
    ratio = {f"ratio{end}": row[f"ratio_last_value{end}"] for end in ("", "_low", "_high")}
    return AccuracyRecord(**missing | named | ratio | {"evaluation": "live", "model": "published"})
