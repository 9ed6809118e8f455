"""The training distribution against figures computed by hand, and that it is plain numbers for JSON."""

import json

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.distribution import QUANTILES, rolling_size, training_distribution
from milk.months import data_cutoff
from tests.milk.evaluation.test_drift import FIRST, LAST, TRAINING, checked, frame_of, noise, trained


def test_figures_are_those_of_the_values() -> None:
    values = noise(1, series=1, months=TRAINING)
    entry = trained(frame_of(values))["f0"]
    assert entry["count"] == TRAINING
    assert entry["mean"] == pytest.approx(values.mean())
    assert entry["sd"] == pytest.approx(values.std())
    assert list(entry["quantiles"].values()) == pytest.approx(np.quantile(values, QUANTILES).tolist())
    assert (entry["first_month"], entry["last_month"]) == ("2000-01", "2012-06")
    assert entry["month_means"] == pytest.approx([values[0, k::12].mean() for k in range(12)])
    others = [
        values[0, t] - np.delete(values[0, t % 12 :: 12], t // 12).mean() for t in range(TRAINING)
    ]  # each against the other years
    assert entry["scale"] == pytest.approx(np.sqrt(np.mean(np.square(others))))


def test_the_season_alone_is_no_size() -> None:
    entry = trained(frame_of(noise(1, series=1)))["f0"]
    assert entry["sd"] > 4 * entry["scale"]
    assert entry["scale"] == pytest.approx(0.03, rel=0.15)


def test_a_limit_grows_with_the_group_and_lies_beyond_all_that_training_saw() -> None:
    changes = frame_of(noise(2))
    alone = training_distribution(changes, until=data_cutoff(LAST))
    together = trained(changes)
    for name, entry in together.items():
        assert entry["drift_threshold"] >= alone[name]["drift_threshold"]
        assert entry["range_limit"] >= alone[name]["range_limit"]
    drift = checked(changes, together, [FIRST + k for k in range(12, TRAINING)])
    assert drift["statistic"].notna().any()
    assert not drift[["is_drifted", "is_out_of_range"]].any(axis=None)


def test_only_the_newest_twenty_years_take_part() -> None:
    values = noise(3, series=1, months=400)
    wild = values.copy()
    wild[0, : 400 - 240] *= 10
    until = data_cutoff(FIRST + 400)
    calm, after_wild = (training_distribution(frame_of(v), until=until) for v in (values, wild))
    assert calm == after_wild
    assert calm["f0"]["count"] == 240


def test_it_is_plain_json_that_means_the_same_when_read_back() -> None:
    values = noise(4, series=6)
    values[1, : TRAINING - 20] = np.nan  # too short
    values[2] = 0.0  # never moved
    values[3, 3::12] = np.nan  # has no April
    values[4, 5:140:7] = np.nan  # has holes
    values[5, :TRAINING] = np.nan  # begins after training
    changes = frame_of(values)
    distribution = trained(changes)
    read_back = json.loads(json.dumps(distribution, allow_nan=False))
    assert read_back == distribution
    assert sorted(distribution) == ["f0", "f1", "f2", "f3", "f4"]
    for name in ("f1", "f2"):
        limits = ("month_means", "scale", "drift_threshold", "range_limit")
        assert [distribution[name][key] for key in limits] == [None] * 4
        assert distribution[name]["count"] > 0
    assert distribution["f3"]["month_means"][3] is None
    assert distribution["f4"]["share_missing"] == pytest.approx(20 / TRAINING)
    assert max(len(json.dumps(entry)) for entry in distribution.values()) < 1200
    drift = checked(changes, distribution, [LAST + k for k in range(1, 30)])
    assert_no_verdict = drift[drift["feature"].isin(["f1", "f2", "f5"])]
    assert assert_no_verdict["statistic"].isna().all()
    assert not assert_no_verdict[["is_drifted", "is_out_of_range", "is_unit_jump"]].any(axis=None)
    assert drift.loc[drift["feature"].isin(["f0", "f3", "f4"]), "statistic"].notna().any()


def test_it_holds_the_newest_vintage_that_was_known() -> None:
    changes = frame_of(noise(5, series=2, months=TRAINING + 20))
    row = changes.iloc[[30]]
    in_time = row.assign(value=0.5, known_since=data_cutoff(LAST) - pd.Timedelta(seconds=1))
    too_late = row.assign(value=9.0, known_since=data_cutoff(LAST) + pd.Timedelta(seconds=1))
    quantiles = trained(pd.concat([too_late, changes, in_time]))["f0"]["quantiles"]
    assert quantiles["q100"] == 0.5


def test_no_values_is_no_distribution() -> None:
    changes = frame_of(noise(6))
    assert training_distribution(changes[:0], until=data_cutoff(LAST)) == {}
    assert training_distribution(changes, until=data_cutoff(FIRST + (-1))) == {}


def test_rolling_size_is_the_root_mean_square_of_what_is_known() -> None:
    nan = np.nan
    values = np.array([[3.0, 4.0, nan, nan, 0.0, 0.0, nan, 1.0]])
    rolled = rolling_size(values)
    assert rolled[0, 0] == pytest.approx(2.5)
    assert np.isnan(rolled[0, 1:]).all()
