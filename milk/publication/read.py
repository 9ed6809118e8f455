"""Reading what is published: each question is one transaction, each answer plain rows.

The reader needs no more of the store than this. Where a question names no kind, the answer is what stands: of the
revisions of an issue month the newest live one, or the newest of all where none is live.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from milk.errors import HomeRefused, NothingPublished
from milk.months import Kind, Month
from milk.publication.engine import HEAD, reading
from milk.publication.rows import ForecastRow, Issue
from milk.publication.schema import FORECASTS, ISSUES, MODEL_CARDS, PUBLICATIONS, SERIES

MOST_SERIES = 1_000_000
SERIES_WATCHED = 10
"""Series that figures and messages name; thousands of them would be neither read nor scraped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRecord:
    """One revision of an issue month; `is_standing` says whether it is the one that answers by default."""

    series_id: str
    issue_month: Month
    revision: int
    kind: Kind
    is_standing: bool
    reason: str
    issued_at: dt.datetime
    published_at: dt.datetime
    data_cutoff: dt.datetime
    forecast_origin: Month
    forecasts: int
    unit: str
    model_version: str
    content_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRecord:
    """What a forecast series is."""

    series_id: str
    meaning: str
    unit: str
    source: str
    licence: str
    is_synthetic: bool


@dataclass(frozen=True, slots=True)
class Extent:
    """From where to where something is published."""

    first_target: Month
    last_target: Month
    first_issue: Month
    last_issue: Month


@dataclass(frozen=True, slots=True)
class Transaction:
    """A publication: its number, and what tells it from one with the same number in a store that was made anew."""

    number: int
    published_at: dt.datetime
    run_id: str | None


def newest_publication(engine: sa.Engine) -> Transaction:
    """The newest publication, which is another one whenever an answer may be.

    Raises:
        NothingPublished: there is none yet.
        HomeRefused: the store does not answer, or is of another version of this program.
    """
    with reading(engine) as connection:
        _refuse_other_schema(connection)
        columns = (PUBLICATIONS.c.id, PUBLICATIONS.c.published_at, PUBLICATIONS.c.run_id)
        newest = connection.execute(sa.select(*columns).order_by(PUBLICATIONS.c.id.desc()).limit(1)).one_or_none()
    if newest is None:
        raise NothingPublished("Nothing is published yet.")
    return Transaction(*newest)


def published_series(engine: sa.Engine, *, after: str = "", limit: int = MOST_SERIES) -> list[str]:
    """The series of which something is published, in the order of their names.

    Args:
        engine: the store.
        after: only those behind this one.
        limit: no more than so many.
    """
    # From one to the next by the index: as many steps as series are wanted, however many issues these have.
    following = ISSUES.alias("following")
    first = sa.select(sa.func.min(ISSUES.c.series_id)).where(ISSUES.c.series_id > after).scalar_subquery()
    named = sa.select(first.label("series_id"), sa.literal(1).label("number")).cte("named", recursive=True)
    next_one = sa.select(sa.func.min(following.c.series_id)).where(following.c.series_id > named.c.series_id)
    named = named.union_all(
        sa.select(next_one.correlate(named).scalar_subquery(), named.c.number + 1).where(
            named.c.series_id.is_not(None), named.c.number < limit
        )
    )
    query = sa.select(named.c.series_id).where(named.c.series_id.is_not(None)).order_by(named.c.series_id)
    with reading(engine) as connection:
        return [*connection.scalars(query)]


def is_published(engine: sa.Engine, series_id: str) -> bool:
    """Whether something of a series is published."""
    query = sa.select(ISSUES.c.series_id).where(ISSUES.c.series_id == series_id).limit(1)
    with reading(engine) as connection:
        return connection.scalar(query) is not None


def watched_series(engine: sa.Engine, reference: str) -> list[str]:
    """The series that a monitor looks at: the reference first, and of the others the first few."""
    others = [name for name in published_series(engine, limit=SERIES_WATCHED) if name != reference]
    return [reference, *others][:SERIES_WATCHED] if is_published(engine, reference) else others


