"""Issuing: good months are written, the others are named; nothing that breaks its contract gets through."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from milk.errors import ForecastRefused
from milk.forecasting.intervals import IntervalMethod
from milk.home.layout import Home
from milk.home.tables import frame_hash, has_table, read_table, table_version, write_table
from milk.models.version import ModelVersion
from milk.months import Month, month_range
from milk.steps.predictions import (
    TABLE,
    Issuing,
    empty_predictions,
    forecast_rows,
    issuable_months,
    issue_months,
    schema_problem,
    split_refused,
)
from milk.steps.staging import stage_version, write_recipe
from milk.steps.training import used_features
from milk.tables import BATCH_PREDICTIONS
from tests.builders import RULE, price_features, random_walk, revise, sample_features
from tests.milk.steps.homes import NOW, sample_training

MONTHS = month_range(Month(2020, 1), Month(2020, 4))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


@pytest.fixture
def version(home: Home) -> ModelVersion:
    return stage_version(home, sample_training())


@pytest.fixture
def issuing(version: ModelVersion) -> Issuing:
    return Issuing(sample_features(), version, RULE, True, NOW)


def stored(home: Home) -> pd.DataFrame:
    return read_table(home, TABLE).sort_values(["issue_month", "target_month"], ignore_index=True)


def test_an_issue_has_a_row_for_each_month_of_the_year_ahead(home: Home, issuing: Issuing) -> None:
    issued = issue_months(home, issuing, MONTHS)
    assert (issued.months, issued.unreachable, issued.refused) == (MONTHS, {}, {})
    assert len(issued.rows) == len(MONTHS) * 12
    own = issued.rows[issued.rows["issue_month"] == "2020-02-01"]
    assert (own["forecast_origin"] == pd.Timestamp("2020-01-01")).all()
    assert own["target_month"].tolist() == list(pd.date_range("2020-02-01", "2021-01-01", freq="MS"))
    BATCH_PREDICTIONS.validate(stored(home), lazy=True)
    pd.testing.assert_frame_equal(stored(home), issued.rows)


def test_a_late_price_reaches_fourteen_months_from_the_last_known_one(home: Home, version: ModelVersion) -> None:
    late = Issuing(sample_features(), version, RULE.later_by(2), True, NOW)
    rows = issue_months(home, late, [Month(2020, 6)]).rows
    assert rows["horizon_months"].tolist() == list(range(1, 15))
    assert (rows["forecast_origin"] == pd.Timestamp("2020-03-01")).all()
    assert rows["target_month"].max() == pd.Timestamp("2021-05-01")


def test_months_out_of_reach_are_named_with_source_and_month_and_the_others_written(
    home: Home, issuing: Issuing
) -> None:
    reach = issuable_months(issuing.features, RULE)
    too_early, too_late = reach.first + (-1), reach.last + 1
    issued = issue_months(home, issuing, [too_early, reach.first, reach.last, too_late])
    assert issued.months == [reach.first, reach.last]
    assert sorted(issued.unreachable) == [too_early, too_late]
    assert f"milk_price does not hold the price of {reach.last} yet" in issued.unreachable[too_late]
    assert f"milk_price holds fewer than 76 months before {too_early}" in issued.unreachable[too_early]
    assert str(reach.first) in issued.unreachable[too_early]
    assert set(stored(home)["issue_month"]) == {pd.Timestamp(m.first_day) for m in (reach.first, reach.last)}


def test_only_months_out_of_reach_write_nothing(home: Home, issuing: Issuing) -> None:
    issued = issue_months(home, issuing, [Month(2050, 1)])
    assert (issued.months, list(issued.unreachable)) == ([], [Month(2050, 1)])
    assert issued.rows.empty
    assert not has_table(home, TABLE)


def test_the_same_again_writes_nothing_and_keeps_when_it_was_issued(home: Home, issuing: Issuing) -> None:
    first = issue_months(home, issuing, MONTHS)
    before, version_before = stored(home), table_version(home, TABLE)
    again = issue_months(home, dataclasses.replace(issuing, issued_at=NOW + dt.timedelta(days=1)), MONTHS)
    pd.testing.assert_frame_equal(stored(home), before)
    assert table_version(home, TABLE) == version_before
    assert again.months == MONTHS
    pd.testing.assert_frame_equal(again.rows, first.rows)


def test_a_hindcast_never_takes_the_place_of_a_live_forecast(home: Home, issuing: Issuing) -> None:
    newest = issuable_months(issuing.features, RULE).last
    in_time = dt.datetime(newest.year, newest.month, 3, tzinfo=dt.UTC)
    issue_months(home, dataclasses.replace(issuing, issued_at=in_time), [newest])
    live = stored(home)
    assert set(live["kind"]) == {"live"}
    changed = price_of(issuing.features, newest + (-1), factor=1.1)
    late = dataclasses.replace(issuing, features=changed, issued_at=in_time + dt.timedelta(days=40))
    made = issue_months(home, late, [newest + (-1), newest])
    assert made.months == [newest + (-1), newest]
    table = stored(home)
    pd.testing.assert_frame_equal(table[table["kind"] == "live"].reset_index(drop=True), live)
    assert set(table["kind"]) == {"live", "hindcast"}
    # In time, a correction does take the place of what stood.
    sooner = dataclasses.replace(issuing, features=changed, issued_at=in_time + dt.timedelta(days=1))
    issue_months(home, sooner, [newest])
    assert not np.allclose(stored(home).query("kind == 'live'")["price"], live["price"])


def price_of(features: pd.DataFrame, month: Month, *, factor: float) -> pd.DataFrame:
    is_it = (features["feature"] == "price") & (features["month"] == pd.Timestamp(month.first_day))
    return features.assign(value=features["value"].where(~is_it, features["value"] * factor))


def test_a_write_replaces_its_own_months_only(home: Home, issuing: Issuing) -> None:
    issue_months(home, issuing, MONTHS)
    other = dataclasses.replace(issuing.version, version_id="v-" + "0" * 16)
    later = Issuing(issuing.features, other, RULE, True, NOW + dt.timedelta(days=1))
    issue_months(home, later, [MONTHS[0], MONTHS[2]])
    by_month = stored(home).groupby("issue_month")["issued_at"].agg(["min", "max", "size"])
    assert by_month["size"].tolist() == [12] * 4
    assert (by_month["min"] == by_month["max"]).all()
    assert (by_month["min"] > NOW).tolist() == [True, False, True, False]


def test_a_backfill_and_single_issues_give_the_same_numbers(home: Home, issuing: Issuing) -> None:
    together = forecast_rows(home, issuing, MONTHS)
    alone = pd.concat([forecast_rows(home, issuing, [month]) for month in MONTHS], ignore_index=True)
    numbers = together.select_dtypes("float64").columns
    np.testing.assert_allclose(together[numbers], alone[numbers], rtol=1e-12, atol=1e-12)
    pd.testing.assert_frame_equal(together.drop(columns=numbers), alone.drop(columns=numbers))


SPOILED = {
    "intervals do not nest": ("lower_80", 1e9, "intervals must nest"),
    "negative price": ("lower_95", -1.0, "lower_95: a price is positive and finite"),
    "not a number": ("price", np.nan, "price: not_nullable"),
    "unknown kind": ("kind", "dream", "kind: isin"),
    "wrong horizon": ("horizon_months", 13, "horizon_months must be"),
    "no errors": ("interval_errors", 0, "interval_errors: greater_than_or_equal_to"),
}


@pytest.mark.parametrize(("column", "value", "reason"), SPOILED.values(), ids=SPOILED.keys())
def test_rows_that_break_the_contract_refuse_their_month_and_spare_the_others(
    home: Home, issuing: Issuing, column: str, value: object, reason: str
) -> None:
    rows = forecast_rows(home, issuing, MONTHS)
    planted = rows.copy()
    planted[column] = planted[column].where(planted.index != 15, value)
    good, refused = split_refused(planted)
    assert list(refused) == [MONTHS[1]]
    assert reason in refused[MONTHS[1]]
    expected = rows[rows["issue_month"] != pd.Timestamp(MONTHS[1].first_day)].reset_index(drop=True)
    pd.testing.assert_frame_equal(good, expected)


def test_a_month_twice_in_the_rows_is_refused(home: Home, issuing: Issuing) -> None:
    rows = forecast_rows(home, issuing, MONTHS)
    good, refused = split_refused(pd.concat([rows, rows.iloc[:1]], ignore_index=True))
    assert list(refused) == [MONTHS[0]]
    assert len(good) == 36


def test_sound_rows_pass_untouched(home: Home, issuing: Issuing) -> None:
    rows = forecast_rows(home, issuing, MONTHS)
    good, refused = split_refused(rows)
    assert refused == {}
    pd.testing.assert_frame_equal(good, rows)
    assert split_refused(empty_predictions())[1] == {}


def test_rows_of_no_month_refuse_the_whole(home: Home, issuing: Issuing) -> None:
    rows = forecast_rows(home, issuing, MONTHS)
    rows.loc[3, "issue_month"] = pd.NaT
    with pytest.raises(ForecastRefused, match=r"were not written: issue_month"):
        split_refused(rows)


BAD_FEATURES = {
    "no value": (np.nan, "value"),
    "a price of zero": (0.0, r"the price of 1979-04 is 0, not a positive number"),
    "a negative price": (-5.0, r"the price of 1979-04 is -5, not a positive number"),
    "an infinite price": (np.inf, r"the price of 1979-04 is inf, not a positive number"),
}


@pytest.mark.parametrize(("value", "message"), BAD_FEATURES.values(), ids=BAD_FEATURES.keys())
def test_features_that_break_their_contract_write_nothing(
    home: Home, issuing: Issuing, value: float, message: str
) -> None:
    issue_months(home, issuing, MONTHS)
    before, version_before = stored(home), table_version(home, TABLE)
    bad = issuing.features.copy()
    bad.loc[bad.index[bad["feature"] == "price"][3], "value"] = value
    with pytest.raises(ForecastRefused, match=message):
        issue_months(home, Issuing(bad, issuing.version, RULE, True, NOW), MONTHS)
    assert table_version(home, TABLE) == version_before
    pd.testing.assert_frame_equal(stored(home), before)


def test_live_is_what_was_issued_in_time_by_a_version_chosen_without_later_data(
    home: Home, version: ModelVersion
) -> None:
    last = issuable_months(sample_features(), RULE).last
    in_time = dt.datetime(last.year, last.month, 3, tzinfo=dt.UTC)
    kinds = {
        (str(month), at): set(forecast_rows(home, Issuing(sample_features(), version, RULE, True, at), [month])["kind"])
        for month in (last, last + (-1))
        for at in (in_time, in_time + dt.timedelta(days=40))
    }
    # The version was chosen with all the data: its own month can be live, the month before never.
    assert kinds == {
        (str(last), in_time): {"live"},
        (str(last), in_time + dt.timedelta(days=40)): {"hindcast"},
        (str(last + (-1)), in_time): {"hindcast"},
        (str(last + (-1)), in_time + dt.timedelta(days=40)): {"hindcast"},
    }


def test_every_row_says_what_it_was_made_from(home: Home, issuing: Issuing) -> None:
    write_table(home, "features", issuing.features)
    rows = issue_months(home, issuing, MONTHS).rows
    (provenance,) = set(rows["data_versions"])
    assert json.loads(provenance) == {
        "features": {"sha256": frame_hash(used_features(issuing.features))},
        "tables": {"features": 0},
        "model": {"sha256": issuing.version.sha256},
    }
    assert set(rows["model_version"]) == {issuing.version.version_id}
    assert set(rows["unit"]) == {"CLP/L"}
    assert rows["is_synthetic"].all()
    assert (rows["issued_at"] == pd.Timestamp(NOW)).all()
    assert rows["data_cutoff"].iloc[0] == pd.Timestamp("2020-01-01", tz="America/Santiago")


def test_the_first_issue_of_a_series_needs_its_months_and_gets_them(home: Home, version: ModelVersion) -> None:
    features = price_features(random_walk(76, seed=1))
    for rule, first in ((RULE, Month(1996, 5)), (RULE.later_by(2), Month(1996, 7))):
        issuing = Issuing(features, version, rule, True, NOW)
        assert issuable_months(features, rule).all() == [first]
        assert issue_months(home, issuing, [first]).months == [first]


def test_a_broken_schema_is_said_once_a_check_and_in_words(home: Home, issuing: Issuing) -> None:
    rows = forecast_rows(home, issuing, MONTHS)
    rows.loc[[1, 2, 3], "lower_80"] = 1e9
    rows.loc[5, "kind"] = "dream"
    problem = schema_problem(BATCH_PREDICTIONS, rows)
    assert problem.startswith("kind: isin(['live', 'hindcast']) (dream); intervals must nest: lower_95 <=")
    assert problem.endswith("(3 rows)")
    assert problem.count("intervals must nest") == 1
    assert schema_problem(BATCH_PREDICTIONS, rows, most=1).endswith("(dream); and 1 more")


def test_a_refused_month_keeps_its_former_rows_and_the_others_are_written(home: Home) -> None:
    # A price of nearly nothing, put right a month later: only the issue between the two has intervals down to zero.
    # That the errors are scaled by their running size is what takes the intervals there.
    params = sample_training().params
    scaled = dataclasses.replace(params, choice=dataclasses.replace(params.choice, method=IntervalMethod()))
    version = write_recipe(home, dataclasses.replace(sample_training(), params=scaled), None)
    features = sample_features()
    issue_months(home, Issuing(features, version, RULE, True, NOW), MONTHS)
    slipped = features["month"].eq("2020-01-01") & features["feature"].eq("price")
    right = float(features.loc[slipped, "value"].iloc[0])
    wrong = features.assign(value=features["value"].mask(slipped, 1e-304))
    wrong = revise(wrong, "2020-01", right, known_since="2020-02-20")
    later = NOW + dt.timedelta(days=1)
    issued = issue_months(home, Issuing(wrong, version, RULE, True, later), MONTHS)
    assert issued.months == [MONTHS[0], MONTHS[2], MONTHS[3]]
    assert list(issued.refused) == [MONTHS[1]]
    assert "lower_95: a price is positive and finite" in issued.refused[MONTHS[1]]
    by_month = stored(home).groupby("issue_month")["issued_at"].agg(["max", "size"])
    assert by_month["size"].tolist() == [12] * 4
    assert (by_month["max"] == pd.Timestamp(later)).tolist() == [True, False, True, True]
