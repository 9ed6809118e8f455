"""For each check a planted fault that turns it red; on the sample as it was made, none that stops is red."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from milk.home.documents import read_document, write_document
from milk.home.tables import write_table
from milk.models.canonical import canonical_json, sha256_hex
from milk.publication.engine import open_store, writing
from milk.publication.ledger import append_promotion
from milk.scorecard_tables import SCORECARD
from milk.table_columns import INSTANT, MONTH
from milk.tables import column_types
from milk_assets.definitions import build_definitions
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import FIRST, PRICE_FILE, Place, outcomes, sample_place

pytestmark = pytest.mark.slow(seconds=50)

Fault = Callable[[Place], None]


def _in_table(name: str, spoil: Callable[[pd.DataFrame], pd.DataFrame]) -> Fault:
    def plant(place: Place) -> None:
        write_table(place.home, name, spoil(place.table(name)))

    return plant


def _first_cell(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        changed = table.copy()
        changed[column] = [value, *table[column].iloc[1:]]
        return changed.astype({column: table[column].dtype})

    return spoil


def _without_row(number: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table.drop(table.index[number])


def _without_month(month: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table[table["month"] != pd.Timestamp(month)]


def _until(month: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: table[table["month"] <= pd.Timestamp(month)]


def _last_price_times(factor: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    is_last = pd.Timestamp("2026-10-01")
    return lambda table: table.assign(price=table["price"].where(table["month"] != is_last, table["price"] * factor))


def _known_at_once(table: pd.DataFrame) -> pd.DataFrame:
    """One value known on the first day of its own month."""
    early = table["known_since"].where(table.index != 5, table["month"].dt.tz_localize("UTC"))
    return table.assign(known_since=early.astype(table["known_since"].dtype))


def _in_document(name: str, key: str, value: object) -> Fault:
    def plant(place: Place) -> None:
        document = read_document(place.home, name)
        assert isinstance(document, dict)
        assert key in document
        write_document(place.home, name, document | {key: value})

    return plant


def _another_setting(place: Place) -> None:
    document = read_document(place.home, "params")
    assert isinstance(document, dict)
    other = {**document["setting"], "drift_share": 0.75 - document["setting"]["drift_share"]}
    write_document(place.home, "params", document | {"setting": other})


def _few_settings(place: Place) -> None:
    document = read_document(place.home, "params")
    assert isinstance(document, dict)
    write_document(place.home, "params", document | {"settings": document["settings"][:3]})


def _worse_card(place: Place) -> None:
    """A staged version whose card owns up to worse scores than the last value's."""
    pointer = read_document(place.home, "staging_model")
    assert isinstance(pointer, dict)
    folder = place.home.path / "models" / pointer["version_id"]
    card = json.loads((folder / "card.json").read_bytes())
    card["scores"]["recipe"]["ratio_year"] = 1.01
    (folder / "card.json").write_bytes(canonical_json(card))
    sha256 = sha256_hex((folder / "model.json").read_bytes() + (folder / "card.json").read_bytes())
    write_document(place.home, "staging_model", pointer | {"sha256": sha256})


def _changed_model(place: Place) -> None:
    (model,) = (place.home.path / "models").glob("v-*/model.json")
    model.write_bytes(model.read_bytes().replace(b"0.", b"1.", 1))


def _lost_model(place: Place) -> None:
    (folder,) = (place.home.path / "models").glob("v-*")
    folder.rename(folder.with_name("elsewhere"))


def _empty_ledger(place: Place) -> None:
    Path(place.home.store_url.removeprefix("sqlite:///")).unlink()


def _other_hash_in_the_ledger(place: Place) -> None:
    """The ledger itself takes no change, but a further row may promise a version that is not there."""
    (row,) = place.ledger()
    store = open_store(place.home.store_url)
    append_promotion(store, replace(row, sha256="0" * 64, champion_sha256="0" * 64, run_id=None))
    store.dispose()


def _broken_card(place: Place) -> None:
    (card,) = (place.home.path / "models").glob("v-*/card.json")
    card.write_bytes(card.read_bytes().replace(b'"is_synthetic":true', b'"is_synthetic":"x"', 1))


