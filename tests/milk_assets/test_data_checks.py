"""What a person reads of the data: failing rows, faults, revisions, jumps, and the pages of the panel."""

from pathlib import Path

import dagster as dg
import pandas as pd

from milk.home.tables import write_table
from milk_assets.defs.shown import ROWS_SHOWN, per_cent, table_of_rows
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import PRICE_FILE, Place, sample_place

PRICE = dg.AssetSelection.assets("raw_milk_price")
RAIN_FILE = "precipitaciones.csv"


def text_of(metadata: object, name: str) -> str:
    value = metadata[name]  # type: ignore[index]  # because the mapping is Dagster's, with values of many types
    return str(value.value)


def page_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, dg.MetadataValue]:
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(asset)]
    return dict(event.materialization.metadata)


def evaluation_of(result: dg.ExecuteInProcessResult, check: str) -> dg.AssetCheckEvaluation:
    (evaluation,) = [e for e in result.get_asset_check_evaluations() if e.check_name == check]
    return evaluation


def change_prices(place: Place, factor: float, *, last: int) -> None:
    """Revise the newest months of the price file."""
    file = place.data / PRICE_FILE
    lines = file.read_text(encoding="utf-8").splitlines()
    for number in range(len(lines) - last, len(lines)):
        year, month, price = lines[number].split(",")
        lines[number] = f"{year},{month},{float(price) * factor:.2f}"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_failing_rows_are_shown_with_file_row_and_column(copied: Place) -> None:
    table = copied.table("raw_milk_price").sort_values("month", ignore_index=True)
    value = table["value"].where(table.index >= 30, "")
    write_table(copied.home, "raw_milk_price", table.assign(value=value))
    metadata = copied.check("raw_milk_price", "schema").metadata
    shown = text_of(metadata, "failing_rows").splitlines()
    assert metadata["failures"].value == 30
    assert len(shown) == 2 + ROWS_SHOWN
    assert metadata["failing_rows_not_shown"].value == 5
    assert shown[0] == "| file | series | month | known_since | row | column | value | rule |"
    snapshot = table["snapshot"].iloc[0][:8]
    assert f"| {PRICE_FILE} {snapshot} | price | 1979-01 | 1979-02-01 03:00:00+00:00 | 2 | value |" in shown[2]


def test_failing_rows_of_a_table_that_was_made_have_no_file(copied: Place) -> None:
    table = copied.table("merged_table")
    write_table(copied.home, "merged_table", table.assign(price=table["price"].where(table.index != 5, 1e9)))
    shown = text_of(copied.check("merged_table", "schema").metadata, "failing_rows").splitlines()
    assert shown[0] == "| month | column | value | rule |"
    assert "| 1e+09 |" in shown[2] or "1000000000" in shown[2]


def test_the_faults_of_a_file_are_listed_where_they_are(copied: Place) -> None:
    file = copied.data / RAIN_FILE
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*lines, "1999-13-01" + ",1" * 8, *[lines[5]] * 30]) + "\n", encoding="utf-8")
    result = copied.run(dg.AssetSelection.assets("raw_precipitation"))
    metadata = evaluation_of(result, "received_without_faults").metadata
    assert metadata["faults"].value == 32
    assert metadata["fault_list_not_shown"].value == 7
    heads = text_of(metadata, "fault_list").splitlines()[0]
    assert heads == "| severity | file | row | column | value | problem | remedy |"
    assert "| 1999-13-01 |" in text_of(metadata, "month_faults")
    assert text_of(page_of(result, "raw_precipitation"), "fault_list") == text_of(metadata, "fault_list")


def test_every_reception_reports_its_revisions(copied: Place) -> None:
    change_prices(copied, 1.01, last=3)
    result = copied.run(PRICE)
    page = page_of(result, "raw_milk_price")
    assert (page["revised_values"].value, page["revised_months"].value) == (3, "2026-08 to 2026-10")
    assert (page["median_revision"].value, page["largest_revision"].value) == ("1.00%", "1.00%")
    assert "| price | 2026-10 | 340.01 | 343.41 | 1.00% |" in text_of(page, "revisions")
    vintage = evaluation_of(result, "agrees_with_former_vintage")
    assert vintage.passed
    assert vintage.description == "0.5% of 574 values that stood and came again were changed."
    again = page_of(copied.run(PRICE), "raw_milk_price")
    assert set(again) >= {"revised_values", "revised_months", "median_revision", "largest_revision", "revisions"}
    assert (again["revised_values"].value, again["revised_months"].value) == (0, "none")


