"""Which forecasts are judged, by which price, and what their baselines may know."""

import math
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.evaluation.scorecard import COLUMNS, LATEST, judged_forecasts
from milk.forecasting.baselines import BASELINES
from milk.months import Month, available_from, data_cutoff
from tests.builders import RULE, histories_of, price_features, random_walk
from tests.milk.evaluation.scorecards import DAY, FIRST_PRICE, issued, prices, record, revised

LAST_PRICE = FIRST_PRICE + 95
AUGUST = Month(2022, 8)
"""An issue of which five target months have a price."""


def _value(month: Month) -> float:
    return float(prices()["value"].iloc[month - FIRST_PRICE])


def test_a_forecast_is_judged_by_the_price_that_came() -> None:
    rows = judged_forecasts(issued(AUGUST, 200.0), prices())
    assert list(rows.columns) == COLUMNS
    assert [Month.of(m) for m in rows["target_month"]] == [AUGUST + k for k in range(5)]
    assert [*rows["horizon_months"]] == [1, 2, 3, 4, 5]
    first, came = rows.iloc[0], _value(AUGUST)
    assert (first["observed"], first["known_since"]) == (came, pd.Timestamp(available_from(RULE, AUGUST)))
    assert first["error"] == pytest.approx(came - 200)
    assert first["log_error"] == pytest.approx(math.log(came / 200))
    for level, reach in (("80", 0.05), ("95", 0.1)):
        assert [*rows[f"is_inside_{level}"]] == [abs(math.log(v / 200)) <= reach for v in rows["observed"]]


def test_the_end_of_an_interval_belongs_to_it() -> None:
    forecast = issued(AUGUST, 200.0, steps=1).assign(lower_80=_value(AUGUST), lower_95=_value(AUGUST) + 1e-6)
    (row,) = judged_forecasts(forecast, prices()).itertuples()
    assert (row.is_inside_80, row.is_inside_95) == (True, False)


def test_a_hindcast_never_takes_part() -> None:
    live = issued(AUGUST, 200.0)
    hindcasts = [
        issued(AUGUST, 150.0, revision=2, kind="hindcast"),
        issued(AUGUST + (-6), 150.0, kind="hindcast"),
    ]
    judged = judged_forecasts(pd.concat([live, *hindcasts], ignore_index=True), prices())
    pd.testing.assert_frame_equal(judged, judged_forecasts(live, prices()))
    assert judged_forecasts(hindcasts[1], prices()).empty


def test_the_revision_that_stood_is_judged_target_by_target() -> None:
    """The second is there when the price of August is known, the third only when that of September is."""
    known = available_from(RULE, AUGUST)
    forecasts = [
        issued(AUGUST, 190.0),
        issued(AUGUST, 200.0, revision=2, published_at=known),
        issued(AUGUST, 210.0, revision=3, published_at=known + DAY / 86_400),
    ]
    judged = judged_forecasts(pd.concat(forecasts, ignore_index=True), prices())
    assert [*judged["revision"]] == [2, 3, 3, 3, 3]
    assert [*judged["price"]] == [200.0, 210.0, 210.0, 210.0, 210.0]


def test_what_was_published_after_the_price_was_known_is_not_judged() -> None:
    late = issued(AUGUST, 200.0, published_at=available_from(RULE, AUGUST + 1) + DAY)
    assert [Month.of(m) for m in judged_forecasts(late, prices())["target_month"]] == [AUGUST + k for k in (2, 3, 4)]


@settings(max_examples=25)
@given(st.integers(0, 4), st.floats(50.0, 500.0), st.integers(0, 400))
def test_a_revised_price_changes_only_what_is_said_of_the_latest(ahead: int, value: float, days: int) -> None:
    # Prices before the issue may be revised, too; but a revision known by the cutoff is no later one.
    month = AUGUST + ahead
    later = revised(prices(), month, value, available_from(RULE, month) + DAY * (1 + days))
    before, after = (judged_forecasts(issued(AUGUST, 200.0), table) for table in (prices(), later))
    latest = [name for name in COLUMNS if name.endswith(LATEST)]
    pd.testing.assert_frame_equal(after.drop(columns=latest), before.drop(columns=latest))
    changed = after.iloc[ahead]
    assert (changed["observed_latest"], changed["error_latest"]) == (value, value - 200.0)
    assert changed["is_inside_95_latest"] == (abs(math.log(value / 200.0)) <= 0.1)
    pd.testing.assert_frame_equal(after.drop(index=ahead), before.drop(index=ahead))


