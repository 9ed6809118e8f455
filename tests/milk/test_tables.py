"""The schemas: a sound table passes, and each check turns red on the fault it is there for."""

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pytest
from pandas.api.typing import NaTType

from milk.months import Month, available_from, month_range
from milk.series import SERIES_ID, series_register
from milk.tables import BACKTEST, BATCH_PREDICTIONS, FEATURES, MERGED_TABLE, OBSERVATIONS, RESTORED

Cell = str | int | float | pd.Timestamp | NaTType | None
Change = Callable[[pd.DataFrame], pd.DataFrame]
SCHEMAS = {
    schema.name: schema for schema in (OBSERVATIONS, RESTORED, MERGED_TABLE, FEATURES, BACKTEST, BATCH_PREDICTIONS)
}
ISSUED = pd.Timestamp("2014-10-02T12:00:00Z")


def months(first: str, count: int) -> pd.Series:
    start = Month.parse(first)
    days = [pd.Timestamp(m.first_day) for m in month_range(start, start + (count - 1))]
    return pd.Series(days, dtype="datetime64[us]")


def instants(first: str, count: int) -> pd.Series:
    start = Month.parse(first)
    rule = series_register().price.availability
    return pd.Series([available_from(rule, start + k) for k in range(count)], dtype="datetime64[us, UTC]")


def texts(value: str | None, count: int = 3) -> pd.Series:
    return pd.Series([value] * count, dtype="str")


def observations() -> pd.DataFrame:
    known = instants("1979-01", 3)
    return pd.DataFrame(
        {
            "series": texts("price"), "month": months("1979-01", 3), "value": texts("3.85"), "row": [2, 3, 4],
            "known_since": known, "known_by": texts("rule"), "received_at": known, "snapshot": texts("ab" * 32),
        }
    )  # fmt: skip


def restored() -> pd.DataFrame:
    table = observations().rename(columns={"value": "text"}).assign(series=texts("imacec_index"))
    found = table.assign(
        value=[102.5] * 3, status=texts("restored"), margin=[0.9, np.inf, 0.8], is_proved=True, is_usable=True
    )
    return found[[*RESTORED.columns]]


def merged_table() -> pd.DataFrame:
    columns: dict[str, object] = {"series_id": texts(SERIES_ID), "month": months("1979-01", 3)}
    for s in series_register().series:
        middle = float(np.sqrt(max(s.plausible[0], 0.1) * s.plausible[1]))
        columns[s.name] = [middle, middle, middle]
    known = instants("1979-01", 3)
    return pd.DataFrame(columns | {f"{block}_known_since": known for block in ("price", "rain", "macro")})


def features() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "series_id": texts(SERIES_ID), "feature": texts("price"), "month": months("1979-01", 3),
            "value": [3.85, 4.58, 4.6], "known_since": instants("1979-01", 3), "is_repeated": [False] * 3,
        }
    )  # fmt: skip


def intervals() -> dict[str, list[float]]:
    return {"lower_80": [9.0] * 3, "upper_80": [11.0] * 3, "lower_95": [8.0] * 3, "upper_95": [12.0] * 3}


def backtest() -> pd.DataFrame:
    origin = pd.Series([pd.Timestamp(2014, 9, 1)] * 3, dtype="datetime64[us]")
    return pd.DataFrame(
        {
            "series_id": texts(SERIES_ID), "price_lag_months": [0] * 3, "model": texts("milk"),
            "forecast_origin": origin,
            "target_month": months("2014-10", 3), "horizon_months": [1, 2, 3], "prediction": [10.0] * 3,
            **intervals(), "observed": [10.0, 11.0, np.nan], "mean_prediction": [np.nan, 10.0, 10.0],
            **{f"mean_{name}": [np.nan, *ends[1:]] for name, ends in intervals().items()},
            "mean_observed": [np.nan, 11.0, np.nan],
        }
    )  # fmt: skip


