"""The gate and the ledger, end to end on a home of their own."""

import dataclasses
import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from milk.errors import VersionOutdated, VersionRefused
from milk.forecasting.recipe import Setting
from milk.home.layout import Home
from milk.models.canonical import canonical_json, sha256_hex
from milk.models.version import CARD_FILE, MODEL_FILE, ModelVersion, version_id_of
from milk.months import Month
from milk.publication.ledger import PromotionRow, append_promotion, promotions
from milk.series import SERIES_ID
from milk.steps.evidence import last_searched
from milk.steps.predictions import Issuing, issue_months
from milk.steps.promotion import Promotion, known_hash, load_champion, promote_staged, promote_version
from milk.steps.staging import stage_version
from milk.steps.trail import speaks_of
from milk.steps.training import Training, choose_params
from milk.steps.versions import find_version, list_versions
from tests.builders import RULE, last_price_months, price_features, random_walk, sample_features
from tests.milk.steps.homes import NOW, PERSON, RUN, sample_training, train


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def promote(home: Home, store: sa.Engine, training: Training) -> tuple[ModelVersion, Promotion]:
    staged = stage_version(home, training)
    return staged, promote_staged(home, store, staged, training, actor=RUN, decided_at=NOW)


def with_setting(training: Training, setting: Setting) -> Training:
    """The same data, another setting chosen."""
    return train(
        training.features,
        dataclasses.replace(training.params, choice=dataclasses.replace(training.params.choice, setting=setting)),
    )


WORSE = Setting((24.0,), 2.0, 0.0)
MUCH_WORSE = Setting((6.0,), 1.0, 0.0)
HOPELESS = Setting((3.0,), 12.0, 0.0)
"""Twelve times the drift of the last few months."""


def test_the_first_version_that_beats_the_last_value_is_promoted(home: Home, store: sa.Engine) -> None:
    staged, promotion = promote(home, store, sample_training())
    assert promotion.decision is not None
    assert promotion.decision.outcome == "promoted"
    row = promotion.champion
    assert (row.version_id, row.champion_version_id, row.previous_version_id) == (staged.version_id,) * 2 + (None,)
    assert (row.decision, row.champion_sha256) == ("promoted", staged.sha256)
    assert row.data_cutoff == dt.datetime.fromisoformat(staged.card["data"]["data_cutoff"])
    assert row.numbers["rule"] == "no champion"
    assert row.numbers["challenger_ratio_year"] == pytest.approx(staged.card["scores"]["recipe"]["ratio_year"])
    assert load_champion(home, store) == staged


def test_nothing_was_ever_promoted(home: Home, store: sa.Engine) -> None:
    assert load_champion(home, store) is None


def test_the_same_version_again_writes_no_row(home: Home, store: sa.Engine) -> None:
    _staged, first = promote(home, store, sample_training())
    _staged, again = promote(home, store, sample_training())
    assert again == Promotion(first.champion, None)
    assert len(promotions(store, SERIES_ID)) == 1


def test_a_worse_challenger_is_kept_out_and_not_judged_twice(home: Home, store: sa.Engine) -> None:
    champion, _first = promote(home, store, sample_training())
    challenger, promotion = promote(home, store, with_setting(sample_training(), WORSE))
    assert promotion.decision is not None
    assert promotion.decision.outcome == "kept"
    row = promotion.champion
    assert (row.version_id, row.champion_version_id) == (challenger.version_id, champion.version_id)
    assert "worse than the champion" in row.reason
    assert float(row.numbers["challenger_ratio_year"]) > float(row.numbers["champion_ratio_year"])
    assert row.numbers["champion_ratio_year"] == pytest.approx(
        champion.card["scores"]["recipe"]["ratio_year"], rel=1e-12
    )
    assert load_champion(home, store) == champion
    _challenger, again = promote(home, store, with_setting(sample_training(), WORSE))
    assert again.decision is None
    assert len(promotions(store, SERIES_ID)) == 2


def test_a_better_challenger_replaces_the_champion_without_newer_data(home: Home, store: sa.Engine) -> None:
    former = stage_version(home, with_setting(sample_training(), MUCH_WORSE))
    promote_version(home, store, former.version_id, reason="by mistake", actor=PERSON, decided_at=NOW)
    better, promotion = promote(home, store, sample_training())
    assert promotion.champion.numbers["rule"] == "better"
    assert float(promotion.champion.numbers["p_value"]) < 0.025
    assert promotion.champion.decision == "promoted"
    assert promotion.champion.previous_version_id == former.version_id
    assert load_champion(home, store) == better


