"""The table that a restoration works on: digits that stay, exponents that are found, pinned and found again."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from milk.panel.cells import Cells, Flags, Floats, Integers, read_cells, scaled
from milk.panel.exponents import Exponents, find_exponents
from milk.series import Series


@dataclass
class Working:
    """A table in work, months x columns.

    Attributes:
        months: the months, rising.
        series: what the columns are.
        cells: what the texts say.
        log_mantissa: log10 of the digits read as `d.ddd`; NaN where there is no number, or a zero.
        length: how many digits stand before the point of the digits read as one number, less one.
        pinned: exponents that are known: by the text, later by proof; NaN elsewhere.
        exponents: the exponents as they stand, absolute once the level of their column is found.
        anchor: for each column the row that holds it while nothing else does.
        proved: cells that an identity or a base year proves.
    """

    months: pd.DatetimeIndex
    series: Sequence[Series]
    cells: Cells
    log_mantissa: Floats
    length: Integers
    pinned: Floats
    exponents: Exponents
    anchor: Integers
    proved: Flags = field(init=False)

    def __post_init__(self) -> None:
        self.proved = np.zeros(self.length.shape, dtype=bool)
        self._column_of = {s.name: column for column, s in enumerate(self.series)}

    def column(self, name: str) -> int | None:
        """The column of a series, where the table has it and it holds a number."""
        column = self._column_of.get(name)
        return column if column is not None and np.isfinite(self.log_mantissa[:, column]).any() else None

    def must(self, name: str) -> int:
        """The column of a series that is known to hold a number."""
        return self._column_of[name]

    def values(self) -> Floats:
        """The numbers with the exponents as they stand."""
        return scaled(self.cells.digits, self.length - self.exponents.exponent)

    def values_of(self, columns: list[int]) -> Floats:
        """The numbers of some columns, with the exponents as they stand."""
        decimals = self.length[:, columns] - self.exponents.exponent[:, columns]
        return scaled(self.cells.digits[:, columns], decimals)

    def sure_values(self, column: int) -> Floats:
        """The numbers of a column other than zero whose exponents are not in doubt relative to each other."""
        is_sure = np.isfinite(self.log_mantissa[:, column]) & ~self.exponents.is_doubted[:, column]
        return np.asarray(self.values_of([column])[is_sure, 0])

    def shift(self, column: int, by: int) -> None:
        """Shift a whole column by powers of ten."""
        self.exponents.exponent[:, column] += by

    def find_again(self) -> None:
        """Find the exponents anew, with what is proved pinned and each other column held at its anchor."""
        pinned = np.where(self.proved, self.exponents.exponent, self.pinned)
        columns = np.flatnonzero(~np.isfinite(pinned).any(axis=0) & np.isfinite(self.log_mantissa).any(axis=0))
        rows = self.anchor[columns]
        pinned[rows, columns] = self.exponents.exponent[rows, columns]
        self.exponents = find_exponents(self.log_mantissa, pinned, self.anchor)


def working_table(texts: pd.DataFrame, series: Sequence[Series]) -> Working:
    """Read the texts and find first exponents by continuity alone."""
    cells = read_cells(texts, [s.plausible for s in series])
    size = np.abs(cells.digits)
    is_positive = np.isfinite(size) & (size > 0)
    length = _length(np.where(is_positive, size, 1.0))
    log_mantissa = np.where(is_positive, np.log10(np.where(is_positive, size, 1.0)) - length, np.nan)
    pinned = np.where(cells.is_literal & is_positive, length - cells.decimals, np.nan)
    anchor = anchors(log_mantissa)
    exponents = find_exponents(log_mantissa, pinned, anchor)
    return Working(pd.DatetimeIndex(texts.index), series, cells, log_mantissa, length, pinned, exponents, anchor)


def _length(size: Floats) -> Integers:
    """Floor of log10, exact at powers of ten."""
    length = np.floor(np.log10(size)).astype(np.int64)
    length += (10.0 ** (length + 1).astype(np.float64) <= size).astype(np.int64)
    return length - (10.0 ** length.astype(np.float64) > size).astype(np.int64)


def anchors(log_mantissa: Floats) -> Integers:
    """For each column the cell that continues both its neighbours best, whatever their exponents: the calmest place."""
    columns = log_mantissa.shape[1]
    found = np.zeros(columns, dtype=np.int64)
    for column in range(columns):
        rows = np.flatnonzero(np.isfinite(log_mantissa[:, column]))
        if len(rows) < 3:
            found[column] = rows[0] if len(rows) else 0
            continue
        step = np.diff(log_mantissa[rows, column])
        away = np.abs(step - np.round(step))
        found[column] = rows[1 + int(np.argmin(away[:-1] + away[1:]))]
    return found
