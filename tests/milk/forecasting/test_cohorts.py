"""Many series in one pass: each as if it were alone, whatever the others are."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.forecasting import cohorts
from milk.forecasting.cohorts import Assembled, assemble
from milk.forecasting.histories import FIT_MONTHS, HISTORY_MONTHS, build_histories
from milk.forecasting.interval_choice import METHODS
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import issue_forecasts
from milk.forecasting.other_data import OtherData
from milk.forecasting.recipe import Setting
from milk.months import Month, data_cutoff, forecast_origin
from tests.builders import RULE, price_features, random_walk, revise, sample_features, seasonal_prices

LAST = Month(2001, 8)
ISSUE = LAST + 1
SETTING = Setting((24.0, 48.0))
METHOD = IntervalMethod()


def _prices(series: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Feature tables of single series as one price table."""
    columns = ["series_id", "month", "value", "known_since"]
    return pd.concat([table.assign(series_id=name)[columns] for name, table in series.items()], ignore_index=True)


def _table(months: int, *, seed: int, season: float = 0.02) -> pd.DataFrame:
    """A series of so many months that ends in `LAST`."""
    first = LAST + (1 - months)
    return price_features(seasonal_prices(months, seed=seed, season=season, momentum=0.3), first=str(first))


def _together(
    prices: pd.DataFrame, months: list[Month], method: IntervalMethod = METHOD, other: OtherData | None = None
) -> pd.DataFrame:
    assembled = assemble(prices, price_rule=RULE, issue_months=months)
    frames = [
        issue_forecasts(
            SETTING.forecaster(), part.histories(), part.issues_among(months, RULE),
            price_rule=RULE, method=method, other=other, series_ids=part.series_ids,
        )
        for cohort in assembled.cohorts
        for part in cohort.parts()
    ]  # fmt: skip
    return pd.concat(frames).sort_values(["series_id", "issue_month", "target_month"], ignore_index=True)


def _alone(
    name: str, table: pd.DataFrame, months: list[Month], method: IntervalMethod = METHOD, other: OtherData | None = None
) -> pd.DataFrame:
    histories = build_histories(table, price_rule=RULE, last_origin=forecast_origin(max(months), RULE))
    rows = issue_forecasts(
        SETTING.forecaster(), histories, months, price_rule=RULE, method=method, other=other, series_ids=[name]
    )
    return rows.sort_values(["issue_month", "target_month"], ignore_index=True)


def _assert_as_alone(together: pd.DataFrame, name: str, alone: pd.DataFrame) -> None:
    own = together[together["series_id"] == name].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone, rtol=1e-12, atol=1e-12)


series_lists = st.lists(
    st.tuples(
        st.integers(HISTORY_MONTHS, HISTORY_MONTHS + 30),
        st.integers(0, 10_000),
        st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40), st.floats(0.9, 1.1)), max_size=3),
    ),
    min_size=1,
    max_size=5,
)


def _revised(table: pd.DataFrame, revisions: list[tuple[int, int, float]]) -> pd.DataFrame:
    """Prices so many months before the last, revised so many months after their own month."""
    for back, later, factor in revisions:
        month = LAST + (-back)
        value = float(table.loc[table["month"] == pd.Timestamp(month.first_day), "value"].iloc[0]) * factor
        table = revise(table, str(month), value, known_since=f"{month + later}-15")
    return table


@settings(max_examples=12, deadline=None)
@given(series_lists, st.sampled_from([1, 60, 4000]))
def test_each_series_is_forecast_as_if_it_were_alone(
    drawn: list[tuple[int, int, list[tuple[int, int, float]]]], rows_at_once: int
) -> None:
    tables = {f"s{k}": _revised(_table(m, seed=seed), revisions) for k, (m, seed, revisions) in enumerate(drawn)}
    usual, cohorts.ROWS_AT_ONCE = cohorts.ROWS_AT_ONCE, rows_at_once
    try:
        together = _together(_prices(tables), [ISSUE])
    finally:
        cohorts.ROWS_AT_ONCE = usual
    assert len(together) == 12 * len(tables)
    for name, table in tables.items():
        _assert_as_alone(together, name, _alone(name, table, [ISSUE]))


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_so_with_every_interval_method_and_a_constant_price_among_them(method: IntervalMethod) -> None:
    months = [ISSUE + (-5), ISSUE]
    tables = {
        "moving": _table(120, seed=1),
        "constant": price_features(np.full(120, 250.0), first=str(LAST + (-119))),
        "revised": _revised(_table(120, seed=2), [(30, 4, 1.05), (12, 2, 0.97)]),
    }
    together = _together(_prices(tables), months, method)
    for name, table in tables.items():
        _assert_as_alone(together, name, _alone(name, table, months, method))


def test_so_with_a_recipe_that_uses_other_data() -> None:
    sample = sample_features()
    last = Month.of(sample.loc[sample["feature"] == "price", "month"].max())
    other = OtherData(sample, RULE, {"rain": [1, 3]})
    tables = {
        name: price_features(random_walk(200, seed=seed), first=str(last + (-199)))
        for seed, name in enumerate(["a", "b", "c"])
    }
    together = _together(_prices(tables), [last + 1], other=other)
    assert together["contribution_other"].ne(0).any()
    for name, table in tables.items():
        _assert_as_alone(together, name, _alone(name, table, [last + 1], other=other))


