"""The true price and rain of the sample.

The price is made to be forecastable about as far as such a price is: month effects that drift over the decades,
momentum, heavy-tailed noise and a few shocks. An easy series would let a broken model look good.
"""

import random
from decimal import Context, Decimal

from milk.months import Month, month_range
from milk.series import series_register
from milk.sources._sample_numbers import decimals, exp, ln, mean, normal, rng_of

Values = dict[Month, Decimal]

FIRST = Month(1979, 1)
"""The first month of the price and rain files."""

_START_PRICE = 4.0
_EARLY_EFFECTS = (0.055, 0.075, 0.080, 0.060, 0.040, 0.010, -0.015, -0.045, -0.080, -0.085, -0.065, -0.030)
_LATE_EFFECTS = (0.004, 0.018, 0.029, 0.031, 0.026, 0.016, 0.000, -0.019, -0.036, -0.034, -0.024, -0.011)
"""Month effects of the log return at the beginning and at the end: the spring flush lowers the price."""

_DRIFT_EARLY, _DRIFT_LATE, _DRIFT_LIFE = 0.017, 0.003, 150.0
_MOMENTUM = (0.35, 0.10)
_PULL = 0.02
_NOISE = 0.024
_TAIL_SHARE, _TAIL_FACTOR = 0.07, 2.4
_SHOCKS = 5

_RAIN_PROFILE = (0.02, 0.03, 0.08, 0.30, 0.80, 1.00, 0.90, 0.70, 0.36, 0.20, 0.09, 0.05)
_DRY_NORTH, _WET_SOUTH = (1.5, 45.0), (95.0, 290.0)
_DRY_SPELL = 0.9
_NEARLY_DRY = 0.08
_RAIN_DIGITS = Context(prec=15)


def price_truth(seed: int, last: Month) -> Values:
    """The price in CLP per litre, two decimals, without a gap.

    The log return is drift + month effect + momentum (an AR(2) of what is left) - a weak pull back to the drift's path.
    """
    rng, months = rng_of(seed, "price"), month_range(FIRST, last)
    shocks = {m: rng.choice((-1.0, 1.0)) * (0.06 + 0.05 * rng.random()) for m in rng.sample(months[24:], _SHOCKS)}
    anchor = ln(_START_PRICE)
    level, recent, prices = anchor, (0.0, 0.0), {}
    for t, month in enumerate(months):
        prices[month] = decimals(exp(level + _seasonal_level(month, t / len(months))), 2)
        moved = _MOMENTUM[0] * recent[0] + _MOMENTUM[1] * recent[1] + _heavy_tailed(rng) + shocks.get(month, 0.0)
        recent = (moved, recent[0])
        drift = _DRIFT_LATE + _DRIFT_EARLY * exp(-t / _DRIFT_LIFE)
        anchor += drift
        level += drift + moved - _PULL * (level - anchor + drift)
    return prices


def _seasonal_level(month: Month, share: float) -> float:
    """The month effects of the return, added up from January; they have no sum over a year."""
    effects = [(1.0 - share) * early + share * late for early, late in zip(_EARLY_EFFECTS, _LATE_EFFECTS, strict=True)]
    centre = mean(effects)
    total = 0.0
    for effect in effects[: month.month]:
        total += effect - centre
    return total


def _heavy_tailed(rng: random.Random) -> float:
    scale = _TAIL_FACTOR if rng.random() < _TAIL_SHARE else 1.0
    return _NOISE * scale * normal(rng)


def rain_truth(seed: int, last: Month) -> dict[str, Values]:
    """Rain in mm of each region, 15 digits: winters are wet, the south is wetter, a northern summer may be dry."""
    regions, months, rng = series_register().of_source("precipitation"), month_range(FIRST, last), rng_of(seed, "rain")
    made: dict[str, Values] = {region.name: {} for region in regions}
    for month in months:
        shared = [normal(rng) for _ in range(6)]
        for place, region in enumerate(regions):
            southness = place / (len(regions) - 1)
            wetness = mean([_squared(0.75 * common + 0.66 * normal(rng)) for common in shared])
            made[region.name][month] = _measured(_expected(southness, month) * wetness, southness)
    return made


def _expected(southness: float, month: Month) -> float:
    """Mean rain of a calendar month, from the dry north to the wet south."""
    profile = _RAIN_PROFILE[month.month - 1]
    dry = _DRY_NORTH[0] + _squared(southness) * (_WET_SOUTH[0] - _DRY_NORTH[0])
    wet = _DRY_NORTH[1] + southness * (_WET_SOUTH[1] - _DRY_NORTH[1])
    return dry + profile * wet


def _squared(x: float) -> float:
    return x * x


def _measured(rain: float, southness: float) -> Decimal:
    """The value with the digits of the file: none where the air was dry, a trace where it nearly was."""
    left = rain - _DRY_SPELL * (1.0 - southness)
    if left <= -_NEARLY_DRY:
        return Decimal(0)
    if left <= 0.0:
        left = (left + _NEARLY_DRY) / 1000.0
    return _RAIN_DIGITS.create_decimal(Decimal(left))