def test_prices_with_value_added_tax_do_not_agree_with_the_former_file(copied: Place) -> None:
    # All but the first three years, by which the home knows whose prices they are.
    change_prices(copied, 1.19, last=574 - 36)
    result = copied.run(PRICE)
    assert result.success, "a warning never blocks"
    vintage = evaluation_of(result, "agrees_with_former_vintage")
    assert (vintage.passed, vintage.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "538 of 574 values of price changed by more than 2%" in (vintage.description or "")
    assert vintage.metadata["revisions_not_shown"].value == 538 - ROWS_SHOWN
    assert "19.0" in text_of(vintage.metadata, "by_series")


def test_a_macro_cell_that_lost_a_zero_is_no_change(copied: Place) -> None:
    file = copied.data / "banco_central.csv"
    text = file.read_text(encoding="utf-8")
    cell = next(c for c in text.splitlines()[-20].split(",") if c.count(".") == 2 and not c.endswith("0"))
    file.write_text(text.replace(f",{cell},", f",{cell}0,", 1), encoding="utf-8")
    page = page_of(copied.run(dg.AssetSelection.assets("raw_central_bank")), "raw_central_bank")
    assert (page["revised_values"].value, page["largest_revision"].value) == (1, "0.00%")


def test_jumps_are_told_with_what_was_allowed_and_a_picture(copied: Place) -> None:
    table = copied.table("merged_table")
    is_last = table["month"] == table["month"].max()
    write_table(copied.home, "merged_table", table.assign(price=table["price"].where(~is_last, table["price"] * 10)))
    evaluation = copied.check("merged_table", "jumps")
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    (row,) = text_of(evaluation.metadata, "jump_list").splitlines()[2:]
    assert row.startswith("| price | 2026-10 | 352.4 | 3400 | 2.267 | -0.2")
    assert "data:image/png" in text_of(evaluation.metadata, "price_changes")


def test_gaps_freshness_and_ranges_have_their_tables(copied: Place) -> None:
    rain = copied.table("raw_precipitation")
    lost = rain["month"].between("1990-01-01", "1990-04-01") & (rain["series"] == "rain_maule_mm")
    odd = rain["value"].where(rain.index != rain.index[0], "3000")
    write_table(copied.home, "raw_precipitation", rain.assign(value=odd)[~lost & (rain["month"] < "2026-08-01")])
    gaps = text_of(copied.check("raw_precipitation", "months_complete").metadata, "gaps")
    assert "| rain_maule_mm | 1979-01 | 2026-07 | 4 | 1990-01 to 1990-04 |" in gaps
    fresh = copied.check("raw_precipitation", "freshness")
    assert "| day 7 of the month after | 8 | 2026-07 | 2026-09 | 2 |" in text_of(fresh.metadata, "by_rule")
    values = text_of(copied.check("merged_table", "within_plausible_range").metadata, "values")
    assert values.splitlines()[2].endswith("| 3000 | 0 to 2000 |")


def test_freshness_asks_the_clock(made: Made) -> None:
    late = Place(made.place.root, now="2027-02-15T12:00:00+00:00")
    for asset in ("raw_milk_price", "raw_precipitation", "raw_central_bank"):
        evaluation = late.check(asset, "freshness")
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN), asset
    assert late.check("raw_milk_price", "freshness").metadata["months_behind"].value == 3


def test_the_pages_of_the_panel_explain_themselves(made: Made) -> None:
    merged, features = page_of(made.result, "merged_table"), page_of(made.result, "features")
    blocks = text_of(merged, "blocks").splitlines()
    assert blocks[0] == "| block | series | first | last | missing | proved | left_out |"
    assert len(blocks) == 2 + 9
    assert "| rain_maule_mm | 454 | 0 |" in text_of(features, "block_rain")
    assert "| rain | 8 | log_anomaly | day 7 of the month after |" in text_of(features, "blocks")
    assert "log_change" in text_of(features, "transformations")
    assert "data:image/png" in text_of(features, "known_over_time")
    assert features["features"].value == 93
    longest = max(len(text_of(features, name).splitlines()) for name in features if name.startswith("block_"))
    assert longest <= 32
    assert "data:image/png" in text_of(page_of(made.result, "restored_central_bank"), "margins")


def test_rows_beyond_the_cap_are_counted() -> None:
    rows = [{"n": k} for k in range(4)]
    assert table_of_rows("rows", rows)["rows"].value.count("\n") == 5
    assert table_of_rows("rows", rows, most=3)["rows_not_shown"] == 1
    assert table_of_rows("rows", pd.DataFrame())["rows"].value == "(none)"
    assert [per_cent(x) for x in (0.01, float("inf"), float("nan"))] == ["1.00%", "from nothing", "no number"]


def test_a_first_reception_has_nothing_to_compare(tmp_path: Path) -> None:
    result = sample_place(tmp_path).run(PRICE)
    assert evaluation_of(result, "agrees_with_former_vintage").description == "Nothing of it stood before."
    assert page_of(result, "raw_milk_price")["revised_months"].value == "none"
