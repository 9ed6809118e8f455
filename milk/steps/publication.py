"""Publish issue months: from the tables of the home to the store that others read."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import sqlalchemy as sa

from milk.errors import VersionRefused
from milk.home.layout import Home
from milk.home.tables import Months, has_table, read_table
from milk.models.version import ModelVersion
from milk.months import Kind, Month
from milk.publication.publish import Published, publish
from milk.publication.read import issue_records
from milk.publication.rows import Issue, ObservedPrice, Publication, SeriesRow
from milk.series import SERIES_ID, series_register
from milk.steps.data_quality import quality_documents
from milk.steps.issues import issues_of
from milk.steps.predictions import TABLE, empty_predictions, split_refused
from milk.steps.promotion import load_champion
from milk.steps.publish_series import FurtherPublished, publish_further, series_row
from milk.steps.published_versions import card_of, model_of, software_versions, sound_versions
from milk.steps.receive import LOCK_WAIT_SECONDS, observations_of


@dataclass(frozen=True)
class MonthsPublished:
    """What came of a run.

    Attributes:
        published: what the store did of the reference series; `None` where no month was fit to be published.
        refused: the months that were not published, each with the reason.
        further: what it did of the further series.
    """

    published: Published | None
    refused: dict[Month, str]
    further: FurtherPublished = field(default_factory=FurtherPublished)


def publish_months(
    home: Home, store: sa.Engine, months: Sequence[Month], *, published_at: dt.datetime, run_id: str | None
) -> MonthsPublished:
    """Publish some issue months as `batch_predictions` holds them, with all that the reader shows beside them.

    What is read and what is recorded as published belong together, so this holds the home: no run writes forecasts in
    between. The rows are judged once more: a check that failed in an earlier run blocks nothing in this one. The sound
    months are published even where others are not, and of the further series those that are sound.

    Raises:
        HomeRefused: the store does not answer, or a table of the home is damaged.
        HomeBusy: another run held the home for more than two minutes.
    """
    with home.locked(wait_seconds=LOCK_WAIT_SECONDS):
        issues, versions, refused = _sound_issues(home, months)
        if not issues:
            return MonthsPublished(None, refused)
        shown = _versions_shown(home, store, issues, versions)
        of_all = Publication(
            published_at=published_at,
            run_id=run_id,
            software=software_versions(),
            cards=[card_of(version) for version in shown],
            models=[model_of(version) for version in shown],
        )
        # The reference last: where its issue is published, all that belongs to the month is.
        further = publish_further(home, store, [issue.issue_month for issue in issues], of_all)
        publication = replace(
            of_all,
            issues=issues,
            observed=observed_prices(home),
            series=register_rows(),
            quality=quality_documents(home),
        )
        return MonthsPublished(publish(store, publication), refused, further)


def _versions_shown(
    home: Home, store: sa.Engine, issues: Sequence[Issue], versions: Mapping[str, ModelVersion]
) -> list[ModelVersion]:
    """The versions behind the issues, and the one in production, which answers online before its first issue."""
    shown = {issue.model_version: versions[issue.model_version] for issue in issues}
    try:
        champion = load_champion(home, store)
    except VersionRefused:
        # The issues rest on other versions, which are sound; who promotes or issues hears of this one.
        champion = None
    if champion is not None:
        shown[champion.version_id] = champion
    return [shown[name] for name in sorted(shown)]


def _sound_issues(home: Home, months: Sequence[Month]) -> tuple[list[Issue], dict[str, ModelVersion], dict[Month, str]]:
    """The issues that may be published, the versions behind them, and the reasons against the other months."""
    rows, refused = split_refused(_rows_of(home, months))
    versions, damaged = sound_versions(home, rows)
    for name, reason in damaged.items():
        of_it = rows.loc[rows["model_version"] == name, "issue_month"]
        refused |= {Month.of(month): reason for month in of_it.unique()}
    issues = [issue for issue in issues_of(rows) if issue.issue_month not in refused]
    for month in set(months) - refused.keys() - {issue.issue_month for issue in issues}:
        refused[month] = f"{TABLE} holds no forecasts of it: materialise {TABLE} for this month again"
    return issues, versions, refused


def observed_prices(home: Home) -> list[ObservedPrice]:
    """Every price that the home ever received, revisions included."""
    observations = observations_of(home, "milk_price")
    unit = series_register().price.unit
    # Column by column: each publication goes through all of them, and row by row pandas takes its time.
    columns = zip(
        map(Month.of, observations["month"].dt.date),
        observations["known_since"].dt.to_pydatetime(),
        observations["known_by"],
        observations["value"].astype("float64"),
        observations["received_at"].dt.to_pydatetime(),
        observations["snapshot"],
        strict=True,
    )
    return [
        ObservedPrice(
            series_id=SERIES_ID,
            month=month,
            known_since=known_since,
            known_by=known_by,
            price=price,
            unit=unit,
            received_at=received_at,
            snapshot=snapshot,
        )
        for month, known_since, known_by, price, received_at, snapshot in columns
    ]


def register_rows() -> list[SeriesRow]:
    """The register of series as the store takes it."""
    return [series_row(series) for series in series_register().series]


def _rows_of(home: Home, months: Sequence[Month]) -> pd.DataFrame:
    if not months or not has_table(home, TABLE):
        return empty_predictions()
    span = Months("issue_month", pd.Timestamp(min(months).first_day), pd.Timestamp(max(months).first_day))
    table = read_table(home, TABLE, months=span, series_id=SERIES_ID)
    return table[table["issue_month"].isin([pd.Timestamp(month.first_day) for month in months])]


def unpublished_months(home: Home, store: sa.Engine) -> list[Month]:
    """The months whose forecasts, as the home holds them, are not what was published last of their kind."""
    if not has_table(home, TABLE):
        return []
    newest: dict[tuple[Month, Kind], str] = {}
    for record in issue_records(store, SERIES_ID):
        # The newest revision comes first; an older one with the same content does not answer.
        newest.setdefault((record.issue_month, record.kind), record.content_sha256)
    return [
        issue.issue_month
        for issue in issues_of(read_table(home, TABLE, series_id=SERIES_ID))
        if newest.get((issue.issue_month, issue.kind)) != issue.content_sha256
    ]
