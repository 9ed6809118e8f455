"""Drawings of a restoration as SVG: small, the same bytes each time, coloured by classes.

On the page they take the colours of the page; `standalone` makes a file of one, with the colours in it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from milk.panel.cells import Floats
from milk.panel.exponents import UNCERTAIN_BELOW
from milk.panel.identities import EXACT

STYLE_FILE: Final = Path(__file__).with_name("drawing.css")
WIDTH, HEIGHT = 440, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 10, 26, 24
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOG_FROM = 20.0
"""Where the largest value is so many times the smallest, the scale is logarithmic."""
_FLOOR = 1e-15
"""Smaller errors are rounding of the computer's own numbers, not of the source's; they are drawn here."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from `low` to `high` (of the logarithms where it is logarithmic) onto pixels."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """The pixel of a value."""
        at = math.log10(value) if self.is_log else value
        return self.begin + (at - self.low) / (self.high - self.low) * (self.end - self.begin)


def before_and_after(
    before: pd.Series, after: pd.Series, marked: pd.Series, *, name: str, is_synthetic: bool
) -> tuple[str, str]:
    """A column as a naive reader takes it, and restored.

    Args:
        before: the naive numbers, by month.
        after: the restored ones.
        marked: where a restored cell is uncertain.
        name: what the column is called, for whoever cannot see the drawing.
        is_synthetic: whether the data are invented.
    """
    months = _years(pd.DatetimeIndex(before.index))
    there = (before.notna() | after.notna()).to_numpy()
    x = _time_axis(months[there] if there.any() else months)
    drawn = []
    for title, values, kind in (("as read, points dropped", before, "before"), ("restored", after, "after")):
        numbers = values.to_numpy(dtype="float64")
        y = _value_axis(numbers)
        if y is None:
            drawn.append(_frame(title, f"{name}: {title}; no numbers", ["", _note("no numbers")], is_synthetic))
            continue
        shapes = [_time_grid(x), _value_grid(y), f'<path class="line {kind}" d="{_line(months, numbers, x, y)}"/>']
        if kind == "before":
            shapes.append(f'<path class="dots {kind}" d="{_dots(months, numbers, x, y)}"/>')
        else:
            shapes.append(_rings(months, np.where(marked.to_numpy(), numbers, np.nan), x, y))
        scale = ", log scale" if y.is_log else ""
        drawn.append(_frame(title + scale, f"{name}: {title}{scale}", shapes, is_synthetic))
    return drawn[0], drawn[1]


def identity_errors(identities: pd.DataFrame, *, title: str, is_synthetic: bool) -> str:
    """The relative error of sums by month, against the largest that counts as exact.

    Args:
        identities: see `Restoration.identities`.
        title: of the drawing.
        is_synthetic: whether the data are invented.
    """
    # A total of zero has an infinite error, which is in the table and has no place here.
    identities = identities[np.isfinite(identities["relative_error"].astype("float64"))]
    if identities.empty:
        return _frame(
            title, f"{title}: no month could be tested", ["", _note("no month could be tested")], is_synthetic
        )
    months = _years(pd.DatetimeIndex(identities["month"]))
    errors = np.maximum(identities["relative_error"].to_numpy(dtype="float64"), _FLOOR)
    low = math.floor(math.log10(min(errors.min(), EXACT))) - 0.3
    high = math.ceil(math.log10(max(errors.max(), EXACT))) + 0.7
    x, y = _time_axis(months), Axis(low, high, HEIGHT - _BOTTOM, _TOP, is_log=True)
    shapes = [
        _time_grid(x),
        _value_grid(y),
        f'<path class="limit" d="M{_LEFT},{y.place(EXACT):.1f}H{WIDTH - _RIGHT}"/>',
        _text(WIDTH - _RIGHT, y.place(EXACT) - 4, "largest error that counts as exact", "end"),
        f'<path class="dots after" d="{_dots(months, errors, x, y)}"/>',
    ]
    return _frame(title, f"{title}, by month", shapes, is_synthetic)


def margins(margin: pd.DataFrame, *, title: str, is_synthetic: bool) -> str:
    """How many cells have which margin, of those that continuity decided.

    Args:
        margin: see `Restoration.margin`.
        title: of the drawing.
        is_synthetic: whether the data are invented.
    """
    known = margin.to_numpy(dtype="float64")
    known = np.minimum(known[np.isfinite(known)], 2.0)
    if not known.size:
        return _frame(title, f"{title}: no cell was open", ["", _note("no cell was open")], is_synthetic)
    counts, edges = np.histogram(known, bins=40, range=(0.0, 2.0))
    x = Axis(0.0, 2.0, _LEFT, WIDTH - _RIGHT)
    y = Axis(-0.3, math.ceil(math.log10(counts.max())), HEIGHT - _BOTTOM, _TOP, is_log=True)
    bars = "".join(
        f"M{x.place(float(edge)) + 0.5:.1f},{y.begin}V{y.place(int(count)):.1f}h9V{y.begin}z"
        for edge, count in zip(edges, counts, strict=False)
        if count
    )
    limit = x.place(UNCERTAIN_BELOW)
    shapes = [
        _value_grid(y),
        f'<path class="bars" d="{bars}"/>',
        f'<path class="limit" d="M{limit:.1f},{_TOP}V{HEIGHT - _BOTTOM}"/>',
        _text(limit + 4, _TOP + 10, "doubted to the left of it", "start"),
        *(_text(x.place(tick), HEIGHT - 8, f"{tick:g}", "middle") for tick in (0, 0.5, 1, 1.5)),
        _text(x.place(2), HEIGHT - 8, "2 and more", "end"),
    ]
    return _frame(title, f"{title}: cells by margin", shapes, is_synthetic)


