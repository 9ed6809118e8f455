"""Arithmetic of the sample data that gives the same bits on every platform and Python version.

The sample is compared byte for byte, so it may rest only on operations whose result is fixed: `+ - * /` on floats,
exact sums, `Random.random`, and `Decimal`, whose `exp` and `ln` round correctly. Refused: `math.exp`, `Random.gauss`
and `**`, which ask the C library of the platform, and `sum` of floats, whose rounding changed with Python 3.12.
"""

import math
import random
from decimal import Context, Decimal

from milk.months import Month

_TRANSCENDENTAL = Context(prec=17)
_NINE_DIGITS = Context(prec=9)


def rng_of(seed: int, purpose: str) -> random.Random:
    """A generator of its own for each purpose, so that a change of one series leaves the others as they are."""
    return random.Random(f"{seed}: {purpose}")  # noqa: S311 -- synthetic data, not secrets


def normal(rng: random.Random) -> float:
    """A draw close to a standard normal: twelve uniform draws, added exactly, less their mean."""
    return math.fsum([rng.random() for _ in range(12)]) - 6.0


def exp(x: float) -> float:
    """The exponential, rounded correctly."""
    return float(_TRANSCENDENTAL.exp(Decimal(x)))


def ln(x: float) -> float:
    """The natural logarithm, rounded correctly."""
    return float(_TRANSCENDENTAL.ln(Decimal(x)))


def mean(values: list[float]) -> float:
    """The mean, from an exact sum."""
    return math.fsum(values) / len(values)


def wander(rng: random.Random, count: int, *, memory: float, noise: float) -> list[float]:
    """A first-order autoregression that starts at zero: `x[t] = memory * x[t-1] + noise * normal`."""
    path, value = [], 0.0
    for _ in range(count):
        path.append(value)
        value = memory * value + noise * normal(rng)
    return path


def nine_digits(value: float | Decimal) -> Decimal:
    """The value with nine significant digits, as the official series carry them."""
    return _NINE_DIGITS.create_decimal(Decimal(value))


def decimals(value: float | Decimal, places: int) -> Decimal:
    """The value with a number of decimals."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places))


def base_100(values: dict[Month, float], year: int) -> dict[Month, Decimal]:
    """The values as an index with nine digits whose mean over `year` is 100."""
    base = mean([value for month, value in values.items() if month.year == year])
    return {month: nine_digits(value / base * 100.0) for month, value in values.items()}
