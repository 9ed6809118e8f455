"""The shipped sample: it can be made again to the byte, and what it says of itself is so."""

import csv
import io
import itertools
import math
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from milk.months import Month, month_range
from milk.series import Series, series_register
from milk.sources import central_bank, files, milk_price, precipitation, sample
from milk.sources._damage import damaged
from milk.sources._sample_macro import INDUSTRY, RETAIL, SUMS
from milk.sources._sample_shapes import EMPLOYMENT, TINY_EMPLOYMENT
from milk.sources.sample import Sample, generate, write_sample

SHIPPED = Path(__file__).parents[3] / "data" / "sample"
MACRO = series_register().of_source("central_bank")
RAIN = series_register().of_source("precipitation")


@cache
def made() -> Sample:
    return generate()


def rows_of(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made().files[file].decode("utf-8"), newline="")))


def significant_digits(text: str) -> str:
    return text.replace(".", "").strip("0")


def cells() -> list[tuple[str, Month, str]]:
    """Every cell of the macro file in a possible month: name, month, text."""
    rows = [row for row in rows_of("banco_central.csv") if row["Periodo"] != sample.IMPOSSIBLE_PERIOD]
    return [(s.name, Month.parse(row["Periodo"][:7]), row[s.column]) for row in rows for s in MACRO]


def near(found: Decimal, wanted: Decimal, tolerance: str) -> bool:
    return abs(found - wanted) <= Decimal(tolerance) * abs(wanted)


@pytest.mark.parametrize("name", [sample.PRICE_FILE, sample.RAIN_FILE, sample.MACRO_FILE, sample.LABEL_FILE])
def test_shipped_file_is_made_again_byte_for_byte(name: str) -> None:
    assert (SHIPPED / name).read_bytes() == made().files[name]


