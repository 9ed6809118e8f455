"""Restoring a table: what the statuses say, what proves a level, what happens where nothing does."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from milk.panel.identities import BASE_YEARS
from milk.panel.restore import STATUSES, Restoration, restore
from milk.series import series_register
from milk.sources._damage import damaged
from tests.milk.panel.damage import ANYTHING, damaged_and_marked, damaged_table, numbers_of, of_range, table_of
from tests.milk.panel.series_made import Shape, economy, made, significant

REGISTER = series_register().of_source("central_bank")
ECONOMY = [s for s in REGISTER if s.block in ("gdp", "employment")]
GDP_SUMS = ("gdp_clp_bn", "gdp_factor_cost_clp_bn", "gdp_manufacturing_clp_bn", "gdp_mining_clp_bn")
INDEX = "retail_sales_index"


def restore_one(
    *texts: str | None, plausible: tuple[float, float] = (10, 99), name: str = "made", first: str = "2013-01"
) -> Restoration:
    return restore(table_of({name: texts}, first), [of_range(*plausible, name)])


def column_of(result: Restoration, name: str = "made") -> tuple[list[float], list[str]]:
    return numbers_of(result)[name].tolist(), result.status[name].tolist()


def test_statuses_of_a_column() -> None:
    values, status = column_of(restore_one("21.123.456", None, "21.55", "21.7", "a", "2.181.234"))
    assert status == ["restored", "missing", "literal", "literal", "unreadable", "restored"]
    assert values[3] == 21.7
    assert np.isnan([values[1], values[4]]).all()


def test_the_nearest_exponent_is_taken_and_its_margin_said() -> None:
    result = restore_one("21.5", "2.161.234", "219", "22.5")
    assert column_of(result) == ([21.5, 21.61234, 21.9, 22.5], ["literal", "restored", "restored", "literal"])
    margin = result.margin["made"]
    assert margin.iloc[[0, 3]].tolist() == [np.inf, np.inf]
    assert margin.iloc[1] == pytest.approx(2, abs=0.1)
    row = result.columns.iloc[0]
    assert (row["literal"], row["restored"], row["worst_month"]) == (2, 2, "2013-02")
    assert row["proof"] == "the text says where the point is in 2 of 4 cells"


def test_zeros_and_negative_numbers() -> None:
    result = restore_one("-20.123.456", "0", "-2.1", "-21.987", "0", plausible=(1, 9))
    values, status = column_of(result)
    assert values == [-2.0123456, 0.0, -2.1, -2.1987, 0.0]
    assert status == ["restored", "literal", "literal", "restored", "literal"]
    assert result.margin["made"].iloc[[1, 4]].tolist() == [np.inf, np.inf]


def test_one_cell_is_set_by_its_range() -> None:
    result = restore_one("2.123.456")
    assert column_of(result) == ([21.23456], ["restored"])
    assert result.columns["proof"].item() == "the only power of ten within its plausible range"


@pytest.mark.parametrize("plausible", [(1, 99), (3, 9), ANYTHING, (0, 99)])
def test_a_range_that_leaves_several_powers_or_none_proves_nothing(plausible: tuple[float, float]) -> None:
    result = restore_one("2.123.456", "2.223.456", plausible=plausible)
    assert result.unproved == [of_range(1, 2).block]
    assert numbers_of(result)["made"].isna().all()
    assert set(result.status["made"]) == {"uncertain"}
    assert result.columns["proof"].item() == "unproved: no single power of ten fits its plausible range"


@pytest.mark.parametrize("texts", [(None, None), ("a", "b"), ("a", None)])
def test_a_column_without_a_number_is_empty_and_in_nobodys_way(texts: tuple[str | None, ...]) -> None:
    result = restore_one(*texts)
    assert result.unproved == []
    assert numbers_of(result)["made"].isna().all()
    assert list(result.verdicts.values()) == ["no number"]
    assert result.blocks["reason"].item() == "it holds no number"
    assert result.columns["proof"].item() == "empty"
    assert result.columns["worst_margin"].item() == np.inf


def test_no_rows() -> None:
    result = restore(
        pd.DataFrame({s.name: pd.Series(dtype="str") for s in REGISTER}, index=pd.DatetimeIndex([])), REGISTER
    )
    assert result.unproved == []
    assert numbers_of(result).shape == (0, len(REGISTER))
    assert len(result.columns) == len(REGISTER)
    assert result.identities.empty


def test_no_columns() -> None:
    result = restore(pd.DataFrame(index=pd.date_range("2013-01", periods=3, freq="MS")), [])
    assert numbers_of(result).shape == (3, 0)
    assert result.unproved == []


def test_the_order_of_columns_does_not_matter() -> None:
    truth = economy(30, 1)
    texts = damaged_table(truth)
    turned = restore(texts[texts.columns[::-1]], ECONOMY)
    pd.testing.assert_frame_equal(numbers_of(turned), numbers_of(restore(texts, ECONOMY)))
    assert list(numbers_of(turned).columns) == [s.name for s in ECONOMY]


def test_a_whole_column_is_literal() -> None:
    result = restore_one("13.5", "14.5")
    assert set(result.status["made"]) == {"literal"}
    whole = restore_one("24715", "614", "19122", plausible=(500, 50000))
    assert column_of(whole) == ([24715.0, 614.0, 19122.0], ["literal"] * 3)


def test_gaps_and_a_late_begin() -> None:
    values = significant(made(Shape(30, swing=1.5, growth=0.1, noise=0.03), 120))
    column = [value if month > 50 and month % 7 else None for month, value in enumerate(values)]
    result = damaged_and_marked({"made": column}, [of_range(20, 180)])
    assert not result.wrong.to_numpy().any()
    assert (result.flagged, result.left_out) == (0, 0)


def test_a_restored_value_outside_its_range_is_doubted() -> None:
    texts = ["2.123.456"] * 200
    texts[100] = "4.567.891"
    result = restore_one(*texts, plausible=(10, 40))
    assert result.unproved == []
    assert result.status["made"].value_counts().to_dict() == {"restored": 199, "uncertain": 1}


def test_the_level_is_that_of_the_sure_cells() -> None:
    """After a step of four the doubted cells are a tenth of what they are; they must not choose the level."""
    truth = {"made": significant(made(Shape(100, noise=0.01), 60, {30: 4.0}))}
    result = damaged_and_marked(truth, [of_range(50, 2000)])
    assert result.restored.unproved != []
    narrow = damaged_and_marked(truth, [of_range(30, 900)])
    assert narrow.restored.unproved == []
    assert narrow.wrong.to_numpy().sum() == 30
    assert not narrow.silent.to_numpy().any()


def index_of(months: int, level: float = 1.0) -> list[Decimal | None]:
    """An index that is 100 on the mean of 2014, from January 2014 on, times a level."""
    values = made(Shape(100, swing=1.3, noise=0.02, seed=4), months)
    base = sum(values[:12]) / 12
    return significant([value / base * 100 * level for value in values])


def test_an_index_is_100_in_its_base_year() -> None:
    result = damaged_and_marked({INDEX: index_of(30)}, [series_register()[INDEX]], "2014-01")
    assert not result.wrong.to_numpy().any()
    assert result.restored.columns["proof"].item() == "the mean of 2014 is 100.000000"
    assert np.isinf(result.restored.margin[INDEX].iloc[:12]).all()


def test_a_base_year_that_is_100_at_no_power_of_ten_is_refused() -> None:
    result = damaged_and_marked({INDEX: index_of(30, 1.3)}, [series_register()[INDEX]], "2014-01")
    assert result.restored.blocks["reason"].item() == f"{INDEX}: the mean of 2014 is 100 at no power of ten"
    assert result.left_out == 30


@pytest.mark.parametrize("first", ["2014-02", "2016-01"])
def test_without_a_whole_base_year_the_power_nearest_to_100_is_taken(first: str) -> None:
    column = index_of(30, 0.6)
    result = damaged_and_marked({INDEX: column}, [series_register()[INDEX]], first)
    assert not result.wrong.to_numpy().any()
    between = damaged_and_marked({INDEX: index_of(30, 0.32)}, [series_register()[INDEX]], first)
    assert between.left_out == 30


def test_accounts_and_employment_prove_each_other() -> None:
    result = damaged_and_marked(economy(40, 5), ECONOMY)
    assert not result.wrong.to_numpy().any()
    assert (result.flagged, result.restored.unproved) == (0, [])
    identities = result.restored.identities.groupby("identity")["is_exact"].agg(["size", "sum"])
    assert identities["size"].to_dict() == identities["sum"].to_dict()
    assert identities["size"].to_dict() == {
        "employed_thousand": 40, "gdp_clp_bn": 24, "gdp_factor_cost_clp_bn": 24, "gdp_manufacturing_clp_bn": 24,
        "gdp_mining_clp_bn": 24,
    }  # fmt: skip


@pytest.mark.parametrize("is_empty", [True, False])
@pytest.mark.parametrize("name", ["gdp_fishing_clp_bn", "gdp_clp_bn", "gdp_mining_clp_bn", "employed_thousand"])
def test_an_identity_without_one_of_its_columns_proves_nothing(name: str, *, is_empty: bool) -> None:
    truth = economy(40, 5)
    block = series_register()[name].block
    if is_empty:
        truth[name] = [None] * 40
    else:
        del truth[name]
    result = damaged_and_marked(truth, [s for s in ECONOMY if s.name in truth])
    assert result.restored.unproved == [block]
    assert not result.wrong.to_numpy().any()
    reason = result.restored.blocks.set_index("block")["reason"][block]
    assert f"cannot be added up: {name} is empty" in reason
    # Columns without a level are off by any power of ten: the other sums of the system are not tested on them.
    other = {"gdp": {"employed_thousand"}, "employment": set(GDP_SUMS)}[block]
    assert set(result.restored.identities["identity"]) == other
    assert result.restored.identities["is_exact"].all()


def test_a_file_too_short_to_add_up_says_so() -> None:
    result = restore(damaged_table(economy(3, 5)), ECONOMY)
    reasons = result.blocks.set_index("block")["reason"]
    assert "gdp_clp_bn" in reasons["gdp"]
    assert "needs 5 months in which it can be added up, the file has 3" in reasons["gdp"]
    assert "needs 22 months in which it can be added up, the file has 3" in reasons["employment"]
    assert result.identities.empty
    assert result.verdicts == {"gdp": "unproved", "employment": "unproved"}


def test_another_vintage_whose_sums_do_not_hold_is_refused() -> None:
    truth = economy(40, 5)
    truth["gdp_factor_cost_clp_bn"] = [
        value * (1 + Decimal(month) / 1000) for month, value in enumerate(truth["gdp_factor_cost_clp_bn"]) if value
    ]
    result = damaged_and_marked(truth, ECONOMY)
    assert result.restored.unproved == ["gdp"]
    assert numbers_of(result.restored)[[s.name for s in ECONOMY if s.block == "gdp"]].isna().all(axis=None)
    assert not result.wrong.to_numpy().any()


def other_digit(text: str, place: int) -> str:
    places = [at for at, letter in enumerate(text) if letter.isdigit()]
    at = places[place]
    return text[:at] + ("7" if text[at] != "7" else "3") + text[at + 1 :]


@pytest.mark.parametrize("place", [0, 1, 4])
@pytest.mark.parametrize(
    "name", ["gdp_trade_clp_bn", "gdp_clp_bn", "gdp_copper_mining_clp_bn", "employed_trade_thousand"]
)
def test_a_wrong_digit_leaves_its_month_in_doubt_and_the_block_proved(name: str, place: int) -> None:
    texts = damaged_table(economy(40, 5))
    month = texts.index[17]
    texts.loc[month, name] = other_digit(str(texts.loc[month, name]), place)
    result = restore(texts, ECONOMY)
    assert result.unproved == []
    broken = result.identities[~result.identities["is_exact"]]
    assert set(broken["month"]) == {month}
    doubted = result.status == "uncertain"
    assert doubted.loc[month, name]
    assert set(doubted.index[doubted.any(axis=1)]) == {month}
    assert {s.block for s in ECONOMY if doubted[s.name].any()} == {series_register()[name].block}


def test_a_cell_off_by_a_power_of_ten_in_one_month_is_mended_by_its_sum() -> None:
    """A month that is a sixth of its neighbours looks like one that is nearly twice as large; the sum knows better."""
    name = "gdp_textiles_clp_bn"
    truth = economy(40, 5, {name: {17: 1 / 6, 18: 6.0}})
    result = damaged_and_marked(truth, ECONOMY)
    assert not result.wrong.to_numpy().any()
    assert result.restored.unproved == []


def test_small_parts_that_jump_are_set_from_the_sum_and_doubted_elsewhere() -> None:
    name = "employed_extraterritorial_thousand"
    truth = economy(40, 5)
    truth["employed_trade_thousand"][30] = None
    result = damaged_and_marked(truth, ECONOMY)
    assert result.restored.status[name].value_counts().to_dict() == {"restored": 39, "uncertain": 1}
    assert not result.silent.to_numpy().any()


def test_a_part_that_is_zero_for_a_month_adds_nothing() -> None:
    truth = economy(40, 5)
    zero = Decimal(0)
    part = truth["employed_arts_thousand"][20]
    total = truth["employed_thousand"][20]
    assert part is not None
    assert total is not None
    truth["employed_arts_thousand"][20] = zero
    truth["employed_thousand"][20] = significant([float(total - part)])[0]
    result = damaged_and_marked(truth, ECONOMY)
    assert not result.wrong.to_numpy().any()
    assert result.restored.identities["is_exact"].all()
    assert result.restored.status.iloc[20]["employed_arts_thousand"] == "literal"


def test_texts_that_contradict_the_sum_are_refused() -> None:
    truth = economy(40, 5)
    texts = damaged_table(truth)
    names: Sequence[str] = ("gdp_trade_clp_bn", "gdp_fishing_clp_bn")
    for name, factor in zip(names, (1, 10), strict=True):
        value = truth[name][10]
        assert value is not None
        texts.loc[texts.index[10], name] = damaged((value * factor).quantize(Decimal("0.01")))
    assert restore(texts, ECONOMY).unproved == ["gdp"]


def test_every_series_with_a_base_year_is_in_the_register() -> None:
    assert set(BASE_YEARS) <= {s.name for s in REGISTER}


def test_counts_of_the_columns_add_up() -> None:
    texts = table_of({"one": ["1.234", None, "a", "1.25"], "two": ["12.345.678", "1.3", "0", None]})
    series = [replace(of_range(1, 9), name=name) for name in texts.columns]
    result = restore(texts, series)
    assert result.columns[list(STATUSES)].sum(axis=1).tolist() == [4, 4]
    for name in texts.columns:
        counts = result.columns.set_index("series").loc[name, list(STATUSES)].to_dict()
        found = result.status[name].value_counts().to_dict()
        assert {status: count for status, count in counts.items() if count} == found
