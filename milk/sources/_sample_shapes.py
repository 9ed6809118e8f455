"""Invented sizes, growth rates and seasons of the sample's macro series: a table to read, not results of anybody.

A series is written as `Shape(level, growth, noise, ...)`: its level at the month it is anchored in, growth a year in
logs, size of its monthly noise in logs.
"""

from dataclasses import dataclass
from typing import Literal

Season = Literal["none", "summer", "winter", "december", "catch"]
Digits = Literal["nine", "mean", "0", "1", "2", "3", "4", "5"]

SEASONS: dict[Season, tuple[float, ...]] = {
    "none": (0.0,) * 12,
    "summer": (0.9, 0.7, 0.8, 0.3, -0.4, -0.7, -0.8, -0.7, -0.5, -0.2, 0.1, 0.5),
    "winter": (0.1, -0.3, 0.0, -0.1, 0.2, 0.4, 0.5, 0.3, -0.3, -0.2, -0.4, -0.2),
    "december": (-0.1, -0.4, 0.2, -0.1, 0.0, -0.2, -0.2, -0.1, -0.3, 0.1, 0.1, 1.0),
    "catch": (0.2, 0.5, 0.6, 0.3, 0.0, -0.3, -0.5, -0.4, -0.6, -0.1, 0.2, 0.1),
}
"""Log effect of each calendar month at a swing of 1."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a series moves.

    Attributes:
        level: its size at the anchor month, in its unit.
        growth: log growth a year.
        noise: standard deviation of the monthly noise, in logs.
        season: which calendar profile.
        swing: size of the season.
        memory: how much of a deviation is left after a month.
        digits: digits published: nine significant ones, `mean` (a mean of days: often few decimals), or decimals.
        digits_before: the same before the year `changed_in`; earlier years were published more roughly.
        changed_in: see `digits_before`.
    """

    level: float
    growth: float
    noise: float
    season: Season = "none"
    swing: float = 0.0
    memory: float = 0.6
    digits: Digits = "nine"
    digits_before: Digits = "nine"
    changed_in: int = 0


ACCOUNTS = {
    "gdp_agriculture_forestry_clp_bn": Shape(360, 0.025, 0.030, "summer", 0.5),
    "gdp_fishing_clp_bn": Shape(52, 0.010, 0.080, "catch", 0.4),
    "gdp_copper_mining_clp_bn": Shape(1150, 0.008, 0.030, "december", 0.10),
    "gdp_other_mining_clp_bn": Shape(155, 0.020, 0.040, "december", 0.10),
    "gdp_food_clp_bn": Shape(310, 0.020, 0.020, "summer", 0.08),
    "gdp_beverages_tobacco_clp_bn": Shape(165, 0.018, 0.030, "december", 0.15),
    "gdp_textiles_clp_bn": Shape(34, -0.015, 0.040, "winter", 0.10),
    "gdp_wood_furniture_clp_bn": Shape(72, 0.010, 0.030, "december", 0.06),
    "gdp_pulp_paper_clp_bn": Shape(106, 0.008, 0.030, "none", 0.0),
    "gdp_oil_refining_clp_bn": Shape(93, 0.002, 0.050, "none", 0.0),
    "gdp_chemicals_clp_bn": Shape(181, 0.012, 0.025, "december", 0.05),
    "gdp_minerals_basic_metals_clp_bn": Shape(83, 0.004, 0.030, "summer", 0.05),
    "gdp_metal_products_clp_bn": Shape(224, 0.006, 0.030, "december", 0.08),
    "gdp_electricity_clp_bn": Shape(290, 0.028, 0.020, "winter", 0.10),
    "gdp_construction_clp_bn": Shape(770, 0.015, 0.020, "december", 0.15),
    "gdp_trade_clp_bn": Shape(1010, 0.028, 0.015, "december", 0.22),
    "gdp_restaurants_hotels_clp_bn": Shape(225, 0.020, 0.020, "summer", 0.08),
    "gdp_transport_clp_bn": Shape(545, 0.022, 0.015, "summer", 0.05),
    "gdp_communications_clp_bn": Shape(355, 0.040, 0.012, "december", 0.06),
    "gdp_financial_services_clp_bn": Shape(570, 0.035, 0.012, "december", 0.03),
    "gdp_business_services_clp_bn": Shape(1230, 0.022, 0.012, "december", 0.06),
    "gdp_housing_services_clp_bn": Shape(835, 0.022, 0.004, "none", 0.0),
    "gdp_personal_services_clp_bn": Shape(1290, 0.025, 0.012, "december", 0.10),
    "gdp_public_administration_clp_bn": Shape(505, 0.022, 0.006, "none", 0.0),
    "value_added_tax_clp_bn": Shape(940, 0.028, 0.012, "december", 0.14),
    "import_duties_clp_bn": Shape(63, 0.020, 0.035, "december", 0.06),
}
"""Parts of the national accounts, anchored in January 2013; their totals are computed."""