def test_a_month_later_the_same_recipe_is_promoted_with_the_newer_fit(home: Home, store: sa.Engine) -> None:
    features = sample_features()
    earlier = features[features["month"] < features["month"].max()].reset_index(drop=True)
    promote(home, store, train(earlier, sample_training_before_the_last_month().params))
    newer, promotion = promote(home, store, train(features, sample_training_before_the_last_month().params))
    assert promotion.champion.champion_version_id == newer.version_id
    assert promotion.champion.numbers["rule"] == "not worse and fresher"
    assert promotion.champion.numbers["champion_ratio_year"] == promotion.champion.numbers["challenger_ratio_year"]


def sample_training_before_the_last_month() -> Training:
    params = sample_training().params
    window = dataclasses.replace(params.window, last=params.window.last + (-1))
    return dataclasses.replace(sample_training(), params=dataclasses.replace(params, window=window))


def test_where_the_recipe_does_not_beat_the_last_value_the_last_value_goes_to_production(
    home: Home, store: sa.Engine
) -> None:
    training = train(price_features(random_walk(300, seed=2)))
    staged, promotion = promote(home, store, training)
    assert promotion.decision is not None
    assert promotion.decision.outcome == "fallback"
    champion = load_champion(home, store)
    assert champion is not None
    assert champion.recipe_name == "last_value"
    assert promotion.champion.numbers["challenger_version_id"] == staged.version_id != champion.version_id
    issued = issue_months(home, Issuing(training.features, champion, RULE, True, NOW), [Month(2014, 12)])
    assert issued.rows["price"].to_numpy() == pytest.approx(training.features["value"].iloc[-2])
    assert len(issued.rows) == 12


def test_a_version_refused_in_a_fallback_is_told_with_its_hash(home: Home, store: sa.Engine) -> None:
    training = train(price_features(random_walk(300, seed=2)))
    staged, promotion = promote(home, store, training)
    assert promotion.champion.version_id != staged.version_id
    rows = promotions(store, SERIES_ID)
    assert speaks_of(rows[0], staged.version_id)
    assert known_hash(home, rows, staged.version_id) == staged.sha256
    (entry,) = [one for one in list_versions(home, store) if one.version_id == staged.version_id]
    assert entry.rows == tuple(rows)
    card = home.path / "models" / staged.version_id / "card.json"
    card.write_bytes(card.read_bytes().replace(b'"is_synthetic":true', b'"is_synthetic":false'))
    with pytest.raises(VersionRefused, match="was changed after it was promoted"):
        find_version(home, store, staged.version_id)


def test_a_fallback_again_writes_no_row_and_a_later_winner_replaces_it(home: Home, store: sa.Engine) -> None:
    training = train(price_features(random_walk(300, seed=2)))
    _staged, first = promote(home, store, training)
    _staged, again = promote(home, store, training)
    assert again == Promotion(first.champion, None)
    assert len(promotions(store, SERIES_ID)) == 1
    better, promotion = promote(home, store, sample_training())
    assert promotion.champion.champion_version_id == better.version_id
    assert promotion.champion.numbers["champion_ratio_year"] == pytest.approx(1.0)


def test_a_recipe_that_loses_to_the_last_value_does_not_replace_a_champion(home: Home, store: sa.Engine) -> None:
    champion, _first = promote(home, store, sample_training())
    _challenger, promotion = promote(home, store, with_setting(sample_training(), HOPELESS))
    assert promotion.champion.decision == "kept"
    assert "does not beat the last value" in promotion.champion.reason
    assert load_champion(home, store) == champion


@pytest.mark.parametrize("name", [MODEL_FILE, CARD_FILE])
def test_a_damaged_champion_is_refused_and_the_ledger_stays_as_it_is(home: Home, store: sa.Engine, name: str) -> None:
    champion, _first = promote(home, store, with_setting(sample_training(), WORSE))
    before = promotions(store, SERIES_ID)
    file = home.path / "models" / champion.version_id / name
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(VersionRefused, match="was changed after it was promoted"):
        promote(home, store, sample_training())
    with pytest.raises(VersionRefused, match="was changed after it was promoted"):
        load_champion(home, store)
    assert promotions(store, SERIES_ID) == before


