"""Which rows break a contract: each found by its key, its place in the file, and the rule."""

import pandas as pd

from milk.panel.quality_schema import failing_rows
from milk.tables import BACKTEST, MERGED_TABLE, OBSERVATIONS, TABLES, empty_table
from tests.milk.panel.test_quality_panel import sample_merged
from tests.milk.panel.vintages import parsed_of, received

PRICES = received(parsed_of(["3.85", "4.58", "4.6"]))


def records(schema_rows: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in schema_rows.to_dict(orient="records")]


def test_sound_rows_fail_nothing() -> None:
    assert failing_rows(OBSERVATIONS, PRICES).empty
    assert failing_rows(MERGED_TABLE, sample_merged()).empty
    for schema in TABLES.values():
        assert failing_rows(schema, empty_table(schema)).columns.tolist()[-3:] == ["column", "value", "rule"]


def test_a_cell_is_found_by_its_key_and_its_place_in_the_file() -> None:
    (row,) = records(failing_rows(OBSERVATIONS, PRICES.assign(value=["3.85", "", "4.6"])))
    assert row == {
        "series": "price",
        "month": "1979-02",
        "known_since": "1979-03-01 03:00:00+00:00",
        "row": "3",
        "snapshot": "ab" * 32,
        "column": "value",
        "value": "",
        "rule": "str_length(1, 100)",
    }


def test_every_broken_rule_of_every_row_is_told() -> None:
    spoiled = PRICES.assign(value="", row=[0, 3, 4])
    assert [(r["month"], r["column"]) for r in records(failing_rows(OBSERVATIONS, spoiled))] == [
        ("1979-01", "value"),
        ("1979-01", "row"),
        ("1979-02", "value"),
        ("1979-03", "value"),
    ]


def test_a_day_that_is_no_month_is_written_as_a_day() -> None:
    months = PRICES["month"].where(PRICES.index != 1, pd.Timestamp("1979-02-05"))
    (row,) = records(failing_rows(OBSERVATIONS, PRICES.assign(month=months)))
    assert (row["month"], row["value"]) == ("1979-02-05", "1979-02-05")
    assert row["rule"] == "a month is written as its first day"


def test_a_repeated_key_is_one_row_each_and_not_one_a_cell() -> None:
    rows = records(failing_rows(OBSERVATIONS, pd.concat([PRICES, PRICES.tail(1)])))
    assert [(r["month"], r["row"], r["column"], r["value"]) for r in rows] == [("1979-03", "4", "", "")] * 2
    assert {r["rule"] for r in rows} == {"the key stands there more than once"}


def test_a_rule_on_whole_rows_names_the_row_once() -> None:
    month = pd.Timestamp("2020-01-01")
    sound = {
        "series_id": "cl_farmgate_milk",
        "price_lag_months": 0,
        "model": "milk",
        "forecast_origin": month,
        "target_month": month + pd.DateOffset(months=1),
        "horizon_months": 1,
        "prediction": 10.0,
        "lower_80": 9.0,
        "upper_80": 11.0,
        "lower_95": 8.0,
        "upper_95": 12.0,
        "observed": 10.0,
        "mean_prediction": 10.0,
        "mean_lower_80": 9.0,
        "mean_upper_80": 11.0,
        "mean_lower_95": 8.0,
        "mean_upper_95": 12.0,
        "mean_observed": 10.0,
    }
    frame = pd.DataFrame([sound, sound | {"model": "drift", "upper_80": 13.0}]).astype(
        {"forecast_origin": "datetime64[us]", "target_month": "datetime64[us]"}
    )
    (row,) = records(failing_rows(BACKTEST, frame))
    assert row["model"] == "drift"
    assert "nest" in str(row["rule"])
    assert row["column"] == ""


def test_a_rule_on_the_whole_table_names_no_row() -> None:
    merged = sample_merged()
    (row,) = records(failing_rows(MERGED_TABLE, merged.drop(index=40)))
    assert (row["month"], row["value"]) == ("", "False")
    assert "without a gap" in str(row["rule"])


def test_a_missing_column_and_a_wrong_type_are_told() -> None:
    (row,) = records(failing_rows(OBSERVATIONS, PRICES.drop(columns="row")))
    assert (row["value"], row["rule"]) == ("row", "the column is missing")
    wrong = failing_rows(OBSERVATIONS, PRICES.assign(row=PRICES["row"].astype("float64")))
    assert any("int64" in str(row["rule"]) for row in records(wrong))
