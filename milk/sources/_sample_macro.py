"""The true macro series of the sample, before their file is damaged.

Kept of reality are the identities that a repair of the file can lean on: chained volumes that add up to the last digit
while the reference year is near and only to about 1 % later, employment that adds up in every month, and indices that
average 100 in their base year.
"""

import random
from decimal import Decimal

from milk.months import Month, month_range
from milk.series import series_register
from milk.sources._sample_numbers import base_100, decimals, exp, ln, nine_digits, normal, rng_of, wander
from milk.sources._sample_shapes import (
    ACCOUNTS,
    EMPLOYMENT,
    MARKETS,
    PRODUCTION,
    SEASONS,
    TINY_EMPLOYMENT,
    Digits,
    Shape,
)

Values = dict[Month, Decimal]

SUMS: dict[str, tuple[str, ...]] = {
    "gdp_mining_clp_bn": ("gdp_copper_mining_clp_bn", "gdp_other_mining_clp_bn"),
    "gdp_manufacturing_clp_bn": (
        "gdp_food_clp_bn", "gdp_beverages_tobacco_clp_bn", "gdp_wood_furniture_clp_bn", "gdp_pulp_paper_clp_bn",
        "gdp_oil_refining_clp_bn", "gdp_chemicals_clp_bn", "gdp_minerals_basic_metals_clp_bn",
        "gdp_metal_products_clp_bn", "gdp_textiles_clp_bn",
    ),
    "gdp_factor_cost_clp_bn": (
        "gdp_agriculture_forestry_clp_bn", "gdp_mining_clp_bn", "gdp_manufacturing_clp_bn", "gdp_electricity_clp_bn",
        "gdp_construction_clp_bn", "gdp_trade_clp_bn", "gdp_restaurants_hotels_clp_bn", "gdp_transport_clp_bn",
        "gdp_communications_clp_bn", "gdp_financial_services_clp_bn", "gdp_business_services_clp_bn",
        "gdp_housing_services_clp_bn", "gdp_personal_services_clp_bn", "gdp_public_administration_clp_bn",
        "gdp_fishing_clp_bn",
    ),
    "gdp_clp_bn": ("gdp_factor_cost_clp_bn", "value_added_tax_clp_bn", "import_duties_clp_bn"),
}  # fmt: skip
"""The parts of each total of the accounts, parts before totals; the last part, a small one, takes the rounding."""

INDUSTRY = {
    "industrial_production_mining_index": Decimal("0.445"),
    "industrial_production_manufacturing_index": Decimal("0.451"),
    "industrial_production_utilities_index": Decimal("0.104"),
}
RETAIL = {"retail_sales_non_durables_index": Decimal("0.808"), "retail_sales_durables_index": Decimal("0.192")}

EXACT_YEARS = (2013, 2014)
"""Years in which the chained volumes add up to the last digit."""

_OTHER_GOODS = (
    "gdp_agriculture_forestry_clp_bn", "gdp_fishing_clp_bn", "gdp_electricity_clp_bn", "gdp_construction_clp_bn",
)  # fmt: skip
_GOODS = (*_OTHER_GOODS, "gdp_mining_clp_bn", "gdp_manufacturing_clp_bn")
_TRADE = ("gdp_trade_clp_bn",)
_ACTIVITY: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "imacec_index": (("gdp_clp_bn",), ()),
    "imacec_goods_index": (_GOODS, ()),
    "imacec_mining_index": (("gdp_mining_clp_bn",), ()),
    "imacec_manufacturing_index": (("gdp_manufacturing_clp_bn",), ()),
    "imacec_other_goods_index": (_OTHER_GOODS, ()),
    "imacec_trade_index": (_TRADE, ()),
    "imacec_services_index": (("gdp_factor_cost_clp_bn",), (*_GOODS, *_TRADE)),
    "imacec_factor_cost_index": (("gdp_factor_cost_clp_bn",), ()),
    "imacec_non_mining_index": (("gdp_clp_bn",), ("gdp_mining_clp_bn",)),
}
"""Each monthly activity index: the accounts added and subtracted in it."""

_LARGEST_GAP = 0.009
_NO_ANSWER_RARE_UNTIL = 2017


def macro_truth(seed: int, last: Month) -> dict[str, Values]:
    """The true value of each macro series and month, in the order of the columns of the file.

    Args:
        seed: of the random numbers.
        last: the last month.

    Returns:
        English name of the series -> month -> value with the digits that are published; from the first valid month on.
    """
    made = _accounts(seed, last) | _employment(seed, last) | _markets(seed, last) | _production(seed, last)
    return {
        series.name: {month: value for month, value in made[series.name].items() if month >= series.first_valid_month}
        for series in series_register().of_source("central_bank")
    }


def _path(seed: int, name: str, shape: Shape, months: list[Month], anchor: Month) -> dict[Month, float]:
    """Level, growth, season and a deviation that fades: the plain series behind a shape."""
    deviations = wander(rng_of(seed, name), len(months), memory=shape.memory, noise=shape.noise)
    start, profile = ln(shape.level), SEASONS[shape.season]
    return {
        month: exp(start + shape.growth / 12.0 * (month - anchor) + shape.swing * profile[month.month - 1] + deviation)
        for month, deviation in zip(months, deviations, strict=True)
    }