def test_baselines_are_those_of_the_backtest() -> None:
    judged = record(Month(2021, 1), 24, prices())
    histories = histories_of(price_features([*prices()["value"]], first=str(FIRST_PRICE)))
    for name, make in BASELINES.items():
        said = make().fit(histories).forecast(12).log_price
        row = [histories.row_of(Month.of(origin)) for origin in judged["forecast_origin"]]
        wanted = said[row, judged["horizon_months"].to_numpy() - 1]
        np.testing.assert_allclose(np.log(judged[name]), wanted, atol=1e-12)


def test_baselines_know_nothing_later_than_the_cutoff() -> None:
    """Every price and every revision that became known after the cutoff is spoilt: no bit of a baseline changes."""
    table = revised(prices(), AUGUST + (-3), 500.0, data_cutoff(AUGUST) + DAY)
    later = table["known_since"] > pd.Timestamp(data_cutoff(AUGUST))
    spoilt = table.assign(value=table["value"].where(~later, table["value"] * 7))
    assert later.sum() == 6
    one, other = (judged_forecasts(issued(AUGUST, 200.0), t) for t in (table, spoilt))
    pd.testing.assert_frame_equal(one[[*BASELINES]], other[[*BASELINES]])
    assert not one["observed"].equals(other["observed"])


def test_baselines_use_a_revision_once_it_is_known() -> None:
    month = AUGUST + (-1)
    known = revised(prices(), month, 500.0, data_cutoff(AUGUST))
    unknown = revised(prices(), month, 500.0, data_cutoff(AUGUST) + DAY)
    said = [judged_forecasts(issued(AUGUST, 200.0), table)["last_value"].iloc[0] for table in (known, unknown)]
    assert said == pytest.approx([500.0, _value(month)])


def test_baselines_of_issues_with_gaps_between_them() -> None:
    months = [Month(2020, 3), Month(2020, 4), Month(2021, 11), AUGUST]
    together = judged_forecasts(pd.concat([issued(m, 200.0) for m in months], ignore_index=True), prices())
    alone = pd.concat([judged_forecasts(issued(m, 200.0), prices()) for m in months], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_a_baseline_whose_price_was_not_known_is_not_there() -> None:
    late = prices()
    is_last = late["month"] == pd.Timestamp((AUGUST + (-1)).first_day)
    late.loc[is_last, "known_since"] = pd.Timestamp(data_cutoff(AUGUST) + DAY)
    judged = judged_forecasts(issued(AUGUST, 200.0), late)
    assert judged["last_value"].isna().all()
    assert judged["observed"].notna().all()


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_what_is_read_is_of_no_account(random: Random) -> None:
    forecasts = pd.concat([issued(AUGUST + k, 200.0 + k) for k in range(-3, 3)], ignore_index=True)
    table = revised(prices(), AUGUST, 222.0, available_from(RULE, AUGUST) + DAY)
    wanted = judged_forecasts(forecasts, table)
    orders = []
    for frame in (forecasts, table):
        order = [*range(len(frame))]
        random.shuffle(order)
        orders.append(frame.iloc[order])
    pd.testing.assert_frame_equal(judged_forecasts(*orders), wanted)


def test_nothing_published_or_nothing_come_is_nothing_judged() -> None:
    for forecasts, table in (
        (issued(AUGUST, 200.0).head(0), prices()),
        (issued(LAST_PRICE + 1, 200.0), prices()),
        (issued(AUGUST, 200.0), prices().head(0)),
    ):
        judged = judged_forecasts(forecasts, table)
        assert judged.empty
        assert list(judged.columns) == COLUMNS


def test_years_of_issues_are_judged_at_once() -> None:
    judged = record(Month(2019, 1), 48, prices(random_walk(96, seed=9)))
    assert judged.groupby("issue_month").size().tolist() == [12] * 37 + [*range(11, 0, -1)]
    assert not judged.duplicated(["issue_month", "target_month"]).any()
    assert judged.notna().all().all()


def test_many_series_are_judged_as_each_alone() -> None:
    """By its own prices and its own revisions, whatever the others are."""
    tables = {name: prices(random_walk(96, seed=seed)) for seed, name in enumerate("abc")}
    tables["b"] = revised(tables["b"], AUGUST, 222.0, available_from(RULE, AUGUST) + 20 * DAY)
    forecasts = {
        "a": issued(AUGUST, 200.0),
        "b": pd.concat([issued(AUGUST, 210.0), issued(AUGUST + 1, 205.0)], ignore_index=True),
        "c": issued(AUGUST + (-3), 190.0, steps=14),
    }
    both = [{name: frame.assign(series_id=name) for name, frame in held.items()} for held in (forecasts, tables)]
    together = judged_forecasts(*(pd.concat([*held.values()], ignore_index=True) for held in both))
    alone = pd.concat([judged_forecasts(both[0][name], tables[name]) for name in "abc"], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
