"""The feature table: every state of knowledge of the price, and rain against the years before."""

import numpy as np
import pandas as pd
import pytest

from milk.forecasting.features import build_features, declared_features, rain_anomalies
from milk.panel.merge import merge_sources
from milk.series import series_register
from milk.tables import FEATURES
from tests.builders import sample_features, sample_observations, sample_restored

REGION = "rain_maule_mm"


def rain_of(values: list[float]) -> pd.DataFrame:
    """A July of each year from 2000 on."""
    months = pd.Series([pd.Timestamp(2000 + k, 7, 1) for k in range(len(values))]).astype("datetime64[us]")
    known = (months + pd.DateOffset(months=1, days=6)).dt.tz_localize("UTC")
    return pd.DataFrame(
        {"feature": REGION, "month": months, "value": values, "known_since": known, "is_repeated": False}
    )


def test_the_table_keeps_its_contract() -> None:
    FEATURES.validate(sample_features(), lazy=True)
    declared = {feature.name for feature in declared_features(series_register())}
    assert len(declared) == 93
    assert set(sample_features()["feature"]) == declared


def test_an_anomaly_is_the_log_rain_less_the_mean_of_the_years_before() -> None:
    values = [10.0, 20, 30, 40, 50, 60, 70, 80, 90, 100, 200, 0]
    anomalies = rain_anomalies(rain_of(values))
    assert anomalies["feature"].unique().tolist() == ["rain_maule_anomaly"]
    assert anomalies["month"].dt.year.tolist() == [2010, 2011]
    logs = np.log1p(values)
    assert anomalies["value"].tolist() == pytest.approx([logs[10] - logs[:10].mean(), logs[11] - logs[:11].mean()])
    assert anomalies["known_since"].dt.strftime("%Y-%m-%d").tolist() == ["2010-08-07", "2011-08-07"]


def test_later_years_do_not_touch_an_anomaly() -> None:
    values = np.random.default_rng(1).uniform(0, 300, 30).tolist()
    part = rain_anomalies(rain_of(values[:20]))
    whole = rain_anomalies(rain_of(values))
    pd.testing.assert_frame_equal(whole.iloc[: len(part)], part, check_exact=True)


def test_a_revised_price_is_a_further_row_and_a_revised_rain_is_not() -> None:
    observations = sample_observations()
    price, rain = (revised(observations[name]) for name in ("milk_price", "precipitation"))
    merged, _repairs = merge_sources(price, rain, sample_restored(), series_register())
    features = build_features(merged, price, rain, sample_restored())
    FEATURES.validate(features, lazy=True)
    is_price, was_price = (t["feature"] == "price" for t in (features, sample_features()))
    assert is_price.sum() == was_price.sum() + 1
    pd.testing.assert_frame_equal(
        features[~is_price].reset_index(drop=True), sample_features()[~was_price].reset_index(drop=True)
    )


def revised(observations: pd.DataFrame) -> pd.DataFrame:
    later = observations.iloc[[100]].assign(
        value="123.4", known_since=pd.Timestamp("2027-01-05", tz="UTC").as_unit("us")
    )
    return pd.concat([observations, later], ignore_index=True)


@pytest.mark.parametrize("absurd", ["99999", "-5"])
def test_a_rain_that_the_merged_table_leaves_out_is_no_feature_either(absurd: str) -> None:
    observations = sample_observations()
    rain = observations["precipitation"].copy()
    mays = rain.index[(rain["series"] == REGION) & (rain["month"].dt.month == 5)]
    rain.loc[mays[0], "value"] = absurd
    merged, _repairs = merge_sources(observations["milk_price"], rain, sample_restored(), series_register())
    features = build_features(merged, observations["milk_price"], rain, sample_restored())
    without = build_features(merged, observations["milk_price"], rain.drop(index=mays[0]), sample_restored())
    pd.testing.assert_frame_equal(features, without)
