"""What is made again from the card of a version is that version."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from milk.errors import VersionRefused
from milk.evaluation.backtest import RECIPE
from milk.evaluation.gate import COLUMNS
from milk.home.layout import Home
from milk.home.tables import write_table
from milk.models.apply import apply_version
from milk.models.canonical import canonical_json
from milk.models.version import ModelVersion, version_id_of
from milk.months import Month
from milk.steps.staging import _basis_of as basis_of
from milk.steps.staging import model_of, remake_version, stage_version, write_recipe
from tests.builders import revise
from tests.milk.steps.homes import sample_training


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    write_table(home, "features", sample_training().features)
    return home


def _with_card(version: ModelVersion, **changes: Any) -> ModelVersion:  # noqa: ANN401 because any content may be planted
    return dataclasses.replace(version, card={**version.card, **changes})


@pytest.mark.parametrize("recipe", ["searched", "last value"])
def test_a_version_is_made_again_from_its_card(home: Home, recipe: str) -> None:
    training = sample_training()
    version = stage_version(home, training) if recipe == "searched" else write_recipe(home, training, None)
    # Later data in the home are not looked at.
    write_table(home, "features", revise(training.features, "2026-05", 300.0, known_since="2026-11-20"))
    remade = remake_version(home, version)
    assert (remade.version_id, remade.largest_difference, remade.is_same) == (version.version_id, 0.0, True)


def test_what_is_made_again_forecasts_the_same(home: Home) -> None:
    version = stage_version(home, sample_training())
    model = model_of(basis_of(home, version))
    again = ModelVersion(version_id_of(model), "", model, version.card)
    prices = [300.0 + 10 * np.sin(k) for k in range(40)]
    old, new = (apply_version(v, prices, last_month=Month(2026, 10)) for v in (version, again))
    for mine, other in zip(old, new, strict=True):
        assert mine.price == pytest.approx(other.price, rel=1e-12)
        assert (mine.lower_95, mine.upper_95) == pytest.approx((other.lower_95, other.upper_95), rel=1e-12)


def test_blocks_and_their_horizons_are_made_again(home: Home) -> None:
    training = sample_training()
    choice = dataclasses.replace(training.params.choice, blocks={"exchange_rate": (1, 3)})
    with_block = dataclasses.replace(training, params=dataclasses.replace(training.params, choice=choice))
    version = stage_version(home, with_block)
    assert version.model["fit"]["blocks"]["exchange_rate"]["coefficients"]
    assert remake_version(home, version).version_id == version.version_id


def test_a_number_that_was_changed_is_found(home: Home) -> None:
    version = stage_version(home, sample_training())
    model = json.loads(canonical_json(version.model))
    model["fit"]["members"][0]["drift"] *= 1 + 1e-9
    remade = remake_version(home, dataclasses.replace(version, model=model))
    assert not remade.is_same
    assert remade.largest_difference == pytest.approx(1e-9, rel=1e-3)
    del model["fit"]["members"][0]
    assert not remake_version(home, dataclasses.replace(version, model=model)).is_same


def test_another_table_under_the_number_is_refused(home: Home, tmp_path: Path) -> None:
    version = stage_version(home, sample_training())
    other = Home(tmp_path / "other")
    write_table(other, "features", revise(sample_training().features, "2026-05", 300.0, known_since="2026-11-20"))
    with pytest.raises(VersionRefused, match=r"holds other rows than those that v-.* was made from\. Use the home"):
        remake_version(other, version)
    for empty in (Home(tmp_path / "empty"), home):
        far = _with_card(version, data={**version.card["data"], "table_versions": {"features": 99}})
        with pytest.raises(VersionRefused, match=r"made from version 99 of the table features, which .* does not hold"):
            remake_version(empty, far)


def test_a_card_of_an_earlier_program_says_too_little(home: Home) -> None:
    version = stage_version(home, sample_training())
    card = {name: part for name, part in version.card.items() if name != "recipe"}
    with pytest.raises(VersionRefused, match=r"does not say what it was made from \('recipe'\): an earlier program"):
        remake_version(home, dataclasses.replace(version, card=card))


def test_the_card_has_intervals_verdicts_recipe_and_source(home: Home) -> None:
    card = stage_version(home, sample_training()).card
    assert card["recipe"]["name"] == "combination"
    assert set(card["scores"]["against"]) == {"last_value", "seasonal_drift"}
    for rows in card["scores"]["against"].values():
        assert [row["horizon_months"] for row in rows] == list(range(1, 13))
        assert all(row["ratio_low"] <= row["ratio"] <= row["ratio_high"] for row in rows)
    ratios = [row["ratio"] for row in card["scores"]["against"]["last_value"]]
    assert ratios == pytest.approx([row["ratio"] for row in card["scores"]["by_horizon"][RECIPE]])
    assert set(card["search"]["blocks"]) == set(sample_training().params.choice.gate["block"])
    assert all(said.startswith(("Refused", "Admitted", "Not judged")) for said in card["search"]["blocks"].values())
    assert card["software"]["source"]


def test_without_a_gate_the_card_has_no_verdicts(home: Home) -> None:
    training = sample_training()
    choice = dataclasses.replace(training.params.choice, gate=pd.DataFrame(columns=COLUMNS))
    bare = dataclasses.replace(training, params=dataclasses.replace(training.params, choice=choice))
    assert stage_version(home, bare).card["search"]["blocks"] == {}
