"""`milk status`: what a home holds."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from milk.cli.console import OUT, banner, say
from milk.cli.report import accuracy_line
from milk.cli.series import print_one_series, print_series
from milk.home.dataset import Dataset, read_dataset
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.months import Month, contiguous_ranges
from milk.publication.engine import open_store
from milk.publication.ledger import promoted_by
from milk.publication.read import issue_records
from milk.series import SERIES_ID
from milk.settings import Settings, load_settings
from milk.steps.place import home_of
from milk.steps.predictions import TABLE
from milk.steps.promotion import load_champion
from milk.steps.publication import unpublished_months
from milk.steps.store import home_store


def show_status(*, data: Path | None, home: Path | None, series: str | None = None) -> None:
    """Print dataset, newest forecast, model and freshness of a home, or the newest forecast of one series.

    Raises:
        BadSetting: the home has no forecast of that series.
        HomeRefused: the record of the home is damaged.
        VersionRefused: the version in production is damaged.
    """
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    dataset = read_dataset(place)
    if dataset is None:
        say(f"The home {place.address} is empty. Next: make run")
        return
    if series is not None:
        print_one_series(place, series)
        return
    say(f"home      {place.address}")
    _print_dataset(dataset, dt.datetime.now(dt.UTC))
    _print_forecast(place)
    print_series(place)
    with existing_store(settings, place) as store:
        _print_published(place, store)
        _print_model(place, store)


def _print_dataset(dataset: Dataset, now: dt.datetime) -> None:
    behind = Month.of(now.date()) - dataset.last_month
    OUT.print(f"dataset   {dataset.dataset_id}  {banner(is_synthetic=dataset.is_synthetic)}", soft_wrap=True)
    ago = f"{behind} month{'' if behind == 1 else 's'} before now"
    say(f"freshness prices {dataset.first_month} to {dataset.last_month}, {ago}")


def _print_forecast(home: Home) -> None:
    if not has_table(home, TABLE):
        say("forecast  none yet")
        return
    table = read_table(home, TABLE, series_id=SERIES_ID)
    newest = table[table["issue_month"] == table["issue_month"].max()].sort_values("target_month")
    first = newest.iloc[0]
    say(
        f"forecast  issued for {first['issue_month']:%Y-%m} ({first['kind']}): {first['target_month']:%Y-%m} "
        f"{first['price']:.1f} {first['unit']} ({first['lower_80']:.1f} to {first['upper_80']:.1f}); "
        f"{table['issue_month'].nunique()} issues from {table['issue_month'].min():%Y-%m}"
    )
    say(f"          made {first['issued_at']:%Y-%m-%d %H:%M} UTC")


def _print_published(home: Home, store: sa.Engine | None) -> None:
    records = [] if store is None else issue_records(store, SERIES_ID)
    if store is None or not records:
        say("published nothing yet")
        return
    newest = records[0]
    say(
        f"published {len({record.issue_month for record in records})} issues, newest {newest.issue_month} revision "
        f"{newest.revision} ({newest.kind}), at {newest.published_at:%Y-%m-%d %H:%M} UTC"
    )
    if behind := contiguous_ranges(unpublished_months(home, store)):
        ranges = ", ".join(f"{first} to {last}" for first, last in behind)
        say(f"          made and not yet published: {ranges}; the sensor of `milk up` or the next run does it")


def _print_model(home: Home, store: sa.Engine | None) -> None:
    promoted = None if store is None else promoted_by(store, SERIES_ID)
    champion = None if store is None else load_champion(home, store)
    if promoted is None or champion is None:
        say("model     none in production yet")
        return
    say(f"model     {champion.version_id} ({champion.recipe_name}), since {promoted.decided_at:%Y-%m-%d}")
    say(f"          {promoted.reason}")
    say(f"accuracy  {accuracy_line(champion)}")


@contextmanager
def existing_store(settings: Settings, home: Home) -> Iterator[sa.Engine | None]:
    """The store; `None` where its file is not there yet: to look is not to make."""
    if not _has_store(settings, home):
        yield None
        return
    with home_store(home, settings.store_address) as store:
        yield store


@contextmanager
def existing_store_as_it_is(settings: Settings, home: Home) -> Iterator[sa.Engine | None]:
    """The store with the schema that it has; `None` likewise."""
    if not _has_store(settings, home):
        yield None
        return
    store = open_store(settings.store_address, create=False)
    try:
        yield store
    finally:
        store.dispose()


def _has_store(settings: Settings, home: Home) -> bool:
    return settings.store_url is not None or Path(home.store_url.removeprefix("sqlite:///")).exists()
