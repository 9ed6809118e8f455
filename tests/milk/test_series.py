"""The register of series: what the shipped one holds, and what a broken one is told."""

import re

import pytest

from milk.errors import BadSetting
from milk.months import Availability, Month
from milk.series import REGISTER_FILE, Series, read_register, series_register

REGISTER = series_register()
UNITS = {
    "CLP bn, chained volume, reference 2013": r"_clp_bn$",
    "thousand persons": r"_thousand$",
    "index": r"_index$",
    "mm": r"_mm$",
    "USD/m3": r"_usd_m3$",
    "USD/oz": r"_usd_oz$",
    "USD/lb": r"_usd_lb$",
    "USD/bbl": r"_usd_bbl$",
    "USD/MMBtu": r"_usd_mmbtu$",
    "US cents/gal": r"_uscents_gal$",
    "CLP/USD": r"^usd_clp$",
    "GWh": r"_gwh$",
    "cars": r"_cars_",
    "CLP/L": r"^price$",
}
SOUND = """
[availability]
file = { rule = "month_end" }

[[series]]
name = "price"
column = "Precio"
meaning = "A price"
unit = "CLP/L"
block = "price"
source = "milk_price"
first_valid_month = "1979-01"
plausible = [0.1, 5000]
availability = "file"
licence = "none"
"""


def test_every_column_of_the_three_files_is_there() -> None:
    counts = {source: len(REGISTER.of_source(source)) for source in ("milk_price", "precipitation", "central_bank")}
    assert counts == {"milk_price": 1, "precipitation": 8, "central_bank": 84}
    assert len(REGISTER.series) == 93


def test_names_are_unique_and_written_alike() -> None:
    names = [s.name for s in REGISTER.series]
    assert len(set(names)) == 93
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", name) for name in names)


@pytest.mark.parametrize("series", REGISTER.series, ids=lambda s: s.name)
def test_name_carries_its_unit(series: Series) -> None:
    unit = "index" if series.unit.startswith("index") else series.unit
    assert re.search(UNITS[unit], series.name), (series.name, series.unit)


@pytest.mark.parametrize("series", REGISTER.series, ids=lambda s: s.name)
def test_entry_says_what_a_reader_needs(series: Series) -> None:
    assert series.meaning[0].isupper()
    assert not series.meaning.endswith(".")
    assert series.licence
    assert series.block
    assert Month(1970, 1) <= series.first_valid_month <= Month(2014, 12)
    assert series.plausible[0] < series.plausible[1]
    assert bool(series.code) == bool(series.current_code) == (series.source == "central_bank")


def test_official_codes_are_unique() -> None:
    codes = [s.code for s in REGISTER.series if s.code]
    assert len(set(codes)) == len(codes) == 84


def test_rules_are_those_of_the_design() -> None:
    assert REGISTER.price.availability == Availability("month_end") == REGISTER.rules["original_price_file"]
    assert REGISTER.rules["live_price"] == Availability("month_end", 2)
    sectors = {s.availability for s in REGISTER.series if s.block == "gdp"}
    assert sectors == {Availability("quarterly_accounts")}
    assert REGISTER["rain_maule_mm"].availability == Availability("day", 1, 7)


def test_unknown_series_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"no series 'cheese' in series\.toml"):
        REGISTER["cheese"]


def test_shipped_register_is_what_the_reader_reads() -> None:
    assert read_register(REGISTER_FILE.read_text(encoding="utf-8")) == REGISTER


def test_optional_fields_are_empty_where_not_given() -> None:
    (price,) = read_register(SOUND).series
    assert (price.code, price.current_code, price.note) == ("", "", "")
    assert price.plausible == (0.1, 5000.0)
    assert price.first_valid_month == Month(1979, 1)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "CLP/L"\n', "", "price lacks unit"),
        ('unit = "CLP/L"\nblock = "price"\n', "", "price lacks block, unit"),
        ('name = "price"\n', "", r"\(an entry without a name\) lacks name"),
        ('unit = "CLP/L"', 'unit = "CLP/L"\ncolour = "white"', "price has the unknown field colour"),
        ('source = "milk_price"', 'source = "cheese_price"', "price names the unknown source 'cheese_price'"),
        ('availability = "file"', 'availability = "soon"', "price names the unknown rule 'soon'"),
        ("[0.1, 5000]", "[5000, 0.1]", "price has the empty plausible range 5000 to 0.1"),
        ("[0.1, 5000]", "[7, 7]", "price has the empty plausible range 7 to 7"),
        ("[0.1, 5000]", "[0.1, nan]", "price has the empty plausible range 0.1 to nan"),
        ("[0.1, 5000]", "[0.1]", "plausible range of price must be two numbers"),
        ("[0.1, 5000]", '["a", "b"]', "plausible range of price must be two numbers"),
        ("[0.1, 5000]", "[false, true]", "plausible range of price must be two numbers"),
        ("[0.1, 5000]", "5000", "plausible range of price must be two numbers"),
        ('"1979-01"', '"1979-13"', "first valid month of price: '1979-13' is not a month"),
        ('"1979-01"', "1979", "first valid month of price: '1979' is not a month"),
        ('"month_end"', '"whenever"', "the rule 'file' cannot be used. 'whenever' is not a rule of availability"),
        (
            '"month_end"',
            '"month_end", lag_months = -1',
            "the rule 'file' cannot be used. A value cannot be known 1 months",
        ),
        ('"month_end"', '"month_end", weeks = 3', "the rule 'file' cannot be used"),
        ("[[series]]", "[[series]", "cannot be read"),
    ],
)
def test_broken_register_is_refused(old: str, new: str, message: str) -> None:
    assert SOUND.count(old) == 1
    with pytest.raises(BadSetting, match=message) as refused:
        read_register(SOUND.replace(old, new))
    assert "series.toml" in str(refused.value)


def test_name_or_column_twice_is_refused() -> None:
    again = SOUND + SOUND[SOUND.index("[[series]]") :]
    with pytest.raises(BadSetting, match="the name price stands there more than once"):
        read_register(again)
    renamed = again[:-400] + again[-400:].replace('name = "price"', 'name = "other"')
    with pytest.raises(BadSetting, match="the column milk_price: Precio stands there more than once"):
        read_register(renamed)
