"""Many series in one pass: those of the same months are fitted together, as rows of one matrix.

A *cohort* is the series that begin in the same month, end in the same month and were revised at the same origins. The
recipe looks at each origin by itself, and from one origin to the next within a series, so the series of a cohort lie
one after the other in the rows of one `Histories` and are fitted, weighted and given their intervals at once. A cohort
is cut into parts of at most `ROWS_AT_ONCE` origins: more would leave the cache of the processor, and so cost time and
memory for nothing.

Series that share no span, or are each revised in months of their own, are cohorts of one: as exact, but not as quick.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.forecasting.histories import FIT_MONTHS, HISTORY_MONTHS, Floats, Histories, Integers
from milk.months import Availability, IssueMonths, Month, data_cutoff, forecast_origin, issue_month_of, reachable_issues

ROWS_AT_ONCE = 4000
"""Origins of all series of a part together."""


@dataclass(frozen=True)
class Cohort:
    """Series of the same months, ready to be fitted together.

    Attributes:
        series_ids: the series.
        first: the month of column 0.
        log_price: series x months: log of the price of each month as it was first known.
        revisions: revisions x 3: series, row from which a revised price is known, column; in the order in which they
            became known.
        revised: their log prices.
    """

    series_ids: tuple[str, ...]
    first: Month
    log_price: Floats
    revisions: Integers
    revised: Floats

    def histories(self) -> Histories:
        """What was known at each origin of each series, one series after the other."""
        series, months = self.log_price.shape
        origins = np.arange(FIT_MONTHS, months, dtype=np.int64)
        known = np.repeat(self.log_price[:, None, :], len(origins), axis=1)
        for (number, row, column), value in zip(self.revisions, self.revised, strict=True):
            known[number, row:, column] = value
        known[:, np.arange(months) > origins[:, None]] = np.nan
        return Histories(self.first, known.reshape(-1, months), np.tile(origins, series), series)

    def issues_among(self, months: Iterable[Month], price_rule: Availability) -> list[Month]:
        """Those of some issue months that these prices reach."""
        last = self.first + (self.log_price.shape[1] - 1)
        reachable = _reachable(self.first, last, price_rule)
        return [month for month in months if month in reachable]

    def parts(self) -> Iterator["Cohort"]:
        """The cohort in parts of at most `ROWS_AT_ONCE` origins, and of at least one series."""
        size = max(1, ROWS_AT_ONCE // max(1, self.log_price.shape[1] - FIT_MONTHS))
        for start in range(0, len(self.series_ids), size):
            stop = start + size
            chosen = (self.revisions[:, 0] >= start) & (self.revisions[:, 0] < stop)
            yield Cohort(
                self.series_ids[start:stop],
                self.first,
                self.log_price[start:stop],
                self.revisions[chosen] - np.array([start, 0, 0]),
                self.revised[chosen],
            )


@dataclass(frozen=True)
class Assembled:
    """The series of a price table.

    Attributes:
        cohorts: those of which at least one issue can be made.
        left_out: the others, each with the reason.
    """

    cohorts: list[Cohort]
    left_out: dict[str, str]


def assemble(prices: pd.DataFrame, *, price_rule: Availability, issue_months: Sequence[Month]) -> Assembled:
    """Part the series of a price table into cohorts.

    Args:
        prices: `series_id`, `month`, `value` above zero, `known_since`; a revision is a further row.
        price_rule: when the price of a month is known, which fixes the cutoff that belongs to an origin.
        issue_months: the issues wanted; prices of which none of them may know take no part.

    Returns:
        The cohorts, and the series of which the newest issue wanted cannot be made with the reason; one of these is in
        a cohort where an earlier issue wanted can be.
    """
    if prices.empty or not issue_months:
        return Assembled([], {})
    newest = max(issue_months)
    rows = _Rows.of(prices, newest=forecast_origin(newest, price_rule), price_rule=price_rule)
    broken = rows.gaps() | rows.late()
    left_out = {str(name): f"it has no price before {newest}" for name in set(prices["series_id"]) - {*rows.series_ids}}
    members: dict[tuple[Month, Month, tuple[int, ...]], list[int]] = {}
    for number, series_id in enumerate(rows.series_ids):
        span = rows.span(number)
        if reason := broken.get(series_id) or _why_not(span, newest, price_rule):
            left_out[series_id] = reason
        reachable = _reachable(*span, price_rule)
        if series_id not in broken and any(month in reachable for month in issue_months):
            members.setdefault((*span, rows.revised_at(number)), []).append(number)
    return Assembled([rows.cohort(numbers) for numbers in members.values()], left_out)


def _reachable(first: Month, last: Month, price_rule: Availability) -> IssueMonths:
    return reachable_issues(
        first_price=first, last_price=last, price_rule=price_rule, first_wanted=first, history_months=HISTORY_MONTHS
    )


def _why_not(span: tuple[Month, Month], issue: Month, price_rule: Availability) -> str:
    """Why an issue cannot be made of a sound series; empty where it can."""
    first, last = span
    origin = forecast_origin(issue, price_rule)
    if last < origin:
        return f"its newest price is that of {last}, and the forecast issued for {issue} must rest on that of {origin}"
    if issue not in _reachable(first, last, price_rule):
        return f"its prices begin in {first}: fewer than {HISTORY_MONTHS} months lie before {issue}"
    return ""


@dataclass(frozen=True)
class _Rows:
    """The rows of a price table in the order of series, month and instant, as arrays.

    Attributes:
        series_ids: the series, in order.
        start: for each series its first row; one more at the end.
        month: ordinal of the month of each row.
        known_at: the first origin, as an ordinal, whose cutoff allows the value of each row.
        log_price: its log.
        is_first: whether it is the first value of its month.
    """

    series_ids: tuple[str, ...]
    start: Integers
    month: Integers
    known_at: Integers
    log_price: Floats
    is_first: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, prices: pd.DataFrame, *, newest: Month, price_rule: Availability) -> "_Rows":
        """The rows up to the newest month that may take part; a series with none of them is left out."""
        codes, names = pd.factorize(prices["series_id"], sort=True)
        month = (prices["month"].dt.year * 12 + prices["month"].dt.month - 1).to_numpy(dtype=np.int64)
        since = prices["known_since"].to_numpy(dtype="datetime64[us]")
        order = np.lexsort((since, month, codes))
        order = order[month[order] <= newest.ordinal]
        code, month = codes[order], month[order]
        held, start = np.unique(code, return_index=True)
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (code[1:] != code[:-1]) | (month[1:] != month[:-1])
        first = int(month.min(initial=newest.ordinal))
        cutoffs = _cutoffs(first, newest.ordinal, price_rule)
        known_at = first + np.searchsorted(cutoffs, since[order], side="left")
        value = np.log(prices["value"].to_numpy(dtype=np.float64)[order])
        return cls(
            tuple(str(names[number]) for number in held), np.append(start, len(order)), month, known_at, value, is_first
        )

    def span(self, number: int) -> tuple[Month, Month]:
        """First and last month of a series."""
        first, last = self.month[self.start[number]], self.month[self.start[number + 1] - 1]
        return Month.from_ordinal(int(first)), Month.from_ordinal(int(last))

    def gaps(self) -> dict[str, str]:
        """The series whose months do not follow each other, with the first month that is not there."""
        step = np.diff(self.month, prepend=self.month[:1])
        step[self.start[:-1]] = 0
        return {
            self.series_ids[number]: f"it has no price of {Month.from_ordinal(int(self.month[place - 1]) + 1)}: the "
            "months must follow each other"
            for number, place in self._first_of_each(step > 1)
        }

    def late(self) -> dict[str, str]:
        """The series of which an origin needs a price that was not known by its cutoff."""
        first = np.repeat(self.month[self.start[:-1]], np.diff(self.start))
        origin = np.maximum(self.month, first + FIT_MONTHS)
        return {
            self.series_ids[number]: f"its price of {Month.from_ordinal(int(self.month[place]))} was not known at the "
            f"cutoff of a forecast from {Month.from_ordinal(int(origin[place]))}"
            for number, place in self._first_of_each(self.is_first & (self.known_at > origin))
        }

    def revised_at(self, number: int) -> tuple[int, ...]:
        """The rows of the histories of a series from which its revised prices are known."""
        return tuple(np.unique(self._revisions(number)[0][:, 0]).tolist())

    def cohort(self, numbers: list[int]) -> Cohort:
        """The cohort of some series of the same span."""
        own = [slice(self.start[number], self.start[number + 1]) for number in numbers]
        firsts = np.stack([self.log_price[rows][self.is_first[rows]] for rows in own])
        found = [self._revisions(number) for number in numbers]
        places = [np.insert(rows, 0, place, axis=1) for place, (rows, _values) in enumerate(found)]
        return Cohort(
            tuple(self.series_ids[number] for number in numbers),
            self.span(numbers[0])[0],
            firsts,
            np.concatenate(places),
            np.concatenate([values for _rows, values in found]),
        )

    def _revisions(self, number: int) -> tuple[Integers, Floats]:
        """Row and column of each revised price of a series, in the order in which they became known, and its log."""
        rows = slice(self.start[number], self.start[number + 1])
        first, last = self.month[rows.start], self.month[rows.stop - 1]
        row = np.maximum(self.known_at[rows] - first - FIT_MONTHS, 0)
        is_seen = ~self.is_first[rows] & (row <= last - first - FIT_MONTHS)
        column = self.month[rows] - first
        return np.column_stack([row, column])[is_seen], self.log_price[rows][is_seen]

    def _first_of_each(self, is_meant: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Of the rows meant the first of each series: its number and its row."""
        places = np.flatnonzero(is_meant)
        numbers = np.searchsorted(self.start, places, side="right") - 1
        held, index = np.unique(numbers, return_index=True)
        return [(int(number), int(places[place])) for number, place in zip(held, index, strict=True)]


def _cutoffs(first: int, last: int, price_rule: Availability) -> npt.NDArray[np.datetime64]:
    """The cutoff that belongs to each origin between two ordinals, and some origins beyond."""
    origins = range(first, last + FIT_MONTHS + 1)
    months = [issue_month_of(Month.from_ordinal(origin), price_rule) for origin in origins]
    return np.array([data_cutoff(month).replace(tzinfo=None) for month in months], dtype="datetime64[us]")