def series_record(engine: sa.Engine, series_id: str) -> SeriesRecord | None:
    """What a published series is, by the newest revision of the register; `None` where nothing of it is published."""
    query = (
        sa.select(SERIES, ISSUES.c.is_synthetic)
        .join(ISSUES, ISSUES.c.series_id == SERIES.c.series_id)
        .where(SERIES.c.series_id == series_id, SERIES.c.name == "price")
        .order_by(SERIES.c.revision.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    names = ("series_id", "meaning", "unit", "source", "licence", "is_synthetic")
    return SeriesRecord(**{name: row[name] for name in names})


def issue_records(
    engine: sa.Engine,
    series_id: str,
    *,
    kind: Kind | None = None,
    issue_month: Month | None = None,
    limit: int | None = None,
) -> list[IssueRecord]:
    """Every revision of every issue, the newest month first, its newest revision first."""
    ranked = sa.select(ISSUES, (_rank() == 1).label("is_standing")).where(ISSUES.c.series_id == series_id).subquery()
    query = (
        sa.select(ranked, PUBLICATIONS.c.published_at)
        .join(PUBLICATIONS, PUBLICATIONS.c.id == ranked.c.publication_id)
        .order_by(ranked.c.issue_month.desc(), ranked.c.revision.desc())
        .limit(limit)
    )
    if kind is not None:
        query = query.where(ranked.c.kind == kind)
    if issue_month is not None:
        query = query.where(ranked.c.issue_month == issue_month)
    with reading(engine) as connection:
        rows: list[dict[str, Any]] = [dict(row) for row in connection.execute(query).mappings()]
    names = IssueRecord.__dataclass_fields__
    # SQLite answers a comparison with a number.
    return [
        IssueRecord(**{name: row[name] for name in names} | {"is_standing": bool(row["is_standing"])}) for row in rows
    ]


def issue_months(engine: sa.Engine, series_id: str) -> set[Month]:
    """The issue months that are published."""
    query = sa.select(ISSUES.c.issue_month).where(ISSUES.c.series_id == series_id).distinct()
    with reading(engine) as connection:
        return set(connection.scalars(query))


def standing_hashes(engine: sa.Engine, series_id: str) -> dict[Month, str]:
    """The content hash of what stands, by issue month."""
    standing = standing_issues(series_id)
    with reading(engine) as connection:
        rows = connection.execute(sa.select(standing.c.issue_month, standing.c.content_sha256))
        return {row.issue_month: row.content_sha256 for row in rows}


def broken_issues(engine: sa.Engine, series_id: str | None = None) -> list[str]:
    """The revisions whose rows are not those that were published: their hash, made anew, is another one; in words.

    Of one series where it is named: of thousands of them to look at all takes minutes.
    """
    wanted, rows_wanted = sa.select(ISSUES), sa.select(FORECASTS)
    if series_id is not None:
        wanted = wanted.where(ISSUES.c.series_id == series_id)
        rows_wanted = rows_wanted.where(FORECASTS.c.series_id == series_id)
    with reading(engine) as connection:
        issues = connection.execute(wanted).mappings().all()
        rows = connection.execute(rows_wanted).mappings().all()
        # A version made on the reference series forecasts the others too.
        cards = set(connection.scalars(sa.select(MODEL_CARDS.c.version_id)))
    by_key: dict[tuple[str, Month, int], list[ForecastRow]] = {}
    for row in rows:
        forecast = ForecastRow(**{name: row[name] for name in ForecastRow.__dataclass_fields__})
        by_key.setdefault((row["series_id"], row["issue_month"], row["revision"]), []).append(forecast)
    broken = []
    for issue in issues:
        forecasts = by_key.get((issue["series_id"], issue["issue_month"], issue["revision"]), [])
        if problem := _problem(issue, forecasts, cards):
            broken.append(f"{issue['series_id']} {issue['issue_month']} revision {issue['revision']}: {problem}")
    return broken


def _problem(issue: sa.RowMapping, forecasts: Sequence[ForecastRow], cards: set[str]) -> str:
    if len(forecasts) != issue["forecasts"]:
        return f"{len(forecasts)} forecasts, not {issue['forecasts']}"
    names = [name for name in Issue.__dataclass_fields__ if name != "forecasts"]
    content = Issue(**{name: issue[name] for name in names}, forecasts=tuple(forecasts))
    if content.content_sha256 != issue["content_sha256"]:
        return "its content is not the one that was published"
    if issue["model_version"] not in cards:
        return f"the card of {issue['model_version']} is missing"
    return ""


def _rank() -> sa.ColumnElement[int]:
    """1 for the revision that stands: a live one before any hindcast, the newest before the older."""
    is_hindcast = sa.case((ISSUES.c.kind == "live", 0), else_=1)
    return sa.func.row_number().over(
        partition_by=(ISSUES.c.series_id, ISSUES.c.issue_month), order_by=(is_hindcast, ISSUES.c.revision.desc())
    )


def standing_issues(series_id: str) -> sa.Subquery:
    """The revisions that stand, one for each issue month."""
    ranked = sa.select(ISSUES, _rank().label("rank")).where(ISSUES.c.series_id == series_id).subquery()
    return sa.select(ranked).where(ranked.c.rank == 1).subquery()


def _refuse_other_schema(connection: sa.Connection) -> None:
    """Raise where the store was made by another version of this program, or holds no table yet."""
    tables = sa.inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        if tables and connection.dialect.name == "sqlite":
            # On a server the tables of others may lie beside ours; a file is ours alone.
            raise HomeRefused("The store is the database of another program: name another file with MILK_STORE_URL.")
        raise NothingPublished("Nothing is published yet.")
    held = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).one_or_none()
    if held is None or held < HEAD:
        raise NothingPublished("Nothing is published yet: the store was made by an older version of this program.")
    if held > HEAD:
        raise HomeRefused(
            f"The store has schema {held}, and this program reads {HEAD}: a newer version of the program made it. "
            "Use that version."
        )