def test_writing_twice_leaves_the_same_files_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sample"
    write_sample(folder)
    write_sample(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == made().files


def test_failed_write_leaves_the_old_file_and_no_remains(tmp_path: Path) -> None:
    in_the_way = tmp_path / sample.PRICE_FILE
    in_the_way.mkdir()
    with pytest.raises(OSError, match=sample.PRICE_FILE):
        write_sample(tmp_path)
    assert list(tmp_path.iterdir()) == [in_the_way]


def test_another_seed_gives_other_data() -> None:
    other = generate(sample.SEED + 1)
    for name in (sample.PRICE_FILE, sample.RAIN_FILE, sample.MACRO_FILE):
        assert other.files[name] != made().files[name]


def test_names_agree_with_the_parsers() -> None:
    assert (milk_price.FILE_NAME, precipitation.FILE_NAME) == (sample.PRICE_FILE, sample.RAIN_FILE)
    assert (central_bank.FILE_NAME, files.LABEL_FILE) == (sample.MACRO_FILE, sample.LABEL_FILE)
    assert milk_price.SPANISH_MONTHS == sample.SPANISH_MONTHS


def test_generator_needs_no_frame_library() -> None:
    program = "import sys, milk.sources.sample; sys.exit(bool({'numpy', 'pandas'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_label_says_synthetic() -> None:
    label = tomllib.loads(made().files["dataset.toml"].decode())
    assert label["is_synthetic"] is True
    assert label["name"] == "sample"
    assert label["description"].endswith(".")


def test_ends_of_line_are_those_of_the_originals() -> None:
    for name in (sample.PRICE_FILE, sample.MACRO_FILE):
        content = made().files[name]
        assert content.endswith(b"\r\n")
        assert content.count(b"\n") == content.count(b"\r\n")
    assert b"\r" not in made().files[sample.RAIN_FILE]
    assert made().files[sample.RAIN_FILE].endswith(b"\n")


def test_price_is_complete_positive_and_in_order() -> None:
    rows = rows_of("precio_leche.csv")
    months = [Month(int(row["Anio"]), sample.SPANISH_MONTHS.index(row["Mes"]) + 1) for row in rows]
    assert months == month_range(Month(1979, 1), sample.LAST)
    assert all(re.fullmatch(r"\d+\.\d\d", row["Precio_leche"]) for row in rows)
    prices = {month: Decimal(row["Precio_leche"]) for month, row in zip(months, rows, strict=True)}
    assert prices == made().truth["price"]
    assert min(prices.values()) > 0
    assert 3 < prices[Month(1979, 1)] < 6
    assert 150 < prices[sample.LAST] < 900


def test_price_falls_in_the_spring_flush_and_rises_in_autumn() -> None:
    price = made().truth["price"]
    change = {m: math.log(price[m] / price[m + (-1)]) for m in month_range(Month(2000, 1), sample.LAST)}
    by_month = {k: [c for m, c in change.items() if m.month == k] for k in range(1, 13)}
    means = {k: math.fsum(values) / len(values) for k, values in by_month.items()}
    assert max(means[9], means[10]) < -0.01
    assert min(means[3], means[4]) > 0.01


def test_rain_has_no_order_and_one_row_twice() -> None:
    rows = rows_of("precipitaciones.csv")
    dates = [row["date"] for row in rows]
    assert dates != sorted(dates)
    assert sorted(set(dates)) == [f"{m}-01" for m in month_range(Month(1979, 1), sample.LAST)]
    assert len(rows) == len(set(dates)) + 1
    assert len({tuple(row.values()) for row in rows}) == len(set(dates))


def test_rain_cells_are_the_truth() -> None:
    truth = made().truth
    for row in rows_of("precipitaciones.csv"):
        month = Month.parse(row["date"][:7])
        assert all(Decimal(row[s.column]) == truth[s.name][month] for s in RAIN)


def test_rain_is_wet_in_winter_wetter_in_the_south_and_sometimes_absent() -> None:
    truth = made().truth
    totals = [sum(truth[s.name].values()) for s in RAIN]
    assert totals == sorted(totals)
    for s in RAIN:
        winter = sum(v for m, v in truth[s.name].items() if m.month == 6)
        summer = sum(v for m, v in truth[s.name].items() if m.month == 1)
        assert winter > 2 * summer
    assert any(v == 0 for v in truth[RAIN[0].name].values())
    assert any("e-05" in row[RAIN[0].column] for row in rows_of("precipitaciones.csv"))


@pytest.mark.parametrize("series", series_register().series, ids=lambda s: s.name)
def test_truth_is_plausible_and_begins_where_the_register_says(series: Series) -> None:
    values = made().truth[series.name]
    assert min(values) == series.first_valid_month
    assert max(values) == sample.LAST
    assert series.plausible[0] <= min(values.values())
    assert max(values.values()) <= series.plausible[1]


def test_macro_header_is_the_register() -> None:
    assert list(rows_of("banco_central.csv")[0]) == ["Periodo", *(s.column for s in MACRO)]


def test_macro_cells_keep_the_digits_of_the_truth() -> None:
    for name, month, text in cells():
        value = made().truth[name].get(month)
        if text in ("", sample.NOT_A_NUMBER):
            assert value is None, (name, month)
        else:
            assert value is not None, (name, month)
            assert significant_digits(text) == significant_digits(format(value, "f")), (name, month)
            assert len(significant_digits(text)) <= 9


def test_literal_macro_cells_are_the_truth() -> None:
    is_literal = re.compile(r"\d+\.(\d{1,2}|\d{4,})")
    literal = [(name, month, text) for name, month, text in cells() if is_literal.fullmatch(text)]
    assert len(literal) > 1000
    assert all(Decimal(text) == made().truth[name][month] for name, month, text in literal)


def test_column_without_a_dot_is_the_truth() -> None:
    cars = [(month, text) for name, month, text in cells() if name == "new_cars_sold" and text.isdigit()]
    assert all(Decimal(text) == made().truth["new_cars_sold"][month] for month, text in cars)


def test_most_macro_cells_lost_their_point() -> None:
    texts = [text for _name, _month, text in cells() if text and text != sample.NOT_A_NUMBER]
    assert sum(text.count(".") > 1 for text in texts) > 0.6 * len(texts)
    assert any(re.fullmatch(r"0\d\.0\d", text) for text in texts)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("104.317562", "104.317.562"), ("91.2604873", "912.604.873"), ("0.614", "614"), ("0.7720", "772"),
        ("512.35", "512.35"), ("512.30", "512.3"), ("3.04", "03.04"), ("12.04", "12.04"), ("0.04", "0.04"),
        ("8.1274", "8.1274"), ("13.1274", "131.274"), ("1.377", "1.377"), ("30", "30"), ("24310", "24310"),
        ("0.0734519862", "734.519.862"), ("10496.2", "10496.2"), ("4E+1", "40"),
    ],
)  # fmt: skip
def test_damage(value: str, text: str) -> None:
    assert damaged(Decimal(value)) == text


@pytest.mark.parametrize("total", SUMS)
def test_accounts_add_up_exactly_at_first_and_roughly_later(total: str) -> None:
    truth = made().truth
    deviations = []
    for month, found in truth[total].items():
        parts = [truth[part].get(month) for part in SUMS[total]]
        if None in parts:
            continue
        wanted = sum((part for part in parts if part is not None), Decimal(0))
        if month.year in (2013, 2014):
            assert found == wanted, month
        else:
            deviations.append(abs(found / wanted - 1))
    assert max(deviations) <= Decimal("0.0095")
    assert max(deviations) > Decimal("0.001")


