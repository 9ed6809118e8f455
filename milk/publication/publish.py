"""Publishing: what is new of a publication, in one transaction; what stands already is left as it is."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

from milk.errors import HomeRefused
from milk.months import Kind, Month
from milk.publication.engine import reading, writing
from milk.publication.online_schema import MODELS
from milk.publication.quality import new_documents
from milk.publication.quality_schema import DATA_QUALITY
from milk.publication.rows import (
    Issue,
    ModelCard,
    ModelRow,
    ObservedPrice,
    Publication,
    SeriesRow,
    json_of,
    plain_row,
    said_versions,
)
from milk.publication.schema import (
    DATASETS,
    FORECASTS,
    ISSUES,
    MODEL_CARDS,
    OBSERVED_PRICES,
    PUBLICATIONS,
    SCORES,
    SERIES,
)

_TICK = dt.timedelta(microseconds=1)
"""The smallest difference of two instants that both databases keep."""

Outcome = Literal["added", "unchanged", "beside"]
OfVersion = TypeVar("OfVersion", ModelCard, ModelRow)


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """What came of an issue.

    Attributes:
        issue_month: its month.
        revision: the revision that holds its content.
        outcome: `added`: it stands now. `unchanged`: it was there before. `beside`: a hindcast that was added and does
            not stand, because a live forecast does.
        reason: why the revision exists.
        content_sha256: the hash of its content.
    """

    issue_month: Month
    revision: int
    outcome: Outcome
    reason: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class Published:
    """What came of a publication.

    Attributes:
        publication_id: the transaction that added something; `None` where nothing was new.
        issues: what came of each issue, in their order.
        observed: how many observed prices were added.
        cards: how many cards were added.
        models: how many models were added.
        series: how many rows of the register were added.
    """

    publication_id: int | None
    issues: tuple[PublishedIssue, ...]
    observed: int = 0
    cards: int = 0
    series: int = 0
    models: int = 0


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the store knows of one issue month."""

    revision: int
    has_live: bool
    newest: dict[Kind, dict[str, Any]]
    """The newest revision of each kind."""


def publish(engine: sa.Engine, publication: Publication) -> Published:
    """Add what is new, all of it or nothing.

    The comparison with what stands happens under the write lock: of two publishers of the same content one adds it, and
    the other finds it there. An issue is compared with the newest revision of its own kind.

    Args:
        engine: a store that is migrated.
        publication: what to publish; an issue month stands in it at most once.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
        HomeBusy: another process held the store for more than five seconds.
        ValueError: an issue has no forecasts, or two issues are of the same month.
    """
    _refuse_senseless(publication.issues)
    with writing(engine) as connection:
        standing = _standing_issues(connection, publication.issues)
        fates = [
            (issue, _fate(issue, standing.get((issue.series_id, issue.issue_month)))) for issue in publication.issues
        ]
        issues = [(issue, fate) for issue, fate in fates if fate.outcome != "unchanged"]
        observed = new_observed(connection, publication.observed)
        cards = _new_versions(connection, MODEL_CARDS, publication.cards)
        models = _new_versions(connection, MODELS, publication.models)
        series = _new_series(connection, publication.series)
        quality = new_documents(connection, publication.quality)
        outcomes = tuple(fate for _issue, fate in fates)
        if not (issues or observed or cards or models or series or quality):
            return Published(None, outcomes)
        publication_id = begin_publication(connection, publication)
        add_rows(connection, ISSUES, [_issue_values(issue, fate) for issue, fate in issues], publication_id)
        add_rows(connection, FORECASTS, [v for issue, fate in issues for v in _forecast_values(issue, fate)])
        add_rows(connection, OBSERVED_PRICES, [plain_row(row) for row in observed], publication_id)
        add_rows(connection, MODEL_CARDS, [_card_values(card) for card in cards], publication_id)
        add_rows(connection, MODELS, [plain_row(row) | {"model": dict(row.model)} for row in models], publication_id)
        add_rows(connection, SCORES, [v for card in cards for v in _score_values(card)])
        add_rows(connection, SERIES, series, publication_id)
        add_rows(connection, DATA_QUALITY, quality, publication_id)
        return Published(publication_id, outcomes, len(observed), len(cards), len(series), len(models))


