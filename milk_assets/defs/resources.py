"""What the assets need from outside: the home, the input folder, the ledger, the clock."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from milk.home.layout import Home
from milk.months import Availability
from milk.series import series_register
from milk.sources.files import DataFolder
from milk.steps.place import home_at
from milk.steps.store import home_store


class Clock(dg.ConfigurableResource):  # type: ignore[type-arg]  # because no asset asks for another type of it
    """The time of day, or a fixed instant for tests and repeats."""

    fixed: str = ""

    def now(self) -> dt.datetime:
        """The current instant, aware, in UTC."""
        return dt.datetime.fromisoformat(self.fixed) if self.fixed else dt.datetime.now(dt.UTC)


class Workplace(dg.ConfigurableResource):  # type: ignore[type-arg]  # because no asset asks for another type of it
    """Where data come from and go to."""

    data_path: str
    home_path: str
    store_url: str
    evaluation_months: int
    files_url: str = ""
    files_patience_seconds: int = 40
    online_retention_days: int = 365
    series_workers: int = 1

    @property
    def home(self) -> Home:
        """The home."""
        return home_at(
            Path(self.home_path),
            files_url=self.files_url,
            store_url=self.store_url,
            patience_seconds=self.files_patience_seconds,
        )

    @property
    def folder(self) -> DataFolder:
        """The folder of input files."""
        return DataFolder(Path(self.data_path))

    @property
    def price_rule(self) -> Availability:
        """When the price of a month is known."""
        return series_register().price.availability

    @contextmanager
    def store(self) -> Iterator[sa.Engine]:
        """The migrated database of ledger and publications of the home."""
        with home_store(self.home, self.store_url) as engine:
            yield engine