def test_the_champion_is_scored_on_the_rows_of_the_challenger(home: Home, store: sa.Engine) -> None:
    champion, _first = promote(home, store, with_setting(sample_training(), WORSE))
    features = last_price_months(sample_features(), 300)
    training = train(features)
    _staged, promotion = promote(home, store, training)
    expected = with_setting(training, WORSE)
    rows: pd.DataFrame = expected.backtest[expected.backtest["model"] == "milk"]
    nearest = rows[rows["horizon_months"] == 1]
    rmse = ((nearest["prediction"] - nearest["observed"]) ** 2).mean() ** 0.5
    assert promotion.champion.numbers["champion_rmse_next_month"] == pytest.approx(rmse)
    assert champion.card["scores"]["recipe"]["rmse_next_month"] != pytest.approx(rmse, rel=1e-6)


def old_champion(home: Home, store: sa.Engine) -> PromotionRow:
    """A version of schema 1 in production, as a home of an earlier program has it."""
    staged = stage_version(home, sample_training())
    model = {**staged.model, "schema": 1}
    version_id = version_id_of(model)
    contents = [canonical_json(model), canonical_json({**staged.card, "version_id": version_id})]
    (home.path / "models" / version_id).mkdir()
    for name, content in zip((MODEL_FILE, CARD_FILE), contents, strict=True):
        (home.path / "models" / version_id / name).write_bytes(content)
    sha256 = sha256_hex(b"".join(contents))
    row = PromotionRow(
        series_id=SERIES_ID,
        version_id=version_id,
        sha256=sha256,
        decided_at=NOW,
        actor_kind="run",
        actor="training",
        decision="promoted",
        reason="long ago",
        numbers={},
        champion_version_id=version_id,
        champion_sha256=sha256,
        previous_version_id=None,
        data_cutoff=NOW,
        run_id=None,
    )
    append_promotion(store, row, expected_previous=None)
    return row


def test_a_champion_of_an_earlier_program_gives_way_to_a_version_that_beats_the_last_value(
    home: Home, store: sa.Engine
) -> None:
    old = old_champion(home, store)
    with pytest.raises(VersionOutdated, match="Train a new version"):
        load_champion(home, store)
    staged, promotion = promote(home, store, sample_training())
    assert promotion.decision is not None
    assert promotion.decision.outcome == "promoted"
    assert promotion.champion.previous_version_id == old.version_id
    assert load_champion(home, store) == staged


def test_where_nothing_beats_the_last_value_an_outdated_champion_gives_way_to_it(home: Home, store: sa.Engine) -> None:
    old = old_champion(home, store)
    _staged, promotion = promote(home, store, with_setting(sample_training(), HOPELESS))
    assert promotion.decision is not None
    assert promotion.decision.outcome == "fallback"
    champion = load_champion(home, store)
    assert champion is not None
    assert champion.recipe_name == "last_value"
    assert promotion.champion.previous_version_id == old.version_id


def test_only_months_that_neither_search_saw_are_judged(home: Home, store: sa.Engine) -> None:
    """The champion's search ended later than the challenger's: what it saw is not held against the challenger."""
    features = sample_features()
    recent = train(features, choose_params(features, price_rule=RULE, evaluation_months=36))
    champion = stage_version(home, with_setting(recent, WORSE))
    promote_version(home, store, champion.version_id, reason="x", actor=PERSON, decided_at=NOW)
    _staged, promotion = promote(home, store, sample_training())
    numbers = promotion.champion.numbers
    assert champion.card["windows"]["search_last_origin"] == "2022-11"
    assert (numbers["months"], numbers["first_month"], numbers["last_month"]) == (36, "2023-11", "2026-10")


def test_a_card_that_does_not_say_what_its_search_saw_cannot_be_compared(home: Home) -> None:
    version = stage_version(home, sample_training())
    assert last_searched(version) == Month(2020, 11)
    for windows in ({}, {"search_last_origin": "soon"}, None):
        with pytest.raises(VersionRefused, match="does not say which months its search saw"):
            last_searched(dataclasses.replace(version, card={**version.card, "windows": windows}))
