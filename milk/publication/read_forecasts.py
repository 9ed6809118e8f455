"""Reading forecasts as a client asks for them: filtered, as of a publication, a page at a time, with what came of them.

What a question costs follows from the months that it names, and not from how much the store holds.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from milk.months import Kind, Month
from milk.publication.engine import reading
from milk.publication.read import Extent
from milk.publication.read_at import WITH_ISSUES, ends, is_standing
from milk.publication.schema import FORECASTS, ISSUES, OBSERVED_PRICES, PUBLICATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAnswer:
    """One target month of an issue as it was published, and what came of it.

    `observed` is the price as it was first known, so that it never changes once it is there; `error` is it less the
    forecast. `None` where it is not known yet. Means, measured coverage and causes as in
    `milk.publication.rows.ForecastRow`.
    """

    series_id: str
    target_month: Month
    issue_month: Month
    revision: int
    issued_at: dt.datetime
    data_cutoff: dt.datetime
    forecast_origin: Month
    horizon_months: int
    price: float
    lower_80: float
    upper_80: float
    lower_95: float
    upper_95: float
    unit: str
    kind: Kind
    model_version: str
    data_versions: Mapping[str, Any] = field(hash=False)
    published_at: dt.datetime
    observed: float | None
    error: float | None
    inside_80: bool | None
    inside_95: bool | None
    measured_80: float | None
    measured_95: float | None
    measured_forecasts: int
    mean_price: float | None
    mean_lower_80: float | None
    mean_upper_80: float | None
    mean_lower_95: float | None
    mean_upper_95: float | None
    contribution_base: float
    contribution_drift: float
    contribution_season: float
    contribution_momentum: float
    contribution_cycle: float
    contribution_other: float
    interval_errors: int
    is_synthetic: bool


_COMPUTED = {"error", "inside_80", "inside_95"}
_NAMES = [name for name in ForecastAnswer.__dataclass_fields__ if name not in _COMPUTED | {"observed"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastQuestion:
    """Which forecasts.

    Attributes:
        series_id: the series.
        upto: the publication as of which is asked.
        kind: only revisions of this kind; what stands where not given.
        issue_month: only of this issue.
        first_target: no target month before it.
        last_target: no target month after it.
        horizons: only these horizons, from the first to the last, in months.
        newest_targets: only the newest so many target months.
        published_after: only of revisions that were published after this instant.
        is_every_issue: every issue of a target month; only the newest that has it where not.
        limit: no more rows than this.
        offset: how many rows come before the first.
    """

    series_id: str
    upto: int
    kind: Kind | None = None
    issue_month: Month | None = None
    first_target: Month | None = None
    last_target: Month | None = None
    horizons: tuple[int, int] | None = None
    newest_targets: int | None = None
    published_after: dt.datetime | None = None
    is_every_issue: bool = False
    limit: int | None = None
    offset: int = 0

    @property
    def is_of_newest_issue(self) -> bool:
        """Whether nothing but the series and the kind is named: the newest issue answers."""
        names = ("issue_month", "first_target", "last_target", "horizons", "newest_targets", "published_after")
        return not self.is_every_issue and all(getattr(self, name) is None for name in names)

    @property
    def is_one_issue_a_target(self) -> bool:
        """Whether of several issues that have a target month the newest answers."""
        return self.issue_month is None and not self.is_every_issue and self.published_after is None


@dataclass(frozen=True, slots=True)
class FoundForecasts:
    """A page of rows, target months in their order and of a month the oldest issue first; and how many there are."""

    rows: list[ForecastAnswer]
    total: int


def find_forecasts(engine: sa.Engine, question: ForecastQuestion) -> FoundForecasts:
    """Answer a question about forecasts, in one transaction."""
    with reading(engine) as connection:
        bounded = _bounded(connection, question)
        return FoundForecasts([], 0) if bounded is None else _found(connection, bounded)


def _found(connection: sa.Connection, question: ForecastQuestion) -> FoundForecasts:
    matching = _matching(question).subquery("matching")
    order = (matching.c.target_month, matching.c.issue_month)
    page = sa.select(matching).order_by(*order).limit(question.limit).offset(question.offset).subquery("page")
    query = sa.select(page, _first_known(page, question.upto)).order_by(page.c.target_month, page.c.issue_month)
    rows = [_answer(row) for row in connection.execute(query).mappings()]
    is_whole = not question.offset and (question.limit is None or len(rows) < question.limit)
    total = len(rows) if is_whole else connection.scalar(sa.select(sa.func.count()).select_from(matching))
    return FoundForecasts(rows, total or 0)


def _bounded(connection: sa.Connection, question: ForecastQuestion) -> ForecastQuestion | None:
    """The same question by the months that it comes down to; `None` where nothing can match."""
    if question.published_after is not None and not _has_come(connection, question.upto, question.published_after):
        return None
    if question.newest_targets is None:
        return question
    months = _newest_targets(question).subquery("months")
    first = connection.scalar(sa.select(sa.func.min(months.c.target_month, type_=FORECASTS.c.target_month.type)))
    return None if first is None else replace(question, first_target=first, newest_targets=None)


def _has_come(connection: sa.Connection, upto: int, instant: dt.datetime) -> bool:
    """Whether anything was published after an instant: who asks for news most often learns that there is none."""
    query = sa.select(PUBLICATIONS.c.id).where(PUBLICATIONS.c.id <= upto, PUBLICATIONS.c.published_at > instant)
    return connection.scalar(query.limit(1)) is not None


def newest_issue_month(engine: sa.Engine, series_id: str, *, upto: int, kind: Kind | None = None) -> Month | None:
    """The newest issue month that was published by then; `None` where none was."""
    with reading(engine) as connection:
        found: Month | None = connection.scalar(_newest_issue(series_id, upto, kind))
    return found


def extent(engine: sa.Engine, series_id: str, *, upto: int, kind: Kind | None = None) -> Extent | None:
    """From where to where forecasts were published by then; `None` where none was."""
    issues = [ISSUES.c.series_id == series_id, ISSUES.c.publication_id <= upto]
    if kind is not None:
        issues.append(ISSUES.c.kind == kind)
    with reading(engine) as connection:
        first_issue, last_issue = ends(connection, ISSUES.c.issue_month, ISSUES, *issues)
        if first_issue is None:
            return None
        standing = (FORECASTS.c.series_id == series_id, is_standing(upto, kind))
        return Extent(*ends(connection, FORECASTS.c.target_month, WITH_ISSUES, *standing), first_issue, last_issue)


def _newest_issue(series_id: str, upto: int, kind: Kind | None) -> sa.Select[Any]:
    newest = (
        sa.select(ISSUES.c.issue_month)
        .where(ISSUES.c.series_id == series_id, ISSUES.c.publication_id <= upto)
        .order_by(ISSUES.c.issue_month.desc())
        .limit(1)
    )
    return newest if kind is None else newest.where(ISSUES.c.kind == kind)


def _matching(question: ForecastQuestion) -> sa.Select[Any]:
    """The rows that answer, before they are cut into pages."""
    query = _standing_rows(question)
    if question.is_of_newest_issue:
        newest = _newest_issue(question.series_id, question.upto, question.kind).scalar_subquery()
        return query.where(FORECASTS.c.issue_month == newest)
    if question.is_one_issue_a_target:
        by_age = sa.func.row_number().over(
            partition_by=FORECASTS.c.target_month, order_by=FORECASTS.c.issue_month.desc()
        )
        aged = query.add_columns(by_age.label("age")).subquery("aged")
        return sa.select(*(aged.c[name] for name in _NAMES)).where(aged.c.age == 1)
    return query


def _standing_rows(question: ForecastQuestion) -> sa.Select[Any]:
    tables = (FORECASTS, ISSUES, PUBLICATIONS)
    columns = [next(table.c[name] for table in tables if name in table.c) for name in _NAMES]
    query = (
        sa.select(*columns)
        .select_from(WITH_ISSUES)
        .join(PUBLICATIONS, PUBLICATIONS.c.id == ISSUES.c.publication_id)
        .where(FORECASTS.c.series_id == question.series_id, is_standing(question.upto, question.kind))
    )
    limits: list[sa.ColumnElement[bool]] = []
    if question.issue_month is not None:
        limits.append(FORECASTS.c.issue_month == question.issue_month)
    if question.first_target is not None:
        limits.append(FORECASTS.c.target_month >= question.first_target)
    if question.last_target is not None:
        limits.append(FORECASTS.c.target_month <= question.last_target)
    if question.horizons is not None:
        limits.append(FORECASTS.c.horizon_months.between(*question.horizons))
    if question.published_after is not None:
        limits.append(PUBLICATIONS.c.published_at > question.published_after)
        # Says no more, and sorts out by their month alone most forecasts: else the issue of each is looked up.
        limits.append(FORECASTS.c.issue_month.in_(_months_come(question.series_id, question.published_after)))
    return query.where(*limits)


def _months_come(series_id: str, instant: dt.datetime) -> sa.Select[Any]:
    """The issue months of which a revision was published after an instant."""
    come = ISSUES.alias("come")
    when = PUBLICATIONS.alias("published")
    query = sa.select(come.c.issue_month).join_from(come, when, when.c.id == come.c.publication_id)
    return query.where(come.c.series_id == series_id, when.c.published_at > instant)


def _newest_targets(question: ForecastQuestion) -> sa.Select[Any]:
    """The newest so many target months of the rows that answer: an index gives them, and no row before them is read."""
    months = _standing_rows(question).with_only_columns(FORECASTS.c.target_month).distinct()
    return months.order_by(FORECASTS.c.target_month.desc()).limit(question.newest_targets)


def _first_known(page: sa.Subquery, upto: int) -> sa.ColumnElement[float | None]:
    """The price of a row's target month as it was first known; asked for the rows of the page only."""
    return (
        sa.select(OBSERVED_PRICES.c.price)
        .where(
            OBSERVED_PRICES.c.series_id == page.c.series_id,
            OBSERVED_PRICES.c.month == page.c.target_month,
            OBSERVED_PRICES.c.publication_id <= upto,
        )
        .order_by(OBSERVED_PRICES.c.known_since)
        .limit(1)
        .scalar_subquery()
        .label("observed")
    )


def _answer(row: sa.RowMapping) -> ForecastAnswer:
    observed = row["observed"]
    came: dict[str, Any] = dict.fromkeys(_COMPUTED)
    if observed is not None:
        came["error"] = observed - row["price"]
        came |= {f"inside_{level}": row[f"lower_{level}"] <= observed <= row[f"upper_{level}"] for level in (80, 95)}
    return ForecastAnswer(**row, **came)