def test_every_part_of_the_accounts_is_in_the_file() -> None:
    gdp = {s.name for s in MACRO if s.block == "gdp"}
    assert gdp == {*SUMS, *itertools.chain(*SUMS.values())}
    assert len(SUMS["gdp_factor_cost_clp_bn"]) == 15
    assert len(SUMS["gdp_manufacturing_clp_bn"]) == 9


def test_employment_adds_up_in_every_month() -> None:
    truth, parts = made().truth, [*EMPLOYMENT, *TINY_EMPLOYMENT]
    assert len(parts) == 22
    checked = 0
    for month in month_range(Month(2013, 3), sample.LAST):
        if any(month not in truth[name] for name in EMPLOYMENT):
            continue
        checked += 1
        assert near(
            sum((truth[n].get(month, Decimal(0)) for n in parts), Decimal(0)), truth["employed_thousand"][month], "1e-9"
        )
    assert checked >= 160


@pytest.mark.parametrize("name", TINY_EMPLOYMENT)
def test_tiny_employment_jumps_over_powers_of_ten(name: str) -> None:
    values = list(made().truth[name].values())
    steps = [abs(math.log10(b / a)) for a, b in itertools.pairwise(values)]
    assert sum(step > 0.5 for step in steps) > 10
    assert sum(value < 1 for value in values) > 10


@pytest.mark.parametrize(("block", "year"), [("activity", 2013), ("production", 2014), ("trade", 2014)])
def test_indices_average_100_in_their_base_year(block: str, year: int) -> None:
    indices = [s.name for s in MACRO if s.block == block and s.unit == f"index, {year} = 100"]
    assert indices
    for name in indices:
        values = [v for m, v in made().truth[name].items() if m.year == year]
        assert near(sum(values, Decimal(0)) / 12, Decimal(100), "1e-7"), name


def test_weighted_indices() -> None:
    truth = made().truth
    for total, weights in (("industrial_production_index", INDUSTRY), ("retail_sales_index", RETAIL)):
        assert sum(weights.values()) == 1
        for month in month_range(Month(2014, 1), sample.LAST):
            parts = [weight * truth[name][month] for name, weight in weights.items() if month in truth[name]]
            if len(parts) == len(weights):
                assert near(truth[total][month], sum(parts, Decimal(0)), "1e-8")


def test_imacec_lies_between_mining_and_the_rest_and_is_gdp_on_another_scale() -> None:
    truth = made().truth
    for month, value in truth["imacec_index"].items():
        sides = sorted((truth["imacec_mining_index"][month], truth["imacec_non_mining_index"][month]))
        assert sides[0] <= value <= sides[1], month
    scale = {month: truth["gdp_clp_bn"][month] / truth["imacec_index"][month] for month in truth["gdp_clp_bn"]}
    assert all(near(ratio, scale[Month(2013, 1)], "1e-7") for ratio in scale.values())


def test_macro_rows_have_no_order_and_two_months_stand_twice() -> None:
    rows = rows_of("banco_central.csv")
    periods = [row["Periodo"] for row in rows]
    assert periods != sorted(periods)
    months = [f"{m}-01 00:00:00 UTC" for m in month_range(Month(1970, 1), sample.LAST)]
    assert sorted(set(periods)) == sorted([*months, "2020-13-01 00:00:00 UTC"])
    twice = {p for p in periods if periods.count(p) == 2}
    assert twice == {"2018-08-01 00:00:00 UTC", "2019-08-01 00:00:00 UTC"}
    assert len({tuple(row.values()) for row in rows}) == len(rows) - 2


def test_month_13_holds_four_numbers() -> None:
    (row,) = [row for row in rows_of("banco_central.csv") if row["Periodo"].startswith("2020-13")]
    assert sum(bool(text) for text in row.values()) == 5


def test_notes_stand_before_and_inside_series() -> None:
    notes = [(name, month) for name, month, text in cells() if text == sample.NOT_A_NUMBER]
    before = [name for name, month in notes if month < series_register()[name].first_valid_month]
    assert len(before) >= 8
    assert len(set(notes)) - len(before) == 6
    assert {series_register()[name].block for name, _month in notes} >= {"gdp", "employment"}


def test_planted_faults_are_where_they_are_said_to_be() -> None:
    found = {planted.kind for planted in made().planted}
    assert found == {"not a number", "impossible month", "repeated month"}
    for planted in made().planted:
        lines = made().files[planted.file].decode().splitlines()
        assert planted.month in lines[planted.row - 1]
        if planted.column:
            place = lines[0].split(",").index(planted.column)
            assert lines[planted.row - 1].split(",")[place] == sample.NOT_A_NUMBER
    notes = sum(
        row.count(sample.NOT_A_NUMBER) for row in csv.reader(io.StringIO(made().files["banco_central.csv"].decode()))
    )
    assert sum(planted.kind == "not a number" for planted in made().planted) == notes
