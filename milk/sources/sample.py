"""Synthetic input files in the three original formats, so that the program can be tried without anybody's data.

The original files may not be passed on. These are invented from the first digit to the last, damaged the way the
originals are, and come with the truth underneath, which the originals lack: a repair can be marked against it. The same
seed gives the same bytes on every platform. No forecast made from them says anything about a real price.
"""

import os
import random
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

from milk.months import Month, month_range
from milk.series import Series, series_register
from milk.sources._damage import damaged, plain
from milk.sources._sample_farm import price_truth, rain_truth
from milk.sources._sample_macro import EXACT_YEARS, SUMS, macro_truth
from milk.sources._sample_numbers import rng_of
from milk.sources._sample_shapes import EMPLOYMENT, MARKETS

SEED = 4
LAST = Month(2026, 10)
FIRST_MACRO = Month(1970, 1)

# Named here as well as in the parsers, which load a frame library; a test holds the two together.
PRICE_FILE, RAIN_FILE, MACRO_FILE, LABEL_FILE = (
    "precio_leche.csv", "precipitaciones.csv", "banco_central.csv", "dataset.toml",
)  # fmt: skip
SPANISH_MONTHS = ("Ene", "Feb", "Mar", "Abr", "May", "Jun", "Jul", "Ago", "Sep", "Oct", "Nov", "Dic")

REPEATED_MONTHS = (Month(2018, 8), Month(2019, 8))
IMPOSSIBLE_PERIOD = "2020-13-01 00:00:00 UTC"
NOT_A_NUMBER = "a"

_BLOCK_STARTS = (Month(2013, 3), Month(2009, 1), FIRST_MACRO)
_STRAY_ROWS = 20
_NOTES_BEFORE_START = 9
_LABEL = """\
# A label for the program: what is made from this folder is marked as synthetic.
is_synthetic = true
name = "sample"
description = "Invented data in the formats of the original files; of no use for any decision."
"""

FaultKind = Literal["not a number", "impossible month", "repeated month"]
Values = dict[Month, Decimal]


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault that was put into a file on purpose.

    Attributes:
        file: name of the file.
        kind: what kind of fault.
        month: month of the row, as far as it is one (`2020-13` is not).
        row: line of the file, 1 is the header.
        column: column of the file; empty where the fault is the whole row.
    """

    file: str
    kind: FaultKind
    month: str
    row: int
    column: str


@dataclass(frozen=True)
class Sample:
    """The files and what is known of them.

    Attributes:
        files: name of the file -> its bytes.
        truth: English name of the series -> month -> true value, with the digits that survive in the file. A cell that
            was overwritten or is empty has no true value here.
        planted: faults put into the files, by file and row.
    """

    files: dict[str, bytes]
    truth: dict[str, Values]
    planted: list[Planted]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row before it is text: `period` is what stands in the first column."""

    period: str
    cells: tuple[str, ...]

    @property
    def month(self) -> str:
        return self.period[:7]


def generate(seed: int = SEED) -> Sample:
    """Make the sample: all series up to `LAST`, each with its true values, and the files that hold them.

    Args:
        seed: of the random numbers; the shipped files have `SEED`.

    Returns:
        The files, the truth underneath, and the faults planted on top.
    """
    price, rain, macro = price_truth(seed, LAST), rain_truth(seed, LAST), macro_truth(seed, LAST)
    notes = _places_of_notes(macro, rng_of(seed, "notes"))
    overwritten = {(name, month) for name, month in notes if month in macro[name]}
    macro = {name: {m: v for m, v in values.items() if (name, m) not in overwritten} for name, values in macro.items()}
    rain_rows, macro_rows = _rain_rows(rain, rng_of(seed, "rain rows")), _macro_rows(macro, notes, rng_of(seed, "rows"))
    register = series_register()
    files = {
        PRICE_FILE: _price_bytes(price),
        RAIN_FILE: _table("date", register.of_source("precipitation"), rain_rows, "\n"),
        MACRO_FILE: _table("Periodo", register.of_source("central_bank"), macro_rows, "\r\n"),
        LABEL_FILE: _LABEL.encode(),
    }
    planted = [*_faults(RAIN_FILE, (), rain_rows), *_faults(MACRO_FILE, register.of_source("central_bank"), macro_rows)]
    return Sample(files, {register.price.name: price} | rain | macro, planted)


