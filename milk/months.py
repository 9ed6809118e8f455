"""The rules of time, and nothing else.

Everything is monthly. A month is written `YYYY-MM`. The partition `M` is the issue month: the forecast that uses only
what was known before `M` begins in America/Santiago. A value is known from the end of the day that its rule of
availability names; that instant is its `known_since`, and a value takes part in issue `M` when
`known_since <= data_cutoff(M)`.

This module reads no clock and loads no frame library: it is shared by the pipeline and by the reader.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self
from zoneinfo import ZoneInfo

from milk.errors import BadSetting

SANTIAGO = ZoneInfo("America/Santiago")
YEAR_AHEAD = 12
"""Targets of an issue run to `M + 11`: a year, counted from the issue month."""

_MONTH_PATTERN = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])")
_RULES = ("month_end", "day", "business_day", "quarterly_accounts")

Kind = Literal["live", "hindcast"]


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A calendar month; `Month(2014, 10) + 3` is January 2015, and the difference of two months is a number."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM`, of the years 1000 to 2999.

        Raises:
            BadSetting: the text is not a month.
        """
        match = _MONTH_PATTERN.fullmatch(text.strip())
        if not match:
            raise BadSetting(f"'{text}' is not a month: write it as YYYY-MM, for example 2014-10.")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def from_ordinal(cls, ordinal: int) -> Self:
        """The month whose `ordinal` (months since year 0) this is."""
        return cls(ordinal // 12, ordinal % 12 + 1)

    @classmethod
    def of(cls, day: dt.date) -> Self:
        """The month in which a day lies."""
        return cls(day.year, day.month)

    @property
    def ordinal(self) -> int:
        """Months since January of year 0; consecutive months have consecutive ordinals."""
        return self.year * 12 + self.month - 1

    @property
    def first_day(self) -> dt.date:
        """The first day, which stands for the month in frames."""
        return dt.date(self.year, self.month, 1)

    @property
    def last_day(self) -> dt.date:
        """The last day of the month."""
        return (self + 1).first_day - dt.timedelta(days=1)

    def __add__(self, months: int) -> "Month":
        return Month.from_ordinal(self.ordinal + months)

    def __sub__(self, other: "Month") -> int:
        return self.ordinal - other.ordinal

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def month_range(first: Month, last: Month) -> list[Month]:
    """All months from `first` to `last`, both included; empty where `last` lies before `first`."""
    return [first + k for k in range(last - first + 1)]


def contiguous_ranges(months: Iterable[Month]) -> list[tuple[Month, Month]]:
    """The runs of consecutive months, each as its first and its last, oldest first."""
    ranges: list[tuple[Month, Month]] = []
    for month in sorted(months):
        if ranges and month - ranges[-1][1] == 1:
            ranges[-1] = (ranges[-1][0], month)
        else:
            ranges.append((month, month))
    return ranges


@dataclass(frozen=True, slots=True)
class Availability:
    """When the value of a month becomes known: the rule of a series, as the register of series states it.

    Attributes:
        rule: `month_end` (last day of the month `lag_months` later), `day` (day `day` of it), `business_day` (its first
            business day) or `quarterly_accounts` (with the national accounts of the quarter: 18 May, 18 August,
            18 November, and 18 March for the fourth quarter, or the next business day).
        lag_months: months between the month of the value and the month in which it is published; for
            `quarterly_accounts`, months by which the accounts are late.
        day: day of the month, for the rule `day`.

    Public holidays are not known here; a value is taken to be known from the *end* of the day, which keeps the rule on
    the safe side by most of a day.
    """

    rule: Literal["month_end", "day", "business_day", "quarterly_accounts"]
    lag_months: int = 0
    day: int = 1

    def __post_init__(self) -> None:
        if self.rule not in _RULES:
            raise BadSetting(f"'{self.rule}' is not a rule of availability: it is one of {', '.join(_RULES)}.")
        # A negative lag would turn every lag built on it into a look into the future.
        if self.lag_months < 0:
            raise BadSetting(f"A value cannot be known {-self.lag_months} months before its own month: lag_months < 0.")
        if not 1 <= self.day <= 28:
            raise BadSetting(f"day = {self.day}: a rule of availability names a day from 1 to 28.")
        if self.rule in ("day", "business_day") and self.lag_months < 1:
            raise BadSetting(
                f"The rule '{self.rule}' needs lag_months of at least 1: a month must end before its value is known."
            )

    def day_known(self, month: Month) -> dt.date:
        """The day at whose end the value of `month` is known."""
        if self.rule == "quarterly_accounts":
            return _next_business_day(_quarterly_accounts_day(month, self.lag_months))
        published_in = month + self.lag_months
        if self.rule == "month_end":
            return published_in.last_day
        if self.rule == "day":
            return published_in.first_day.replace(day=self.day)
        return _next_business_day(published_in.first_day)

    def later_by(self, months: int) -> "Availability":
        """The same rule, `months` months later: the `--price-lag` of a backtest.

        Raises:
            BadSetting: `months` is negative, which would show values before they are known.
        """
        if months < 0:
            raise BadSetting(
                f"A value cannot be known {-months} months before its rule says: the lag must not be negative."
            )
        return Availability(self.rule, self.lag_months + months, self.day)


def _quarterly_accounts_day(month: Month, lag_months: int) -> dt.date:
    """The 18th, two months after the quarter; the accounts of the fourth close the year and take three."""
    last_of_quarter = month + (2 - (month.month - 1) % 3)
    published_in = last_of_quarter + (3 if last_of_quarter.month == 12 else 2)
    return (published_in + lag_months).first_day.replace(day=18)


def _next_business_day(day: dt.date) -> dt.date:
    return day + dt.timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))


