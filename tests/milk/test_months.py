"""The rules of time: what is known when, and how far an issue reaches."""

import datetime as dt
import itertools
import subprocess
import sys
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.errors import BadSetting
from milk.months import (
    SANTIAGO,
    Availability,
    IssueMonths,
    Month,
    available_from,
    contiguous_ranges,
    data_cutoff,
    end_of_day,
    forecast_kind,
    forecast_origin,
    horizons,
    issue_month_of,
    month_range,
    reachable_issues,
    target_months,
)

FILE = Availability("month_end")
LIVE = Availability("month_end", 2)
ACCOUNTS = Availability("quarterly_accounts")

MONTHS = st.builds(Month, st.integers(1950, 2100), st.integers(1, 12))
MONTHLY_RULES = st.one_of(
    st.builds(Availability, st.just("month_end"), st.integers(0, 6)),
    st.builds(Availability, st.just("day"), st.integers(1, 6), st.integers(1, 28)),
    st.builds(Availability, st.just("business_day"), st.integers(1, 6)),
)
RULES = st.one_of(MONTHLY_RULES, st.builds(Availability, st.just("quarterly_accounts"), st.integers(0, 6)))


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@given(MONTHS)
def test_text_of_a_month_reads_back(month: Month) -> None:
    assert Month.parse(str(month)) == month
    assert Month.parse(f"  {month} ") == month


@given(MONTHS)
def test_ordinal_and_days_lead_back(month: Month) -> None:
    assert Month.from_ordinal(month.ordinal) == Month.of(month.first_day) == Month.of(month.last_day) == month
    assert month.last_day + dt.timedelta(days=1) == (month + 1).first_day


@given(MONTHS, st.integers(-500, 500), st.integers(-500, 500))
def test_sums_and_differences_are_those_of_numbers(month: Month, a: int, b: int) -> None:
    assert (month + a) + b == month + (a + b)
    assert (month + a) - month == a
    assert (month + a < month + b) == (a < b)
    assert 1 <= (month + a).month <= 12


def test_sum_crosses_the_year() -> None:
    assert Month(2014, 10) + 3 == Month(2015, 1)
    assert Month(2015, 1) + (-1) == Month(2014, 12)
    assert Month(2015, 1) - Month(2014, 10) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2014",
        "2014-13",
        "2014-00",
        "2014-1",
        "14-01",
        "2014/10",
        "2014-10-01",
        "0000-05",
        "9999-12",
        "٢٠١٤-10",
        "Oct",
    ],
)
def test_what_is_no_month_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadSetting, match="is not a month: write it as YYYY-MM") as refused:
        Month.parse(text)
    assert f"'{text}'" in str(refused.value)


@given(MONTHS, st.integers(-30, 30))
def test_range_holds_both_ends(first: Month, length: int) -> None:
    months = month_range(first, first + length)
    assert len(months) == max(0, length + 1)
    assert months == sorted(set(months))
    if months:
        assert (months[0], months[-1]) == (first, first + length)


@given(RULES, MONTHS)
def test_nothing_is_known_before_its_month_ends(rule: Availability, month: Month) -> None:
    assert available_from(rule, month) >= end_of_day(month.last_day)


@given(RULES, MONTHS, st.integers(1, 40))
def test_later_months_are_not_known_earlier(rule: Availability, month: Month, later: int) -> None:
    assert available_from(rule, month) <= available_from(rule, month + later)


@given(RULES, MONTHS, st.integers(1, 6))
def test_later_by_shifts_the_day_by_months(rule: Availability, month: Month, months: int) -> None:
    now, then = rule.day_known(month), rule.later_by(months).day_known(month)
    assert Month.of(then) - Month.of(now) == months
    assert rule.later_by(0) == rule


@given(MONTHLY_RULES, MONTHS)
def test_a_lag_of_a_month_is_the_day_of_the_next_month(rule: Availability, month: Month) -> None:
    assert rule.later_by(1).day_known(month) == rule.day_known(month + 1)


@given(st.integers(-20, -1))
def test_no_rule_looks_into_the_future(lag: int) -> None:
    with pytest.raises(BadSetting, match="cannot be known"):
        Availability("month_end", lag)
    with pytest.raises(BadSetting, match="must not be negative"):
        LIVE.later_by(lag)