def write_sample(folder: Path) -> None:
    """Write the files of the sample into a folder, which is made where it is missing.

    Each file is replaced in one step: a reader finds the old bytes or the new ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in generate().files.items():
        _replace(folder / name, content)


def _replace(file: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        # mkstemp lets nobody but the owner read; these files are meant to be read.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _price_bytes(price: Values) -> bytes:
    header = ",".join(("Anio", "Mes", series_register().price.column))
    rows = [f"{m.year},{SPANISH_MONTHS[m.month - 1]},{value:.2f}" for m, value in price.items()]
    return _lines([header, *rows], "\r\n")


def _rain_rows(rain: dict[str, Values], rng: random.Random) -> list[_Row]:
    """A row a month in no order, one of them twice."""
    months = list(next(iter(rain.values())))
    rows = [_Row(f"{month}-01", tuple(_measured(values[month]) for values in rain.values())) for month in months]
    rng.shuffle(rows)
    rows.insert(rng.randrange(len(rows) // 2, len(rows)), rows[rng.randrange(len(rows) // 2)])
    return rows


def _measured(value: Decimal) -> str:
    """A value of the rain file, the way statistics programs write it: a trace of rain has an exponent."""
    return plain(value) if value == 0 or value.adjusted() >= -4 else _scientific(value)


def _scientific(value: Decimal) -> str:
    mantissa = plain(value.scaleb(-value.adjusted()))
    return f"{mantissa}e-{-value.adjusted():02d}"


def _macro_rows(macro: dict[str, Values], notes: set[tuple[str, Month]], rng: random.Random) -> list[_Row]:
    """The rows of the macro file with their faults, in an order that is none: blocks, and some rows astray."""
    starts = sorted(_BLOCK_STARTS, reverse=True)
    months = sorted(month_range(FIRST_MACRO, LAST), key=lambda m: (next(i for i, s in enumerate(starts) if m >= s), m))
    rows = {month: _macro_row(month, macro, notes) for month in months}
    ordered = list(rows.values())
    for _ in range(_STRAY_ROWS):
        ordered.insert(rng.randrange(len(ordered)), ordered.pop(rng.randrange(len(ordered))))
    for month in REPEATED_MONTHS:
        ordered.insert(rng.randrange(len(ordered)), rows[month])
    ordered.insert(rng.randrange(len(ordered)), _impossible_row(rows[Month(2020, 12)], list(macro)))
    return ordered


def _macro_row(month: Month, macro: dict[str, Values], notes: set[tuple[str, Month]]) -> _Row:
    return _Row(
        f"{month}-01 00:00:00 UTC",
        tuple(
            NOT_A_NUMBER if (name, month) in notes else damaged(values[month]) if month in values else ""
            for name, values in macro.items()
        ),
    )


def _impossible_row(like: _Row, names: list[str]) -> _Row:
    """A thirteenth month with four numbers, of prices."""
    filled = [name for name in names if name in MARKETS][:4]
    return _Row(
        IMPOSSIBLE_PERIOD,
        tuple(text if name in filled else "" for name, text in zip(names, like.cells, strict=True)),
    )


def _places_of_notes(macro: dict[str, Values], rng: random.Random) -> set[tuple[str, Month]]:
    """Where the text `a` goes: mostly into the empty months of late series, and over a few true values.

    Totals, columns that a repair has to set from an identity, and the years in which the accounts add up keep theirs.
    """
    late = [name for name, values in macro.items() if min(values) > Month(1995, 12)]
    places = {
        (name, FIRST_MACRO + rng.randrange(min(macro[name]) - FIRST_MACRO))
        for name in rng.sample(late, _NOTES_BEFORE_START)
    }
    parts = [part for part in SUMS["gdp_manufacturing_clp_bn"] if part in macro]
    for names, first in ((parts, max(EXACT_YEARS) + 2), (list(EMPLOYMENT), 2018), (list(MARKETS), 2006)):
        for name in rng.sample(names, 2):
            begin = max(Month(first, 1), min(macro[name]) + 12)
            places.add((name, begin + rng.randrange(LAST - begin)))
    return places


def _table(first: str, series: tuple[Series, ...], rows: list[_Row], line_end: str) -> bytes:
    header = ",".join((first, *(s.column for s in series)))
    return _lines([header, *(",".join((row.period, *row.cells)) for row in rows)], line_end)


def _lines(lines: Iterable[str], line_end: str) -> bytes:
    return "".join(line + line_end for line in lines).encode()


def _faults(file: str, series: tuple[Series, ...], rows: list[_Row]) -> list[Planted]:
    """The planted faults, found again in the finished rows, where their line numbers are."""
    found, seen = [], set()
    for number, row in enumerate(rows, start=2):
        if row.period == IMPOSSIBLE_PERIOD:
            found.append(Planted(file, "impossible month", row.month, number, ""))
        elif row.period in seen:
            found.append(Planted(file, "repeated month", row.month, number, ""))
        seen.add(row.period)
        for s, text in zip(series, row.cells, strict=False):
            if text == NOT_A_NUMBER:
                found.append(Planted(file, "not a number", row.month, number, s.column))
    return found
