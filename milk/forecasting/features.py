"""The feature table: what a recipe may use, and from when each value is known.

Long on purpose: a revised price is a further row with a later `known_since`, so the panel of every origin can be
rebuilt from this one table.
"""

import numpy as np
import pandas as pd

from milk.series import SERIES_ID, series_register

PRICE = "price"
_EARLIER_YEARS = 10
"""A rain anomaly needs at least this many earlier years of the same calendar month."""


def build_features(merged: pd.DataFrame, milk_price: pd.DataFrame, precipitation: pd.DataFrame) -> pd.DataFrame:
    """Build the feature table.

    Args:
        merged: the merged table; it says which months count.
        milk_price: observations of the price, revisions included.
        precipitation: observations of the rain, revisions included.

    Returns:
        The table `features`: the price in CLP/L with all its revisions, and for each region the anomaly of the rain.
    """
    months = merged["month"]
    price = _numbers(milk_price, months)
    anomalies = rain_anomalies(_plausible(first_values(_numbers(precipitation, months))))
    features = pd.concat([price, anomalies], ignore_index=True)
    features.insert(0, "series_id", pd.Series(SERIES_ID, index=features.index, dtype="str"))
    return features.sort_values(["feature", "month", "known_since"], ignore_index=True)


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
    ordered = rain.sort_values(["feature", "month"])
    log_rain = np.log1p(ordered["value"])
    groups = log_rain.groupby([ordered["feature"], ordered["month"].dt.month])
    earlier_mean = groups.transform(lambda years: years.expanding(_EARLIER_YEARS).mean().shift(1))
    anomalies = ordered.assign(value=log_rain - earlier_mean).dropna(subset=["value"])
    return anomalies.assign(feature=anomalies["feature"].str.replace("_mm", "_anomaly"))


def _plausible(values: pd.DataFrame) -> pd.DataFrame:
    """Without what the merged table leaves out too: one absurd month would bend the anomalies of all years after it."""
    ranges = {s.name: s.plausible for s in series_register().series}
    low = values["feature"].map({name: low for name, (low, _high) in ranges.items()}).astype("float64")
    high = values["feature"].map({name: high for name, (_low, high) in ranges.items()}).astype("float64")
    return values[values["value"].between(low, high)]


def _numbers(observations: pd.DataFrame, months: pd.Series) -> pd.DataFrame:
    inside = observations[observations["month"].isin(months)]
    return pd.DataFrame(
        {
            "feature": inside["series"],
            "month": inside["month"],
            "value": pd.to_numeric(inside["value"]).astype("float64"),
            "known_since": inside["known_since"],
        }
    ).drop_duplicates(["feature", "month", "known_since"])
