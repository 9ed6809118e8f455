"""Receptions of small files, one after the other."""

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from milk.months import Month
from milk.panel.observations import new_observations
from milk.series import SourceName, series_register
from milk.sources.files import SOURCE_FILES
from milk.steps.receive import empty_observations
from tests.milk.sources.texts import START, file_of, rows_of

NOON = dt.datetime(2020, 1, 2, 12, tzinfo=dt.UTC)


def parsed_of(values: Sequence[str], *, source: SourceName = "milk_price", first: Month = START) -> pd.DataFrame:
    return SOURCE_FILES[source].parse(file_of(source, rows_of(source, values, first=first))).observations


def receive_next(
    standing: pd.DataFrame, parsed: pd.DataFrame, *, at: dt.datetime = NOON, source: SourceName = "milk_price"
) -> pd.DataFrame:
    """What a file adds, and what stood before it."""
    added = new_observations(
        parsed, standing, series=series_register().of_source(source), received_at=at, snapshot="ab" * 32
    )
    return pd.concat([standing, added], ignore_index=True)


def received(*files: pd.DataFrame, source: SourceName = "milk_price", at: dt.datetime = NOON) -> pd.DataFrame:
    """Observations after some receptions, a day apart."""
    observations = empty_observations()
    for number, parsed in enumerate(files):
        observations = receive_next(observations, parsed, at=at + dt.timedelta(days=number), source=source)
    return observations


def values_of(observations: pd.DataFrame) -> dict[str, str]:
    """Value by month, of one series."""
    months = observations["month"].dt.strftime("%Y-%m")
    assert months.is_unique
    return dict(zip(months, observations["value"], strict=True))
