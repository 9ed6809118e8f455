"""The merged table: one row a month, every series, as of now.

Read `merge_sources` as a table of contents. Each repair is a function that gives back what it did; nothing is mended
silently.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from milk.errors import BadInput
from milk.panel.observations import latest
from milk.series import SERIES_ID, Register, Series


@dataclass(frozen=True, slots=True)
class Repair:
    """What a step did to the data: how many cells (or months, where its name says so), and why."""

    name: str
    cells: int
    reason: str


def merge_sources(
    milk_price: pd.DataFrame, precipitation: pd.DataFrame, central_bank: pd.DataFrame, register: Register
) -> tuple[pd.DataFrame, list[Repair]]:
    """Join the three sources into one row a month.

    Args:
        milk_price: observations of the price; must not be empty.
        precipitation: observations of the rain; may be empty.
        central_bank: observations of the macro series; may be empty.
        register: the register of series.

    Returns:
        The table `merged_table` (month, price, rain in mm, macro cells as the text received), months of the price file
        only, and what was repaired.

    Raises:
        BadInput: there is no price, or its months do not follow each other.
    """
    price = _wide(latest(milk_price), register.of_source("milk_price"))
    _refuse_gaps(price)
    rain = _wide(latest(precipitation), register.of_source("precipitation"))
    macro = _wide(latest(central_bank), register.of_source("central_bank"))
    macro, repairs = drop_before_first_valid_month(macro, register.of_source("central_bank"))
    rain_numbers, implausible = drop_implausible(rain.astype("float64"), register.of_source("precipitation"))
    merged = (
        price.astype("float64")
        .join(rain_numbers, how="left", validate="1:1")
        .join(macro, how="left", validate="1:1")
        .join(known_since_columns(milk_price, precipitation), how="left", validate="1:1")
        .rename_axis("month")
        .reset_index()
    )
    merged.insert(0, "series_id", pd.Series(SERIES_ID, index=merged.index, dtype="str"))
    outside = Repair(
        "months without a price",
        int((~macro.index.isin(price.index)).sum() + (~rain.index.isin(price.index)).sum()),
        "rain and macro rows of months that the price file does not hold are left out",
    )
    return merged, [repairs, implausible, outside]


def drop_before_first_valid_month(macro: pd.DataFrame, series: tuple[Series, ...]) -> tuple[pd.DataFrame, Repair]:
    """Drop the stray cells that stand before a series begins (`first_valid_month` of the register)."""
    kept = macro.copy()
    for s in series:
        kept.loc[kept.index < pd.Timestamp(s.first_valid_month.first_day), s.name] = None
    dropped = int(macro.notna().sum().sum() - kept.notna().sum().sum())
    return kept, Repair("stray cells", dropped, "cells before the first valid month of their series are left out")


def drop_implausible(numbers: pd.DataFrame, series: tuple[Series, ...]) -> tuple[pd.DataFrame, Repair]:
    """Drop values outside the plausible range of their series."""
    low = pd.Series({s.name: s.plausible[0] for s in series})
    high = pd.Series({s.name: s.plausible[1] for s in series})
    is_plausible = numbers.ge(low) & numbers.le(high)
    dropped = int((numbers.notna() & ~is_plausible).sum().sum())
    repair = Repair("implausible rain", dropped, "values outside the plausible range are left out")
    return numbers.where(is_plausible), repair


def known_since_columns(milk_price: pd.DataFrame, precipitation: pd.DataFrame) -> pd.DataFrame:
    """From when the standing price, and the last of the rain values, of each month are known."""
    columns = {
        "price_known_since": latest(milk_price).groupby("month")["known_since"].max(),
        "rain_known_since": latest(precipitation).groupby("month")["known_since"].max(),
    }
    return pd.DataFrame(columns).astype("datetime64[us, UTC]")


def _wide(observations: pd.DataFrame, series: tuple[Series, ...]) -> pd.DataFrame:
    """One row a month, one column a series, in the order of the register; text as received."""
    wide = observations.pivot(index="month", columns="series", values="value")  # noqa: PD010 because a repeated key must raise
    wide = wide.reindex(columns=[s.name for s in series]).sort_index()
    wide.columns.name = None
    return wide.astype("str").where(wide.notna(), np.nan)


def _refuse_gaps(price: pd.DataFrame) -> None:
    if price.empty:
        raise BadInput("There is no milk price: the price file holds no usable month.")
    wanted = pd.date_range(price.index[0], price.index[-1], freq="MS")
    absent = wanted.difference(pd.DatetimeIndex(price.index))
    if len(absent):
        raise BadInput(f"The milk price has no value for {absent[0]:%Y-%m}: the months must follow each other.")
