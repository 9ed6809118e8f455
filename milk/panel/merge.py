"""The merged table: one row a month, every series, as of now.

Read `merge_sources` as a table of contents. Each repair is a function that gives back what it did; nothing is mended
silently.
"""

import datetime as dt

import pandas as pd

from milk.errors import BadInput
from milk.panel.observations import as_of, latest
from milk.panel.repairs import Repair
from milk.panel.restored import SURE, wide_texts
from milk.series import SERIES_ID, Register, Series


def merge_sources(
    milk_price: pd.DataFrame, precipitation: pd.DataFrame, restored: pd.DataFrame, register: Register
) -> tuple[pd.DataFrame, list[Repair]]:
    """Join the three sources into one row a month.

    Args:
        milk_price: observations of the price; must not be empty.
        precipitation: observations of the rain; may be empty.
        restored: the macro observations with their numbers (`milk.panel.restored`); may be empty.
        register: the register of series.

    Returns:
        The table `merged_table` (month, price, rain in mm, macro values in their units), months of the price file only,
        and what was repaired. Macro values that cannot be used are left out.

    Raises:
        BadInput: there is no price, or its months do not follow each other.
    """
    price = _numbers(latest(milk_price), register.of_source("milk_price"))
    _refuse_gaps(price)
    rain = _numbers(latest(precipitation), register.of_source("precipitation"))
    macro, left_out = usable_numbers(restored, register.of_source("central_bank"))
    rain, wet = drop_implausible(rain, register.of_source("precipitation"))
    merged = (
        price.join(rain, how="left", validate="1:1")
        .join(macro, how="left", validate="1:1")
        .join(known_since_columns(milk_price, precipitation, restored), how="left", validate="1:1")
        .rename_axis("month")
        .reset_index()
    )
    merged.insert(0, "series_id", pd.Series(SERIES_ID, index=merged.index, dtype="str"))
    outside = Repair(
        "months without a price",
        int((~macro.index.isin(price.index)).sum() + (~rain.index.isin(price.index)).sum()),
        "rain and macro rows of months that the price file does not hold are left out",
    )
    return merged, [*left_out, wet, outside]


def panel_as_of(
    milk_price: pd.DataFrame,
    precipitation: pd.DataFrame,
    restored: pd.DataFrame,
    register: Register,
    instant: dt.datetime,
) -> pd.DataFrame:
    """The merged table as it stood at an instant: only what was known by then, in the vintage that stood.

    Raises:
        BadInput: no price was known by then.
    """
    # What cannot be used takes the place of nothing, then as now.
    usable = restored[restored["is_usable"]]
    known = [as_of(table, instant) for table in (milk_price, precipitation, usable)]
    return merge_sources(known[0], known[1], known[2], register)[0]


def usable_numbers(restored: pd.DataFrame, series: tuple[Series, ...]) -> tuple[pd.DataFrame, list[Repair]]:
    """The newest usable number of each cell, months x series, and how many standing ones cannot be used, and why."""
    usable = latest(restored[restored["is_usable"]])
    wide = usable.pivot(index="month", columns="series", values="value")  # noqa: PD010 because a repeated key must raise
    standing = latest(restored)
    is_uncertain = standing["is_proved"] & standing["status"].eq("uncertain")
    is_odd = standing["is_proved"] & standing["status"].isin(SURE) & ~standing["is_usable"]
    repairs = [
        Repair(
            "unproved macro values",
            int((~standing["is_proved"]).sum()),
            "cells of a block whose identities do not hold are left out",
        ),
        Repair(
            "uncertain macro values", int(is_uncertain.sum()), "cells that may have another power of ten are left out"
        ),
        Repair("implausible macro values", int(is_odd.sum()), "values outside the plausible range are left out"),
    ]
    return _framed(wide, series), repairs


def drop_implausible(rain: pd.DataFrame, series: tuple[Series, ...]) -> tuple[pd.DataFrame, Repair]:
    """Drop rain outside the plausible range of its region."""
    low = pd.Series({s.name: s.plausible[0] for s in series})
    high = pd.Series({s.name: s.plausible[1] for s in series})
    is_plausible = rain.ge(low) & rain.le(high)
    dropped = int((rain.notna() & ~is_plausible).sum().sum())
    return rain.where(is_plausible), Repair(
        "implausible rain", dropped, "values outside the plausible range are left out"
    )


def known_since_columns(milk_price: pd.DataFrame, precipitation: pd.DataFrame, restored: pd.DataFrame) -> pd.DataFrame:
    """From when the standing price, and the last of the rain and macro values, of each month are known."""
    sources = {"price": milk_price, "rain": precipitation, "macro": restored}
    columns = {f"{name}_known_since": latest(s).groupby("month")["known_since"].max() for name, s in sources.items()}
    return pd.DataFrame(columns).astype("datetime64[us, UTC]")


def _numbers(observations: pd.DataFrame, series: tuple[Series, ...]) -> pd.DataFrame:
    """One row a month, one column a series, in the order of the register."""
    return _framed(wide_texts(observations, series), series)


def _framed(wide: pd.DataFrame, series: tuple[Series, ...]) -> pd.DataFrame:
    framed = wide.reindex(columns=[s.name for s in series]).sort_index().rename_axis(columns=None)
    framed.index = pd.DatetimeIndex(framed.index)
    return framed.astype("float64")


def _refuse_gaps(price: pd.DataFrame) -> None:
    if price.empty:
        raise BadInput("There is no milk price: the price file holds no usable month.")
    wanted = pd.date_range(price.index[0], price.index[-1], freq="MS")
    absent = wanted.difference(pd.DatetimeIndex(price.index))
    if len(absent):
        raise BadInput(f"The milk price has no value for {absent[0]:%Y-%m}: the months must follow each other.")
