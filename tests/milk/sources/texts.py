"""Small files in the three formats, for the tests of parsers and receptions."""

from collections.abc import Sequence

from milk.months import Month, month_range
from milk.series import SourceName, series_register
from milk.sources.milk_price import SPANISH_MONTHS

RAIN_COLUMNS = [s.column for s in series_register().of_source("precipitation")]
MACRO_COLUMNS = [s.column for s in series_register().of_source("central_bank")]
HEADERS: dict[SourceName, str] = {
    "milk_price": "Anio,Mes,Precio_leche",
    "precipitation": ",".join(["date", *RAIN_COLUMNS]),
    "central_bank": ",".join(["Periodo", *MACRO_COLUMNS]),
}
START = Month(1979, 1)


def file_of(source: SourceName, rows: Sequence[str], *, end: str = "\n") -> bytes:
    return "".join(line + end for line in [HEADERS[source], *rows]).encode()


def row_of(source: SourceName, month: Month, value: str = "") -> str:
    """A row whose first value column holds `value`; the other columns of rain and macro are empty."""
    if source == "milk_price":
        return f"{month.year},{SPANISH_MONTHS[month.month - 1]},{value}"
    empty = "," * (len(HEADERS[source].split(",")) - 2)
    return f"{month}-01{' 00:00:00 UTC' if source == 'central_bank' else ''},{value}{empty}"


def rows_of(source: SourceName, values: Sequence[str], *, first: Month = START) -> list[str]:
    months = month_range(first, first + (len(values) - 1))
    return [row_of(source, month, value) for month, value in zip(months, values, strict=True)]


def price_file(values: Sequence[str], *, first: Month = START) -> bytes:
    return file_of("milk_price", rows_of("milk_price", values, first=first))
