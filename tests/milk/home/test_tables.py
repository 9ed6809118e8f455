"""Delta tables: what is written is what is read, and a write is one version."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from deltalake.exceptions import DeltaError, TableNotFoundError

from milk.errors import HomeRefused
from milk.home.layout import Home
from milk.home.tables import (
    KEPT_BYTES_OF_ONE,
    Months,
    append_table,
    frame_hash,
    has_table,
    read_table,
    table_version,
    write_table,
    write_whole_table,
)
from milk.tables import LATER_COLUMNS, TABLES, column_types
from tests.milk.test_tables import SCHEMAS, SOUND, Cell, instants, months, texts


def rows(first: str, count: int, value: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"month": months(first, count), "value": [value] * count, "known_since": instants(first, count)}
    )


def span(first: str, last: str) -> Months:
    return Months("month", pd.Timestamp(f"{first}-01"), pd.Timestamp(f"{last}-01"))


def by_month(home: Home) -> dict[str, float]:
    table = read_table(home, "t").sort_values("month")
    return dict(zip(table["month"].dt.strftime("%Y-%m"), table["value"], strict=True))


def test_table_that_was_never_written(home: Home) -> None:
    assert not has_table(home, "t")
    assert table_version(home, "t") == -1
    with pytest.raises(TableNotFoundError):
        read_table(home, "t")
    assert home.files.names() == []
    assert not home.path.exists()


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("is_empty", [False, True])
def test_every_table_comes_back_as_it_went(home: Home, name: str, *, is_empty: bool) -> None:
    table = SOUND[name]()
    if is_empty:
        table = table.head(0)
    write_table(home, name, table)
    back = read_table(home, name)
    pd.testing.assert_frame_equal(back, table)
    SCHEMAS[name].validate(back)
    assert frame_hash(back) == frame_hash(table)


def test_missing_values_come_back_as_missing(home: Home) -> None:
    table = SOUND["merged_table"]()
    table.loc[1, "rain_maule_mm"] = np.nan
    table["imacec_index"] = texts(None)
    table["rain_known_since"] = pd.Series([pd.NaT] * 3, dtype="datetime64[us, UTC]")
    write_table(home, "merged_table", table)
    pd.testing.assert_frame_equal(read_table(home, "merged_table"), table)


def test_written_twice_is_equal_content_and_one_more_version(home: Home) -> None:
    table = rows("2014-01", 3, 1.0)
    assert write_table(home, "t", table) == 0
    first = read_table(home, "t")
    assert write_table(home, "t", table) == 1 == table_version(home, "t")
    assert read_table(home, "t").equals(first)
    assert len(read_table(home, "t")) == 3


def test_whole_table_with_the_same_rows_leaves_no_version(home: Home) -> None:
    table = rows("2020-01", 24, 1.0)
    assert write_whole_table(home, "t", table) == 0
    assert write_whole_table(home, "t", table.sample(frac=1.0, random_state=1)) == 0
    assert write_whole_table(home, "t", rows("2020-01", 24, 2.0)) == 1
    assert write_whole_table(home, "t", rows("2020-01", 24, 2.0).astype({"value": "float32"})) == 2
    assert table_version(home, "t") == 2


def test_whole_table_may_change_its_columns(home: Home) -> None:
    write_table(home, "t", rows("2014-01", 3, 1.0))
    other = pd.DataFrame({"a": [1, 2]})
    write_table(home, "t", other)
    assert read_table(home, "t").equals(other)


def test_replaced_months_keep_the_others(home: Home) -> None:
    write_table(home, "t", rows("2014-01", 4, 1.0))
    assert write_table(home, "t", rows("2014-02", 2, 2.0), replace=span("2014-02", "2014-03")) == 1
    assert by_month(home) == {"2014-01": 1.0, "2014-02": 2.0, "2014-03": 2.0, "2014-04": 1.0}
    write_table(home, "t", rows("2014-02", 2, 2.0), replace=span("2014-02", "2014-03"))
    assert by_month(home) == {"2014-01": 1.0, "2014-02": 2.0, "2014-03": 2.0, "2014-04": 1.0}


def test_a_table_of_an_earlier_program_is_read_and_written_on_with_the_columns_that_came_later(home: Home) -> None:
    schema = TABLES["batch_predictions"]
    later = list(LATER_COLUMNS["batch_predictions"])
    old = sample_rows(schema, 4).drop(columns=later)
    write_table(home, "batch_predictions", old)
    read = read_table(home, "batch_predictions")
    assert list(read.columns) == list(schema.columns)
    for name, value in LATER_COLUMNS["batch_predictions"].items():
        np.testing.assert_array_equal(read[name], value)
    pd.testing.assert_frame_equal(read.drop(columns=later), old)
    month = old["issue_month"].iloc[1]
    new = sample_rows(schema, 4).iloc[[1]].assign(**dict.fromkeys(later, -0.5))
    write_table(home, "batch_predictions", new, replace=Months("issue_month", month, month))
    mixed = read_table(home, "batch_predictions").sort_values("issue_month", ignore_index=True)
    assert list(mixed.columns) == list(schema.columns)
    assert mixed["contribution_cycle"].tolist() == [0.0, -0.5, 0.0, 0.0]
    pd.testing.assert_frame_equal(mixed.iloc[[0, 2, 3]].drop(columns=later), old.iloc[[0, 2, 3]])


def sample_rows(schema: pa.DataFrameSchema, count: int) -> pd.DataFrame:
    """Rows of the types of a table, one an issue month."""
    months = pd.date_range("2014-01-01", periods=count, freq="MS")
    values: dict[str, object] = {
        "datetime64[us]": months,
        "datetime64[us, UTC]": months.tz_localize("UTC"),
        "float64": np.arange(count) + 0.5,
        "int64": np.arange(count),
        "bool": True,
        "str": "x",
    }
    types = column_types(schema)
    return pd.DataFrame({name: values[dtype] for name, dtype in types.items()}, index=range(count)).astype(types)


def test_replaced_months_may_be_new_or_become_fewer(home: Home) -> None:
    write_table(home, "t", rows("2014-01", 2, 1.0), replace=span("2014-01", "2014-02"))
    write_table(home, "t", rows("2014-03", 1, 3.0), replace=span("2014-03", "2014-12"))
    assert by_month(home) == {"2014-01": 1.0, "2014-02": 1.0, "2014-03": 3.0}
    write_table(home, "t", rows("2014-01", 0, 0.0), replace=span("2014-02", "2014-03"))
    assert by_month(home) == {"2014-01": 1.0}


def test_rows_outside_the_replaced_months_are_refused_and_nothing_changes(home: Home) -> None:
    write_table(home, "t", rows("2014-01", 4, 1.0))
    with pytest.raises(DeltaError, match="1 rows failed validation check"):
        write_table(home, "t", rows("2014-02", 3, 2.0), replace=span("2014-02", "2014-03"))
    assert set(by_month(home).values()) == {1.0}
    assert table_version(home, "t") == 0


def test_table_with_a_lost_file_is_refused_by_name(home: Home) -> None:
    write_table(home, "t", rows("2020-01", 2, 1.0))
    folder = home.tables / "t"
    (parquet,) = (name for name in folder.names() if name.endswith(".parquet"))
    folder.delete(parquet)
    with pytest.raises(HomeRefused, match=r"The table t in .* is damaged: .*delete .*t and make it again"):
        read_table(home, "t")


def test_whoever_changes_what_was_read_changes_it_for_nobody_else(home: Home) -> None:
    write_table(home, "t", rows("2020-01", 3, 1.0))
    first, second = read_table(home, "t"), read_table(home, "t")
    first["value"] = 2.0
    second.loc[0, "value"] = 3.0
    assert read_table(home, "t")["value"].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"PAR1")], ids=["lost", "overwritten"])
def test_table_on_a_disk_that_is_damaged_after_it_was_read_is_refused(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    home = Home(tmp_path / "a b ñ")
    write_table(home, "t", rows("2020-01", 3, 1.0))
    read_table(home, "t")
    (parquet,) = (home.path / "tables" / "t").glob("*.parquet")
    damage(parquet)
    with pytest.raises(HomeRefused, match=r"The table t in .* is damaged"):
        read_table(home, "t")


def test_each_version_is_read_as_it_was_and_a_table_made_again_as_it_is(home: Home) -> None:
    for value in (1.0, 2.0):
        write_table(home, "t", rows("2020-01", 1, value))
    assert [read_table(home, "t", version=k)["value"].item() for k in (None, 0, 1, 0)] == [2.0, 1.0, 2.0, 1.0]
    for file in (home.tables / "t").names():
        (home.tables / "t").delete(file)
    for value in (3.0, 4.0):
        write_table(home, "t", rows("2020-01", 1, value))
    assert [read_table(home, "t", version=k)["value"].item() for k in (None, 0, 1)] == [4.0, 3.0, 4.0]


@pytest.mark.parametrize(("count", "is_kept"), [(10, True), (KEPT_BYTES_OF_ONE // 24 + 1000, False)])
def test_a_table_of_one_series_is_kept_and_one_of_thousands_is_not(home: Home, count: int, *, is_kept: bool) -> None:
    day = pd.Timestamp("2020-01-01")
    write_table(home, "t", pd.DataFrame({"month": [day], "value": 1.0, "other": 2.0}).loc[[0] * count])
    first, second = (read_table(home, "t")["value"].to_numpy() for _again in range(2))
    assert np.shares_memory(first, second) == is_kept


def test_append_adds_and_none_add_nothing(home: Home) -> None:
    assert append_table(home, "t", rows("2014-01", 2, 1.0)) == 0
    assert append_table(home, "t", rows("2014-03", 1, 2.0)) == 1
    files = home.files.names()
    assert append_table(home, "t", rows("2014-03", 0, 2.0)) == 1
    assert home.files.names() == files
    assert by_month(home) == {"2014-01": 1.0, "2014-02": 1.0, "2014-03": 2.0}


def test_first_append_of_nothing_makes_the_table(home: Home) -> None:
    assert append_table(home, "t", rows("2014-01", 0, 1.0)) == 0
    assert has_table(home, "t")
    assert read_table(home, "t").dtypes.equals(rows("2014-01", 1, 1.0).dtypes)


def test_hash_is_that_of_the_content(home: Home) -> None:
    table = SOUND["merged_table"]()
    assert len(frame_hash(table)) == 64
    assert frame_hash(table) == frame_hash(table.copy()) == frame_hash(table.iloc[::-1])
    assert frame_hash(table) == frame_hash(table.set_index(np.array([5, 6, 7])))
    write_table(home, "t", table)
    assert frame_hash(read_table(home, "t")) == frame_hash(table)


def replaced(column: str, value: Cell) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(df: pd.DataFrame) -> pd.DataFrame:
        df = df.copy()
        df.loc[1, column] = value
        return df

    return change


@pytest.mark.parametrize(
    "change",
    [
        replaced("price", 2.0000000000000004),
        replaced("imacec_index", 104.317563),
        replaced("imacec_index", None),
        replaced("series_id", "another"),
        replaced("series_id", ""),
        replaced("month", pd.Timestamp(1979, 5, 1)),
        lambda df: df.head(2),
        lambda df: df.rename(columns={"price": "prices"}),
        lambda df: df.drop(columns="price"),
        lambda df: df[["month", "series_id", *df.columns[2:]]],
    ],
)
def test_hash_changes_with_the_content(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    table = SOUND["merged_table"]()
    assert frame_hash(change(table)) != frame_hash(table)
