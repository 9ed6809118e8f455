"""The monthly partitions: one object for all monthly assets.

They hold just the months that the data can reach: by the price file, and by what the home has received of it. So
*Materialize all* is green at any date of the clock.
"""

import dagster as dg

from milk.errors import MilkError
from milk.evaluation.backtest import TRAINING_MONTHS
from milk.forecasting.histories import HISTORY_MONTHS
from milk.home.dataset import Dataset, judged_dataset, read_dataset
from milk.home.layout import Home
from milk.months import IssueMonths, reachable_issues
from milk.series import series_register
from milk.settings import Settings
from milk.sources.files import DataFolder
from milk.steps.place import home_of
from milk.steps.receive import dataset_of

TIMEZONE = "America/Santiago"
KEY_FORMAT = "%Y-%m"
BEYOND_CLOCK = 12 * 100
"""Months past the clock that a partition may lie: the data alone bound the partitions, and a wrong clock none."""


def issue_months_of(settings: Settings) -> IssueMonths | None:
    """The issue months that the data can reach; `None` where there are no usable data yet.

    The price file may have grown since the home last received it: then its months count, and a *Reload* shows them.
    Where the file cannot be used (missing, broken, another dataset's), what the home knows stands.
    """
    home = home_of(settings)
    try:
        return reachable_by(_dataset_with_the_file(home, settings), settings)
    except MilkError:
        pass
    try:
        held = read_dataset(home)
    except MilkError:
        return None
    return reachable_by(held, settings) if held else None


def is_price_file_refused(settings: Settings) -> bool:
    """Whether the price file cannot be received; not where this machine has no input folder at all."""
    if not settings.data.is_dir():
        return False
    try:
        _dataset_with_the_file(home_of(settings), settings)
    except MilkError:
        return True
    return False


def _dataset_with_the_file(home: Home, settings: Settings) -> Dataset:
    return judged_dataset(home, dataset_of(DataFolder(settings.data)))


def reachable_by(dataset: Dataset, settings: Settings) -> IssueMonths:
    """The issue months that the prices of a dataset can reach; `last < first` means none."""
    if dataset.last_month - dataset.first_month + 1 < TRAINING_MONTHS:
        return IssueMonths(dataset.last_month + 1, dataset.last_month)
    return reachable_issues(
        first_price=dataset.first_month,
        last_price=dataset.last_month,
        price_rule=series_register().price.availability,
        first_wanted=settings.first_issue,
        history_months=HISTORY_MONTHS,
    )


def monthly_partitions(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """The issue months as partitions, `YYYY-MM`."""
    months = issue_months_of(settings)
    if months is None or months.last < months.first:
        # The code location must load even so: the asset page is where a person reads what is wrong with the data.
        return dg.MonthlyPartitionsDefinition(
            start_date=str(settings.first_issue), fmt=KEY_FORMAT, timezone=TIMEZONE, end_offset=1
        )
    return dg.MonthlyPartitionsDefinition(
        start_date=str(months.first),
        end_date=str(months.last + 1),
        fmt=KEY_FORMAT,
        timezone=TIMEZONE,
        end_offset=BEYOND_CLOCK,
    )
