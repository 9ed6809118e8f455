"""The feature table: what a recipe may use, and from when each value is known.

Each feature is declared: which series it is made of, by which transformation, and so from when it is known. Training,
backtest and issue all read the one table that is made here. It is long on purpose: a revised value is a further row
with a later `known_since`, so the panel of every origin can be rebuilt from it.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd

from milk.forecasting.vintages import log_changes, repeats
from milk.months import Availability
from milk.series import SERIES_ID, Register, Series, series_register

PRICE = "price"
EARLIER_YEARS = 10
"""A rain anomaly needs at least this many earlier years of the same calendar month."""

Transformation = Literal["level", "log_anomaly", "log_change"]
TRANSFORMATIONS: Final[dict[Transformation, str]] = {
    "level": "the value itself",
    "log_anomaly": "log(1 + value) less its mean over the same calendar month of all earlier years, ten at least",
    "log_change": "log of the value less log of the value of the month before",
}
"""What each transformation is, in words."""


@dataclass(frozen=True, slots=True)
class Feature:
    """The declaration of a feature.

    Attributes:
        name: what it is called in the table.
        series: name of the series that it is made of.
        block: group in which features are admitted or refused together.
        transformation: see `TRANSFORMATIONS`.
        availability: when its value of a month is known: when the last value that it is made of is.
    """

    name: str
    series: str
    block: str
    transformation: Transformation
    availability: Availability


def declared_features(register: Register) -> tuple[Feature, ...]:
    """Every feature that the table may hold: one for each series of the register."""
    return tuple(_declare(series) for series in register.series)


def _declare(series: Series) -> Feature:
    if series.source == "milk_price":
        return Feature(series.name, series.name, series.block, "level", series.availability)
    if series.source == "precipitation":
        name = series.name.removesuffix("_mm") + "_anomaly"
        return Feature(name, series.name, series.block, "log_anomaly", series.availability)
    return Feature(f"{series.name}_log_change", series.name, series.block, "log_change", series.availability)


def build_features(
    merged: pd.DataFrame, milk_price: pd.DataFrame, precipitation: pd.DataFrame, restored: pd.DataFrame
) -> pd.DataFrame:
    """Build the feature table.

    Args:
        merged: the merged table; it says which months count.
        milk_price: observations of the price, revisions included.
        precipitation: observations of the rain, revisions included.
        restored: macro observations with their numbers, revisions included.

    Returns:
        The table `features`: the price in CLP/L with all its revisions; the anomaly of the rain of each region, from
        first values; the log change of each macro series with all its revisions. A value that cannot be used, because
        its block is unproved, its power of ten uncertain, or because nobody would believe it, takes no part and takes
        the place of none.
    """
    months = merged["month"]
    price = _numbers(milk_price)
    rain = first_values(_plausible(_numbers(precipitation)))
    macro = _usable(restored)
    parts = [
        price.assign(is_repeated=repeats(price)),
        rain_anomalies(rain.assign(is_repeated=repeats(rain))),
        _named(log_changes(macro), "log_change"),
    ]
    features = pd.concat(parts, ignore_index=True)
    features = features[features["month"].isin(months)]
    features.insert(0, "series_id", pd.Series(SERIES_ID, index=features.index, dtype="str"))
    return features.sort_values(["feature", "month", "known_since"], ignore_index=True)


def changes_of(features: pd.DataFrame) -> pd.DataFrame:
    """Every feature on a scale on which months can be compared: the price as its log change, the others as they are.

    Returns:
        `feature, month, value, known_since, is_repeated`.
    """
    is_price = features["feature"] == PRICE
    columns = ["feature", "month", "value", "known_since", "is_repeated"]
    parts = [log_changes(features[is_price][columns]), features[~is_price][columns]]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def first_values(values: pd.DataFrame) -> pd.DataFrame:
    """The value of each month as it was first known: what an anomaly of that time could rest on."""
    return values.sort_values(["feature", "month", "known_since"]).drop_duplicates(["feature", "month"], keep="first")


def rain_anomalies(rain: pd.DataFrame) -> pd.DataFrame:
    """Log rain of a month less the mean log rain of the same calendar month in the years before it.

    Args:
        rain: `feature, month, value, known_since`, one row a region and month.

    Returns:
        The same columns; months with fewer than ten earlier years are left out. Only earlier years take part, so the
        anomaly is known when its own month is.
    """
    ordered = rain.sort_values(["feature", "month"], ignore_index=True)
    log_rain = np.log1p(ordered["value"])
    groups = log_rain.groupby([ordered["feature"], ordered["month"].dt.month])
    # All groups in one call: a window made for each of them would take most of the time of this table.
    up_to_year = groups.expanding(EARLIER_YEARS).mean().droplevel([0, 1])
    earlier_mean = up_to_year.groupby([ordered["feature"], ordered["month"].dt.month]).shift(1)
    return _named(ordered.assign(value=log_rain - earlier_mean).dropna(subset=["value"]), "log_anomaly")


def _named(values: pd.DataFrame, transformation: Transformation) -> pd.DataFrame:
    """Values under the names of their features, which were those of their series."""
    declared = declared_features(series_register())
    names = {f.series: f.name for f in declared if f.transformation == transformation}
    return values.assign(feature=values["feature"].map(names).astype("str"))


def _plausible(values: pd.DataFrame) -> pd.DataFrame:
    """Without what the merged table leaves out too: one absurd month would bend the anomalies of all years after it."""
    ranges = {s.name: s.plausible for s in series_register().series}
    low = values["feature"].map({name: low for name, (low, _high) in ranges.items()}).astype("float64")
    high = values["feature"].map({name: high for name, (_low, high) in ranges.items()}).astype("float64")
    return values[values["value"].between(low, high)]


def _numbers(observations: pd.DataFrame) -> pd.DataFrame:
    numbers = observations.rename(columns={"series": "feature"})[["feature", "month", "value", "known_since"]]
    numbers = numbers.assign(value=pd.to_numeric(numbers["value"]).astype("float64"))
    return numbers.drop_duplicates(["feature", "month", "known_since"])


def _usable(restored: pd.DataFrame) -> pd.DataFrame:
    """The macro values that can be used; a zero has no logarithm."""
    return _numbers(restored[restored["is_usable"] & restored["value"].gt(0)])
