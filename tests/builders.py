"""Feature tables from a list of prices or from the sample, for tests of several rooms.

The cached frames are shared: whoever wants to change one copies it first.
"""

import datetime as dt
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from milk.forecasting.features import build_features
from milk.forecasting.histories import Floats, Histories, build_histories
from milk.months import Availability, Month, available_from
from milk.panel.merge import merge_sources
from milk.panel.observations import new_observations
from milk.panel.restored import restore_observations
from milk.series import SERIES_ID, SourceName, series_register
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.steps.receive import empty_observations

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
RULE = series_register().price.availability
RECEIVED = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def price_features(
    prices: Sequence[float] | Floats, *, first: str = "1990-01", rule: Availability = RULE
) -> pd.DataFrame:
    """The table `features` of a series that was never revised."""
    months = [Month.parse(first) + k for k in range(len(prices))]
    frame = pd.DataFrame(
        {
            "series_id": SERIES_ID,
            "feature": "price",
            "month": pd.Series([pd.Timestamp(m.first_day) for m in months], dtype="datetime64[us]"),
            "value": np.asarray(prices, dtype=np.float64),
            "known_since": pd.Series([available_from(rule, m) for m in months], dtype="datetime64[us, UTC]"),
            "is_repeated": np.diff(np.asarray(prices, dtype=np.float64), prepend=0) == 0,
        }
    )
    return frame.astype({"series_id": "str", "feature": "str"})


def revise(features: pd.DataFrame, month: str, value: float, *, known_since: str) -> pd.DataFrame:
    """The same table with one more state of knowledge of a price."""
    row = features[(features["feature"] == "price") & (features["month"] == pd.Timestamp(f"{month}-01"))].head(1)
    revised = row.assign(value=value, known_since=pd.Timestamp(known_since, tz="UTC").as_unit("us"))
    both = pd.concat([features, revised], ignore_index=True)
    return both.sort_values(["feature", "month", "known_since"], ignore_index=True)


def random_walk(months: int, *, seed: int, sigma: float = 0.03) -> Floats:
    """Prices whose log returns are independent noise: nothing beats the last value."""
    noise = np.random.default_rng(seed).normal(0, sigma, months)
    return np.asarray(200 * np.exp(np.cumsum(noise)))


def seasonal_prices(months: int, *, seed: int, season: float, momentum: float, sigma: float = 0.01) -> Floats:
    """Prices with a stable season (its amplitude in log points) and an AR(1) of the returns; the first is a January."""
    noise = np.random.default_rng(seed).normal(0, sigma, months)
    surprise = np.zeros(months)
    for k in range(1, months):
        surprise[k] = momentum * surprise[k - 1] + noise[k]
    effects = season * np.sin(2 * np.pi * np.arange(months) / 12)
    return np.asarray(200 * np.exp(np.cumsum(surprise + effects)))


def observations_of_folder(folder: Path) -> dict[SourceName, pd.DataFrame]:
    """The observations that a folder brings at its first reception."""
    found: dict[SourceName, pd.DataFrame] = {}
    for name, source in SOURCE_FILES.items():
        parsed = source.parse(DataFolder(folder).fetch(name) or b"").observations
        series = series_register().of_source(name)
        found[name] = new_observations(
            parsed, empty_observations(), series=series, received_at=RECEIVED, snapshot="0" * 64
        )
    return found


def features_of_observations(observations: dict[SourceName, pd.DataFrame]) -> pd.DataFrame:
    """Merge and build: the way of the pipeline."""
    price, rain, macro = (observations[name] for name in ("milk_price", "precipitation", "central_bank"))
    restored = restored_of(macro)
    merged, _repairs = merge_sources(price, rain, restored, series_register())
    return build_features(merged, price, rain, restored)


def restored_of(macro: pd.DataFrame) -> pd.DataFrame:
    """The macro observations with their numbers."""
    return restore_observations(macro, series_register().of_source("central_bank"))[0]


@cache
def sample_observations() -> dict[SourceName, pd.DataFrame]:
    """The observations of `data/sample`."""
    return observations_of_folder(SAMPLE)


@cache
def sample_restored() -> pd.DataFrame:
    """The restored macro observations of `data/sample`."""
    return restored_of(sample_observations()["central_bank"])


@cache
def sample_features() -> pd.DataFrame:
    """The feature table of `data/sample`."""
    return features_of_observations(sample_observations())


@cache
def sample_histories() -> Histories:
    """All histories of `data/sample`."""
    return histories_of(sample_features())


def histories_of(features: pd.DataFrame, *, rule: Availability = RULE) -> Histories:
    """All histories of a feature table."""
    last = features.loc[features["feature"] == "price", "month"].max()
    return build_histories(features, price_rule=rule, last_origin=Month.of(last))


def last_price_months(features: pd.DataFrame, months: int) -> pd.DataFrame:
    """The newest months of the price alone, as if the series had begun there."""
    price = features[features["feature"] == "price"]
    wanted = price["month"].drop_duplicates().nlargest(months)
    return price[price["month"].isin(wanted)].reset_index(drop=True)