def _changed_store(place: Place) -> None:
    """The triggers refuse it, so whoever changes history has to take them away first."""
    store = open_store(place.home.store_url)
    with writing(store) as connection:
        connection.exec_driver_sql("DROP TRIGGER forecasts_refuse_update")
        connection.exec_driver_sql("UPDATE forecasts SET price = price * 1.001 WHERE issue_month = '2026-05'")
    store.dispose()


def _other_price(table: pd.DataFrame) -> pd.DataFrame:
    """One month forecast anew, and not published since."""
    changed = table["issue_month"] == pd.Timestamp("2026-05-01")
    return table.assign(price=table["price"].where(~changed, table["price"] + 0.01))


def _judged_at_no_horizon(place: Place) -> None:
    """A row of ones, whose months are right and whose horizon is none."""
    month, instant = pd.Timestamp("2026-11-01"), pd.Timestamp("2026-11-05T12:00Z")
    ones = {"str": "?", "int64": 1, "float64": 1.0, "bool": True, MONTH: month, INSTANT: instant}
    types = column_types(SCORECARD)
    row = pd.DataFrame({name: [ones[kind]] for name, kind in types.items()}).astype(types)
    write_table(place.home, "scorecard", row.assign(horizon_months=0))


PLANTED: dict[str, tuple[str, str, Fault, str]] = {
    "an empty price": ("raw_milk_price", "schema", _in_table("raw_milk_price", _first_cell("value", "")), "value"),
    "an empty rain": ("raw_precipitation", "schema", _in_table("raw_precipitation", _first_cell("row", 0)), "row"),
    "a restored text too long": (
        "restored_central_bank",
        "schema",
        _in_table("restored_central_bank", _first_cell("text", "1" * 101)),
        "text",
    ),
    "no snapshot": ("raw_central_bank", "schema", _in_table("raw_central_bank", _first_cell("snapshot", "?")), "snap"),
    "a lost price": ("raw_milk_price", "no_month_absent", _in_table("raw_milk_price", _without_row(100)), "No price"),
    "a price no litre costs": ("merged_table", "schema", _in_table("merged_table", _first_cell("price", 1e9)), "price"),
    "a month twice": (
        "merged_table",
        "schema",
        _in_table("merged_table", lambda table: pd.concat([table, table.tail(1)])),
        "month",
    ),
    "an invented price": (
        "merged_table",
        "price_is_as_received",
        _in_table("merged_table", _first_cell("price", 99.0)),
        "1979-01 is not the one received",
    ),
    "a price lost on the way": (
        "merged_table",
        "price_is_as_received",
        _in_table("merged_table", _without_month("2026-10-01")),
        "2026-10 is not the one received",
    ),
    "no value": ("features", "schema", _in_table("features", _first_cell("value", float("nan"))), "value"),
    "a look ahead": ("features", "known_after_its_month", _in_table("features", _known_at_once), "1 values"),
    "not the best": ("params", "choice_is_the_best_row", _another_setting, "Another row"),
    "no search": ("params", "choice_is_the_best_row", _few_settings, "Only 3 settings"),
    "crossed ends": ("backtest", "schema", _in_table("backtest", _first_cell("lower_80", 1e6)), "nest"),
    "a missing row": ("backtest", "models_on_equal_rows", _in_table("backtest", _without_row(0)), "same rows"),
    "no price came": (
        "backtest",
        "models_on_equal_rows",
        _in_table("backtest", _first_cell("observed", float("nan"))),
        "no observed price",
    ),
    "worse than the last value": ("staging_model", "beats_the_last_value", _worse_card, "1.010"),
    "a broken card": ("staging_model", "card_is_valid", _broken_card, "changed after"),
    "nothing staged": (
        "staging_model",
        "card_is_valid",
        lambda place: (place.home.path / "documents" / "staging_model.json").unlink(),
        "materialise staging_model first",
    ),
    "a changed version": ("prod_model", "pointer_resolves", _changed_model, "hash"),
    "a lost version": ("prod_model", "pointer_resolves", _lost_model, "cannot be read"),
    "an empty ledger": ("prod_model", "pointer_resolves", _empty_ledger, "empty"),
    "a changed store": ("published_predictions", "store_is_whole", _changed_store, "2026-05 revision 1: its content"),
    "a month left behind": (
        "published_predictions",
        "nothing_unpublished",
        _in_table("batch_predictions", _other_price),
        "Not published: 2026-05 to 2026-05",
    ),
    "a rain lost": (
        "raw_precipitation",
        "months_complete",
        _in_table("raw_precipitation", _without_month("1985-03-01")),
        "8 months are absent from 8 series",
    ),
    "macro months lost": (
        "raw_central_bank",
        "months_complete",
        _in_table("raw_central_bank", _without_month("2015-03-01")),
        "are absent from",
    ),
    "an old price": ("raw_milk_price", "freshness", _in_table("raw_milk_price", _until("2026-07")), "3 months behind"),
    "an old rain": ("raw_precipitation", "freshness", _in_table("raw_precipitation", _until("2026-07")), "2026-09"),
    "an old index": ("raw_central_bank", "freshness", _in_table("raw_central_bank", _until("2026-07")), "behind"),
    "a rain in the desert": (
        "merged_table",
        "within_plausible_range",
        _in_table("raw_precipitation", _first_cell("value", "2001")),
        "1 values are left out",
    ),
    "a price with value added tax": (
        "merged_table",
        "jumps",
        _in_table("merged_table", _last_price_times(1.5)),
        "1 jumps in 1 series",
    ),
    "judged at no horizon": ("scorecard", "schema", _judged_at_no_horizon, "horizon_months"),
    "another hash": ("prod_model", "pointer_resolves", _other_hash_in_the_ledger, "000000"),
}
ELSEWHERE = {
    "received_without_faults": "below, with files",
    "agrees_with_former_vintage": "in test_data_checks.py, with files",
    "blocks_are_proved": "in test_restored_and_drift.py, with files",
    "relations_hold": "in test_restored_and_drift.py, with files",
    "no_cell_in_doubt": "red on the sample, see below",
    "inputs_as_in_training": "in test_restored_and_drift.py, with features",
    "recipe_hits": "in test_restored_and_drift.py, with forecasts",
    "is_of_newest_data": "in test_model_checks.py, with older features",
    "champion_still_wins": "in test_model_checks.py, with a version promoted by hand",
    "shown_as_in_ledger": "in test_model_checks.py, with a promotion that the UI was not told",
    "only_live_is_judged": "in test_scorecard.py, with a judged hindcast",
    "judged_as_published": "in test_scorecard.py, with another price",
    "coverage_in_band": "in test_model_checks.py, with narrow intervals, and test_scorecard.py, with two years",
    "no_bias": "in test_scorecard.py, with two years of issues",
    "not_worse_than_last_value": "in test_scorecard.py, with two years of issues",
    "decisions_are_whole": "in test_retraining.py, with a changed decision",
    "decision_is_of_today": "in test_retraining.py, with a newer price",
    "nothing_to_investigate": "in test_retraining.py, with a late price",
    "decision_is_acted_upon": "in test_retraining.py, with one that stood for months",
    "served_as_forecast": "in test_publication.py, with a month that cannot be published",
}
"""Checks whose fault is not planted in a stored table."""


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_turns_its_check_red(copied: Place, fault: str) -> None:
    asset, check, plant, said = PLANTED[fault]
    assert copied.check(asset, check).passed
    plant(copied)
    evaluation = copied.check(asset, check)
    assert not evaluation.passed
    assert evaluation.description is not None
    assert said in evaluation.description