def end_of_day(day: dt.date) -> dt.datetime:
    """The instant at which a day ends in Chile, in UTC."""
    local_midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), tzinfo=SANTIAGO)
    return local_midnight.astimezone(dt.UTC)


def available_from(rule: Availability, month: Month) -> dt.datetime:
    """`known_since` of the value of `month` under a rule: an instant in UTC."""
    return end_of_day(rule.day_known(month))


def data_cutoff(issue_month: Month) -> dt.datetime:
    """The instant at which `issue_month` begins in Chile, in UTC; later knowledge takes no part in its forecast."""
    return end_of_day(issue_month.first_day - dt.timedelta(days=1))


def forecast_origin(issue_month: Month, price_rule: Availability) -> Month:
    """The last month whose price is known when `issue_month` begins."""
    cutoff = data_cutoff(issue_month)
    origin = issue_month + (-1)
    while available_from(price_rule, origin) > cutoff:
        origin = origin + (-1)
    return origin


def issue_month_of(origin: Month, price_rule: Availability) -> Month:
    """The first issue month whose forecast starts from `origin`."""
    issue = origin + 1
    while available_from(price_rule, origin) > data_cutoff(issue):
        issue += 1
    return issue


def target_months(issue_month: Month, origin: Month) -> list[Month]:
    """The months that an issue forecasts: from `origin + 1` to `issue_month + 11`."""
    return month_range(origin + 1, issue_month + (YEAR_AHEAD - 1))


def horizons(price_rule: Availability) -> int:
    """How many months ahead of the origin an issue reaches: 12, and one more for each month the price is late."""
    issue = Month(2001, 1)
    return issue + (YEAR_AHEAD - 1) - forecast_origin(issue, price_rule)


def issue_step(price_rule: Availability) -> int:
    """How many months after the forecast origin the issue month itself lies: the step from which means run."""
    return horizons(price_rule) - (YEAR_AHEAD - 1)


def forecast_kind(*, issue_month: Month, issued_at: dt.datetime, version_data_cutoff: dt.datetime) -> Kind:
    """`live` or `hindcast`.

    `live`: issued before the issue month ended, by a version that was chosen with no data after the cutoff of the
    issue. Everything else is a hindcast, and no claim of accuracy rests on it.
    """
    in_time = issued_at < data_cutoff(issue_month + 1)
    return "live" if in_time and version_data_cutoff <= data_cutoff(issue_month) else "hindcast"


@dataclass(frozen=True, slots=True)
class IssueMonths:
    """The issue months that a price series can reach, both ends included; `last < first` means none."""

    first: Month
    last: Month

    def __contains__(self, month: Month) -> bool:
        return self.first <= month <= self.last

    def all(self) -> list[Month]:
        """Every month, oldest first."""
        return month_range(self.first, self.last)


def reachable_issues(
    *, first_price: Month, last_price: Month, price_rule: Availability, first_wanted: Month, history_months: int
) -> IssueMonths:
    """The issue months that the data can reach.

    They start at the later of the setting and the first month with `history_months` known prices, and end where the
    origin is the last price there is.
    """
    enough = issue_month_of(first_price + (history_months - 1), price_rule)
    last = issue_month_of(last_price, price_rule)
    while forecast_origin(last + 1, price_rule) <= last_price:
        last += 1
    return IssueMonths(max(first_wanted, enough), last)