@pytest.mark.parametrize("rule", ["day", "business_day"])
def test_rules_inside_a_month_need_a_lag(rule: Literal["day", "business_day"]) -> None:
    with pytest.raises(BadSetting, match="a month must end before its value is known"):
        Availability(rule)


@pytest.mark.parametrize("day", [0, 29])
def test_day_that_some_month_lacks_is_refused(day: int) -> None:
    with pytest.raises(BadSetting, match="a day from 1 to 28"):
        Availability("day", 1, day)


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(BadSetting, match="'tomorrow' is not a rule of availability"):
        Availability("tomorrow")  # type: ignore[arg-type]  # because a register file can say anything


@pytest.mark.parametrize(
    ("year", "quarter_known"),
    [
        (2016, ["2016-05-18", "2016-08-18", "2016-11-18", "2017-03-20"]),  # 18 March 2017 is a Saturday
        (2014, ["2014-05-19", "2014-08-18", "2014-11-18", "2015-03-18"]),  # 18 May 2014 is a Sunday
    ],
)
def test_sector_accounts_come_with_their_quarter(year: int, quarter_known: list[str]) -> None:
    for month in range(1, 13):
        assert str(ACCOUNTS.day_known(Month(year, month))) == quarter_known[(month - 1) // 3]


@given(MONTHS)
def test_business_days_are_no_weekend(month: Month) -> None:
    for rule in (Availability("business_day", 1), ACCOUNTS):
        assert rule.day_known(month).weekday() < 5
    assert Availability("business_day", 1).day_known(month).day <= 3


def test_named_day_of_a_later_month() -> None:
    assert Availability("day", 1, 7).day_known(Month(2014, 12)) == dt.date(2015, 1, 7)


@pytest.mark.parametrize(
    ("issue", "utc"),
    [
        ("2014-01", "2014-01-01T03:00:00+00:00"),  # summer time
        ("2014-07", "2014-07-01T04:00:00+00:00"),  # winter time
        ("2015-07", "2015-07-01T03:00:00+00:00"),  # 2015 kept summer time all year
    ],
)
def test_cutoff_is_midnight_in_santiago(issue: str, utc: str) -> None:
    assert data_cutoff(Month.parse(issue)) == at(utc)


@given(MONTHS)
def test_cutoff_is_where_the_month_begins(month: Month) -> None:
    cutoff = data_cutoff(month)
    moment = dt.timedelta(microseconds=1)
    assert cutoff.utcoffset() == dt.timedelta(0)
    assert Month.of(cutoff.astimezone(SANTIAGO)) == month
    assert Month.of((cutoff - moment).astimezone(SANTIAGO)) == month + (-1)


def test_day_whose_midnight_the_clocks_skip_ends_with_the_skip() -> None:
    # On Sunday 8 September 2019 the clocks in Chile went from 00:00 to 01:00.
    assert end_of_day(dt.date(2019, 9, 7)) == at("2019-09-08T04:00:00+00:00")


@given(MONTHLY_RULES, MONTHS)
def test_origin_and_issue_month_are_each_others_inverse(rule: Availability, month: Month) -> None:
    assert forecast_origin(issue_month_of(month, rule), rule) == month
    assert issue_month_of(forecast_origin(month, rule), rule) == month


@given(RULES, MONTHS)
def test_origin_is_the_last_known_price(rule: Availability, issue: Month) -> None:
    origin = forecast_origin(issue, rule)
    assert available_from(rule, origin) <= data_cutoff(issue) < available_from(rule, origin + 1)


@given(MONTHS)
def test_file_forecasts_its_own_month_one_step_ahead(issue: Month) -> None:
    origin = forecast_origin(issue, FILE)
    assert target_months(issue, origin) == month_range(issue, issue + 11)
    assert target_months(issue, origin)[0] - origin == 1


def test_partition_of_october_2014() -> None:
    origin = forecast_origin(Month(2014, 10), FILE)
    targets = target_months(Month(2014, 10), origin)
    assert (origin, targets[0], targets[-1]) == (Month(2014, 9), Month(2014, 10), Month(2015, 9))


@given(MONTHS)
def test_live_price_needs_fourteen_steps(issue: Month) -> None:
    origin = forecast_origin(issue, LIVE)
    assert issue - origin == 3
    assert len(target_months(issue, origin)) == horizons(LIVE) == 14


@given(MONTHLY_RULES, MONTHS)
def test_every_issue_reaches_as_many_horizons(rule: Availability, issue: Month) -> None:
    assert len(target_months(issue, forecast_origin(issue, rule))) == horizons(rule)


def test_horizons_of_the_file_are_twelve_and_one_more_for_each_month_of_lag() -> None:
    assert [horizons(FILE.later_by(lag)) for lag in range(4)] == [12, 13, 14, 15]


@pytest.mark.parametrize(
    ("issued_at", "version_cutoff", "kind"),
    [
        ("2014-10-02T12:00:00+00:00", "2014-10-01T03:00:00+00:00", "live"),
        ("2014-11-01T02:59:59+00:00", "2014-10-01T03:00:00+00:00", "live"),  # still October in Santiago
        ("2014-11-01T03:00:00+00:00", "2014-10-01T03:00:00+00:00", "hindcast"),  # November has begun
        ("2014-10-02T12:00:00+00:00", "2014-10-01T03:00:01+00:00", "hindcast"),  # the version knew more
        ("2021-01-01T12:00:00+00:00", "2010-01-01T12:00:00+00:00", "hindcast"),
    ],
)
def test_live_is_in_time_and_by_a_version_that_knew_no_more(issued_at: str, version_cutoff: str, kind: str) -> None:
    found = forecast_kind(issue_month=Month(2014, 10), issued_at=at(issued_at), version_data_cutoff=at(version_cutoff))
    assert found == kind


def reach(last_price: Month, rule: Availability, *, wanted: str = "1990-01", history: int = 24) -> IssueMonths:
    return reachable_issues(
        first_price=Month(1979, 1),
        last_price=last_price,
        price_rule=rule,
        first_wanted=Month.parse(wanted),
        history_months=history,
    )


@given(MONTHLY_RULES, st.builds(Month, st.integers(1995, 2100), st.integers(1, 12)))
def test_last_issue_starts_from_the_last_price(rule: Availability, last_price: Month) -> None:
    months = reach(last_price, rule)
    assert forecast_origin(months.last, rule) == last_price
    assert forecast_origin(months.last + 1, rule) > last_price
    assert months.last in months
    assert months.last + 1 not in months


@pytest.mark.parametrize(
    ("last_price", "rule", "last_issue"),
    [
        ("2014-12", FILE, "2015-01"),
        ("2014-11", FILE, "2014-12"),
        ("2014-12", LIVE, "2015-03"),
        ("2014-10", LIVE, "2015-01"),
        ("2014-09", LIVE, "2014-12"),
    ],
)
def test_reach_ends_where_the_data_end_at_year_ends_too(last_price: str, rule: Availability, last_issue: str) -> None:
    assert str(reach(Month.parse(last_price), rule).last) == last_issue


def test_reach_of_a_quarterly_series_covers_every_issue_with_that_origin() -> None:
    months = reach(Month(2014, 3), ACCOUNTS)
    assert str(months.last) == "2014-08"
    assert {forecast_origin(m, ACCOUNTS) for m in month_range(Month(2014, 6), months.last)} == {Month(2014, 3)}


def test_reach_begins_at_the_later_of_setting_and_history() -> None:
    assert reach(Month(2014, 9), FILE, history=24).first == Month(1990, 1)
    by_history = reach(Month(2014, 9), FILE, wanted="1970-01", history=24).first
    assert by_history == Month(1981, 1)
    assert forecast_origin(by_history, FILE) - Month(1979, 1) + 1 == 24


def test_reach_of_too_short_data_is_none() -> None:
    months = reach(Month(1980, 1), FILE, history=120)
    assert months.all() == []
    assert months.first not in months


def test_rules_of_time_load_no_frame_library() -> None:
    program = (
        "import sys, milk.months, milk.series; sys.exit(bool({'numpy', 'pandas', 'pandera'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@given(st.sets(st.builds(Month, st.integers(2014, 2017), st.integers(1, 12))))
def test_ranges_cover_the_months_and_no_other_and_do_not_touch(months: set[Month]) -> None:
    ranges = contiguous_ranges(months)
    assert {month for first, last in ranges for month in month_range(first, last)} == months
    assert all(later[0] - earlier[1] > 1 for earlier, later in itertools.pairwise(ranges))
