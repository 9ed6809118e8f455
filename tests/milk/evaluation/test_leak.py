"""No value is used before it was known: corrupt all that became known later, and see no bit change."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from milk.forecasting.features import build_features
from milk.forecasting.histories import Histories, build_histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import NUMBERS, issue_forecasts
from milk.forecasting.recipe import Setting
from milk.months import Month, data_cutoff, forecast_origin
from milk.panel.merge import merge_sources
from milk.series import SourceName, series_register
from tests.builders import RULE, revise, sample_features, sample_histories, sample_observations, sample_restored

VERSION = Setting((24.0, 60.0), 0.5)
"""The recipe is held fixed: this is about what the refit sees."""
REVISIONS = [("1990-05", 90.0, "1991-02-03"), ("2003-11", 150.0, "2004-07-20"), ("2015-02", 250.0, "2016-09-01")]
Issue = Callable[[pd.DataFrame, Month], pd.DataFrame]


def random_issues(count: int, seed: int) -> list[Month]:
    first = sample_histories().origin_month(60)
    reach = len(sample_histories()) - 60
    return [first + int(k) + 1 for k in np.random.default_rng(seed).choice(reach, count, replace=False)]


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    """The sample with some prices revised, so that states of knowledge differ in more than their length."""
    table = sample_features()
    for month, value, known_since in REVISIONS:
        table = revise(table, month, value, known_since=known_since)
    return table


def issue(features: pd.DataFrame, month: Month) -> pd.DataFrame:
    """What the pipeline issues for a month; as in a backfill, later origins are in the same histories."""
    origin = forecast_origin(month, RULE)
    last_price = Month.of(features.loc[features["feature"] == "price", "month"].max())
    histories = build_histories(features, price_rule=RULE, last_origin=min(origin + 24, last_price))
    return issue_from(histories, month)


def issue_from(histories: Histories, month: Month) -> pd.DataFrame:
    return issue_forecasts(VERSION.forecaster(), histories, [month], price_rule=RULE, method=IntervalMethod())


def corrupted(table: pd.DataFrame, cutoff: dt.datetime, seed: int) -> pd.DataFrame:
    """The table with every value changed that became known after the cutoff."""
    is_later = (table["known_since"] > pd.Timestamp(cutoff)).to_numpy()
    factor = np.exp(np.random.default_rng(seed).normal(0, 0.5, len(table)))
    return table.assign(value=table["value"].where(~is_later, table["value"] * factor))


def changes_after_corruption(make: Issue, features: pd.DataFrame, month: Month) -> bool:
    """Whether a forecast depends on anything that was not known at its cutoff."""
    clean = make(features, month)[NUMBERS]
    dirty = make(corrupted(features, data_cutoff(month), seed=month.ordinal), month)[NUMBERS]
    return not np.array_equal(clean.to_numpy(), dirty.to_numpy())


def test_no_bit_of_an_issue_changes_when_the_future_is_corrupted(features: pd.DataFrame) -> None:
    issues = random_issues(50, seed=20261123)
    assert len(set(issues)) == 50
    assert [str(month) for month in issues if changes_after_corruption(issue, features, month)] == []


def test_the_corruption_reaches_prices_anomalies_and_revisions(features: pd.DataFrame) -> None:
    cutoff = data_cutoff(Month(2004, 3))
    dirty = corrupted(features, cutoff, seed=1)
    changed = features[dirty["value"] != features["value"]]
    assert (changed["known_since"] > pd.Timestamp(cutoff)).all()
    assert changed["feature"].nunique() == sample_features()["feature"].nunique()
    # Of the month revised in July 2004 the first value stays and the revision is corrupted.
    revised = changed[(changed["feature"] == "price") & (changed["month"] == pd.Timestamp("2003-11-01"))]
    assert len(revised) == 1


def test_corrupting_observations_and_panel_changes_no_issue_either() -> None:
    observations = sample_observations()
    features = features_through_the_panel(observations, None)
    for month in random_issues(6, seed=7):
        clean = issue(features, month)
        dirty = issue(features_through_the_panel(observations, month), month)
        np.testing.assert_array_equal(dirty[NUMBERS].to_numpy(), clean[NUMBERS].to_numpy())


def features_through_the_panel(observations: dict[SourceName, pd.DataFrame], issue_month: Month | None) -> pd.DataFrame:
    """Features from observations and merged table, both corrupted where they became known after the cutoff."""
    price, rain = observations["milk_price"], observations["precipitation"]
    restored = sample_restored()
    merged, _repairs = merge_sources(price, rain, restored, series_register())
    if issue_month is None:
        return build_features(merged, price, rain, restored)
    cutoff = data_cutoff(issue_month)
    later = merged["price_known_since"] > pd.Timestamp(cutoff)
    merged = merged.assign(price=merged["price"].where(~later, merged["price"] * 7))
    bad_price, bad_rain = (
        corrupted(table.assign(value=table["value"].astype("float64")), cutoff, seed=3) for table in (price, rain)
    )
    return build_features(merged, bad_price, bad_rain, corrupted(restored, cutoff, seed=4))


def issue_one_month_too_new(features: pd.DataFrame, month: Month) -> pd.DataFrame:
    """Leaks: it takes the price of the issue month itself for known."""
    return issue(features, month + 1)


def issue_from_standing_values(features: pd.DataFrame, month: Month) -> pd.DataFrame:
    """Leaks: it takes the newest value of each month, whenever it became known."""
    standing = features.sort_values("known_since").drop_duplicates(["feature", "month"], keep="last")
    first_known = features.groupby(["feature", "month"])["known_since"].transform("min")
    return issue(standing.assign(known_since=first_known[standing.index]), month)


def issue_judged_by_later_prices(features: pd.DataFrame, month: Month) -> pd.DataFrame:
    """Leaks into the intervals alone: past errors are measured against what the prices became later."""
    origin = forecast_origin(month, RULE)
    histories = build_histories(features, price_rule=RULE, last_origin=origin)
    newest = np.log(features[features["feature"] == "price"].groupby("month")["value"].last().to_numpy())
    hindsight = np.where(np.isfinite(histories.log_price[-1]), newest, np.nan)
    rows = [*histories.log_price[:-1], np.where(np.isfinite(hindsight), hindsight, np.nan)]
    leaking = issue_from(replace(histories, log_price=np.array(rows)), month)
    honest = issue_from(histories, month)
    return honest.assign(**{name: leaking[name] for name in ("lower_80", "upper_80", "lower_95", "upper_95")})


LEAKS = [issue_one_month_too_new, issue_from_standing_values, issue_judged_by_later_prices]


@pytest.mark.parametrize("leaking", LEAKS)
def test_a_leak_is_caught(leaking: Issue, features: pd.DataFrame) -> None:
    # Between the first value of a price and its revision, where each of the three has something to leak.
    assert changes_after_corruption(leaking, features, Month(2004, 3))
    assert not changes_after_corruption(issue, features, Month(2004, 3))


def test_a_table_cut_off_at_the_cutoff_gives_the_same_issue(features: pd.DataFrame) -> None:
    for month in random_issues(5, seed=11):
        known = features[features["known_since"] <= pd.Timestamp(data_cutoff(month))]
        # Another width of the matrix sums in another order: equal to rounding, not to the bit.
        np.testing.assert_allclose(
            issue(known, month)[NUMBERS], issue(features, month)[NUMBERS], rtol=1e-12, atol=1e-12
        )
