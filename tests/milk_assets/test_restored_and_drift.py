"""The macro series through the graph, and what `batch_predictions` says of its inputs."""

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from milk.home.tables import frame_hash, read_table
from milk.models.version import read_version
from milk.months import Month
from milk.series import series_register
from milk.sources.sample import MACRO_FILE, PRICE_FILE
from milk.steps.drift import ERRORS, TABLE, assess
from milk.steps.predictions import Issuing
from milk.steps.training import used_features
from milk.tables import INPUT_DRIFT, RESTORED
from milk_assets.defs.assets.drift import ERROR_CHECK, INPUT_CHECK, drift_results
from tests.builders import RULE
from tests.milk.steps.homes import NOW
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import Place, sample_place

pytestmark = pytest.mark.slow(seconds=45)

PANEL = dg.AssetSelection.assets("raw_central_bank", "restored_central_bank", "merged_table", "features")


def change_cells(place: Place, series: str, years: range, change: Callable[[str], str]) -> None:
    """Change the cells of a macro series in some years of the file."""
    file = place.data / MACRO_FILE
    rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8"))))
    column = rows[0].index(series_register()[series].column)
    for row in rows[1:]:
        if int(row[0][:4]) in years and row[column]:
            row[column] = change(row[column])
    file.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def swapped(text: str) -> str:
    """The same number with its first two digits swapped."""
    return text[1] + text[0] + text[2:]


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {f"{e.asset_key.to_user_string()}.{e.check_name}": e for e in result.get_asset_check_evaluations()}


def test_the_sample_is_restored_and_proved(made: Made) -> None:
    table = made.place.table("restored_central_bank")
    RESTORED.validate(table, lazy=True)
    assert table["is_proved"].all()
    assert set(table["status"]) == {"literal", "restored", "uncertain", "unreadable"}
    checks = checks_of(made.result)
    assert checks["restored_central_bank.blocks_are_proved"].passed
    assert checks["restored_central_bank.relations_hold"].passed
    # The sample has the text `a` over some of its values, and one month that cannot be added up for want of them.
    doubted = checks["restored_central_bank.no_cell_in_doubt"]
    assert not doubted.passed
    assert "cells are uncertain or unreadable" in str(doubted.description)
    merged = made.place.table("merged_table")
    assert merged["gdp_clp_bn"].notna().sum() > 150
    assert made.place.table("features")["feature"].nunique() == 93


def test_accounts_that_do_not_add_up_leave_their_block_out_and_stop_nothing(copied: Place) -> None:
    change_cells(copied, "gdp_mining_clp_bn", range(2013, 2015), swapped)
    result = copied.run(PANEL)
    assert result.success
    proved = checks_of(result)["restored_central_bank.blocks_are_proved"]
    assert not proved.passed
    assert proved.severity is dg.AssetCheckSeverity.WARN
    assert "Unproved: gdp" in str(proved.description)
    merged = copied.table("merged_table")
    assert merged["gdp_clp_bn"].isna().all()
    assert merged["imacec_index"].notna().any()
    features = copied.table("features")
    assert not features["feature"].str.startswith("gdp_").any()
    assert features["feature"].str.startswith("imacec_").any()


def test_an_index_that_leaves_its_parts_is_told(copied: Place) -> None:
    change_cells(copied, "retail_sales_index", range(2020, 2021), swapped)
    related = checks_of(copied.run(PANEL))["restored_central_bank.relations_hold"]
    assert not related.passed
    assert "Broken in" in str(related.description)


def test_a_macro_file_without_notes_leaves_no_cell_unreadable(tmp_path: Path) -> None:
    place = sample_place(tmp_path)
    file = place.data / MACRO_FILE
    rows = [line.split(",") for line in file.read_text(encoding="utf-8").splitlines()]
    cleaned = [",".join("" if cell == "a" else cell for cell in row) for row in rows]
    file.write_text("\n".join(cleaned) + "\n", encoding="utf-8")
    assert place.run(dg.AssetSelection.assets("raw_central_bank", "restored_central_bank")).success
    assert set(place.table("restored_central_bank")["status"]) <= {"literal", "restored", "uncertain"}


def test_a_revised_macro_value_is_a_further_row_and_its_change_another(copied: Place) -> None:
    before = copied.table("features")
    change_cells(copied, "usd_clp", range(2024, 2025), lambda text: text[:-1] + ("1" if text[-1] != "1" else "2"))
    later = Place(copied.root, now="2026-12-03T12:00:00+00:00")
    assert later.run(PANEL).success
    restored = later.table("restored_central_bank")
    revised = restored[(restored["series"] == "usd_clp") & (restored["known_by"] == "received")]
    assert len(revised) == 12
    assert (revised["known_since"] >= pd.Timestamp("2026-12-03", tz="UTC")).all()
    after = later.table("features")
    # Twelve changes of these months and that of the month after them; nothing that was known before is another now.
    assert len(after) == len(before) + 13
    known, was_known = (
        table[table["known_since"] < pd.Timestamp("2026-12-03", tz="UTC")].reset_index(drop=True)
        for table in (after, before)
    )
    pd.testing.assert_frame_equal(known, was_known)


