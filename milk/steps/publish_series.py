"""Publish the further series of some issue months: some hundred series at a time, each of them whole or not at all.

One transaction for ten thousand series would hold the write lock of the store for many seconds, in which no online
forecast can be kept and no other run can publish. So a transaction brings whole series: the issues of its series with
their prices and what the register says of them. A run that is killed between two of them leaves some series a month
behind; the month counts as published only when the reference is, which comes last, so the sensor tries again, and what
stands already is not written twice.

Prices are published of each series that the folder lists, whether it has an issue in these months or not: by them its
earlier forecasts are judged.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import sqlalchemy as sa

from milk.home.layout import Home
from milk.home.tables import Months, has_table, read_table
from milk.models.canonical import sha256_hex
from milk.models.version import ModelVersion
from milk.months import Month, contiguous_ranges
from milk.publication.publish import Published, publish
from milk.publication.read_observed import ObservedMark, observed_marks
from milk.publication.rows import ObservedPrice, Publication, SeriesRow
from milk.series import SERIES_ID, Series, series_register
from milk.steps.issues import issues_of
from milk.steps.predictions import TABLE, split_broken
from milk.steps.published_versions import card_of, model_of, sound_versions
from milk.steps.receive_series import TABLE as PRICES
from milk.steps.receive_series import price_series
from milk.table_columns import INSTANT

ISSUES_AT_ONCE = 250
"""Issues of a transaction; of a backfill of many months each transaction then brings fewer series."""
ROWS_AT_ONCE = 2_000_000
"""Rows of `batch_predictions` in memory at once."""


@dataclass(frozen=True)
class FurtherPublished:
    """What the store did of the further series.

    Attributes:
        series: how many series were offered.
        added: how many issues were added, hindcasts beside a live forecast among them.
        unchanged: how many stood as they are.
        observed: how many observed prices were added.
        transactions: how many transactions added something.
        content_sha256: hash of what the issues say; empty where there are none.
        refused: the series of which something was not fit to be published, each with the reason.
    """

    series: int = 0
    added: int = 0
    unchanged: int = 0
    observed: int = 0
    transactions: int = 0
    content_sha256: str = ""
    refused: dict[str, str] = field(default_factory=dict)


def publish_further(home: Home, store: sa.Engine, months: Sequence[Month], of_all: Publication) -> FurtherPublished:
    """Publish the rows of further series that `batch_predictions` holds of some months, and every price of these.

    Args:
        home: the home, locked.
        store: a store that is migrated.
        months: issue months that are fit to be published.
        of_all: when, by which run, with which software and model versions.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
        HomeBusy: another process held the store for more than five seconds.
    """
    if not has_table(home, PRICES):
        return FurtherPublished()
    prices = _Prices.of(home)
    outcomes: list[Published] = []
    names, refused = set[str](), dict[str, str]()
    for rows in _blocks(home, months, len(prices.register)):
        sound, versions, broken = _sound(home, rows)
        refused |= broken
        of_block = _and_versions(of_all, versions)
        for part in _parts(sound):
            series = part["series_id"].unique().tolist()
            names.update(series)
            publication = replace(prices.added_to(of_block, store, series), issues=issues_of(part))
            outcomes.append(publish(store, publication))
    outcomes += prices.publish(store, of_all, [name for name in prices.register if name not in names])
    issues = [issue for published in outcomes for issue in published.issues]
    fates = [issue.outcome for issue in issues]
    return FurtherPublished(
        series=len(names),
        added=len(fates) - fates.count("unchanged"),
        unchanged=fates.count("unchanged"),
        observed=sum(published.observed for published in outcomes),
        transactions=sum(published.publication_id is not None for published in outcomes),
        content_sha256=sha256_hex(" ".join(issue.content_sha256 for issue in issues).encode()) if issues else "",
        refused=refused,
    )


def publish_prices(home: Home, store: sa.Engine, of_all: Publication) -> int:
    """Publish the prices of the listed further series that the store lacks, whatever was issued of these.

    Returns:
        How many prices were added.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
        HomeBusy: another process held the store for more than five seconds.
    """
    if not has_table(home, PRICES):
        return 0
    prices = _Prices.of(home)
    return sum(published.observed for published in prices.publish(store, of_all, [*prices.register]))


def _sound(home: Home, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[ModelVersion], dict[str, str]]:
    """The rows that may be published, the versions behind them, and the reasons against the other series."""
    sound, refused = split_broken(rows)
    versions, damaged = sound_versions(home, sound)
    for name, reason in damaged.items():
        refused |= dict.fromkeys(sound.loc[sound["model_version"] == name, "series_id"].unique(), reason)
    return sound[~sound["model_version"].isin(damaged)], [*versions.values()], refused


def _and_versions(of_all: Publication, versions: Iterable[ModelVersion]) -> Publication:
    """The publication with the versions that it does not bring yet."""
    brought = {card.version_id for card in of_all.cards}
    others = [version for version in versions if version.version_id not in brought]
    return replace(
        of_all,
        cards=[*of_all.cards, *map(card_of, others)],
        models=[*of_all.models, *map(model_of, others)],
    )


def series_row(series: Series, series_id: str = SERIES_ID) -> SeriesRow:
    """An entry of the register as the store takes it: what a forecast series rests on."""
    rule = series.availability
    low, high = series.plausible
    named = (
        "name",
        "meaning",
        "unit",
        "block",
        "source",
        "code",
        "current_code",
        "first_valid_month",
        "licence",
        "note",
    )
    return SeriesRow(
        series_id=series_id,
        source_column=series.column,
        plausible_low=low,
        plausible_high=high,
        availability=f"{rule.rule}, lag {rule.lag_months} months" + (f", day {rule.day}" if rule.rule == "day" else ""),
        **{name: getattr(series, name) for name in named},
    )


def _series(name: str, unit: str, column: str, licence: str) -> Series:
    return replace(series_register().price, meaning=name, unit=unit, column=column, licence=licence, note="")


def _blocks(home: Home, months: Sequence[Month], further: int) -> Iterator[pd.DataFrame]:
    """The rows of the further series, of as many months at a time as fit into memory."""
    if not has_table(home, TABLE):
        return
    size = max(1, ROWS_AT_ONCE // (12 * max(1, further)))
    for start in range(0, len(months), size):
        for first, last in contiguous_ranges(months[start : start + size]):
            span = Months("issue_month", pd.Timestamp(first.first_day), pd.Timestamp(last.first_day))
            rows = read_table(home, TABLE, months=span)
            further_rows = rows[rows["series_id"] != SERIES_ID]
            if len(further_rows):
                yield further_rows


def _parts(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows in parts of whole series."""
    numbers, names = pd.factorize(rows["series_id"])
    size = max(1, ISSUES_AT_ONCE // max(1, rows["issue_month"].nunique()))
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(0, len(names) + size, size))
    for start, stop in pairwise(starts):
        if stop > start:
            yield rows.iloc[order[start:stop]]


