"""Ranges and jumps of the merged table, and what its page and that of the features tell."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from milk.forecasting.features import declared_features
from milk.panel.merge import merge_sources
from milk.panel.quality_panel import (
    FEWEST_YEARS,
    SCALES_ALLOWED,
    block_features,
    block_table,
    calendar_changes,
    feature_table,
    implausible_values,
    judged_changes,
)
from milk.series import series_register
from milk.steps.receive import empty_observations
from milk.tables import RESTORED, empty_table
from tests.builders import sample_features, sample_observations, sample_restored
from tests.milk.panel.vintages import parsed_of, received

REGISTER = series_register()
PRICE = [REGISTER.price]
NOTHING = empty_table(RESTORED)


@cache
def sample_merged() -> pd.DataFrame:
    received = sample_observations()
    return merge_sources(received["milk_price"], received["precipitation"], sample_restored(), REGISTER)[0]


def merged_of(prices: list[float], *, first: str = "2000-01") -> pd.DataFrame:
    return pd.DataFrame({"month": pd.date_range(first, periods=len(prices), freq="MS", unit="us"), "price": prices})


def seasonal(years: int, *, seed: int = 3) -> list[float]:
    """Prices that rise by a fifth each March and fall by it each October, with a little noise."""
    random = np.random.default_rng(seed)
    steps = [{3: 0.2, 10: -0.2}.get(month, 0.0) for _year in range(years) for month in range(1, 13)]
    walk = np.cumsum(np.array(steps) + random.normal(0, 0.01, len(steps)))
    return [float(price) for price in 200 * np.exp(walk)]


def test_what_happens_each_year_is_no_jump() -> None:
    judged = judged_changes(merged_of(seasonal(12)), PRICE)
    assert len(judged) == 12
    assert not judged["is_jump"].any()
    assert judged.set_index(judged["month"].dt.month).loc[3, "change"] == pytest.approx(0.2, abs=0.05)


def test_the_same_step_in_another_month_is_one() -> None:
    prices = seasonal(12)
    prices[-6:] = [price * 1.2 for price in prices[-6:]]
    found = judged_changes(merged_of(prices), PRICE).query("is_jump")
    assert found["month"].dt.strftime("%Y-%m").tolist() == ["2011-07"]
    row = found.iloc[0]
    assert row["change"] > row["high"] > row["low"]
    assert row["scales"] > SCALES_ALLOWED
    assert row["value"] / row["before"] == pytest.approx(np.exp(row["change"]))


def test_what_should_have_come_and_did_not_is_a_jump_too() -> None:
    prices = seasonal(12)
    prices[-10:] = [price / 1.22 for price in prices[-10:]]
    assert judged_changes(merged_of(prices), PRICE).query("is_jump")["month"].dt.month.tolist() == [3]


def test_only_the_newest_year_of_each_series_is_judged() -> None:
    prices = seasonal(12)
    prices[-30] *= 3
    judged = judged_changes(merged_of(prices), PRICE)
    assert judged["month"].min() == pd.Timestamp("2011-01-01")
    assert not judged["is_jump"].any(), "a jump of the past is no part of the newest, and does not blind it"


def test_a_short_past_says_nothing() -> None:
    assert judged_changes(merged_of(seasonal(FEWEST_YEARS)), PRICE).empty
    assert len(judged_changes(merged_of(seasonal(FEWEST_YEARS + 2)), PRICE)) == 12


def test_gaps_zeros_and_repeated_months_make_no_change() -> None:
    prices = seasonal(12)
    prices[-3] = 0.0
    table = merged_of(prices).drop(index=len(prices) - 8)
    judged = judged_changes(pd.concat([table, table.tail(1)]), PRICE)
    assert len(judged) == 12 - 2 - 2
    assert np.isfinite(judged[["change", "low", "high", "scales"]].to_numpy()).all()


def test_the_sample_has_no_jump() -> None:
    judged = judged_changes(sample_merged(), [s for s in REGISTER.series if s.source != "precipitation"])
    assert judged["series"].nunique() == 85
    assert not judged["is_jump"].any()


def test_changes_by_calendar_month_are_all_there() -> None:
    changes = calendar_changes(merged_of(seasonal(12)), "price")
    assert len(changes) == 12 * 12 - 1
    assert changes.loc[changes["is_new"], "calendar_month"].tolist() == list(range(1, 13))


def test_rain_beyond_belief_is_listed() -> None:
    rain = received(parsed_of(["1.5", "2", "3", "2000"], source="precipitation"), source="precipitation")
    rain = rain.assign(value=["1.5", "2000.5", "-1", "2000"])
    odd = implausible_values(rain, NOTHING, REGISTER)
    assert odd["value"].tolist() == [2000.5, -1.0]
    assert odd[["low", "high"]].drop_duplicates().to_numpy().tolist() == [[0.0, 2000.0]]
    assert implausible_values(empty_observations(), NOTHING, REGISTER).empty


def test_a_macro_value_beyond_belief_is_listed_unless_its_block_is_unproved() -> None:
    rain, restored = sample_observations()["precipitation"], sample_restored()
    # Of an exchange rate, which no other series must add up with.
    is_odd = restored["series"].eq("usd_clp") & restored["month"].eq(pd.Timestamp("2020-01-01"))
    spoiled = restored.assign(value=restored["value"].where(~is_odd, 1e9))
    assert implausible_values(rain, restored, REGISTER).empty
    assert implausible_values(rain, spoiled, REGISTER)["series"].tolist() == ["usd_clp"]
    assert implausible_values(rain, spoiled.assign(is_proved=False), REGISTER).empty


def test_the_blocks_tell_what_the_merged_table_holds() -> None:
    rain, restored = sample_observations()["precipitation"], sample_restored()
    unproved = restored.assign(is_proved=restored["is_proved"] & ~restored["series"].str.startswith("gdp_"))
    odd = implausible_values(rain, restored, REGISTER)
    table = block_table(sample_merged(), unproved, odd, REGISTER).set_index("block").to_dict(orient="index")
    assert list(table["price"].values()) == [1, "1979-01", "2026-10", "0.0%", "received as numbers", "nothing"]
    assert table["activity"]["proved"] == "yes"
    assert table["gdp"]["proved"] == "no"
    assert "unproved cells" in table["gdp"]["left_out"]
    assert "cells of months without a price" in table["commodities"]["left_out"]
    assert sum(row["series"] for row in table.values()) == len(REGISTER.series)


def test_a_source_never_received_is_told() -> None:
    merged = sample_merged()
    macro = [s.name for s in REGISTER.of_source("central_bank")]
    table = block_table(merged.assign(**dict.fromkeys(macro, np.nan)), NOTHING, NOTHING[["series"]], REGISTER)
    assert list(table.set_index("block").to_dict(orient="index")["gdp"].values()) == [
        30,
        "",
        "",
        "all",
        "not received",
        "nothing",
    ]


def test_every_declared_feature_has_its_row() -> None:
    declared = declared_features(REGISTER)
    table = feature_table(sample_features(), declared).set_index("feature").to_dict(orient="index")
    assert len(table) == len(declared) == 93
    assert list(table["price"].values()) == [
        "price", "price", "level", "end of its own month", 574, 0, "1979-01", "2026-10", 0,
    ]  # fmt: skip
    assert table["rain_maule_anomaly"]["first"] == "1989-01", "ten earlier years are needed"


def test_revisions_gaps_and_absent_features_are_counted() -> None:
    features = sample_features()
    price = features[features["feature"] == "price"].reset_index(drop=True)
    revised = pd.concat([price.drop(index=[5, 6]), price.tail(1)])
    table = feature_table(revised, declared_features(REGISTER)).set_index("feature").to_dict(orient="index")
    assert [table["price"][name] for name in ("rows", "revisions", "missing")] == [573, 1, 2]
    assert [table["imacec_index_log_change"][name] for name in ("rows", "first", "missing")] == [0, "", 0]


def test_features_by_month_and_block() -> None:
    counts = block_features(sample_features(), declared_features(REGISTER))
    assert list(counts.columns)[:3] == ["price", "rain", "activity"]
    assert counts.iloc[-1].sum() == 93
    assert counts.loc[pd.Timestamp("1980-01-01"), "price"] == 1
