"""`milk status`: what a home holds."""

import datetime as dt
from pathlib import Path

from milk.cli.console import OUT, banner, say
from milk.cli.report import accuracy_line
from milk.home.dataset import Dataset, read_dataset
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.models.version import ModelVersion
from milk.months import Month
from milk.publication.engine import migrate, open_store
from milk.publication.ledger import PromotionRow, promoted_by
from milk.series import SERIES_ID
from milk.settings import Settings, load_settings
from milk.steps.predictions import TABLE
from milk.steps.promotion import load_champion


def show_status(*, data: Path | None, home: Path | None) -> None:
    """Print dataset, newest forecast, model and freshness of a home.

    Raises:
        HomeRefused: the record of the home is damaged.
        VersionRefused: the version in production is damaged.
    """
    settings = load_settings(data=data, home=home)
    place = Home(settings.home_path)
    dataset = read_dataset(place)
    if dataset is None:
        say(f"The home {place.path} is empty. Next: make run")
        return
    say(f"home      {place.path}")
    _print_dataset(dataset, dt.datetime.now(dt.UTC))
    _print_forecast(place)
    _print_model(settings, place)


def _print_dataset(dataset: Dataset, now: dt.datetime) -> None:
    behind = Month.of(now.date()) - dataset.last_month
    OUT.print(f"dataset   {dataset.dataset_id}  {banner(is_synthetic=dataset.is_synthetic)}", soft_wrap=True)
    say(f"freshness prices {dataset.first_month} to {dataset.last_month}, {behind} months before now")


def _print_forecast(home: Home) -> None:
    if not has_table(home, TABLE):
        say("forecast  none yet")
        return
    table = read_table(home, TABLE)
    newest = table[table["issue_month"] == table["issue_month"].max()].sort_values("target_month")
    first = newest.iloc[0]
    say(
        f"forecast  issued for {first['issue_month']:%Y-%m} ({first['kind']}): {first['target_month']:%Y-%m} "
        f"{first['price']:.1f} {first['unit']} ({first['lower_80']:.1f} to {first['upper_80']:.1f}); "
        f"{table['issue_month'].nunique()} issues from {table['issue_month'].min():%Y-%m}"
    )
    say(f"          made {first['issued_at']:%Y-%m-%d %H:%M} UTC")


def _print_model(settings: Settings, home: Home) -> None:
    promoted, champion = _in_production(settings, home)
    if promoted is None or champion is None:
        say("model     none in production yet")
        return
    say(f"model     {champion.version_id} ({champion.recipe_name}), since {promoted.decided_at:%Y-%m-%d}")
    say(f"          {promoted.reason}")
    say(f"accuracy  {accuracy_line(champion)}")


def _in_production(settings: Settings, home: Home) -> tuple[PromotionRow | None, ModelVersion | None]:
    """The row that promoted what is in production, and the verified version."""
    if settings.store_url is None and not Path(home.store_url.removeprefix("sqlite:///")).exists():
        # To look is not to make: a store that is not there yet holds nothing.
        return None, None
    store = open_store(settings.store_url or home.store_url)
    try:
        migrate(store)
        return promoted_by(store, SERIES_ID), load_champion(home, store)
    finally:
        store.dispose()
