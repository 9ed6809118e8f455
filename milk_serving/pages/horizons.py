"""Drawings of a figure by months ahead: lines, or points with the interval of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from milk_serving.pages.drawing import Frame, Scale, dot, hit, label, level_grid, line, svg, tick_places, ticks
from milk_serving.pages.formats import DASH

WIDE = Frame("wide", 880, 330, left=56)
NARROW = Frame("narrow", 360, 260, left=46, right=8)

APART = 0.14
"""By how much of a horizon two lines with intervals stand apart."""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure at a horizon, and the ends of its interval where it has one."""

    horizon: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one model or one level; `kind` is its class in the style."""

    name: str
    kind: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonChart:
    """What is drawn.

    Attributes:
        lines: at least one, each with at least one value.
        said: what the drawing shows, for whoever cannot see it.
        axis: what the axis below counts.
        written: a figure as text, with the decimals it needs; without them, as a table has it.
        told: the head of what a horizon tells.
        ends: values that the scale must hold besides.
        references: values with a line across.
    """

    lines: Sequence[Line]
    said: str
    axis: str
    written: Callable[[float, int | None], str]
    told: Callable[[int], str]
    ends: Sequence[float] = ()
    references: Sequence[float] = ()


def draw_horizons(chart: HorizonChart, frame: Frame) -> Markup:
    """The drawing in the size of a frame."""
    horizons = sorted({value.horizon for one in chart.lines for value in one.values})
    ends = [end for one in chart.lines for value in one.values for end in _ends(value)]
    ends += [*chart.ends, *chart.references]
    room = (max(ends) - min(ends)) * 0.05 or 1.0
    low, high = (0.0 if min(ends) == 0 else min(ends) - room), max(ends) + room
    y, marks = Scale(low, high, frame.height - frame.bottom, frame.top), ticks(low, high)
    x = Scale(horizons[0] - 0.5, horizons[-1] + 0.5, frame.left, frame.width - frame.right)
    parts = [
        level_grid(frame, y, [(value, chart.written(value, tick_places(marks))) for value in marks]),
        *(
            Markup('<path class="reference" d="M{},{:.1f}H{}"/>').format(
                frame.left, y.place(value), frame.width - frame.right
            )
            for value in chart.references
        ),
        _axis(chart, frame, x, horizons),
        *(_drawn(one, x, y, shift) for one, shift in zip(chart.lines, _shifts(chart), strict=True)),
        *_hits(chart, frame, x, y, horizons),
    ]
    return svg(frame, chart.said, parts)


def _ends(value: Value) -> list[float]:
    return [end for end in (value.value, value.low, value.high) if end is not None]


def _axis(chart: HorizonChart, frame: Frame, x: Scale, horizons: Sequence[int]) -> Markup:
    floor = frame.height - frame.bottom + 18
    marks = [label(x.place(horizon), floor, str(horizon), anchor="middle") for horizon in horizons]
    return Markup("").join(marks) + label(frame.left, frame.top - 6, chart.axis, kind="axis")


def _shifts(chart: HorizonChart) -> list[float]:
    """Lines with intervals stand side by side, or one interval would hide the other."""
    count = len(chart.lines)
    apart = APART if any(value.low is not None for one in chart.lines for value in one.values) else 0.0
    return [(number - (count - 1) / 2) * apart for number in range(count)]


def _drawn(one: Line, x: Scale, y: Scale, shift: float) -> Markup:
    points = [(x.place(value.horizon + shift), y.place(value.value)) for value in one.values]
    whiskers = [
        Markup('<path class="whisker {}" d="M{:.1f},{:.1f}V{:.1f}"/>').format(
            one.kind, x.place(value.horizon + shift), y.place(value.low), y.place(value.high)
        )
        for value in one.values
        if value.low is not None and value.high is not None
    ]
    dots = [dot(*point, 3, f"point {one.kind}") for point in points]
    return line(points, f"line {one.kind}") + Markup("").join([*whiskers, *dots])


def _hits(chart: HorizonChart, frame: Frame, x: Scale, y: Scale, horizons: Sequence[int]) -> list[Markup]:
    width = x.place(2) - x.place(1)
    columns = []
    for horizon in horizons:
        found = [(one.name, value) for one in chart.lines for value in one.values if value.horizon == horizon]
        told = [chart.told(horizon), *(f"{name}: {_with_ends(chart, value)}" for name, value in found)]
        columns.append(hit(frame, x.place(horizon), width, y.place(found[0][1].value), "\n".join(told)))
    return columns


def _with_ends(chart: HorizonChart, value: Value) -> str:
    ends = [chart.written(end, None) for end in (value.low, value.high) if end is not None]
    return chart.written(value.value, None) + (f" ({DASH.join(ends)})" if ends else "")
