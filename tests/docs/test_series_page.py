"""docs/series.md is what the register says, and says all of it."""

import re
from collections import Counter
from pathlib import Path

import pytest

from docs.generate import BLOCKS, COMMAND, EXAMPLES, SERIES_PAGE, rule_in_words, rule_names, series_page, write_pages
from milk.months import Availability, available_from
from milk.series import Series, series_register

REGISTER = series_register()
PAGE = SERIES_PAGE.read_text(encoding="utf-8")
MACRO = REGISTER.of_source("central_bank")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def lines_of(series: Series) -> list[str]:
    """What a series is, and where it comes from: one line in each table of its block."""
    return [line for line in PAGE.splitlines() if line.startswith(f"| `{series.name}` |")]


def section_of(series: Series) -> str:
    return PAGE.partition(f"\n## {BLOCKS[series.block]}\n")[2].partition("\n## ")[0]


def test_the_page_is_in_step_with_the_register() -> None:
    assert series_page() == PAGE, f"docs/series.md is not what milk/series.toml says: run {COMMAND}"


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    write_pages(tmp_path)
    assert (tmp_path / "series.md").read_text(encoding="utf-8") == series_page()


def test_every_block_has_one_section() -> None:
    titles = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")]
    assert titles[2:] == [BLOCKS[block] for block in dict.fromkeys(s.block for s in REGISTER.series)]
    assert len(set(titles)) == len(titles)


def test_every_series_is_there() -> None:
    found = Counter(s.source for s in REGISTER.series if len(lines_of(s)) == 2)
    assert found == {"milk_price": 1, "precipitation": 8, "central_bank": 84}
    assert "93 series" in PAGE


@pytest.mark.parametrize("series", REGISTER.series, ids=lambda s: s.name)
def test_everything_about_a_series_is_said(series: Series) -> None:
    what, where = lines_of(series)
    low, high = series.plausible
    assert cells(what)[1:5] == [
        series.meaning, series.unit, str(series.first_valid_month), f"{low:.10g} to {high:.10g}"
    ]  # fmt: skip
    assert f"| `{series.column}` |" in where
    section = section_of(series)
    for fact in (f"`{rule_names()[series.name]}`", series.licence, series.note):
        assert fact in what or fact in where or f": {fact}\n" in section


@pytest.mark.parametrize("series", MACRO, ids=lambda s: s.name)
def test_every_macro_series_has_its_codes(series: Series) -> None:
    _what, where = lines_of(series)
    code, current = cells(where)[2:4]
    assert code == f"`{series.code}`"
    assert re.fullmatch(r"`[FG]0\d\d(\.[A-Z0-9]+)+\.[DM]`", code)
    if series.current_code in ("none found", "unknown"):
        assert current == series.current_code
    else:
        assert current == ("same" if series.current_code == series.code else f"`{series.current_code}`")


def test_every_rule_has_its_examples() -> None:
    for name, rule in REGISTER.rules.items():
        (line,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        assert cells(line)[1] == rule_in_words(rule)
        assert cells(line)[3:] == [f"{available_from(rule, month):%Y-%m-%d %H:%M} UTC" for month in EXAMPLES]
        assert int(cells(line)[2]) == Counter(rule_names().values())[name]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Availability("month_end"), "the last day of the month itself"),
        (Availability("day", 1, 7), "day 7 of the month after"),
        (Availability("business_day", 2), "the first business day of the second month after"),
        (Availability("month_end", 3), "the last day of the month 3 months later"),
        (
            Availability("quarterly_accounts", 1),
            "the day of the national accounts of its quarter: 18 May, 18 August, 18 November, and 18 March for the "
            "fourth, or the next business day, 1 month later",
        ),
    ],
)
def test_a_rule_in_words(rule: Availability, words: str) -> None:
    assert rule_in_words(rule) == words
