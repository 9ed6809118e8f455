"""What the drawings are made of: scales, round ticks, paths, labels. SVG as text, coloured by classes of `page.css`.

A drawing is made twice, wide and narrow, and the style shows the one that fits: a single one would have letters too
small to read on a phone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of a drawing and its margins, in pixels of its own."""

    name: str
    width: int
    height: int
    left: int = 44
    right: int = 14
    top: int = 18
    bottom: int = 28


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight scale from values onto pixels."""

    low: float
    high: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        """The pixel of a value; the middle where the scale has no length."""
        if self.high == self.low:
            return (self.begin + self.end) / 2
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values from `low` to `high`: steps of 1, 2 or 5 times a power of ten, at most `most` of them.

    Raises:
        ValueError: the values are not finite, or the first is not below the second.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"There are no ticks from {low} to {high}.")
    power = 10.0 ** (math.floor(math.log10((high - low) / most)))
    steps = (factor * power for factor in (1, 2, 5, 10, 20, 50))
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [round(number * step, 12) for number in range(first, last + 1)]
    return []


def tick_places(values: Sequence[float]) -> int:
    """The decimals that ticks need to differ."""
    places = 0
    while places < 9 and any(abs(round(value, places) - value) > 1e-9 for value in values):
        places += 1
    return places


def around(values: Sequence[float], *, share: float = 0.06) -> tuple[float, float]:
    """From below the smallest to above the largest value, with a little room; never no room at all."""
    low, high = min(values), max(values)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def path(points: Iterable[Point], *, is_closed: bool = False) -> str:
    """The `d` of a line through points, or of an area around which they go."""
    text = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{text}{'Z' if is_closed else ''}" if text else ""


def line(points: Iterable[Point], kind: str, *, is_closed: bool = False) -> Markup:
    """A line of a class."""
    return Markup('<path class="{}" d="{}"/>').format(kind, path(points, is_closed=is_closed))


def label(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> Markup:
    """A text at a place."""
    of_kind = Markup(' class="{}"').format(kind) if kind else ""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>').format(x, y, anchor, of_kind, text)


def dot(x: float, y: float, radius: float, kind: str) -> Markup:
    """A point of a class."""
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(kind, x, y, radius)


def level_grid(frame: Frame, y: Scale, values: Sequence[tuple[float, str]]) -> Markup:
    """A line across and its label for each value."""
    right = frame.width - frame.right
    parts = [
        Markup('<path class="grid" d="M{},{:.1f}H{}"/>').format(frame.left, y.place(value), right)
        + label(frame.left - 8, y.place(value) + 4, text, anchor="end")
        for value, text in values
    ]
    return Markup("").join(parts)


def hit(frame: Frame, x: float, width: float, y: float, text: str) -> Markup:
    """An invisible column that tells what is drawn in it: the title where no script runs, else the pointer."""
    return Markup(
        '<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}" data-y="{:.1f}"><title>{}</title></rect>'
    ).format(x - width / 2, frame.top, width, frame.height - frame.top - frame.bottom, y, text)


def svg(frame: Frame, said: str, parts: Iterable[str]) -> Markup:
    """The drawing, with what it says for whoever cannot see it."""
    inside = Markup("").join(Markup(part) for part in parts)  # noqa: S704  # because the parts are drawn above, escaped
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        frame.name, frame.width, frame.height, escape(said), inside
    )
