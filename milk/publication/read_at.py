"""What a question is asked of: the store as it stood after one of its publications.

The store only grows, and each row names the publication that brought it. So whoever leaves out what later publications
brought reads one state, whatever is published meanwhile and however many transactions the reading takes.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from milk.months import Kind
from milk.publication.engine import reading
from milk.publication.read import Transaction
from milk.publication.schema import FORECASTS, ISSUES, PUBLICATIONS

SAME_REVISION = sa.and_(*(FORECASTS.c[name] == ISSUES.c[name] for name in ("series_id", "issue_month", "revision")))
WITH_ISSUES = sa.join(FORECASTS, ISSUES, SAME_REVISION)
"""Each forecast with the issue that it belongs to."""


def publication_as_of(engine: sa.Engine, instant: dt.datetime, *, upto: int) -> Transaction | None:
    """The newest publication that was made no later than an instant; `None` where there was none yet.

    Args:
        engine: the store.
        instant: an aware instant.
        upto: no later publication than this counts.
    """
    columns = (PUBLICATIONS.c.id, PUBLICATIONS.c.published_at, PUBLICATIONS.c.run_id)
    query = (
        sa.select(*columns)
        .where(PUBLICATIONS.c.id <= upto, PUBLICATIONS.c.published_at <= instant)
        .order_by(PUBLICATIONS.c.id.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        found = connection.execute(query).one_or_none()
    return None if found is None else Transaction(*found)


def publication_of(engine: sa.Engine, number: int) -> Transaction | None:
    """The publication of a number; `None` where there is none: a transaction that was killed leaves a gap."""
    columns = (PUBLICATIONS.c.id, PUBLICATIONS.c.published_at, PUBLICATIONS.c.run_id)
    with reading(engine) as connection:
        found = connection.execute(sa.select(*columns).where(PUBLICATIONS.c.id == number)).one_or_none()
    return None if found is None else Transaction(*found)


def first_published_at(engine: sa.Engine) -> dt.datetime | None:
    """When the first publication was made; `None` where there is none."""
    with reading(engine) as connection:
        return connection.scalar(sa.select(PUBLICATIONS.c.published_at).order_by(PUBLICATIONS.c.id).limit(1))


def said_synthetic(engine: sa.Engine, series_id: str, *, upto: int) -> bool | None:
    """Whether the data of a series are invented, by its newest issue; `None` where none was published by then."""
    query = (
        sa.select(ISSUES.c.is_synthetic)
        .where(ISSUES.c.series_id == series_id, ISSUES.c.publication_id <= upto)
        .order_by(ISSUES.c.issue_month.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        said = connection.scalar(query)
    return None if said is None else bool(said)


def is_standing(upto: int, kind: Kind | None) -> sa.ColumnElement[bool]:
    """Whether a row of `issues` is the revision that answers: no better one was published by then.

    Said by what is not there and not by a rank of all issues: so a question about few months costs what these cost,
    however many others the store holds.
    """
    better = ISSUES.alias("better")
    is_newer = sa.and_(better.c.kind == ISSUES.c.kind, better.c.revision > ISSUES.c.revision)
    if kind is None:
        is_newer = sa.or_(is_newer, sa.and_(better.c.kind == "live", ISSUES.c.kind == "hindcast"))
    beaten = sa.exists().where(
        better.c.series_id == ISSUES.c.series_id,
        better.c.issue_month == ISSUES.c.issue_month,
        better.c.publication_id <= upto,
        is_newer,
    )
    there: list[Any] = [ISSUES.c.publication_id <= upto, ~beaten]
    if kind is not None:
        there.append(ISSUES.c.kind == kind)
    return sa.and_(*there)


def ends(
    connection: sa.Connection, column: sa.Column[Any], rows: sa.FromClause, *limits: sa.ColumnElement[bool]
) -> tuple[Any, Any]:
    """The smallest and the largest value of a column; `None` where no row is within the limits.

    Two questions for one row each, which an index answers from its ends; a smallest and a largest in one read it all.
    """
    query = sa.select(column).select_from(rows).where(*limits).limit(1)
    return connection.scalar(query.order_by(column)), connection.scalar(query.order_by(column.desc()))