def batch_predictions() -> pd.DataFrame:
    names = {"prediction": "price", "mean_prediction": "mean_price"}
    table = backtest().drop(columns=["price_lag_months", "model", "observed", "mean_observed"]).rename(columns=names)
    table.insert(1, "issue_month", months("2014-10", 1).repeat(3).to_numpy())
    keys = ["series_id", "issue_month", "target_month", "forecast_origin", "horizon_months"]
    ends = [*intervals(), "mean_price", *(f"mean_{name}" for name in intervals())]
    table = table[[*keys, "price", *ends]].assign(
        measured_80=0.8, measured_95=[np.nan, 0.9, 1.0], measured_forecasts=60
    )
    rest: dict[str, object] = {"unit": texts("CLP/L")}
    rest |= {f"contribution_{name}": [0.1] * 3 for name in ("base", "drift", "season", "momentum", "cycle", "other")}
    rest |= {"interval_errors": [48] * 3, "kind": texts("hindcast"), "model_version": texts("v1")}
    issued = pd.Series([ISSUED] * 3, dtype="datetime64[us, UTC]")
    rest |= {"issued_at": issued, "data_cutoff": issued, "is_synthetic": [True] * 3, "data_versions": texts("{}")}
    return pd.concat([table, pd.DataFrame(rest)], axis="columns")


SOUND: dict[str, Callable[[], pd.DataFrame]] = {
    "observations": observations, "restored_central_bank": restored, "merged_table": merged_table,
    "features": features, "backtest": backtest,
    "batch_predictions": batch_predictions,
}  # fmt: skip


def put(column: str, value: Cell, *, row: int = 1) -> Change:
    def change(df: pd.DataFrame) -> pd.DataFrame:
        df.loc[row, column] = value
        return df

    return change