def claim_store(engine: sa.Engine, series_id: str, *, dataset_id: str, is_synthetic: bool) -> None:
    """Make the store that of a dataset, or see that it is already.

    Raises:
        HomeRefused: ledger and publications there are those of other data.
    """
    claim: dict[str, Any] = {"dataset_id": dataset_id, "is_synthetic": is_synthetic}
    with reading(engine) as connection:
        if is_claimed(connection, series_id, **claim):
            return
    with writing(engine) as connection:
        if not is_claimed(connection, series_id, **claim):
            connection.execute(sa.insert(DATASETS), {"series_id": series_id, **claim})


def is_claimed(connection: sa.Connection, series_id: str, *, dataset_id: str, is_synthetic: bool) -> bool:
    """Whether the store is that of a dataset; `False` where it is nobody's yet.

    Raises:
        HomeRefused: ledger and publications there are those of other data.
    """
    query = sa.select(DATASETS.c.dataset_id, DATASETS.c.is_synthetic).where(DATASETS.c.series_id == series_id)
    held = connection.execute(query).one_or_none()
    if held is not None and held.dataset_id != dataset_id:
        kinds = {True: "synthetic", False: "real"}
        raise HomeRefused(
            f"The store holds another dataset of {series_id}: {held.dataset_id} ({kinds[held.is_synthetic]}), not "
            f"{dataset_id} ({kinds[is_synthetic]}). Name a store of its own with MILK_STORE_URL."
        )
    return held is not None


def _refuse_senseless(issues: Sequence[Issue]) -> None:
    months = [(issue.series_id, issue.issue_month) for issue in issues]
    if len(set(months)) != len(months):
        raise ValueError("An issue month stands in the publication more than once.")
    for issue in issues:
        if not issue.forecasts:
            raise ValueError(f"The issue {issue.issue_month} has no forecasts.")


def _standing_issues(connection: sa.Connection, issues: Sequence[Issue]) -> dict[tuple[str, Month], _Standing]:
    """What stands of the months that are to be published, read once."""
    if not issues:
        return {}
    months = [issue.issue_month for issue in issues]
    query = (
        sa.select(ISSUES)
        .where(
            ISSUES.c.series_id.in_({issue.series_id for issue in issues}),
            ISSUES.c.issue_month.between(min(months), max(months)),
        )
        .order_by(ISSUES.c.revision)
    )
    found: dict[tuple[str, Month], _Standing] = {}
    for row in connection.execute(query).mappings():
        key = (row["series_id"], row["issue_month"])
        before = found.get(key)
        newest = {**(before.newest if before else {}), row["kind"]: dict(row)}
        found[key] = _Standing(row["revision"], "live" in newest, newest)
    return found


def _fate(issue: Issue, standing: _Standing | None) -> PublishedIssue:
    """Whether an issue is added, as which revision, and why."""
    content = issue.content_sha256
    if standing is None:
        return PublishedIssue(issue.issue_month, 1, "added", "first issue", content)
    former = standing.newest.get(issue.kind)
    if former is not None and former["content_sha256"] == content:
        return PublishedIssue(issue.issue_month, former["revision"], "unchanged", former["reason"], content)
    outcome: Outcome = "added"
    if issue.kind == "hindcast" and standing.has_live:
        outcome, reason = "beside", "a hindcast beside the live forecast, which stands"
    elif former is None:
        reason = "a live forecast in the place of a hindcast"
    else:
        reason = _difference(former, issue)
    return PublishedIssue(issue.issue_month, standing.revision + 1, outcome, reason, content)


def _difference(former: Mapping[str, Any], issue: Issue) -> str:
    """Why an issue is not the one before, in words."""
    causes = []
    if former["model_version"] != issue.model_version:
        causes.append(f"model {issue.model_version} in place of {former['model_version']}")
    if _data(former["data_versions"]) != _data(json_of(issue.data_versions)):
        causes.append("other data")
    if former["forecast_origin"] != issue.forecast_origin:
        causes.append(f"origin {issue.forecast_origin} in place of {former['forecast_origin']}")
    return "; ".join(causes) or "other numbers from the same data and model"


def _data(data_versions: Mapping[str, Any]) -> dict[str, Any]:
    return {name: version for name, version in said_versions(data_versions).items() if name != "model"}


