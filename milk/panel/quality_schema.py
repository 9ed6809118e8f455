"""Which rows of a table break its contract, and by which rule: what a person needs to find them."""

from typing import Final

import pandas as pd
import pandera.errors
import pandera.pandas as pa

_COLUMNS: Final = ["column", "value", "rule"]
_PLACE: Final = ["row", "snapshot"]
"""Columns of a table that say where a value was received."""
NO_ROW: Final = -1
_WORDS: Final = {
    "not_nullable": "must not be empty",
    "field_uniqueness": "stands there more than once",
    "multiple_fields_uniqueness": "the key stands there more than once",
    "column_in_dataframe": "the column is missing",
    "column_in_schema": "the table has no such column",
    "column_ordered": "the column stands in another place",
}
"""What pandera calls some rules, for a person; the others say what they are."""


def failing_rows(schema: pa.DataFrameSchema, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that break its schema.

    Args:
        schema: the contract.
        table: the rows.

    Returns:
        A row for each broken rule and row of the table: the columns that name the row (the key of the table, and `row`
        and `snapshot` where it has them), then `column`, `value`, `rule`; all as text. A rule on whole rows has neither
        column nor value, one on the whole table names no row.
    """
    numbered = table.reset_index(drop=True)
    keys = [name for name in _key(schema) + _PLACE if name in numbered.columns]
    try:
        # Repeated labels of rows, as a concatenation leaves them, would break the report and not only the frame.
        schema.validate(numbered, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = _one_a_row(error.failure_cases)
        named = pd.DataFrame({name: _texts(numbered[name]) for name in keys})
        found = named.reindex(cases["index"].fillna(NO_ROW).astype("int64")).reset_index(drop=True)
        return pd.concat([found, cases[_COLUMNS].reset_index(drop=True)], axis=1).fillna("").astype("str")
    return pd.DataFrame(columns=[*keys, *_COLUMNS], dtype="str")


def _key(schema: pa.DataFrameSchema) -> list[str]:
    """The columns that name a row of the table."""
    unique = schema.unique or [name for name, column in schema.columns.items() if column.unique]
    return [unique] if isinstance(unique, str) else list(unique)


def _one_a_row(cases: pd.DataFrame) -> pd.DataFrame:
    """Each broken rule once for each row: pandera reports one on whole rows once for every cell of them."""
    is_cell = cases["schema_context"].eq("Column") & cases["index"].notna()
    # What is missing or of another type is a fault of a column as a whole: its name stands where the value would.
    is_column = cases["schema_context"].eq("Column") & ~is_cell
    shown = pd.DataFrame(
        {
            "index": pd.to_numeric(cases["index"]).astype("Int64"),
            "column": cases["column"].where(is_cell | is_column, ""),
            "value": _texts(cases["failure_case"]).where(is_cell | is_column | cases["index"].isna(), ""),
            "rule": cases["check"].replace(_WORDS),
        }
    )
    return shown.drop_duplicates(["index", "column", "rule"]).sort_values("index", kind="stable")


def _texts(values: pd.Series) -> pd.Series:
    """Values as a person writes them: a month without its day, a day without its midnight, nothing for nothing."""
    texts = values.astype("object").where(values.notna(), "").map(str)
    texts = texts.str.replace(r"^(\d{4}-\d{2}-\d{2}) 00:00:00$", r"\1", regex=True)
    return texts.str.replace(r"^(\d{4}-\d{2})-01$", r"\1", regex=True) if values.dtype.kind == "M" else texts
