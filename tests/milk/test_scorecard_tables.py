"""The schemas of the scorecard: what the rules make passes, and each check turns red on the fault it is there for."""

import pandas as pd
import pandera.errors
import pandera.pandas as pa
import pytest

from milk.evaluation.scorecard_summary import running_statistics
from milk.months import Month
from milk.scorecard_tables import SCORECARD, SCORECARD_SUMMARY
from milk.tables import TABLES, column_types
from tests.milk.evaluation.scorecards import prices, record

SCHEMAS = {"scorecard": SCORECARD, "scorecard_summary": SCORECARD_SUMMARY}


def _tables() -> dict[str, pd.DataFrame]:
    rows = record(Month(2021, 1), 24, prices())
    found = {"scorecard": rows, "scorecard_summary": running_statistics(rows)}
    return {name: frame.astype(column_types(SCHEMAS[name])) for name, frame in found.items()}


def _failed(schema: pa.DataFrameSchema, table: pd.DataFrame) -> str:
    with pytest.raises(pandera.errors.SchemaErrors) as refused:
        schema.validate(table, lazy=True)
    return str(refused.value.failure_cases[["column", "check"]].to_dict("records"))


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_the_rules_make_passes(name: str) -> None:
    SCHEMAS[name].validate(_tables()[name], lazy=True)
    assert SCHEMAS[name].name == name


def test_the_scorecard_is_a_stored_table_of_an_asset() -> None:
    assert TABLES["scorecard"] is SCORECARD


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_says_what_it_is(name: str) -> None:
    for column in SCHEMAS[name].columns.values():
        assert (column.description or "").endswith("."), column.name
        assert column.metadata is not None


@pytest.mark.parametrize(
    ("name", "column", "value", "check"),
    [
        ("scorecard", "price", 0.0, "a price is positive and finite"),
        ("scorecard", "observed", float("inf"), "a price is positive and finite"),
        ("scorecard", "seasonal_naive", -1.0, "a price is positive and finite"),
        ("scorecard", "log_error", float("inf"), "an error is finite"),
        ("scorecard", "error_latest", float("nan"), "not_nullable"),
        ("scorecard", "revision", 0, "greater_than_or_equal_to(1)"),
        ("scorecard", "horizon_months", 2, "horizon_months must be target_month - forecast_origin"),
        ("scorecard", "lower_95", 1e6, "intervals must nest"),
        ("scorecard", "target_month", pd.Timestamp("2021-01-02"), "a month is written as its first day"),
        ("scorecard_summary", "observed_as", "guessed", "isin"),
        ("scorecard_summary", "horizon_months", -1, "greater_than_or_equal_to(0)"),
        ("scorecard_summary", "months_judged", 0, "greater_than_or_equal_to(1)"),
        ("scorecard_summary", "coverage_80", 1.1, "in_range(0, 1)"),
        ("scorecard_summary", "rmse", -1.0, "greater_than_or_equal_to(0)"),
        ("scorecard_summary", "bias", float("nan"), "not_nullable"),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, column: str, value: object, check: str) -> None:
    table = _tables()[name]
    table[column] = pd.Series([value, *table[column].iloc[1:]], dtype=table[column].dtype)
    assert check in _failed(SCHEMAS[name], table)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_row_twice_is_refused(name: str) -> None:
    table = _tables()[name]
    assert "multiple_fields_uniqueness" in _failed(SCHEMAS[name], pd.concat([table, table.head(1)], ignore_index=True))