def failed_checks(schema: pa.DataFrameSchema, table: pd.DataFrame) -> str:
    with pytest.raises(pandera.errors.SchemaErrors) as refused:
        schema.validate(table, lazy=True)
    return str(refused.value.failure_cases[["column", "check"]].to_dict("records"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_sound_table_passes(name: str) -> None:
    SCHEMAS[name].validate(SOUND[name](), lazy=True)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_says_what_it_is_and_numbers_their_unit(name: str) -> None:
    schema = SCHEMAS[name]
    assert schema.description
    assert schema.description.endswith(".")
    for column in schema.columns.values():
        assert column.description
        assert column.description.endswith(".")
        assert column.metadata is not None
        if name == "merged_table" and column.name in {s.name for s in series_register().series}:
            assert column.metadata["unit"] == series_register()[column.name].unit


# Of the 93 series one of each source: validating that wide a table is slow.
ONE_OF_EACH_KIND = {
    "series_id", "month", "price", "rain_maule_mm", "imacec_index", "price_known_since", "rain_known_since",
}  # fmt: skip
EVERY_COLUMN = [
    (name, column)
    for name, schema in SCHEMAS.items()
    for column in schema.columns
    if name != "merged_table" or column in ONE_OF_EACH_KIND
]


@pytest.mark.parametrize(("name", "column"), EVERY_COLUMN)
def test_column_that_is_missing_or_of_another_type_is_refused(name: str, column: str) -> None:
    table = SOUND[name]()
    assert "column_in_dataframe" in failed_checks(SCHEMAS[name], table.drop(columns=column))
    other = pd.Series(["x"] * 3, dtype="category")
    assert "dtype(" in failed_checks(SCHEMAS[name], table.assign(**{column: other}))


@pytest.mark.parametrize("name", SCHEMAS)
def test_column_too_many_or_in_another_place_is_refused(name: str) -> None:
    table = SOUND[name]()
    assert "column_in_schema" in failed_checks(SCHEMAS[name], table.assign(more=1))
    assert "column_ordered" in failed_checks(SCHEMAS[name], table[list(table.columns)[::-1]])


MONTH_COLUMNS = [
    ("observations", "month"), ("merged_table", "month"), ("features", "month"), ("backtest", "forecast_origin"),
    ("backtest", "target_month"), ("batch_predictions", "issue_month"), ("batch_predictions", "target_month"),
    ("batch_predictions", "forecast_origin"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "column"), MONTH_COLUMNS)
@pytest.mark.parametrize("moved", [dt.timedelta(days=1), dt.timedelta(hours=3)])
def test_month_that_is_not_its_first_day_is_refused(name: str, column: str, moved: dt.timedelta) -> None:
    table = SOUND[name]()
    table[column] += pd.Series([0, 1, 0]) * pd.Timedelta(moved)
    assert "a month is written as its first day" in failed_checks(SCHEMAS[name], table)


KEYS = {
    "observations": "known_since", "features": "known_since", "backtest": "target_month",
    "batch_predictions": "target_month", "merged_table": "month",
}  # fmt: skip


@pytest.mark.parametrize(("name", "last_of_key"), KEYS.items())
def test_duplicate_key_is_refused(name: str, last_of_key: str) -> None:
    table = SOUND[name]()
    twice = pd.concat([table, table.tail(1)], ignore_index=True)
    found = failed_checks(SCHEMAS[name], twice)
    assert "multiple_fields_uniqueness" in found or "field_uniqueness" in found
    assert last_of_key in SCHEMAS[name].columns


@pytest.mark.parametrize("name", ["backtest", "batch_predictions"])
@pytest.mark.parametrize(
    ("column", "value"),
    [("lower_95", 9.5), ("lower_80", 10.5), ("upper_80", 9.9), ("upper_95", 10.9), ("lower_80", 7.0)],
)
def test_intervals_that_do_not_nest_are_refused(name: str, column: str, value: float) -> None:
    assert "intervals must nest" in failed_checks(SCHEMAS[name], put(column, value)(SOUND[name]()))


@pytest.mark.parametrize("name", ["backtest", "batch_predictions"])
@pytest.mark.parametrize("horizon", [1, 3, 14])
def test_wrong_horizon_is_refused(name: str, horizon: int) -> None:
    found = failed_checks(SCHEMAS[name], put("horizon_months", horizon)(SOUND[name]()))
    assert "horizon_months must be target_month - forecast_origin" in found


def test_target_at_the_origin_is_refused() -> None:
    table = backtest()
    table["target_month"], table["horizon_months"] = months("2014-09", 3), [0, 1, 2]
    assert "greater_than_or_equal_to(1)" in failed_checks(BACKTEST, table)


@pytest.mark.parametrize(
    ("name", "column", "value", "check"),
    [
        ("observations", "value", "", "str_length(1, 100)"),
        ("observations", "value", "9" * 101, "str_length(1, 100)"),
        ("observations", "row", 0, "greater_than_or_equal_to(1)"),
        ("observations", "known_by", "guess", "isin"),
        ("observations", "snapshot", "AB" * 32, "str_matches"),
        ("observations", "known_since", pd.NaT, "not_nullable"),
        ("merged_table", "price", np.nan, "not_nullable"),
        ("merged_table", "price", 0.0, "in_range(0.1, 5000.0)"),
        ("merged_table", "rain_maule_mm", 2000.5, "in_range(0.0, 2000.0)"),
        ("merged_table", "rain_maule_mm", -1.0, "in_range(0.0, 2000.0)"),
        ("merged_table", "price_known_since", pd.NaT, "not_nullable"),
        ("merged_table", "series_id", "", "str_length(1, 64)"),
        ("features", "value", np.nan, "not_nullable"),
        ("backtest", "model", "oracle", "isin"),
        ("backtest", "prediction", np.nan, "not_nullable"),
        ("backtest", "observed", 0.0, "a price is positive and finite"),
        ("backtest", "lower_95", -1.0, "a price is positive and finite"),
        ("batch_predictions", "price", 0.0, "a price is positive and finite"),
        ("batch_predictions", "upper_95", float("inf"), "a price is positive and finite"),
        ("batch_predictions", "contribution_season", float("inf"), "a contribution is finite"),
        ("batch_predictions", "interval_errors", 0, "greater_than_or_equal_to(1)"),
        ("batch_predictions", "kind", "guess", "isin"),
        ("batch_predictions", "contribution_drift", np.nan, "not_nullable"),
    ],
)
def test_value_that_cannot_be_is_refused(name: str, column: str, value: Cell, check: str) -> None:
    found = failed_checks(SCHEMAS[name], put(column, value)(SOUND[name]()))
    assert column in found
    assert check in found


def test_gap_between_months_is_refused() -> None:
    table = merged_table()
    table["month"] = pd.Series(
        [pd.Timestamp(1979, 1, 1), pd.Timestamp(1979, 2, 1), pd.Timestamp(1979, 4, 1)], dtype="datetime64[us]"
    )
    assert "the months must follow each other without a gap" in failed_checks(MERGED_TABLE, table)


def test_months_in_another_order_are_refused() -> None:
    table = merged_table().iloc[::-1].reset_index(drop=True)
    assert "the months must follow each other without a gap" in failed_checks(MERGED_TABLE, table)


@pytest.mark.parametrize("column", ["rain_maule_mm", "imacec_index", "rain_known_since"])
def test_what_the_sources_may_leave_out_may_be_missing(column: str) -> None:
    table = merged_table()
    table[column] = pd.Series([None] * 3, dtype=table[column].dtype)
    MERGED_TABLE.validate(table)
