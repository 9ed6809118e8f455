"""Whether the scorecard says what was really published: the table against the store, row by row."""

import datetime as dt
from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from milk.months import Month
from milk.publication.judged_rows import JudgedForecast
from milk.publication.read import issue_records
from milk.publication.read_judged import LiveForecast, judgement_hashes, live_record
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
    revisions = rows[["issue_month", "revision"]].drop_duplicates().sort_values(["issue_month", "revision"])
    judged = [(Month.of(month), int(revision)) for month, revision in revisions.itertuples(index=False)]
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
    revisions: dict[Month, dict[int, dt.datetime]] = {}
    for row in forecasts:
        revisions.setdefault(row.issue_month, {})[row.revision] = row.issue_published_at
    held = judgement_hashes(store, SERIES_ID)
    for judgement in judged:
        name = f"{judgement.issue_month} for {judgement.target_month}"
        said = published.get((judgement.issue_month, judgement.revision, judgement.target_month))
        if said is None:
            yield f"{name}: revision {judgement.revision} is no live forecast of the store"
        elif different := [field for field in _SAME if getattr(judgement, field) != getattr(said, field)]:
            yield f"{name}: {', '.join(different)} not as published"
        elif judgement.revision != _stood(revisions[judgement.issue_month], judgement.known_since):
            yield f"{name}: revision {judgement.revision} did not stand when the price became known"
        elif held.get((judgement.issue_month, judgement.target_month)) != judgement.content_sha256:
            yield f"{name}: the store holds another judgement"
    for issue_month, target_month in sorted(held.keys() - {(row.issue_month, row.target_month) for row in judged}):
        yield f"{issue_month} for {target_month}: judged in the store, and not in the table"


def _stood(revisions: dict[int, dt.datetime], known_since: dt.datetime) -> int:
    """The newest live revision of an issue that was published by an instant; 0 where none was."""
    return max((revision for revision, published_at in revisions.items() if published_at <= known_since), default=0)
