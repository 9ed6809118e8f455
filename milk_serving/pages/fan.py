"""The drawing of the price so far and of the year ahead, with the bands in which it will lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from milk.months import Month, month_range
from milk.publication.rows import ForecastRow
from milk_serving.pages.drawing import (
    Frame,
    Point,
    Scale,
    around,
    dot,
    hit,
    label,
    level_grid,
    line,
    svg,
    tick_places,
    ticks,
)
from milk_serving.pages.formats import Formats, capital
from milk_serving.pages.words import Words

WIDE = Frame("wide", 880, 520)
NARROW = Frame("narrow", 360, 310, left=38, right=10)
HISTORY_MONTHS = {"wide": 72, "narrow": 30}
BANDS = ("95", "80")
"""The wider band is drawn first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """What is drawn.

    Attributes:
        observed: the known prices by month.
        forecasts: the target months of the issue.
        origin: the last month whose price was known to the forecast.
        unit: of all prices.
    """

    observed: Mapping[Month, float]
    forecasts: Sequence[ForecastRow]
    origin: Month
    unit: str


def draw_fan(fan: Fan, frame: Frame, say: Words, formats: Formats) -> Markup:
    """The drawing in the size of a frame."""
    last = fan.forecasts[-1].target_month
    months = month_range(fan.origin + (1 - HISTORY_MONTHS[frame.name]), last)
    known = [(month, fan.observed[month]) for month in months if month in fan.observed]
    x = Scale(months[0].ordinal, last.ordinal, frame.left + 6, frame.width - frame.right - 6)
    ends = [end for row in fan.forecasts for end in (row.lower_95, row.upper_95)]
    low, high = around([*ends, *(price for _month, price in known)])
    y, marks = Scale(low, high, frame.height - frame.bottom, frame.top), ticks(low, high)
    parts = [
        level_grid(frame, y, [(value, formats.number(value, tick_places(marks))) for value in marks]),
        _years(frame, x, months),
        _ahead(frame, x, fan.origin, say),
        *(_band(fan, x, y, level) for level in BANDS),
        line([(x.place(month.ordinal), y.place(price)) for month, price in known], "observed"),
        line(_middle(fan, x, y), "forecast"),
        *(dot(x.place(row.target_month.ordinal), y.place(row.price), 2.4, "target") for row in fan.forecasts),
        *(dot(*place, 4, "known") for place in _start(fan, x, y)),
        *_hits(fan, frame, x, y, months, say=say, formats=formats),
    ]
    return svg(frame, _said(fan, say, formats), parts)


def _start(fan: Fan, x: Scale, y: Scale) -> list[Point]:
    """The bands open at the last price that the forecast knew; an empty list where it is not there."""
    price = fan.observed.get(fan.origin)
    return [] if price is None else [(x.place(fan.origin.ordinal), y.place(price))]


def _middle(fan: Fan, x: Scale, y: Scale) -> list[Point]:
    return _start(fan, x, y) + [(x.place(row.target_month.ordinal), y.place(row.price)) for row in fan.forecasts]


def _band(fan: Fan, x: Scale, y: Scale, level: str) -> Markup:
    def edge(end: str) -> list[Point]:
        rows = fan.forecasts
        return [(x.place(row.target_month.ordinal), y.place(getattr(row, f"{end}_{level}"))) for row in rows]

    around_it = _start(fan, x, y) + edge("upper") + edge("lower")[::-1]
    return line(around_it, f"band-{level}", is_closed=True)


def _years(frame: Frame, x: Scale, months: Sequence[Month]) -> Markup:
    """A mark at each January, with its year."""
    floor = frame.height - frame.bottom
    parts = []
    for month in months:
        at = x.place(month.ordinal)
        if month.month == 1:
            parts.append(Markup('<path class="year" d="M{:.1f},{}V{}"/>').format(at, floor, floor + 5))
            if at < frame.width - frame.right - 24:
                parts.append(label(at + 4, floor + 18, str(month.year)))
    return Markup("").join(parts)


def _ahead(frame: Frame, x: Scale, origin: Month, say: Words) -> Markup:
    """Where the forecast begins."""
    at, floor = x.place(origin.ordinal), frame.height - frame.bottom
    edge = Markup('<path class="origin" d="M{:.1f},{}V{}"/>').format(at, frame.top, floor)
    return edge + label(at + 6, frame.top + 10, say("chart_ahead"), kind="ahead")


def _hits(
    fan: Fan, frame: Frame, x: Scale, y: Scale, months: Sequence[Month], *, say: Words, formats: Formats
) -> list[Markup]:
    """A column for each month that has a price or a forecast; the forecast is told first."""
    width = x.place(1) - x.place(0)
    rows = {row.target_month: row for row in fan.forecasts}
    columns = []
    for month in months:
        price, row = fan.observed.get(month), rows.get(month)
        if row is None and price is None:
            continue
        told = [capital(formats.month(month))]
        if row is not None:
            told += [
                say("chart_forecast", price=formats.exact(row.price), unit=fan.unit),
                say("chart_band", level="80", span=formats.span(row.lower_80, row.upper_80)),
                say("chart_band", level="95", span=formats.span(row.lower_95, row.upper_95)),
            ]
        if price is not None:
            told.append(say("chart_observed", price=formats.exact(price), unit=fan.unit))
        at = row.price if row is not None else price
        columns.append(hit(frame, x.place(month.ordinal), width, y.place(at or 0.0), "\n".join(told)))
    return columns


def _said(fan: Fan, say: Words, formats: Formats) -> str:
    first, last = fan.forecasts[0], fan.forecasts[-1]
    return say(
        "chart_said",
        unit=fan.unit,
        first=formats.month(first.target_month),
        first_price=formats.exact(first.price),
        last=formats.month(last.target_month),
        last_price=formats.exact(last.price),
        low=formats.price(last.lower_80),
        high=formats.price(last.upper_80),
    )