def new_observed(connection: sa.Connection, rows: Sequence[ObservedPrice]) -> list[ObservedPrice]:
    """The prices of which the store holds no value that was known from the same instant on."""
    columns = OBSERVED_PRICES.c
    if not rows:
        return []
    months = [row.month for row in rows]
    query = sa.select(columns.series_id, columns.month, columns.known_since).where(
        columns.series_id.in_({row.series_id for row in rows}), columns.month.between(min(months), max(months))
    )
    held = {tuple(row) for row in connection.execute(query)}
    return [row for row in rows if (row.series_id, row.month, row.known_since) not in held]


def _new_versions(connection: sa.Connection, table: sa.Table, rows: Sequence[OfVersion]) -> list[OfVersion]:
    """The cards or models of versions that the table does not hold yet."""
    query = sa.select(table.c.series_id, table.c.version_id).where(
        table.c.version_id.in_([row.version_id for row in rows])
    )
    held = {tuple(row) for row in connection.execute(query)} if rows else set()
    return [row for row in rows if (row.series_id, row.version_id) not in held]


def _new_series(connection: sa.Connection, rows: Sequence[SeriesRow]) -> list[dict[str, Any]]:
    """The rows of the register that are new or say something else than their newest revision, with their number."""
    columns = SERIES.c
    query = (
        sa.select(columns.series_id, columns.name, columns.revision, columns.content_sha256)
        .where(columns.series_id.in_({row.series_id for row in rows}))
        .order_by(columns.revision)
    )
    newest = {(row.series_id, row.name): row for row in connection.execute(query)} if rows else {}
    new = []
    for row in rows:
        held = newest.get((row.series_id, row.name))
        if held is None or held.content_sha256 != row.content_sha256:
            number = 1 if held is None else held.revision + 1
            new.append({**plain_row(row), "revision": number, "content_sha256": row.content_sha256})
    return new


def begin_publication(connection: sa.Connection, publication: Publication) -> int:
    """Begin a publication and return its number; only where something is new, inside the same transaction.

    Its instant is the one given, or just after the newest that the store holds where that is later: a publisher reads
    its clock before it waits for the write lock, and another may have published meanwhile. So instants grow with
    numbers, and who asks for all after the newest instant that it saw misses nothing. The store has the instant.
    """
    values = {
        "published_at": _instant_after_all(connection, publication.published_at),
        "run_id": publication.run_id,
        "software": dict(publication.software),
    }
    return int(connection.execute(sa.insert(PUBLICATIONS).returning(PUBLICATIONS.c.id), values).scalar_one())


def _instant_after_all(connection: sa.Connection, given: dt.datetime) -> dt.datetime:
    """The instant given, or a microsecond after the newest published one; to be asked under the write lock."""
    instants = PUBLICATIONS.c.published_at
    # The newest instant and not that of the newest number: older programs stamped out of order.
    newest: dt.datetime | None = connection.scalar(sa.select(sa.func.max(instants, type_=instants.type)))
    return given if newest is None else max(given, newest + _TICK)


def add_rows(
    connection: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]], publication_id: int | None = None
) -> None:
    """Add rows to a table, each naming its publication where one is given."""
    named = {} if publication_id is None else {"publication_id": publication_id}
    if values := [row | named for row in rows]:
        connection.execute(sa.insert(table), values)


def _issue_values(issue: Issue, fate: PublishedIssue) -> dict[str, Any]:
    return plain_row(issue) | {
        "revision": fate.revision,
        "reason": fate.reason,
        "content_sha256": fate.content_sha256,
        "forecasts": len(issue.forecasts),
        "data_versions": dict(issue.data_versions),
    }


def _forecast_values(issue: Issue, fate: PublishedIssue) -> list[dict[str, Any]]:
    key = {"series_id": issue.series_id, "issue_month": issue.issue_month, "revision": fate.revision}
    return [key | plain_row(row) for row in issue.forecasts]


def _card_values(card: ModelCard) -> dict[str, Any]:
    values = plain_row(card) | {"card": dict(card.card)}
    del values["scores"]
    return values


def _score_values(card: ModelCard) -> list[dict[str, Any]]:
    key = {"series_id": card.series_id, "version_id": card.version_id}
    return [key | plain_row(score) for score in card.scores]