def test_every_check_has_its_fault(made: Made) -> None:
    keys = made.place.definitions().get_repository_def().asset_graph.asset_check_keys
    planted = {(asset, check) for asset, check, _plant, _said in PLANTED.values()}
    missing = {(key.asset_key.to_user_string(), key.name) for key in keys} - planted
    assert {name for _asset, name in missing} == {*ELSEWHERE, "schema"}
    assert {asset for asset, name in missing if name == "schema"} == {"batch_predictions"}, "see test_graph_faults.py"


def test_the_sound_graph_is_green(made: Made) -> None:
    evaluations = made.result.get_asset_check_evaluations()
    red = {(e.asset_key.to_user_string(), e.check_name) for e in evaluations if not e.passed}
    # The rain and the macro file of the sample have the faults of the original ones, and say so.
    assert red == {
        ("raw_precipitation", "received_without_faults"),
        ("raw_central_bank", "received_without_faults"),
        ("restored_central_bank", "no_cell_in_doubt"),
    }
    assert len(evaluations) == len(made.place.definitions().get_repository_def().asset_graph.asset_check_keys)


def test_a_blocking_check_stops_what_hangs_below_it(copied: Place) -> None:
    _in_table("raw_milk_price", _without_row(100))(copied)
    below = dg.AssetSelection.assets("merged_table", "features")
    checks = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("raw_milk_price"), "no_month_absent"))
    result = copied.run(below | checks)
    assert not result.success
    ended = outcomes(result)
    assert ended["raw_milk_price_no_month_absent"] == "STEP_FAILURE"
    assert "merged_table" not in ended or ended["merged_table"] == "STEP_SKIPPED"
    assert not [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey("features")]


