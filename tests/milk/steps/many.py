"""A home of many series with its folder, which tests receive, issue and publish."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa

from milk.home.layout import Home
from milk.home.tables import read_table
from milk.models.version import ModelVersion
from milk.months import Month
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.sources.milk_price import FILE_NAME, SPANISH_MONTHS
from milk.steps.predictions import TABLE, Issued, Issuing, issue_months
from milk.steps.publication import publish_months
from milk.steps.publish_series import FurtherPublished
from milk.steps.receive import Received, receive
from milk.steps.staging import stage_version
from tests.builders import RULE, SAMPLE, random_walk, sample_features
from tests.milk.steps.homes import NOW, sample_training

LAST = Month(2026, 10)
ISSUES = [Month(2026, 10), Month(2026, 11)]
LATER = NOW + dt.timedelta(days=1)
SOUND = {"region_a": 130, "region_b": 130, "region_c": 200}
FURTHER = [*SOUND, "short"]


def price_text(prices: np.ndarray, last: Month = LAST) -> str:
    months = [last + (k + 1 - len(prices)) for k in range(len(prices))]
    rows = [f"{m.year},{SPANISH_MONTHS[m.month - 1]},{p:.2f}" for m, p in zip(months, prices, strict=True)]
    return "\n".join(["Anio,Mes,Precio_leche", *rows, ""])


def write_list(folder: Path, names: list[str], unit: str = "EUR/t") -> None:
    entries = [f'[[series]]\nseries_id = "{SERIES_ID}"\nfile = "{FILE_NAME}"\n']
    entries += [
        f'[[series]]\nseries_id = "{n}"\nfile = "prices/{n}.csv"\nname = "Price of {n}"\nunit = "{unit}"\n'
        for n in names
    ]
    (folder / "prices.toml").write_text("\n".join(entries))


def make_folder(folder: Path) -> Path:
    """The sample and four further series, one of them too short to be forecast."""
    shutil.copytree(SAMPLE, folder)
    (folder / "prices").mkdir()
    for seed, (name, months) in enumerate((SOUND | {"short": 30}).items()):
        (folder / f"prices/{name}.csv").write_text(price_text(random_walk(months, seed=seed)))
    write_list(folder, FURTHER)
    return folder


def spoil(folder: Path, name: str, old: str, new: str) -> None:
    file = folder / f"prices/{name}.csv"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


class Many:
    """A home with its folder and store."""

    def __init__(self, home: Home, folder: Path, version: ModelVersion) -> None:
        self.home, self.folder, self.version = home, folder, version

    def receive(self, at: dt.datetime = NOW) -> Received:
        return receive(self.home, DataFolder(self.folder), "milk_price", received_at=at)

    def issue(self, months: list[Month] | None = None, at: dt.datetime = NOW, workers: int = 1) -> Issued:
        issuing = Issuing(sample_features(), self.version, RULE, is_synthetic=True, issued_at=at, workers=workers)
        return issue_months(self.home, issuing, months or ISSUES)

    def publish(self, store: sa.Engine, months: list[Month] | None = None) -> FurtherPublished:
        done = publish_months(self.home, store, months or ISSUES, published_at=NOW, run_id=None)
        assert done.refused == {}
        return done.further

    def table(self) -> pd.DataFrame:
        rows = read_table(self.home, TABLE)
        return rows.sort_values(["series_id", "issue_month", "target_month"], ignore_index=True)


def sample_version(root: Path) -> ModelVersion:
    staged = Home(root / "staged")
    receive(staged, DataFolder(SAMPLE), "milk_price", received_at=NOW)
    return stage_version(staged, sample_training())
