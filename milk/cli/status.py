"""`milk status`: what a home holds."""

import datetime as dt
from pathlib import Path

import pandas as pd

from milk.cli.console import OUT, banner
from milk.cli.report import accuracy_line, has_forecasts
from milk.home.dataset import Dataset, read_dataset
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.months import Month
from milk.publication.engine import migrate, open_store
from milk.publication.ledger import current_champion
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
        OUT.print(f"The home {place.path} is empty. Next: make run", soft_wrap=True)
        return
    OUT.print(f"home      {place.path}", soft_wrap=True)
    _print_dataset(dataset, dt.datetime.now(dt.UTC))
    _print_forecast(place)
    _print_model(settings, place)


def _print_dataset(dataset: Dataset, now: dt.datetime) -> None:
    behind = Month.of(now.date()) - dataset.last_month
    OUT.print(f"dataset   {dataset.dataset_id}  {banner(is_synthetic=dataset.is_synthetic)}", soft_wrap=True)
    OUT.print(f"freshness prices {dataset.first_month} to {dataset.last_month}, {behind} months before now")


def _print_forecast(home: Home) -> None:
    if not has_forecasts(home):
        OUT.print("forecast  none yet")
        return
    table = read_table(home, TABLE)
    newest = table[table["issue_month"] == table["issue_month"].max()].sort_values("target_month")
    first = newest.iloc[0]
    OUT.print(
        f"forecast  issued for {first['issue_month']:%Y-%m} ({first['kind']}): {first['target_month']:%Y-%m} "
        f"{first['price']:.1f} {first['unit']} ({first['lower_80']:.1f} to {first['upper_80']:.1f}); "
        f"{table['issue_month'].nunique()} issues from {table['issue_month'].min():%Y-%m}",
        soft_wrap=True,
    )
    _print_age(pd.Timestamp(first["issued_at"]))
    if has_table(home, "backtest"):
        OUT.print(f"accuracy  {accuracy_line(home)}", soft_wrap=True)


def _print_age(issued_at: pd.Timestamp) -> None:
    OUT.print(f"          made {issued_at:%Y-%m-%d %H:%M} UTC")


def _print_model(settings: Settings, home: Home) -> None:
    store = open_store(settings.store_url or home.store_url)
    try:
        migrate(store)
        standing = current_champion(store, SERIES_ID)
        champion = load_champion(home, store)
    finally:
        store.dispose()
    if standing is None or champion is None:
        OUT.print("model     none in production yet")
        return
    OUT.print(f"model     {champion.version_id} ({champion.recipe_name}), since {standing.decided_at:%Y-%m-%d}")
    OUT.print(f"          {standing.reason}", soft_wrap=True)
