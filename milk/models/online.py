"""What a version makes of the prices that somebody sends: which months count, and what stands before them.

The months of the caller are always used as they are. What is older comes from the published history, and only where
both speak of the same price: they share a month, and agree within `MOST_DISAGREEMENT` in every month that they share.
A price of the caller's own, some pesos above the published one, would else meet a step that never happened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from milk.models.version import ModelVersion
from milk.months import Month

FEWEST_MONTHS = 3
MOST_MONTHS = 600
MOST_DISAGREEMENT = 0.01
"""Of the published price: more than rounding and revisions, less than the price of a farm differs from the mean."""


@dataclass(frozen=True, slots=True)
class MonthFault:
    """A month that cannot stand where it stands; `place` counts the months from 0."""

    place: int
    detail: str


@dataclass(frozen=True, slots=True)
class Basis:
    """What an online forecast rests on.

    Attributes:
        first_month: the month of the oldest price.
        last_month: the month of the newest price, which is the forecast origin.
        prices: consecutive monthly prices, the newest last.
        months_sent: how many of them, the newest, are those of the caller.
        reason: why the published history stands before them, or why not.
    """

    first_month: Month
    last_month: Month
    prices: tuple[float, ...]
    months_sent: int
    reason: str

    @property
    def months_of_history(self) -> int:
        """How many of the prices come from the published history."""
        return len(self.prices) - self.months_sent


def month_faults(months: Sequence[Month], *, current: Month) -> list[MonthFault]:
    """What is wrong with the months sent: each must follow the one before it, and none may lie in the future.

    Args:
        months: the months in the order sent.
        current: the month that it is now.
    """
    faults = [
        MonthFault(place, f"{month} lies in the future: it is {current}.")
        for place, month in enumerate(months)
        if month > current
    ]
    seen = set(months[:1])
    for place in range(1, len(months)):
        before, month = months[place - 1], months[place]
        if month in seen:
            faults.append(MonthFault(place, f"{month} stands there more than once."))
        elif month != before + 1:
            faults.append(MonthFault(place, f"{month} does not follow {before}: the next month is {before + 1}."))
        seen.add(month)
    return sorted(faults, key=lambda fault: fault.place)


def basis_of(
    first_month: Month, prices: Sequence[float], history: Mapping[Month, float], *, months_wanted: int
) -> Basis:
    """The prices to apply a version to.

    Args:
        first_month: the month of the first price sent.
        prices: the prices sent, of consecutive months.
        history: the published price by month; it may reach behind the last month sent.
        months_wanted: how many prices the version makes use of (`milk.models.apply.months_used`).
    """
    sent = {first_month + k: price for k, price in enumerate(prices)}
    last_month = first_month + (len(prices) - 1)
    shared = sorted(sent.keys() & history.keys())
    apart = next(
        (month for month in shared if abs(sent[month] - history[month]) > MOST_DISAGREEMENT * history[month]), None
    )
    older = _before(first_month, history, months_wanted - len(prices)) if shared and apart is None else []
    if not shared:
        reason = "no month of yours is among the published ones"
    elif apart is not None:
        reason = f"yours of {apart} is {sent[apart]:g}, the published price is {history[apart]:g}: more than 1 % apart"
    elif older:
        reason = f"yours agree with the published prices within 1 % in every shared month, {shared[0]} to {shared[-1]}"
    else:
        reason = "nothing older is needed" if len(prices) >= months_wanted else "nothing older is published"
    return Basis(first_month + (-len(older)), last_month, (*older, *prices), len(prices), reason)


def _before(first_month: Month, history: Mapping[Month, float], most: int) -> list[float]:
    """The published prices just before a month, oldest first; they end at the first gap."""
    older: list[float] = []
    while len(older) < most and (price := history.get(first_month + (-1 - len(older)))) is not None:
        older.append(price)
    return older[::-1]


def unused_columns(sent: Iterable[str], used: Iterable[str]) -> list[str]:
    """The columns sent that the recipe makes no use of, in their order."""
    taken = set(used)
    return [column for column in sent if column not in taken]


def features_not_given(version: ModelVersion) -> list[str]:
    """The features of other data that a version uses; an online request gives none, and each then adds nothing.

    They are anomalies and changes over a history that a few months do not hold.
    """
    blocks = version.model["fit"]["blocks"].values()
    return sorted({column for block in blocks for column in block["columns"]})