def test_the_same_fault_as_a_warning_stops_nothing(copied: Place) -> None:
    _worse_card(copied)
    key = dg.AssetCheckKey(dg.AssetKey("staging_model"), "beats_the_last_value")
    result = copied.run(dg.AssetSelection.checks(key))
    assert result.success
    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.severity == dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize("asset", ["raw_milk_price", "raw_precipitation", "raw_central_bank"])
def test_faults_of_a_file_are_a_warning(tmp_path: Path, asset: str) -> None:
    place = sample_place(tmp_path)
    files = {"raw_milk_price": PRICE_FILE, "raw_precipitation": "precipitaciones.csv"}
    file = place.data / files.get(asset, "banco_central.csv")
    lines = _sound_lines(file)
    file.write_text("".join(lines), encoding="utf-8")
    answered = [
        dg.AssetCheckKey(dg.AssetKey(asset), name) for name in ("received_without_faults", "agrees_with_former_vintage")
    ]
    selection = dg.AssetSelection.assets(asset).without_checks() | dg.AssetSelection.checks(*answered)
    assert all(evaluation.passed for evaluation in place.run(selection).get_asset_check_evaluations())

    file.write_text("".join([*lines, lines[-1]]), encoding="utf-8")
    result = place.run(selection)
    evaluations = {e.check_name: e for e in result.get_asset_check_evaluations()}
    evaluation = evaluations["received_without_faults"]
    assert result.success
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert evaluation.metadata["faults"].value == 1
    assert evaluations["agrees_with_former_vintage"].passed


def _sound_lines(file: Path) -> list[str]:
    """The header and a few rows in which nothing is wrong."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return lines if file.name == PRICE_FILE else [lines[0], lines[1]]


def test_without_the_optional_files_the_graph_is_green(tmp_path: Path) -> None:
    place = sample_place(tmp_path)
    for name in ("precipitaciones.csv", "banco_central.csv"):
        (place.data / name).unlink()
    result = place.run(months=("2026-10", "2026-11"))
    assert result.success
    told = {e.asset_key.to_user_string(): e for e in result.get_asset_check_evaluations() if not e.passed}
    assert set(told) == {"raw_precipitation", "raw_central_bank"}
    for evaluation in told.values():
        assert evaluation.severity == dg.AssetCheckSeverity.WARN
        assert "not there" in (evaluation.description or "")
    assert len(place.table()) == 24


def test_checks_read_the_data_that_the_definitions_were_given(made: Made, tmp_path: Path) -> None:
    """The checks are made once at import; what they look at comes with the resources."""
    other = sample_place(tmp_path)
    definitions = build_definitions(other.settings)
    result = other.run(dg.AssetSelection.checks_for_assets("merged_table"), definitions=definitions)
    assert not result.success, f"nothing is made there yet, though {made.place.root} has it since {FIRST}"