EMPLOYMENT = {
    "employed_agriculture_thousand": Shape(700, -0.008, 0.012, "summer", 0.13, 0.8),
    "employed_mining_thousand": Shape(228, 0.004, 0.015, "none", 0.0, 0.8),
    "employed_manufacturing_thousand": Shape(905, 0.000, 0.008, "none", 0.0, 0.8),
    "employed_electricity_thousand": Shape(41, 0.012, 0.030, "none", 0.0, 0.8),
    "employed_administrative_services_thousand": Shape(205, 0.022, 0.018, "none", 0.0, 0.8),
    "employed_professional_services_thousand": Shape(215, 0.032, 0.018, "none", 0.0, 0.8),
    "employed_real_estate_thousand": Shape(64, 0.028, 0.030, "none", 0.0, 0.8),
    "employed_finance_thousand": Shape(163, 0.010, 0.018, "none", 0.0, 0.8),
    "employed_information_thousand": Shape(147, 0.020, 0.018, "none", 0.0, 0.8),
    "employed_transport_thousand": Shape(510, 0.015, 0.010, "none", 0.0, 0.8),
    "employed_accommodation_food_thousand": Shape(315, 0.026, 0.012, "summer", 0.04, 0.8),
    "employed_construction_thousand": Shape(690, 0.005, 0.010, "summer", 0.03, 0.8),
    "employed_trade_thousand": Shape(1490, 0.012, 0.006, "december", 0.02, 0.8),
    "employed_water_waste_thousand": Shape(43, 0.008, 0.035, "none", 0.0, 0.8),
    "employed_public_administration_thousand": Shape(425, 0.012, 0.010, "none", 0.0, 0.8),
    "employed_education_thousand": Shape(655, 0.014, 0.010, "none", 0.0, 0.8),
    "employed_health_thousand": Shape(395, 0.034, 0.010, "none", 0.0, 0.8),
    "employed_arts_thousand": Shape(82, 0.012, 0.025, "summer", 0.05, 0.8),
    "employed_other_services_thousand": Shape(232, 0.010, 0.015, "none", 0.0, 0.8),
    "employed_households_thousand": Shape(372, -0.012, 0.012, "none", 0.0, 0.8),
}
"""Branches, in thousands of persons, anchored in January 2013."""

TINY_EMPLOYMENT = {
    "employed_extraterritorial_thousand": Shape(1.1, 0.0, 1.0),
    "employed_no_answer_thousand": Shape(1.8, 0.0, 1.2),
}
"""Columns of a handful of answers: every month is a draw of its own, so they jump by powers of ten."""

MARKETS = {
    "gasoline_usd_m3": Shape(48, 0.046, 0.055, "summer", 0.02, 0.93, "5", "2", 2003),
    "gold_usd_oz": Shape(55, 0.058, 0.035, memory=0.95, digits="2", digits_before="2"),
    "silver_usd_oz": Shape(2.6, 0.040, 0.050, memory=0.95, digits="4", digits_before="2", changed_in=2001),
    "copper_usd_lb": Shape(0.58, 0.034, 0.050, memory=0.95, digits="nine", digits_before="3", changed_in=1994),
    "diesel_uscents_gal": Shape(190, 0.020, 0.060, memory=0.93, digits="2", digits_before="2"),
    "natural_gas_usd_mmbtu": Shape(4.4, -0.005, 0.085, "winter", 0.05, 0.92, "4", "2", 2004),
    "brent_usd_bbl": Shape(31, 0.034, 0.065, memory=0.93, digits="2", digits_before="2"),
    "kerosene_usd_m3": Shape(245, 0.034, 0.060, memory=0.93, digits="5", digits_before="5"),
    "wti_usd_bbl": Shape(22, 0.028, 0.060, memory=0.93, digits="2", digits_before="1", changed_in=2005),
    "propane_uscents_gal": Shape(88, 0.002, 0.065, "winter", 0.05, 0.92, "3"),
    "usd_clp": Shape(66, 0.058, 0.018, memory=0.97, digits="mean"),
    "nominal_exchange_rate_index": Shape(92, 0.010, 0.014, memory=0.97, digits="mean"),
}
"""Prices and rates, anchored in the first month of each."""

PRODUCTION = {
    "industrial_production_mining_index": Shape(100, 0.022, 0.025, "december", 0.08),
    "industrial_production_manufacturing_index": Shape(100, 0.018, 0.022, "december", 0.05),
    "industrial_production_utilities_index": Shape(100, 0.028, 0.015, "winter", 0.08),
    "retail_sales_non_durables_index": Shape(100, 0.022, 0.015, "december", 0.20),
    "retail_sales_durables_index": Shape(100, 0.045, 0.030, "december", 0.30),
    "real_exchange_rate_index": Shape(100, -0.002, 0.016, memory=0.96),
    "electricity_generation_gwh": Shape(5600, 0.032, 0.012, "winter", 0.05, digits="nine"),
    "new_cars_sold": Shape(27500, 0.015, 0.070, "december", 0.25, digits="0", digits_before="0"),
}
"""Indices and quantities, anchored in January 2014."""
