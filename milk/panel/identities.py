"""What the macro series must add up to, whatever happened to their decimal points.

Exact identities prove the power of ten of every column in them. Chained volumes add up to the last digit in the
reference year 2013 and the year after it, and to about 1 % later; employment adds up in every month. The shares of the
indices are rounded to three decimals, so they hold to a percent and prove nothing but the order of magnitude.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

EXACT: Final = 1e-8
"""Largest relative error of an identity that holds: the rounding of nine digits."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A total and its parts.

    Attributes:
        total: name of the total.
        parts: names of the parts.
        small: names of further parts that jump by powers of ten from month to month, so that continuity says nothing
            about them; an empty cell of theirs means none.
        first_year: the first year in which the sum is exact.
        last_year: the last one.
    """

    total: str
    parts: tuple[str, ...]
    small: tuple[str, ...] = ()
    first_year: int = 1
    last_year: int = 9999

    def holds_in(self, months: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        """In which months the sum is exact."""
        return np.asarray((months.year >= self.first_year) & (months.year <= self.last_year))


def _gdp(total: str, *parts: str) -> Sum:
    return Sum(f"gdp_{total}clp_bn", parts, first_year=2013, last_year=2014)


_GDP: Final = (
    _gdp("", "gdp_factor_cost_clp_bn", "value_added_tax_clp_bn", "import_duties_clp_bn"),
    _gdp(
        "factor_cost_", "gdp_agriculture_forestry_clp_bn", "gdp_fishing_clp_bn", "gdp_mining_clp_bn",
        "gdp_manufacturing_clp_bn", "gdp_electricity_clp_bn", "gdp_construction_clp_bn", "gdp_trade_clp_bn",
        "gdp_restaurants_hotels_clp_bn", "gdp_transport_clp_bn", "gdp_communications_clp_bn",
        "gdp_financial_services_clp_bn", "gdp_business_services_clp_bn", "gdp_housing_services_clp_bn",
        "gdp_personal_services_clp_bn", "gdp_public_administration_clp_bn",
    ),
    _gdp("mining_", "gdp_copper_mining_clp_bn", "gdp_other_mining_clp_bn"),
    _gdp(
        "manufacturing_", "gdp_food_clp_bn", "gdp_beverages_tobacco_clp_bn", "gdp_textiles_clp_bn",
        "gdp_wood_furniture_clp_bn", "gdp_pulp_paper_clp_bn", "gdp_oil_refining_clp_bn", "gdp_chemicals_clp_bn",
        "gdp_minerals_basic_metals_clp_bn", "gdp_metal_products_clp_bn",
    ),
)  # fmt: skip
_EMPLOYMENT: Final = (
    Sum(
        "employed_thousand",
        (
            "employed_agriculture_thousand", "employed_mining_thousand", "employed_manufacturing_thousand",
            "employed_electricity_thousand", "employed_administrative_services_thousand",
            "employed_professional_services_thousand", "employed_real_estate_thousand", "employed_finance_thousand",
            "employed_information_thousand", "employed_transport_thousand", "employed_accommodation_food_thousand",
            "employed_construction_thousand", "employed_trade_thousand", "employed_water_waste_thousand",
            "employed_public_administration_thousand", "employed_education_thousand", "employed_health_thousand",
            "employed_arts_thousand", "employed_other_services_thousand", "employed_households_thousand",
        ),
        small=("employed_extraterritorial_thousand", "employed_no_answer_thousand"),
    ),
)  # fmt: skip
SYSTEMS: Final[tuple[tuple[Sum, ...], ...]] = (_GDP, _EMPLOYMENT)
"""The exact sums that hang together, a total always before the sum in which it is itself taken apart."""

SUMS: Final = tuple(one for system in SYSTEMS for one in system)
"""Every exact sum."""

BASE_YEARS: Final = {
    **dict.fromkeys(
        (
            "imacec_index", "imacec_goods_index", "imacec_mining_index", "imacec_manufacturing_index",
            "imacec_other_goods_index", "imacec_trade_index", "imacec_services_index", "imacec_factor_cost_index",
            "imacec_non_mining_index",
        ),
        2013,
    ),
    "real_exchange_rate_index": 1986,
    **dict.fromkeys(
        (
            "industrial_production_index", "industrial_production_mining_index",
            "industrial_production_utilities_index", "industrial_production_manufacturing_index",
            "retail_sales_index", "retail_sales_non_durables_index", "retail_sales_durables_index",
        ),
        2014,
    ),
}  # fmt: skip
"""The year in which an index is 100 on the mean of its months."""