def beside(drawings: Sequence[str]) -> str:
    """Several drawings side by side, as one."""
    moved = [
        d.replace("<svg ", f'<svg x="{place * WIDTH}" width="{WIDTH}" height="{HEIGHT}" ', 1)
        for place, d in enumerate(drawings)
    ]
    width = WIDTH * len(drawings)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}">{"".join(moved)}</svg>'


def standalone(drawing: str, *, width: int) -> bytes:
    """A drawing as a file of its own, so many pixels wide, with its colours: light or dark as its reader is."""
    opening, rest = drawing.replace("<svg ", f'<svg width="{width}" ', 1).split(">", 1)
    style = STYLE_FILE.read_text(encoding="utf-8")
    return f'{opening}><style>{style}</style><rect class="paper" width="100%" height="100%"/>{rest}\n'.encode()


def _frame(title: str, description: str, shapes: Sequence[str], is_synthetic: bool) -> str:
    label = '<text class="synthetic" x="250" y="112">SYNTHETIC DATA</text>' if is_synthetic else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(description)}">{label}{"".join(shapes)}'
        f'<text class="title" x="{_LEFT}" y="14">{escape(title)}</text></svg>'
    )


def _note(text: str) -> str:
    return _text(WIDTH / 2, HEIGHT / 2, text, "middle")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _years(months: pd.DatetimeIndex) -> Floats:
    return np.asarray(months.year + (months.month - 1) / 12, dtype="float64")


def _time_axis(years: Floats) -> Axis:
    first, last = float(years.min()), float(years.max())
    return Axis(first, max(last, first + 1 / 12), _LEFT, WIDTH - _RIGHT)


def _value_axis(numbers: Floats) -> Axis | None:
    known = numbers[np.isfinite(numbers)]
    if not known.size:
        return None
    low, high = float(known.min()), float(known.max())
    if low > 0 and high / low >= _LOG_FROM:
        return Axis(math.log10(low) - 0.1, math.log10(high) + 0.1, HEIGHT - _BOTTOM, _TOP, is_log=True)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return Axis(low - room, high + room, HEIGHT - _BOTTOM, _TOP)


def _time_grid(axis: Axis) -> str:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 10000) if (axis.high - axis.low) / s <= 7)
    ticks = [year for year in range(math.ceil(axis.low), math.floor(axis.high) + 1) if year % step == 0]
    return "".join(_text(axis.place(year), HEIGHT - 8, str(year), "middle") for year in ticks)


def _value_grid(axis: Axis) -> str:
    if axis.is_log:
        powers = range(math.ceil(axis.low), math.floor(axis.high) + 1)
        ticks = [10.0**power for power in powers if power % max(1, math.ceil(len(powers) / 6)) == 0]
    else:
        step = _nice((axis.high - axis.low) / 5)
        ticks = [step * k for k in range(math.ceil(axis.low / step), math.floor(axis.high / step) + 1)]
    return "".join(
        f'<path class="grid" d="M{_LEFT},{axis.place(tick):.1f}H{WIDTH - _RIGHT}"/>'
        + _text(_LEFT - 6, axis.place(tick) + 3.5, _short(tick), "end")
        for tick in ticks
    )


def _nice(step: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(nice * power for nice in (1, 2, 5, 10) if nice * power >= step * 0.999)


def _short(tick: float) -> str:
    size = abs(tick)
    if size and (size >= 1e5 or size < 1e-3):
        power = math.floor(math.log10(size))
        head = f"{tick / 10.0**power:.3g}"
        return f"10{str(power).translate(_RAISED)}" if head == "1" else f"{head}e{power}"
    return f"{tick:.6g}"


def _line(years: Floats, numbers: Floats, x: Axis, y: Axis) -> str:
    """A path that breaks where a number is missing."""
    parts, is_open = [], False
    for year, number in zip(years, numbers, strict=True):
        if not math.isfinite(number):
            is_open = False
            continue
        parts.append(f"{'L' if is_open else 'M'}{x.place(year):.1f},{y.place(number):.1f}")
        is_open = True
    return "".join(parts)


def _dots(years: Floats, numbers: Floats, x: Axis, y: Axis) -> str:
    """A path of strokes without a length, which round ends make dots."""
    known = np.isfinite(numbers)
    return "".join(
        f"M{x.place(year):.1f},{y.place(number):.1f}h0"
        for year, number in zip(years[known], numbers[known], strict=True)
    )


def _rings(years: Floats, numbers: Floats, x: Axis, y: Axis) -> str:
    known = np.isfinite(numbers)
    return "".join(
        f'<circle class="doubt" cx="{x.place(year):.1f}" cy="{y.place(number):.1f}" r="4"/>'
        for year, number in zip(years[known], numbers[known], strict=True)
    )
