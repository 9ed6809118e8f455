"""Publishing what came of the forecasts: a further judgement where something else is said than before, else nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from milk.publication.engine import writing
from milk.publication.judged_rows import JudgedForecast, RetrainDecision, RunningStatistics
from milk.publication.judged_schema import RETRAIN_DECISIONS, SCORECARD, SCORECARD_SUMMARY
from milk.publication.publish import add_rows, begin_publication, new_observed
from milk.publication.rows import Publication, plain_row
from milk.publication.schema import OBSERVED_PRICES


@dataclass(frozen=True, slots=True)
class PublishedScorecard:
    """What came of the publication of a scorecard.

    Attributes:
        publication_id: the transaction that added something; `None` where nothing was new.
        judged: how many judgements were added.
        statistics: how many rows of running statistics were added.
        observed: how many observed prices were added.
    """

    publication_id: int | None
    judged: int = 0
    statistics: int = 0
    observed: int = 0


def publish_scorecard(
    engine: sa.Engine,
    judged: Sequence[JudgedForecast],
    statistics: Sequence[RunningStatistics],
    publication: Publication,
) -> PublishedScorecard:
    """Add what is new of a scorecard, all of it or nothing.

    A row that says what its newest judgement says is left as it is; else a further judgement is added beside it.

    Args:
        engine: a store that is migrated.
        judged: the forecasts judged, each issue and target month at most once.
        statistics: the running statistics, each horizon at most once for each way to observe.
        publication: when, by which run and with what; of its parts only the observed prices are published, since a
            judgement rests on them. A store that holds no judged forecast gets none.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
        HomeBusy: another process held the store for more than five seconds.
    """
    with writing(engine) as connection:
        rows = _further(connection, SCORECARD, ("series_id", "issue_month", "target_month"), judged)
        summary = _further(connection, SCORECARD_SUMMARY, ("series_id", "observed_as", "horizon_months"), statistics)
        observed = new_observed(connection, publication.observed) if judged else []
        if not (rows or summary or observed):
            return PublishedScorecard(None)
        publication_id = begin_publication(connection, publication)
        add_rows(connection, OBSERVED_PRICES, [plain_row(row) for row in observed], publication_id)
        add_rows(connection, SCORECARD, rows, publication_id)
        add_rows(connection, SCORECARD_SUMMARY, summary, publication_id)
        return PublishedScorecard(publication_id, len(rows), len(summary), len(observed))


def publish_decision(engine: sa.Engine, decision: RetrainDecision, publication: Publication) -> int:
    """Add a decision and return its number; where the newest one says the same, its number is returned.

    Args:
        engine: a store that is migrated.
        decision: the decision.
        publication: when, by which run and with what; its parts are not published.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
        HomeBusy: another process held the store for more than five seconds.
    """
    columns = RETRAIN_DECISIONS.c
    newest = (
        sa.select(columns.number, columns.content_sha256)
        .where(columns.series_id == decision.series_id)
        .order_by(columns.number.desc())
        .limit(1)
    )
    with writing(engine) as connection:
        held = connection.execute(newest).one_or_none()
        if held is not None and held.content_sha256 == decision.content_sha256:
            return int(held.number)
        number = 1 if held is None else int(held.number) + 1
        said = {"number": number, "content_sha256": decision.content_sha256, "numbers": dict(decision.numbers)}
        add_rows(
            connection, RETRAIN_DECISIONS, [plain_row(decision) | said], begin_publication(connection, publication)
        )
        return number


def _further(
    connection: sa.Connection,
    table: sa.Table,
    key: tuple[str, ...],
    rows: Sequence[JudgedForecast] | Sequence[RunningStatistics],
) -> list[dict[str, Any]]:
    """The rows that are new or say something else than their newest judgement, with the number of theirs."""
    names = (*key, "judgement", "content_sha256")
    query = (
        sa.select(*(table.c[name] for name in names))
        .where(table.c.series_id.in_({row.series_id for row in rows}))
        .order_by(table.c.judgement)
    )
    held = connection.execute(query).all() if rows else []
    newest = {tuple(row[: len(key)]): (row.judgement, row.content_sha256) for row in held}
    new = []
    for row in rows:
        number, content = newest.get(tuple(getattr(row, name) for name in key), (0, ""))
        if content != row.content_sha256:
            new.append({**plain_row(row), "judgement": number + 1, "content_sha256": row.content_sha256})
    return new
