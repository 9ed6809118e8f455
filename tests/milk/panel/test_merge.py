"""The merged table: one row a month, and every repair counted."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from milk.errors import BadInput
from milk.months import Month
from milk.panel.merge import merge_sources, panel_as_of
from milk.panel.repairs import Repair
from milk.panel.restored import restore_observations
from milk.series import SourceName, series_register
from milk.sources.files import SOURCE_FILES
from milk.sources.sample import generate
from milk.steps.receive import empty_observations
from milk.tables import MERGED_TABLE
from tests.milk.panel.vintages import NOON, parsed_of, received
from tests.milk.sources.texts import START

REGISTER = series_register()
NOTHING = empty_observations()
PRICE = received(parsed_of(["3.85", "4.58", "4.6"]))
KNOWN_SINCE = ["price_known_since", "rain_known_since", "macro_known_since"]
RAIN, MACRO = REGISTER.of_source("precipitation")[0].name, REGISTER.of_source("central_bank")[0].name


def merge(
    price: pd.DataFrame = PRICE, rain: pd.DataFrame = NOTHING, macro: pd.DataFrame = NOTHING
) -> tuple[pd.DataFrame, dict[str, Repair]]:
    restored, _restoration, stray = restore_observations(macro, REGISTER.of_source("central_bank"))
    merged, repairs = merge_sources(price, rain, restored, REGISTER)
    MERGED_TABLE.validate(merged, lazy=True)
    return merged, {repair.name: repair for repair in (*repairs, stray)}


def counts(repairs: dict[str, Repair]) -> list[int]:
    return [repairs[name].cells for name in ("stray cells", "implausible rain", "months without a price")]


def test_price_alone_is_a_valid_table() -> None:
    merged, repairs = merge()
    assert merged["month"].dt.strftime("%Y-%m").tolist() == ["1979-01", "1979-02", "1979-03"]
    assert merged["price"].tolist() == [3.85, 4.58, 4.6]
    assert merged["series_id"].unique().tolist() == ["cl_farmgate_milk"]
    others = [s.name for s in REGISTER.series if s.name != "price"]
    assert merged[[*others, *KNOWN_SINCE[1:]]].isna().all().all()
    assert counts(repairs) == [0, 0, 0]


def test_columns_are_those_of_the_register_in_its_order() -> None:
    merged, _repairs = merge()
    names = [s.name for s in REGISTER.series]
    assert list(merged.columns) == ["series_id", "month", *names, *KNOWN_SINCE]


def test_rain_and_macro_join_their_month() -> None:
    rain = received(parsed_of(["0", "12.5"], source="precipitation", first=START + 1), source="precipitation")
    merged, repairs = merge(rain=rain)
    assert merged[RAIN].tolist()[1:] == [0.0, 12.5]
    assert np.isnan(merged[RAIN][0])
    assert merged["rain_known_since"].isna().tolist() == [True, False, False]
    assert counts(repairs) == [0, 0, 0]


def test_a_macro_block_that_proves_itself_joins_as_numbers() -> None:
    late = received(parsed_of(["150", "151"], first=Month(2014, 1)))
    sold = macro_of({"new_cars_sold": ["26656", "25048"], "retail_sales_index": ["95.112.345", "a"]})
    merged, repairs = merge(late, macro=sold)
    assert merged["new_cars_sold"].tolist() == [26656.0, 25048.0]
    assert merged["retail_sales_index"][0] == 95.112345
    assert np.isnan(merged["retail_sales_index"][1])
    assert merged["macro_known_since"].notna().all()
    assert [repairs[name].cells for name in ("unproved macro values", "implausible macro values")] == [0, 0]


def test_a_block_that_does_not_add_up_is_left_out_and_counted() -> None:
    late = received(parsed_of(["150", "151"], first=Month(2014, 1)))
    parts = macro_of({"gdp_clp_bn": ["109.771.386", "104.022.977"], "gdp_fishing_clp_bn": ["45.492.189", "42.844.027"]})
    merged, repairs = merge(late, macro=parts)
    assert merged[["gdp_clp_bn", "gdp_fishing_clp_bn"]].isna().all().all()
    assert repairs["unproved macro values"].cells == 4


def test_a_cell_in_doubt_and_one_that_nobody_believes_are_left_out_and_counted() -> None:
    late = received(parsed_of(["150"] * 5, first=Month(2014, 1)))
    # A step by 3 in a column without any point that is sure, and a price of gold that is none.
    doubted = macro_of({"gold_usd_oz": ["1201.5", "1210.25", "1.5", "1233.75", "1250.5"]})
    merged, repairs = merge(late, macro=doubted)
    assert merged["gold_usd_oz"].isna().tolist() == [False, False, True, False, False]
    assert repairs["implausible macro values"].cells == 1


def test_a_text_that_is_no_number_takes_the_place_of_no_number() -> None:
    late = received(parsed_of(["150"] * 3, first=Month(2014, 1)))
    first = parsed_of(["1"] * 3, source="central_bank", first=Month(2014, 1))
    gold = first.assign(series="gold_usd_oz", value=["1201.5", "1210.25", "1233.75"]).astype({"series": "str"})
    lost = gold.assign(value=["1201.5", "a", "1233.75"])
    observations = received(gold, lost, source="central_bank")
    assert len(observations) == 4
    merged, _repairs = merge(late, macro=observations)
    assert merged["gold_usd_oz"].tolist() == [1201.5, 1210.25, 1233.75]
    restored = restore_observations(observations, REGISTER.of_source("central_bank"))[0]
    assert restored["status"].tolist() == ["literal", "literal", "unreadable", "literal"]
    assert restored["is_usable"].tolist() == [True, True, False, True]


def macro_of(columns: dict[str, list[str]]) -> pd.DataFrame:
    """Observations of some macro series from January 2014 on."""
    parsed = parsed_of(["1"] * len(next(iter(columns.values()))), source="central_bank", first=Month(2014, 1))
    parts = [parsed.assign(series=name, value=values) for name, values in columns.items()]
    return received(
        pd.concat(parts, ignore_index=True).astype({"series": "str", "value": "str"}), source="central_bank"
    )


def test_cells_before_their_series_begins_are_left_out_and_counted() -> None:
    macro = received(parsed_of(["1.5", "a", ""], source="central_bank"), source="central_bank")
    merged, repairs = merge(macro=macro)
    assert merged[MACRO].isna().all()
    assert repairs["stray cells"].cells == 2


def test_the_panel_of_a_day_holds_what_was_known_then() -> None:
    price = received(parsed_of(["3.85", "4.58", "4.7"]), parsed_of(["3.85", "4.59", "4.7"]))
    nothing = restore_observations(NOTHING, REGISTER.of_source("central_bank"))[0]
    before = panel_as_of(price, NOTHING, nothing, REGISTER, dt.datetime(1979, 3, 15, tzinfo=dt.UTC))
    assert before["price"].tolist() == [3.85, 4.58]
    between = panel_as_of(price, NOTHING, nothing, REGISTER, NOON + dt.timedelta(hours=1))
    assert between["price"].tolist() == [3.85, 4.58, 4.7]
    after = panel_as_of(price, NOTHING, nothing, REGISTER, NOON + dt.timedelta(days=1))
    assert after["price"].tolist() == [3.85, 4.59, 4.7]
    with pytest.raises(BadInput, match="There is no milk price"):
        panel_as_of(price, NOTHING, nothing, REGISTER, dt.datetime(1979, 1, 15, tzinfo=dt.UTC))


@pytest.mark.parametrize("text", ["2000.1", "1e400", "3e5"])
def test_implausible_rain_is_left_out_and_counted(text: str) -> None:
    rain = received(parsed_of(["2000", text, "0"], source="precipitation"), source="precipitation")
    merged, repairs = merge(rain=rain)
    assert merged[RAIN].tolist()[::2] == [2000.0, 0.0]
    assert np.isnan(merged[RAIN][1])
    assert repairs["implausible rain"].cells == 1


def test_months_without_a_price_are_left_out_and_counted() -> None:
    rain = received(parsed_of(["1"] * 5, source="precipitation", first=START + (-1)), source="precipitation")
    gold = parsed_of(["100"] * 4, source="central_bank").assign(series="gold_usd_oz").astype({"series": "str"})
    merged, repairs = merge(rain=rain, macro=received(gold, source="central_bank"))
    assert len(merged) == 3
    assert repairs["months without a price"].cells == 3


def test_revised_price_is_what_stands_and_when_it_is_known() -> None:
    price = received(parsed_of(["3.85", "4.58"]), parsed_of(["3.85", "4.59"]))
    merged, _repairs = merge(price)
    assert merged["price"].tolist() == [3.85, 4.59]
    assert merged["price_known_since"][1] == NOON + dt.timedelta(days=1)


def test_gap_is_refused() -> None:
    with pytest.raises(BadInput, match="The milk price has no value for 1979-02"):
        merge(PRICE[PRICE["month"] != pd.Timestamp(1979, 2, 1)])


def test_no_price_is_refused() -> None:
    with pytest.raises(BadInput, match="There is no milk price"):
        merge(NOTHING)


def test_input_is_left_as_it_was() -> None:
    price, rain = PRICE.copy(), received(parsed_of(["5000"], source="precipitation"), source="precipitation")
    before = rain.copy()
    merge(price, rain)
    assert price.equals(PRICE)
    assert rain.equals(before)


def test_sample_merges_into_one_row_a_month() -> None:
    sample = generate()
    frames: dict[SourceName, pd.DataFrame] = {
        name: received(file.parse(sample.files[file.file_name]).observations, source=name)
        for name, file in SOURCE_FILES.items()
    }
    merged, repairs = merge(frames["milk_price"], frames["precipitation"], frames["central_bank"])
    assert len(merged) == len(sample.truth["price"])
    assert merged["price"].tolist() == [float(v) for v in sample.truth["price"].values()]
    assert merged["price"].is_monotonic_increasing is False
    assert counts(repairs) == [sum(_is_stray(p.column, p.month) for p in sample.planted), 0, 108]


def _is_stray(column: str, month: str) -> bool:
    series = next((s for s in REGISTER.of_source("central_bank") if s.column == column), None)
    return series is not None and Month.parse(month) < series.first_valid_month
