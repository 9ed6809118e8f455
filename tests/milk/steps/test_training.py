"""From features to a staged version."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from milk.errors import NotEnoughHistory
from milk.evaluation.backtest import price_months
from milk.forecasting.recipe import Setting
from milk.forecasting.search import best_setting
from milk.home.layout import Home
from milk.home.tables import frame_hash
from milk.models.canonical import canonical_json
from milk.models.version import read_version
from milk.months import Month
from milk.steps.staging import stage_version, write_recipe
from milk.steps.training import Params, choose_params, used_features
from tests.builders import RULE, price_features, random_walk, revise, sample_features
from tests.milk.steps.homes import NOW, sample_training, train


def test_the_search_result_survives_json() -> None:
    params = sample_training().params
    document = json.loads(canonical_json(params.document()))
    read = Params.of_document(document)
    assert (read.choice.setting, read.window, read.key) == (params.choice.setting, params.window, params.key)
    assert read.choice.method == params.choice.method
    assert isinstance(read.choice.setting.half_lives_months, tuple)
    pd.testing.assert_frame_equal(read.choice.settings, params.choice.settings, check_exact=True)
    pd.testing.assert_frame_equal(read.choice.methods, params.choice.methods, check_exact=True)
    assert canonical_json(read.document()) == canonical_json(document)


def test_the_chosen_setting_is_the_best_row_and_the_window_the_newest_months() -> None:
    params = sample_training().params
    assert params.choice.setting == best_setting(params.choice.settings)
    last = price_months(sample_features())[1]
    assert (params.window.first, params.window.last) == (last + (-59), last)


def test_nothing_new_means_no_new_search() -> None:
    former = sample_training().params.document() | {"setting": Setting((1.0,), 0.0).parameters()}
    again = choose_params(sample_features(), price_rule=RULE, evaluation_months=60, former=former)
    assert again.choice.setting == Setting((1.0,), 0.0), "the former document was not taken"


def test_other_data_that_no_version_uses_make_no_other_version(tmp_path: Path) -> None:
    features = sample_features().copy()
    features.loc[features["feature"] != "price", "value"] += 1e-9
    training = sample_training()
    assert training.params.choice.blocks == {}
    made = [
        stage_version(Home(tmp_path), dataclasses.replace(training, features=table)).model["data"]["features"]
        for table in (training.features, features)
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize("change", ["price", "other data", "evaluation", "rule", "vintage"])
def test_whatever_the_search_rests_on_makes_it_run_again(change: str) -> None:
    features, rule, months = sample_features().copy(), RULE, 60
    newest_price = features.index[features["feature"] == "price"][-1]
    if change == "price":
        features.loc[newest_price, "value"] += 0.01
    elif change == "other data":
        # The gate judges every block.
        features.loc[features["feature"] != "price", "value"] += 0.01
    elif change == "vintage":
        features.loc[newest_price, "known_since"] -= pd.Timedelta(hours=1)
    elif change == "evaluation":
        months = 61
    else:
        rule = RULE.later_by(1)
    former = sample_training().params.document()
    assert choose_params(features, price_rule=rule, evaluation_months=months, former=former).key != former["key"]


def test_the_search_sees_no_price_of_the_evaluation() -> None:
    features = sample_features()
    params = sample_training().params
    seen_last = pd.Timestamp((params.window.first + (-12)).first_day)
    later = (features["month"] > seen_last) & (features["feature"] == "price")
    factor = np.exp(np.random.default_rng(2).normal(0, 0.4, len(features)))
    changed = features.assign(value=features["value"].where(~later, features["value"] * factor))
    other = choose_params(changed, price_rule=RULE, evaluation_months=60)
    assert other.key != params.key
    pd.testing.assert_frame_equal(other.choice.settings, params.choice.settings, check_exact=True)


def test_too_short_a_price_file_is_refused_before_anything_is_searched() -> None:
    with pytest.raises(NotEnoughHistory, match=r"90 months: .* takes 100\. Give a longer price file"):
        choose_params(price_features(random_walk(90, seed=1)), price_rule=RULE, evaluation_months=60)


def test_a_revision_received_after_the_cutoff_took_part_in_the_choice(tmp_path: Path) -> None:
    training = sample_training()
    revised = revise(training.features, "2026-05", 300.0, known_since="2026-11-20")
    cards = [
        stage_version(Home(tmp_path / name), dataclasses.replace(training, features=features)).card
        for name, features in (("first", training.features), ("revised", revised))
    ]
    assert [card["data"]["data_cutoff"][:10] for card in cards] == ["2026-11-01", "2026-11-20"]


def test_judged_over_other_months_it_is_another_version(tmp_path: Path) -> None:
    training = sample_training()
    window = dataclasses.replace(training.params.window, first=training.params.window.first + 12)
    other = dataclasses.replace(training, params=dataclasses.replace(training.params, window=window))
    assert stage_version(Home(tmp_path), training) != stage_version(Home(tmp_path), other)


def test_the_same_data_give_the_same_version(tmp_path: Path) -> None:
    training = sample_training()
    home = Home(tmp_path)
    version = stage_version(home, training)
    later = dataclasses.replace(training, created_at=NOW.replace(year=2027))
    assert stage_version(home, later) == version
    assert stage_version(Home(tmp_path / "other"), training) == version
    assert read_version(home.models, version.version_id, expected_sha256=version.sha256) == version


def test_the_card_says_what_a_reviewer_asks(tmp_path: Path) -> None:
    training = sample_training()
    card = stage_version(Home(tmp_path), training).card
    last = price_months(training.features)[1]
    assert card["data"]["features"] == frame_hash(used_features(training.features))
    assert card["data"]["forecast_origin"] == str(last)
    assert card["data"]["data_cutoff"].startswith(str(last + 1))
    assert Month.parse(card["windows"]["evaluation_first"]) - Month.parse(card["windows"]["search_last_origin"]) == 12
    assert card["search"]["settings"] == len(training.params.choice.settings) >= 12
    assert card["is_synthetic"]
    assert any("synthetic" in note for note in card["notes"])
    assert set(card["scores"]) == {
        "recipe", "by_horizon", "against", "last_value", "seasonal_naive", "drift", "seasonal_drift",
    }  # fmt: skip
    assert set(card["scores"]["by_horizon"]) == {"milk", "last_value", "seasonal_naive", "drift", "seasonal_drift"}
    for rows in card["scores"]["by_horizon"].values():
        assert [row["horizon_months"] for row in rows] == list(range(1, 13))
    assert card["scores"]["last_value"]["ratio_year"] == 1.0


def test_the_last_value_is_kept_with_its_own_scores(tmp_path: Path) -> None:
    version = write_recipe(Home(tmp_path), sample_training(), None)
    assert version.recipe_name == "last_value"
    assert version.card["scores"]["recipe"] == version.card["scores"]["last_value"]
    assert version.model["fit"]["members"] == []


def test_too_few_months_before_the_evaluation_to_search_in_take_the_usual_setting(tmp_path: Path) -> None:
    training = train(price_features(random_walk(102, seed=1)))
    assert training.params.choice.setting == Setting()
    assert training.params.choice.settings.empty
    document = json.loads(canonical_json(training.params.document()))
    assert canonical_json(Params.of_document(document).document()) == canonical_json(document)
    assert "too few months" in stage_version(Home(tmp_path), training).card["search"]["best"]["none"]


def test_a_price_that_stood_still_through_the_evaluation_still_makes_a_card(tmp_path: Path) -> None:
    prices = random_walk(260, seed=3)
    prices[-80:] = prices[-81]
    version = stage_version(Home(tmp_path), train(price_features(prices)))
    assert version.card["scores"]["recipe"]["ratio_year"] > 1
