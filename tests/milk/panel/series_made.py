"""Clean series with a known truth: a level, growth, a season, noise, and a step that happened."""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from milk.panel.identities import SYSTEMS, Sum

Column = list[Decimal | None]

_SEASON = tuple(math.cos(2 * math.pi * month / 12) / 2 for month in range(12))
_LARGEST = 4.46
"""A factor just below the one that the restoration promises to doubt."""


@dataclass(frozen=True)
class Shape:
    """How a series moves: size at first, highest over lowest calendar month, growth a year, noise a month, seed."""

    level: float
    swing: float = 1.0
    growth: float = 0.0
    noise: float = 0.0
    seed: int = 0


def made(shape: Shape, months: int, steps: Mapping[int, float] | None = None) -> list[float]:
    """The series, with a given factor as its whole change into some months; what follows starts from there."""
    rng = random.Random(shape.seed)
    logs = [
        math.log(shape.level)
        + math.log(shape.swing) * _SEASON[month % 12]
        + shape.growth * month / 12
        + shape.noise * rng.uniform(-1, 1)
        for month in range(months)
    ]
    for month, factor in (steps or {}).items():
        change = math.log(factor) - (logs[month] - logs[month - 1])
        logs[month:] = [value + change for value in logs[month:]]
    return [math.exp(value) for value in logs]


def largest_step(values: Sequence[Decimal | None]) -> float:
    """The largest factor between neighbouring numbers, up or down."""
    known = [abs(float(value)) for value in values if value]
    return max((max(a / b, b / a) for a, b in itertools.pairwise(known)), default=1.0)


def is_promised(values: Sequence[Decimal | None]) -> bool:
    """Whether a series moves so little in any month that its wrong cells must be doubted."""
    return largest_step(values) <= _LARGEST


def significant(values: Sequence[float], digits: int = 9) -> Column:
    return [Context(prec=digits).create_decimal(Decimal(value)) for value in values]


def with_decimals(values: Sequence[float], places: int) -> Column:
    return [Decimal(value).quantize(Decimal(1).scaleb(-places)) for value in values]


def economy(months: int, seed: int, steps: Mapping[str, Mapping[int, float]] | None = None) -> dict[str, Column]:
    """The accounts and employment, under the names of the register, from January 2013 on; all of it adds up."""
    rng = random.Random(seed)
    columns: dict[str, Column] = {}
    totals = {one.total for system in SYSTEMS for one in system}
    for one in (one for system in SYSTEMS for one in system):
        for name in sorted((set(one.parts) - totals) | set(one.small)):
            size, noise = (0.5, 1.2) if name in one.small else (rng.uniform(40, 900), 0.04)
            shape = Shape(size, rng.uniform(1, 1.6), 0.02, noise, rng.randrange(10**6))
            columns[name] = significant(made(shape, months, (steps or {}).get(name)))
    for one in (one for system in SYSTEMS for one in reversed(system)):
        columns[one.total] = _added(columns, one, months)
    return columns


def _added(columns: Mapping[str, Column], one: Sum, months: int) -> Column:
    """The total; in the third year and after it is half a percent off where the sum need not hold."""
    sums = [
        sum((columns[name][month] or Decimal(0) for name in (*one.parts, *one.small)), Decimal(0))
        for month in range(months)
    ]
    return significant(
        [float(s) * (1.005 if month >= 24 and one.last_year < 9999 else 1) for month, s in enumerate(sums)]
    )
