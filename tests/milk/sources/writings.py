"""Sound files of invented values, and the ways of writing one that must all be read as the same."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hypothesis import strategies as st

from milk.months import Month, month_range
from milk.series import SourceName, series_register
from milk.sources.milk_price import SPANISH_MONTHS
from tests.milk.sources.texts import HEADERS

Truth = dict[tuple[str, str], str]
"""Series and month (`YYYY-MM`) -> value."""

EXTRA_NAMES = ("nota", "", "nota")
EXTRA_CELLS = ("", "x", "7", "año", "3 litros")
MACRO_FILLED = 12


@dataclass(frozen=True, slots=True)
class Sound:
    """A table as it should be, with what it says."""

    source: SourceName
    header: list[str]
    rows: list[list[str]]
    truth: Truth


@dataclass(frozen=True, slots=True)
class Writing:
    """How a table is written to a file; every way says the same.

    Attributes:
        separator: of the columns.
        decimal: the decimal sign of price and rain; the macro file has points only.
        has_mark: whether a byte order mark stands first.
        ends: ends of line, in turn.
        is_quoted: whether each cell stands between quotation marks.
        blank: what stands around a cell that is not quoted.
        extras: number of columns that nobody asked for.
        is_spaced: whether lines without text stand between the rows.
        order: of columns and rows; 0 is that of the table.
    """

    separator: str = ","
    decimal: str = "."
    has_mark: bool = False
    ends: tuple[str, ...] = ("\n",)
    is_quoted: bool = False
    blank: str = ""
    extras: int = 0
    is_spaced: bool = False
    order: int = 0


WRITINGS: st.SearchStrategy[Writing] = st.builds(
    lambda signs, **others: Writing(*signs, **others),
    st.sampled_from([(",", "."), (";", "."), (";", ",")]),
    has_mark=st.booleans(),
    ends=st.sampled_from([("\n",), ("\r\n",), ("\r",), ("\n", "\r\n", "\r")]),
    is_quoted=st.booleans(),
    blank=st.sampled_from(["", " ", "\u00a0"]),
    extras=st.integers(0, len(EXTRA_NAMES)),
    is_spaced=st.booleans(),
    order=st.integers(0, 1000),
)


def sound_table(source: SourceName, salt: int) -> Sound:
    """A table of ten to fourteen months; the salt decides on its first month and its values."""
    rng = random.Random(salt)
    first = Month(rng.randint(1979, 2019), rng.randint(1, 12))
    months = month_range(first, first + rng.randint(9, 13))
    columns = HEADERS[source].split(",")
    names = [s.name for s in series_register().of_source(source)]
    filled = sorted(rng.sample(range(len(names)), min(MACRO_FILLED, len(names))))
    level = rng.randint(1, 90)
    rows, truth = [], {}
    for number, month in enumerate(months):
        values = [""] * len(names)
        for place in filled:
            # The first cells are no possible groups of thousands, so the decimal sign of each file is beyond doubt.
            values[place] = _VALUES[source](rng, level) if number else f"{_near(rng, level)}.{rng.randint(10, 99)}"
            if values[place]:
                truth[names[place], str(month)] = values[place]
        rows.append([*_DATES[source](month, rng), *values])
    return Sound(source, columns, rows, truth)


def _price_date(month: Month, rng: random.Random) -> list[str]:
    name = SPANISH_MONTHS[month.month - 1]
    return [str(month.year), rng.choice((name, name, name.upper(), name.lower()))]


def _rain_date(month: Month, rng: random.Random) -> list[str]:
    return [f"{month}{rng.choice(('-01', '-01', '-28', ''))}"]


def _macro_date(month: Month, rng: random.Random) -> list[str]:
    return [f"{month}-01{rng.choice((' 00:00:00 UTC', ' 00:00:00 UTC', ''))}"]


def _near(rng: random.Random, level: int) -> int:
    """Between one and two levels: with any decimals, less than thrice each other number so made."""
    return rng.randint(level, 2 * level)


def _price(rng: random.Random, level: int) -> str:
    whole = _near(rng, level)
    return rng.choice((f"{whole}.{rng.randint(0, 99):02d}", str(whole), f"{whole}.{rng.randint(0, 999):03d}"))


def _rain(rng: random.Random, _level: int) -> str:
    return rng.choice(("", "0", _thousandths(rng), f"{rng.random() * 300:.15g}", f"{rng.random() / 1e5:.3g}"))


def _macro(rng: random.Random, _level: int) -> str:
    groups = f"{rng.randint(1, 999)}.{rng.randint(0, 999):03d}.{rng.randint(0, 999):03d}"
    return rng.choice(("", groups, groups, str(rng.randint(1, 9999)), f"{rng.randint(1, 999)}.{rng.randint(1, 99)}"))


def _thousandths(rng: random.Random) -> str:
    """A number that could be a group of thousands, were the decimal sign of its file not known."""
    return f"{rng.randint(1, 599)}.{rng.randint(0, 999):03d}"


class _Value(Protocol):
    def __call__(self, rng: random.Random, level: int, /) -> str: ...


class _Date(Protocol):
    def __call__(self, month: Month, rng: random.Random) -> list[str]: ...


_VALUES: dict[SourceName, _Value] = {"milk_price": _price, "precipitation": _rain, "central_bank": _macro}
_DATES: dict[SourceName, _Date] = {
    "milk_price": _price_date,
    "precipitation": _rain_date,
    "central_bank": _macro_date,
}


def written(table: Sound, writing: Writing) -> bytes:
    """The bytes of a table."""
    rng = random.Random(writing.order)
    lines = [table.header, *table.rows]
    if writing.decimal == "," and table.source != "central_bank":
        lines = [table.header, *([cell.replace(".", ",") for cell in row] for row in table.rows)]
    cells = (*EXTRA_CELLS, "a;b" if writing.separator == "," else "a,b")
    for name in EXTRA_NAMES[: writing.extras]:
        lines = [[*lines[0], name], *([*row, rng.choice(cells)] for row in lines[1:])]
    if writing.order:
        columns = list(range(len(lines[0])))
        rng.shuffle(columns)
        rows = lines[1:]
        rng.shuffle(rows)
        lines = [[row[column] for column in columns] for row in [lines[0], *rows]]
    return _bytes_of(lines, writing)


def _bytes_of(lines: Sequence[Sequence[str]], writing: Writing) -> bytes:
    around = '"' if writing.is_quoted else writing.blank
    texts = [writing.separator.join(f"{around}{cell}{around}" for cell in line) for line in lines]
    if writing.is_spaced:
        empty = ("", writing.separator, f" {writing.separator} ")
        texts = [text for number, line in enumerate(texts) for text in (empty[number % len(empty)], line)]
    ends = writing.ends
    text = "".join(line + ends[number % len(ends)] for number, line in enumerate(texts))
    return (b"\xef\xbb\xbf" if writing.has_mark else b"") + text.encode()