def _accounts(seed: int, last: Month) -> dict[str, Values]:
    """The national accounts, and the monthly activity indices, which are the same figures on another scale."""
    months = month_range(Month(1996, 1), last)
    cycle = wander(rng_of(seed, "business cycle"), len(months), memory=0.97, noise=0.006)
    factors = dict(zip(months, [exp(deviation) for deviation in cycle], strict=True))
    made: dict[str, Values] = {}
    for name, shape in ACCOUNTS.items():
        path = _path(seed, name, shape, months, Month(2013, 1))
        made[name] = {month: nine_digits(value * factors[month]) for month, value in path.items()}
    for total, parts in SUMS.items():
        _add_up(made, total, parts, _chaining_gaps(seed, total, months))
    return made | {name: _activity(made, *accounts) for name, accounts in _ACTIVITY.items()}


def _add_up(made: dict[str, Values], total: str, parts: tuple[str, ...], gaps: dict[Month, float]) -> None:
    """Make a total; in the exact years its rounding goes into the last part, which has decimals to spare."""
    made[total] = {}
    for month, gap in gaps.items():
        exact = sum((made[part][month] for part in parts), Decimal(0))
        if month.year in EXACT_YEARS:
            made[total][month] = nine_digits(exact)
            made[parts[-1]][month] += made[total][month] - exact
        else:
            made[total][month] = nine_digits(exact * (1 + Decimal(gap)))


def _chaining_gaps(seed: int, total: str, months: list[Month]) -> dict[Month, float]:
    """By how much a chained total differs from the sum of its parts: nothing at first, up to about 1 % later."""
    later = [month for month in months if month.year > max(EXACT_YEARS)]
    walk = wander(rng_of(seed, f"chaining of {total}"), len(later), memory=0.98, noise=0.0012)
    gaps = {month: max(-_LARGEST_GAP, min(_LARGEST_GAP, gap)) for month, gap in zip(later, walk, strict=True)}
    return {month: gaps.get(month, 0.0) for month in months}


def _activity(made: dict[str, Values], plus: tuple[str, ...], minus: tuple[str, ...]) -> Values:
    sums = {
        month: float(sum((made[p][month] for p in plus), Decimal(0)) - sum((made[m][month] for m in minus), Decimal(0)))
        for month in made[plus[0]]
    }
    return base_100(sums, 2013)


def _employment(seed: int, last: Month) -> dict[str, Values]:
    """Branches and their total; the tiny ones begin with the branches in 2013, the total begins before."""
    months = month_range(Month(2010, 3), last)
    made: dict[str, Values] = {}
    for name, shape in EMPLOYMENT.items():
        path = _path(seed, name, shape, months, Month(2013, 1))
        made[name] = {month: nine_digits(value) for month, value in path.items()}
    for name, shape in TINY_EMPLOYMENT.items():
        made[name] = _jumps(rng_of(seed, name), shape, months)
    made["employed_no_answer_thousand"] = _mostly_empty(seed, made["employed_no_answer_thousand"])
    made["employed_thousand"] = {
        month: nine_digits(sum((values.get(month, Decimal(0)) for values in made.values()), Decimal(0)))
        for month in months
    }
    return made


def _jumps(rng: random.Random, shape: Shape, months: list[Month]) -> Values:
    draws = [max(-3.0, min(3.0, normal(rng))) for _ in months]
    return {m: nine_digits(exp(ln(shape.level) + shape.noise * d)) for m, d in zip(months, draws, strict=True)}


def _mostly_empty(seed: int, values: Values) -> Values:
    """Keep few months until 2017: while everybody answers, the cell is empty, and that means none."""
    rng = rng_of(seed, "months without an answer")
    first = series_register()["employed_no_answer_thousand"].first_valid_month
    return {m: v for m, v in values.items() if m.year > _NO_ANSWER_RARE_UNTIL or rng.random() < 0.25 or m == first}


def _markets(seed: int, last: Month) -> dict[str, Values]:
    register = series_register()
    made = {}
    for name, shape in MARKETS.items():
        first = register[name].first_valid_month
        made[name] = _published(seed, name, shape, _path(seed, name, shape, month_range(first, last), first))
    return made


def _published(seed: int, name: str, shape: Shape, path: dict[Month, float]) -> Values:
    """The values with the digits that are published."""
    rng = rng_of(seed, f"digits of {name}")
    return {
        month: _shortened(value, shape.digits_before if month.year < shape.changed_in else shape.digits, rng)
        for month, value in path.items()
    }


def _shortened(value: float, digits: Digits, rng: random.Random) -> Decimal:
    if digits == "mean" and rng.random() < 0.3:
        # A mean of 20 days with two decimals each is a short number, one of 21 or 22 days is not.
        return decimals(value, rng.choice((2, 3, 4)))
    return nine_digits(value) if digits in ("nine", "mean") else decimals(value, int(digits))


def _production(seed: int, last: Month) -> dict[str, Values]:
    made: dict[str, Values] = {}
    for name, shape in PRODUCTION.items():
        path = _path(seed, name, shape, month_range(Month(1986, 1), last), Month(2014, 1))
        made[name] = base_100(path, 2014) if name in INDUSTRY | RETAIL else _published(seed, name, shape, path)
    real = {month: float(value) for month, value in made["real_exchange_rate_index"].items()}
    made["real_exchange_rate_index"] = base_100(real, 1986)
    made["industrial_production_index"] = _weighted(made, INDUSTRY)
    made["retail_sales_index"] = _weighted(made, RETAIL)
    return made


def _weighted(made: dict[str, Values], weights: dict[str, Decimal]) -> Values:
    months = made[next(iter(weights))]
    return {m: nine_digits(sum((weight * made[n][m] for n, weight in weights.items()), Decimal(0))) for m in months}