def test_series_of_one_span_are_one_cohort_and_revised_ones_another() -> None:
    tables = {f"s{k}": _table(100, seed=k) for k in range(5)}
    tables["s3"] = _revised(tables["s3"], [(10, 2, 1.1)])
    tables["s4"] = _revised(tables["s4"], [(10, 2, 1.2)])
    found = assemble(_prices(tables), price_rule=RULE, issue_months=[ISSUE])
    assert sorted(cohort.series_ids for cohort in found.cohorts) == [("s0", "s1", "s2"), ("s3", "s4")]
    assert found.left_out == {}


def test_parts_hold_every_series_once() -> None:
    tables = {f"s{k}": _revised(_table(100, seed=k), [(10, 2, 1 + k / 100)]) for k in range(1, 8)}
    (cohort,) = assemble(_prices(tables), price_rule=RULE, issue_months=[ISSUE]).cohorts
    usual, cohorts.ROWS_AT_ONCE = cohorts.ROWS_AT_ONCE, 3 * (100 - FIT_MONTHS)
    try:
        parts = [*cohort.parts()]
    finally:
        cohorts.ROWS_AT_ONCE = usual
    assert [len(part.series_ids) for part in parts] == [3, 3, 1]
    assert [name for part in parts for name in part.series_ids] == [*cohort.series_ids]
    whole = cohort.histories()
    np.testing.assert_array_equal(np.concatenate([part.histories().log_price for part in parts]), whole.log_price)


def test_what_became_known_after_the_cutoff_changes_nothing_of_any_series() -> None:
    """Prices of other series, too: nothing passes from one to another."""
    tables = {"a": _table(120, seed=1), "b": _table(120, seed=2), "c": _table(110, seed=3)}
    prices = _prices(tables)
    issue = ISSUE + (-10)
    spoilt = prices.assign(value=prices["value"].where(prices["known_since"] <= data_cutoff(issue), 1e6))
    pd.testing.assert_frame_equal(_together(prices, [issue]), _together(spoilt, [issue]), check_exact=True)
    other = prices.assign(value=prices["value"].where(prices["series_id"] != "b", prices["value"] * 3.7))
    before, after = (_together(table, [issue]) for table in (prices, other))
    pd.testing.assert_frame_equal(
        before[before["series_id"] != "b"], after[after["series_id"] != "b"], rtol=1e-12, atol=1e-12
    )


def _left_out(**tables: pd.DataFrame) -> Assembled:
    good = {"good": _table(120, seed=9)}
    found = assemble(_prices(good | tables), price_rule=RULE, issue_months=[ISSUE])
    assert ("good",) in [cohort.series_ids for cohort in found.cohorts]
    return found


def test_a_series_that_cannot_be_forecast_is_named_with_its_reason_and_stops_no_other() -> None:
    whole = _table(120, seed=1)
    gone = whole[whole["month"] != pd.Timestamp("1999-04-01")]
    late = whole.assign(
        known_since=whole["known_since"].mask(whole["month"] == "2001-03-01", whole["known_since"].max())
    )
    found = _left_out(short=_table(40, seed=2), stale=whole.iloc[:-2], gap=gone, late=late)
    assert found.left_out == {
        "short": "its prices begin in 1998-05: fewer than 76 months lie before 2001-09",
        "stale": "its newest price is that of 2001-06, and the forecast issued for 2001-09 must rest on that of "
        "2001-08",
        "gap": "it has no price of 1999-04: the months must follow each other",
        "late": "its price of 2001-03 was not known at the cutoff of a forecast from 2001-03",
    }


def test_a_series_that_ended_is_forecast_for_the_months_that_it_reaches() -> None:
    ended = _table(120, seed=1).iloc[:-3]
    months = [ISSUE + (-4), ISSUE + (-3), ISSUE + (-2), ISSUE]
    rows = _together(_prices({"ended": ended, "good": _table(120, seed=2)}), months)
    issued = rows.groupby("series_id")["issue_month"].nunique()
    assert issued.to_dict() == {"ended": 2, "good": 4}
    _assert_as_alone(rows, "ended", _alone("ended", ended, months[:2]))


def test_one_that_begins_later_is_named() -> None:
    tables = {"good": _table(120, seed=1), "later": price_features([200.0] * 80, first=str(LAST + 3))}
    found = assemble(_prices(tables), price_rule=RULE, issue_months=[ISSUE])
    assert found.left_out == {"later": f"it has no price before {ISSUE}"}


def test_nothing_is_made_of_nothing() -> None:
    prices = _prices({"good": _table(120, seed=1)})
    assert assemble(prices.iloc[:0], price_rule=RULE, issue_months=[ISSUE]) == Assembled([], {})
    assert assemble(prices, price_rule=RULE, issue_months=[]) == Assembled([], {})


def test_a_history_of_many_gives_back_each() -> None:
    tables = {f"s{k}": _table(90, seed=k) for k in range(3)}
    (cohort,) = assemble(_prices(tables), price_rule=RULE, issue_months=[ISSUE]).cohorts
    whole = cohort.histories()
    assert (whole.series, whole.rows_of_series) == (3, 90 - FIT_MONTHS)
    for number, table in enumerate(tables.values()):
        own = build_histories(table, price_rule=RULE, last_origin=LAST)
        np.testing.assert_array_equal(whole.alone(number).log_price, own.log_price)
        np.testing.assert_array_equal(whole.alone(number).origins, own.origins)
    assert replace(whole, series=1).rows_of_series == 3 * whole.rows_of_series