def test_every_issue_month_has_its_row_of_drift(made: Made) -> None:
    drift = made.place.table(TABLE)
    INPUT_DRIFT.validate(drift, lazy=True)
    assert drift["issue_month"].nunique() == made.place.table()["issue_month"].nunique()
    assert drift.groupby("issue_month").size().unique().tolist() == [94]
    checks = checks_of(made.result)
    assert checks[f"batch_predictions.{INPUT_CHECK}"].passed
    assert checks[f"batch_predictions.{ERROR_CHECK}"].passed


def test_a_price_beyond_all_others_is_told_and_the_forecast_issued(copied: Place) -> None:
    with (copied.data / PRICE_FILE).open("a", encoding="utf-8") as file:
        file.write("2026,Nov,1036.80\n")
    assert copied.run(dg.AssetSelection.assets("raw_milk_price")).success
    later = Place(copied.root, now="2026-12-03T12:00:00+00:00")
    result = later.run(months=("2026-12", "2026-12"))
    assert result.success
    told = checks_of(result)[f"batch_predictions.{INPUT_CHECK}"]
    assert not told.passed
    assert told.severity is dg.AssetCheckSeverity.WARN
    assert "2026-12: 1 input of the recipe stands out" in str(told.description)
    drift = later.table(TABLE)
    price = drift[(drift["issue_month"] == "2026-12-01") & (drift["feature"] == "price")]
    assert price["is_out_of_range"].all()
    assert len(later.table().loc[lambda t: t["issue_month"] == "2026-12-01"]) == 12


def test_a_recipe_that_misses_is_told(made: Made) -> None:
    version = read_version(made.place.home.models, made.place.ledger()[0].champion_version_id)
    issuing = Issuing(made.place.table("features"), version, RULE, True, NOW)
    assessed = assess(issuing, [Month(2026, 11)])
    assert all(result.passed for result in drift_results(assessed, is_synthetic=True))
    drift = assessed.rows
    is_error = drift["feature"] == ERRORS
    drift = drift.assign(
        is_drifted=drift["is_drifted"] | is_error, finding=drift["finding"].where(~is_error, "CUSUM 7.1")
    )
    missed = dataclasses.replace(assessed, rows=drift)
    by_name = {str(result.check_name): result for result in drift_results(missed, is_synthetic=True)}
    assert not by_name[ERROR_CHECK].passed
    assert "CUSUM 7.1" in str(by_name[ERROR_CHECK].description)
    nothing = drift_results(dataclasses.replace(assessed, rows=drift.head(0)), is_synthetic=True)
    assert [result.passed for result in nothing] == [True, True]


def test_training_and_forecast_keep_the_versions_that_they_read(copied: Place) -> None:
    """Neither overwrites the other's: after new data came, both can still be read as they were used."""
    before = copied.table("features")
    change_cells(copied, "usd_clp", range(2024, 2025), lambda text: text[:-1] + ("1" if text[-1] != "1" else "2"))
    assert Place(copied.root, now="2026-12-03T12:00:00+00:00").run(PANEL).success
    card = read_version(copied.home.models, copied.ledger()[0].champion_version_id).card
    trained = read_table(copied.home, "features", version=card["data"]["table_versions"]["features"])
    assert card["data"]["features"] == frame_hash(used_features(trained))
    issued = json.loads(copied.table().iloc[0]["data_versions"])
    read = read_table(copied.home, "features", version=issued["tables"]["features"])
    assert frame_hash(used_features(read)) == issued["features"]["sha256"]
    assert frame_hash(trained) == frame_hash(before)
    assert len(copied.table("features")) > len(trained)


@pytest.mark.parametrize("asset", ["raw_central_bank", "restored_central_bank"])
def test_the_pages_show_tables_and_pictures(made: Made, asset: str) -> None:
    (materialization,) = [
        e.materialization for e in made.result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(asset)
    ]
    shown = materialization.metadata
    if asset == "restored_central_bank":
        for name in ("cells", "blocks", "identities", "relations", "columns"):
            assert "|" in str(shown[name].value), name
        for name in ("identity_errors", "before_and_after"):
            assert "data:image/png;base64" in str(shown[name].value)
    else:
        assert shown["dagster/row_count"].value == len(made.place.table(asset))
