"""Whether the scorecard says what was really published: the table against the store, row by row."""

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from milk.publication.judged_rows import JudgedForecast
from milk.publication.read import issue_records
from milk.publication.read_judged import LiveForecast, held_scorecard, live_record
from milk.series import SERIES_ID
from milk.steps.scorecard import judged_rows

_SAME = [name for name in LiveForecast.__dataclass_fields__ if name in JudgedForecast.__dataclass_fields__]


def judged_hindcasts(rows: pd.DataFrame, store: sa.Engine) -> list[str]:
    """The judged issues that are no live revision of the store, in words.

    Args:
        rows: the table `scorecard`.
        store: where it was published.
    """
    kinds = {(record.issue_month, record.revision): record.kind for record in issue_records(store, SERIES_ID)}
    judged = sorted({(row.issue_month, row.revision) for row in judged_rows(rows)})
    return [
        f"{month} revision {revision}: {kinds.get((month, revision), 'not published')}"
        for month, revision in judged
        if kinds.get((month, revision)) != "live"
    ]


def unlike_the_store(rows: pd.DataFrame, store: sa.Engine) -> list[str]:
    """The judged rows that are not what the store holds, in words: the forecast, its standing, or the judgement.

    Args:
        rows: the table `scorecard`.
        store: where it was published.
    """
    return [*_differences(judged_rows(rows), store)]


def _differences(judged: list[JudgedForecast], store: sa.Engine) -> Iterator[str]:
    forecasts = live_record(store, SERIES_ID).forecasts
    published = {(row.issue_month, row.revision, row.target_month): row for row in forecasts}
    held = {(row.issue_month, row.target_month): row.content_sha256 for row in held_scorecard(store, SERIES_ID).judged}
    for row in judged:
        name = f"{row.issue_month} for {row.target_month}"
        said = published.get((row.issue_month, row.revision, row.target_month))
        if said is None:
            yield f"{name}: revision {row.revision} is no live forecast of the store"
        elif different := [field for field in _SAME if getattr(row, field) != getattr(said, field)]:
            yield f"{name}: {', '.join(different)} not as published"
        elif row.revision != _stood(row, forecasts):
            yield f"{name}: revision {row.revision} did not stand when the price became known"
        elif held.get((row.issue_month, row.target_month)) != row.content_sha256:
            yield f"{name}: the store holds another judgement"
    for issue_month, target_month in sorted(held.keys() - {(row.issue_month, row.target_month) for row in judged}):
        yield f"{issue_month} for {target_month}: judged in the store, and not in the table"


def _stood(judged: JudgedForecast, forecasts: list[LiveForecast]) -> int:
    """The revision of the issue that stood when the price became known; 0 where none did."""
    return max(
        (
            row.revision
            for row in forecasts
            if row.issue_month == judged.issue_month and row.issue_published_at <= judged.known_since
        ),
        default=0,
    )
