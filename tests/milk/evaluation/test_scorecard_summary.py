"""The running statistics against slow sums; each flag goes up by a planted fault and stays down without one."""

import math

import numpy as np
import pandas as pd
import pytest

from milk.evaluation.scorecard_summary import ALL, COLUMNS, FLAGS, months_needed, running_statistics
from milk.evaluation.significance import bootstrap_ratio
from milk.months import Month, available_from
from tests.builders import RULE, random_walk
from tests.milk.evaluation.scorecards import DAY, FIRST_PRICE, prices, record, revised

FIRST_ISSUE = Month(2019, 1)
FITTING = 1.2816 * 0.03
"""Half the width of an 80 % interval one month ahead; the walk of the prices moves by 3 % a month."""


def _row(statistics: pd.DataFrame, horizon: int, observed_as: str = "first") -> pd.Series:
    chosen = statistics[(statistics["horizon_months"] == horizon) & (statistics["observed_as"] == observed_as)]
    (row,) = [row for _, row in chosen.iterrows()]
    return row


def test_the_figures_are_those_of_slow_sums() -> None:
    rows = record(FIRST_ISSUE, 48, prices())
    found = running_statistics(rows)
    assert list(found.columns) == COLUMNS
    assert [*found["horizon_months"]] == 2 * [ALL, *range(1, 13)]
    for horizon in (ALL, 1, 7):
        part = rows if horizon == ALL else rows[rows["horizon_months"] == horizon]
        row = _row(found, horizon)
        n = len(part)
        assert (row["forecasts"], row["months_judged"]) == (n, part["target_month"].nunique())
        assert row["bias"] == pytest.approx(
            sum(math.log(o / p) for o, p in zip(part["observed"], part["price"], strict=True)) / n
        )
        own = math.sqrt(sum((part["observed"] - part["price"]) ** 2) / n)
        assert row["rmse"] == pytest.approx(own)
        for name in ("last_value", "seasonal_drift"):
            other = math.sqrt(sum((part["observed"] - part[name]) ** 2) / n)
            assert row[f"ratio_{name}"] == pytest.approx(own / other)
        assert row["coverage_80"] == sum(part["observed"].between(part["lower_80"], part["upper_80"])) / n


def test_the_interval_of_a_ratio_is_that_of_the_bootstrap() -> None:
    rows = record(FIRST_ISSUE, 48, prices(), factor=1.01)
    for horizon in (1, 4):
        part = rows[rows["horizon_months"] == horizon]
        squares = [(part["observed"] - part[name]) ** 2 for name in ("price", "last_value")]
        low, high = bootstrap_ratio(*squares, block_months=horizon)
        row = _row(running_statistics(rows), horizon)
        assert (row["ratio_last_value_low"], row["ratio_last_value_high"]) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize(("months", "horizon", "is_judged"), [(11, 1, False), (12, 1, True), (12, 7, False)])
def test_nothing_is_judged_below_the_stated_number(months: int, horizon: int, is_judged: bool) -> None:
    issues = months + horizon - 1
    rows = record(FIRST_PRICE + (96 - issues), issues, prices(), factor=1.5)
    row = _row(running_statistics(rows), horizon)
    assert row["months_judged"] == months
    assert row["is_judged"] == is_judged
    assert row[FLAGS].any() == is_judged, "off by half: seen as soon as anything is judged"
    assert math.isfinite(row["bias_band"]) == is_judged
    if not is_judged:
        assert row["finding"] == f"{months} of the {months_needed(horizon)} months that it takes"
        assert row[["ratio_last_value_low", "coverage_80_low", "coverage_95_high"]].isna().all()


def test_all_horizons_wait_for_two_stretches_of_the_longest() -> None:
    rows = [record(FIRST_PRICE + (96 - months), months, prices()) for months in (23, 24)]
    assert [_row(running_statistics(part), ALL)["is_judged"] for part in rows] == [False, True]


def test_a_sound_record_raises_no_flag() -> None:
    rows = record(FIRST_ISSUE, 48, prices(), width=FITTING, steps=1)
    found = running_statistics(rows)
    assert found["is_judged"].all()
    assert not found[FLAGS].any().any()
    assert set(found["finding"]) == {""}
    row = _row(found, 1)
    assert row["ratio_last_value"] == pytest.approx(1)
    assert row["coverage_80_low"] < 0.8 < row["coverage_80_high"]


@pytest.mark.parametrize(
    ("factor", "width", "flag", "said"),
    [
        (0.95, FITTING, "is_biased", "prices came above the forecasts"),
        (1.05, FITTING, "is_biased", "prices came below the forecasts"),
        (1.0, FITTING / 3, "is_outside_80", "the 80 % intervals held"),
        (1.0, FITTING / 3, "is_outside_95", "the 95 % intervals held"),
        (1.0, FITTING * 4, "is_outside_80", "held 100%"),
        (1.05, FITTING, "is_worse_than_last_value", "of the last value's"),
    ],
)
def test_a_planted_fault_raises_its_flag(factor: float, width: float, flag: str, said: str) -> None:
    rows = record(FIRST_ISSUE, 48, prices(), factor=factor, width=width, steps=1)
    for horizon in (1, ALL):
        row = _row(running_statistics(rows), horizon)
        assert row[flag]
        assert said in row["finding"]


def test_both_prices_are_judged_by() -> None:
    table = prices()
    for month in (FIRST_ISSUE + k for k in range(48)):
        value = float(table["value"].iloc[month - FIRST_PRICE])
        table = revised(table, month, value * 1.5, available_from(RULE, month) + 900 * DAY)
    found = running_statistics(record(FIRST_ISSUE, 48, table, width=FITTING, steps=1))
    assert not _row(found, 1, "first")["is_biased"]
    assert _row(found, 1, "latest")["bias"] == pytest.approx(_row(found, 1, "first")["bias"] + math.log(1.5))
    assert _row(found, 1, "latest")["is_biased"]


def test_rows_without_a_baseline_are_left_out_of_its_ratio() -> None:
    rows = record(FIRST_ISSUE, 24, prices(), factor=1.02, steps=1)
    halved = rows.assign(last_value=rows["last_value"].where(rows.index >= 12))
    one, other = (_row(running_statistics(part), 1) for part in (halved, rows.tail(12)))
    assert one["ratio_last_value"] == other["ratio_last_value"]
    assert one["forecasts"] == 24
    nowhere = _row(running_statistics(rows.assign(last_value=np.nan)), 1)
    assert math.isnan(nowhere["ratio_last_value"])
    assert not nowhere["is_worse_than_last_value"]


def test_a_price_that_never_moves_is_no_error() -> None:
    rows = record(FIRST_ISSUE, 48, prices(np.full(96, 250.0)), steps=3)
    row = _row(running_statistics(rows), ALL)
    assert (row["rmse"], row["ratio_last_value"], row["is_biased"]) == (0.0, 1.0, False)


def test_the_same_record_gives_the_same_statistics() -> None:
    rows = record(FIRST_ISSUE, 30, prices(random_walk(96, seed=11)))
    pd.testing.assert_frame_equal(running_statistics(rows), running_statistics(rows.sample(frac=1, random_state=1)))


def test_nothing_judged_is_no_statistic() -> None:
    found = running_statistics(record(FIRST_ISSUE, 1, prices()).head(0))
    assert found.empty
    assert list(found.columns) == COLUMNS