@dataclass(frozen=True)
class _Prices:
    """Every price of the further series, in the order of the series, and what the register says of those listed."""

    frame: pd.DataFrame
    starts: Mapping[str, slice]
    register: Mapping[str, SeriesRow]

    @classmethod
    def of(cls, home: Home) -> "_Prices":
        columns = ["series_id", "month", "known_since", "known_by", "value", "received_at", "snapshot"]
        prices = read_table(home, PRICES, columns=columns)
        numbers, names = pd.factorize(prices["series_id"])
        order = np.argsort(numbers, kind="stable")
        edges = np.searchsorted(numbers[order], np.arange(len(names) + 1))
        places = {str(name): slice(edges[k], edges[k + 1]) for k, name in enumerate(names)}
        listed = price_series(home)
        register = {e.series_id: series_row(_series(e.name, e.unit, e.column, e.licence), e.series_id) for e in listed}
        return cls(prices.iloc[order], places, register)

    def publish(self, store: sa.Engine, of_all: Publication, series: Sequence[str]) -> list[Published]:
        """Publish the prices of some series, some hundred series at a time, and what the register says of those."""
        parts = (series[start : start + ISSUES_AT_ONCE] for start in range(0, len(series), ISSUES_AT_ONCE))
        publications = (self.added_to(of_all, store, part) for part in parts)
        return [publish(store, publication) for publication in publications if publication.observed]

    def added_to(self, of_all: Publication, store: sa.Engine, series: Sequence[str]) -> Publication:
        """A publication with the prices of some series that the store may lack, and what the register says of these."""
        observed = self.unpublished(series, observed_marks(store, series))
        return replace(of_all, observed=observed, series=[self.register[n] for n in series if n in self.register])

    def unpublished(self, series: Sequence[str], marks: Mapping[str, ObservedMark]) -> list[ObservedPrice]:
        """The prices of some series that the store may not hold: those after its newest, or all where others lack."""
        places = [self.starts[name] for name in series if name in self.starts and name in self.register]
        if not places:
            return []
        own = self.frame.iloc[np.concatenate([np.arange(place.start, place.stop) for place in places])]
        held_until = own["series_id"].map({name: mark.newest for name, mark in marks.items()})
        newest: pd.Series[pd.Timestamp] = held_until.astype(INSTANT)  # type: ignore[call-overload]  # no literal
        is_newer = newest.isna() | (own["known_since"] > newest)
        held = (~is_newer).groupby(own["series_id"]).sum()
        lacks = [name for name, mark in marks.items() if held.get(name) != mark.prices]
        return self._rows(own[is_newer | own["series_id"].isin(lacks)])

    def _rows(self, own: pd.DataFrame) -> list[ObservedPrice]:
        months = {day: Month.of(day) for day in own["month"].unique()}
        columns = zip(
            own["series_id"],
            own["month"].map(months),
            own["known_since"].dt.to_pydatetime(),
            own["known_by"],
            own["value"].astype("float64"),
            own["received_at"].dt.to_pydatetime(),
            own["snapshot"],
            strict=True,
        )
        return [
            ObservedPrice(
                series_id=series_id,
                month=month,
                known_since=known_since,
                known_by=known_by,
                price=price,
                unit=self.register[series_id].unit,
                received_at=received_at,
                snapshot=snapshot,
            )
            for series_id, month, known_since, known_by, price, received_at, snapshot in columns
        ]
