"""What is asked of a source: absent months, freshness, agreement with the former vintage."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.months import Availability, Month, available_from
from milk.panel.observations import new_observations, revisions
from milk.panel.quality import (
    FEWEST_REVISED,
    LARGE_REVISION,
    MOST_REVISED,
    absent_months,
    freshness,
    newest_due,
    ranges,
    rule_words,
    vintage_agreement,
)
from milk.series import series_register
from milk.steps.receive import empty_observations
from tests.milk.panel.vintages import NOON, parsed_of, received

REGISTER = series_register()
PRICE = REGISTER.of_source("milk_price")
RAIN = REGISTER.of_source("precipitation")
MACRO = REGISTER.of_source("central_bank")
RULES = st.builds(
    Availability, rule=st.sampled_from(["day", "business_day", "month_end"]), lag_months=st.integers(1, 4)
) | st.builds(Availability, rule=st.just("quarterly_accounts"), lag_months=st.integers(0, 3))


def cells(*rows: tuple[str, str]) -> pd.DataFrame:
    """Observations of which only series and month matter."""
    months = pd.Series([pd.Timestamp(month) for _name, month in rows], dtype="datetime64[us]")
    return pd.DataFrame({"series": [name for name, _month in rows], "month": months})


def test_a_series_without_gaps_has_no_row() -> None:
    assert absent_months(received(parsed_of(["1", "2", "3"])), PRICE).empty
    assert absent_months(empty_observations(), PRICE).empty


def test_gaps_are_told_by_series_and_range() -> None:
    names = ("gdp_clp_bn", "imacec_index")
    rows = [(names[0], f"2014-{m:02d}") for m in (1, 2, 6, 7, 9)] + [(names[1], f"2014-{m:02d}") for m in (1, 2)]
    (row,) = absent_months(cells(*rows), MACRO).to_dict(orient="records")
    assert row == {
        "series": "gdp_clp_bn",
        "first": "2014-01",
        "last": "2014-09",
        "absent": 4,
        "months": "2014-03 to 2014-05, 2014-08",
    }


def test_a_revision_is_no_second_month_and_a_stray_cell_no_beginning() -> None:
    rows = [("gdp_clp_bn", month) for month in ("1978-02", "2013-01", "2013-02", "2013-02")]
    assert absent_months(cells(*rows), MACRO).empty


def test_where_an_empty_cell_means_none_there_are_no_gaps() -> None:
    rows = [("employed_no_answer_thousand", month) for month in ("2013-03", "2013-09")]
    assert absent_months(cells(*rows), MACRO).empty


def test_many_ranges_are_counted() -> None:
    months = [Month(2001, 1) + 2 * k for k in range(5)]
    assert ranges(months, most=3) == "2001-01, 2001-03, 2001-05 and 2 more"
    assert ranges([]) == ""


@given(RULES, st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1)))  # noqa: DTZ001 because UTC is set below
def test_the_newest_due_is_known_and_the_next_is_not(rule: Availability, moment: dt.datetime) -> None:
    now = moment.replace(tzinfo=dt.UTC)
    month = newest_due(rule, now)
    assert available_from(rule, month) <= now < available_from(rule, month + 1) or (
        # The three months of a quarter become known at once, so that the next one may be, too.
        rule.rule == "quarterly_accounts" and available_from(rule, month) <= now < available_from(rule, month + 3)
    )
    assert all(available_from(rule, month + k) > now for k in range(1, 8))


def test_freshness_holds_each_rule_against_the_calendar() -> None:
    now = dt.datetime(2014, 7, 15, 12, tzinfo=dt.UTC)
    rows = [("imacec_index", "2014-05"), ("imacec_goods_index", "2014-03"), ("gdp_clp_bn", "2014-03")]
    table = freshness(cells(*rows), MACRO, now).set_index("slowest").to_dict(orient="index")
    assert table["imacec_goods_index"] == {
        "known": "1st business day of the 2nd month after",
        "series": 2,
        "newest_held": "2014-03",
        "newest_due": "2014-05",
        "months_behind": 2,
    }
    assert (table["gdp_clp_bn"]["newest_due"], table["gdp_clp_bn"]["months_behind"]) == ("2014-03", 0)
    assert len(table) == 2, "series never received take no part"


def test_a_series_ahead_of_its_rule_is_not_behind() -> None:
    table = freshness(cells(("price", "2014-09")), PRICE, dt.datetime(2014, 7, 15, tzinfo=dt.UTC))
    assert table["months_behind"].tolist() == [0]
    assert freshness(empty_observations(), PRICE, NOON).empty


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("price", "end of its own month"),
        ("rain_maule_mm", "day 7 of the month after"),
        ("gdp_clp_bn", "with the accounts of its quarter"),
        ("usd_clp", "1st business day of the month after"),
    ],
)
def test_a_rule_is_said_in_a_few_words(name: str, words: str) -> None:
    assert rule_words(REGISTER[name].availability) == words


def agreement(before: list[str], after: list[str]) -> pd.Series:
    standing, parsed = received(parsed_of(before)), parsed_of(after)
    added = new_observations(parsed, standing, series=PRICE, received_at=NOON, snapshot="cd" * 32)
    (row,) = [row for _n, row in vintage_agreement(parsed, standing, revisions(added, standing)).iterrows()]
    return row


def test_the_same_file_and_a_longer_one_agree() -> None:
    row = agreement(["100", "200"], ["100", "200", "300"])
    assert row[["came_again", "changed", "share", "largest_change", "agrees"]].tolist() == [2, 0, 0.0, 0.0, True]


def test_ordinary_revisions_agree() -> None:
    before = [f"{100 + k}" for k in range(24)]
    newest = [*before[:20], "150", "151", "152", "153"]
    little = [f"{(100 + k) * (1 + LARGE_REVISION / 2):.4f}" for k in range(24)]
    assert agreement(before, newest)["agrees"], "four of 24 by much"
    assert agreement(before, little)["agrees"], "all of them by little"


@pytest.mark.parametrize("factor", [1 / 1000, 0.5, 1.19, 10])
def test_another_unit_or_a_tax_is_another_series(factor: float) -> None:
    before = [f"{100 + k}" for k in range(24)]
    row = agreement(before, [f"{(100 + k) * factor:.6f}" for k in range(24)])
    assert not row["agrees"]
    assert row["median_change"] == pytest.approx(abs(factor - 1))


def test_a_deflated_series_is_another_series() -> None:
    before = [f"{100 + k}" for k in range(24)]
    assert not agreement(before, [f"{(100 + k) * 1.005 ** (23 - k):.4f}" for k in range(24)])["agrees"]


def test_few_values_are_never_another_series() -> None:
    row = agreement(["100", "101", "102"], ["100", "150", "160"])
    assert row["largely_changed"] == FEWEST_REVISED - 1 > MOST_REVISED * row["came_again"]
    assert row["agrees"]


def test_nothing_stood_before() -> None:
    parsed = parsed_of(["1"])
    added = received(parsed)
    assert vintage_agreement(parsed, empty_observations(), revisions(added, empty_observations())).empty
