"""What can be sent to the online route: months and prices, or the columns of the predecessor; every cell is checked."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from milk.models.online import FEWEST_MONTHS, MOST_MONTHS, MonthFault, month_faults
from milk.months import Month
from milk.series import SERIES_ID, Series, series_register
from milk_serving.bodies import Fault, faults_of, refuse
from milk_serving.problems import MOST_ERRORS
from milk_serving.queries import MonthText, SeriesText

YEAR, MONTH = "anio", "mes"
LARGEST = 1e15
"""More digits than a float holds exactly are no number of these files."""
LONGEST_CELL = 40
_DAMAGED = re.compile(r"-?[0-9]+(\.[0-9]+)*")
_LOW, _HIGH = series_register().price.plausible
_PRICE_SAID = f"It is not a price: write a number from {_LOW:g} to {_HIGH:g}, in {series_register().price.unit}."


@dataclass(frozen=True, slots=True)
class Sent:
    """What a caller sent, checked.

    Attributes:
        series_id: the series whose model is to answer.
        first_month: the month of the first price.
        prices: the prices of consecutive months.
        columns: the names of what was sent beside months and prices.
        request: the body, as it is kept.
    """

    series_id: str
    first_month: Month
    prices: tuple[float, ...]
    columns: tuple[str, ...]
    request: dict[str, Any]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


AnyBody = TypeVar("AnyBody", bound=_Body)


class MonthPrice(_Body):
    """A price that the caller knows."""

    month: MonthText = Field(description="The month, `YYYY-MM`.")
    price: Annotated[float, Field(ge=_LOW, le=_HIGH, allow_inf_nan=False)] = Field(
        description="The price of the month, nominal, in the unit of the series.", examples=[431.2]
    )


class OnlineBody(_Body):
    """The last months of the caller."""

    series_id: SeriesText = Field(default=SERIES_ID, description="The series whose model is to answer.")
    prices: list[MonthPrice] = Field(
        min_length=FEWEST_MONTHS,
        max_length=MOST_MONTHS,
        description="Consecutive months, the newest last; none of them in the future.",
    )


class PredecessorBody(_Body):
    """The body of the predecessor: columns of the merged table, each the last months in order."""

    data: dict[str, list[Any]] = Field(
        description=f"`{YEAR}`, `{MONTH}` and `{series_register().price.column}` are needed; any other column of the "
        "input files may stand beside them, rain as numbers, macro cells as numbers or as the text of the file "
        '(`"102.796.218"`), null where there is none. All are as long as each other.'
    )


def read_months(content: object, *, current: Month) -> Sent:
    """Read `{"series_id": ..., "prices": [{"month": ..., "price": ...}, ...]}`.

    Raises:
        RequestValidationError: names each place that cannot be used.
    """
    body = _validated(OnlineBody, content)
    months = [Month.parse(row.month) for row in body.prices]
    faults = month_faults(months, current=current)
    refuse([(f"prices[{fault.place}].month", fault.detail, str(months[fault.place])) for fault in faults])
    request = body.model_dump(mode="json")
    return Sent(body.series_id, months[0], tuple(row.price for row in body.prices), (), request)


def read_columns(content: object, *, current: Month) -> Sent:
    """Read `{"data": {"anio": [...], "mes": [...], "Precio_leche": [...], ...}}`.

    Raises:
        RequestValidationError: names each place that cannot be used.
    """
    data = _validated(PredecessorBody, content).data
    price = series_register().price.column
    faults = [(f"data.{name}", "Field required", None) for name in (YEAR, MONTH, price) if name not in data]
    refuse([*faults, *(fault for name, cells in data.items() for fault in _column_faults(name, cells))])
    refuse(_length_faults(data))
    months = [Month(int(year), int(month)) for year, month in zip(data[YEAR], data[MONTH], strict=True)]
    refuse([_of_columns(fault, months) for fault in month_faults(months, current=current)])
    others = tuple(name for name in data if name not in (YEAR, MONTH, price))
    return Sent(SERIES_ID, months[0], tuple(float(cell) for cell in data[price]), others, {"data": data})


def _validated(kind: type[AnyBody], content: object) -> AnyBody:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        refuse(faults_of(error))
        raise


def _of_columns(fault: MonthFault, months: list[Month]) -> Fault:
    return f"data.{MONTH}[{fault.place}]", fault.detail, str(months[fault.place])


def _length_faults(data: dict[str, list[Any]]) -> list[Fault]:
    length = len(data[YEAR])
    if not FEWEST_MONTHS <= length <= MOST_MONTHS:
        return [(f"data.{YEAR}", f"There are {length} months: send {FEWEST_MONTHS} to {MOST_MONTHS}.", None)]
    return [
        (f"data.{name}", f"It has {len(cells)} values, and {YEAR} has {length}.", None)
        for name, cells in data.items()
        if len(cells) != length
    ]


def _column_faults(name: str, cells: list[Any]) -> list[Fault]:
    problem_of = _checks().get(name)
    if problem_of is None:
        return [(f"data.{name}", "There is no such column; they are those of the input files.", None)]
    found = [(f"data.{name}[{place}]", problem_of(cell), cell) for place, cell in enumerate(cells[:MOST_MONTHS])]
    return [fault for fault in found if fault[1]][:MOST_ERRORS]


@cache
def _checks() -> dict[str, Callable[[object], str]]:
    """How the cells of each column are checked; each check says what is wrong, or nothing."""
    checks: dict[str, Callable[[object], str]] = {
        series.column: _text_or_number if series.source == "central_bank" else _rain(series)
        for series in series_register().series
    }
    checks[series_register().price.column] = lambda cell: "" if _is_number(cell, _LOW, _HIGH) else _PRICE_SAID
    checks[YEAR] = lambda cell: "" if _is_whole(cell, 1000, 2999) else "It is not a year: write 2014 or 2014.0."
    checks[MONTH] = lambda cell: "" if _is_whole(cell, 1, 12) else "It is not a month of the year, 1 to 12."
    return checks


def _rain(series: Series) -> Callable[[object], str]:
    low, high = series.plausible
    said = f"It is not a rain: write a number from {low:g} to {high:g}, in {series.unit}, or null."
    return lambda cell: "" if cell is None or _is_number(cell, low, high) else said


def _text_or_number(cell: object) -> str:
    if isinstance(cell, str):
        is_number = len(cell) <= LONGEST_CELL and _DAMAGED.fullmatch(cell) is not None
    else:
        is_number = cell is None or _is_number(cell, -LARGEST, LARGEST)
    return "" if is_number else "It is not a number: write 102.8, the text of the file such as '102.796.218', or null."


def _is_number(cell: object, low: float, high: float) -> bool:
    """Whether it is a number between two others; no number and infinity lie between none."""
    return isinstance(cell, int | float) and not isinstance(cell, bool) and low <= cell <= high


def _is_whole(cell: object, low: int, high: int) -> bool:
    return _is_number(cell, low, high) and isinstance(cell, int | float) and int(cell) == cell
