"""What the text of a damaged cell still says: its digits, its sign, and in some cells the place of its point.

A number with three or more decimals was read without its point and written in groups of three: `104.317562` became
`104.317.562`. The digits survive, the power of ten does not. Such a cell is called *grouped*. A text that no grouping
can give still has its point, or never had one, and is *literal*: `512.35`, `8.1274`, `0.614`, `24715`. A shorter text
without a point (`614`) may be a whole number or what is left of `0.614`: its power of ten is open, too, unless no cell
of the column has a point and the numbers are plausible as they stand. Then it is a column of whole numbers.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MOST_DIGITS = 15
"""More digits than a float holds exactly are no number of this file."""

_BARE = re.compile(r"-?[0-9]+")
_LONG_BARE = re.compile(r"-?[0-9]{4,}")
_ONE_POINT = re.compile(r"-?[0-9]+\.[0-9]+")
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(\.[0-9]{3})+")


@dataclass(frozen=True)
class Cells:
    """The cells of a table, months x columns.

    Attributes:
        digits: the digits read as one whole number with their sign, NaN where there is none.
        decimals: how many of the digits stand behind the point, as far as the text says so; 0 elsewhere.
        is_literal: the text says where the point is.
        is_unreadable: there is a text, and it is no number.
    """

    digits: Floats
    decimals: Integers
    is_literal: Flags
    is_unreadable: Flags

    @property
    def is_number(self) -> Flags:
        """Where there is a number."""
        return np.isfinite(self.digits)


def read_cells(texts: pd.DataFrame, plausible: Sequence[tuple[float, float]]) -> Cells:
    """Read the cells of a table.

    Args:
        texts: months x columns, the text received, NaN or None where a cell is empty.
        plausible: the smallest and the largest believable value of each column.
    """
    there = np.nonzero(texts.notna().to_numpy())
    read = np.array([_read(text) for text in texts.to_numpy(dtype=object)[there]], dtype=np.float64).reshape(-1, 4)
    digits = np.full(texts.shape, np.nan)
    decimals = np.zeros(texts.shape, dtype=np.int64)
    is_literal, has_point, is_unreadable = (np.zeros(texts.shape, dtype=bool) for _ in range(3))
    digits[there] = read[:, 0]
    decimals[there] = read[:, 1]
    is_literal[there], has_point[there] = read[:, 2] == 1, read[:, 3] == 1
    is_unreadable[there] = np.isnan(read[:, 0])
    pointless = ~has_point.any(axis=0)
    is_whole = pointless & _is_plausible(digits, plausible)
    # Zero is zero at any power of ten.
    is_literal = np.where(pointless, is_whole, is_literal) & np.isfinite(digits) | (digits == 0)
    return Cells(digits, decimals, is_literal, is_unreadable)


def _read(text: str) -> tuple[float, int, bool, bool]:
    """Digits, decimals, whether the text says where the point is, whether it has one; NaN if it is no number."""
    if len(text) > MOST_DIGITS and sum(map(str.isdigit, text)) > MOST_DIGITS:
        return np.nan, 0, False, False
    if _BARE.fullmatch(text):
        return float(text), 0, _LONG_BARE.fullmatch(text) is not None, False
    if _GROUPED.fullmatch(text):
        return float(text.replace(".", "")), 0, False, True
    if _ONE_POINT.fullmatch(text):
        return float(text.replace(".", "")), len(text) - text.index(".") - 1, True, True
    return np.nan, 0, False, False


def _is_plausible(digits: Floats, plausible: Sequence[tuple[float, float]]) -> Flags:
    """Columns whose middle number lies in their range as it stands."""
    is_plausible = np.zeros(digits.shape[1], dtype=bool)
    for column, (low, high) in enumerate(plausible):
        known = np.abs(digits[np.isfinite(digits[:, column]) & (digits[:, column] != 0), column])
        is_plausible[column] = known.size > 0 and low <= np.median(known) <= high
    return is_plausible


def scaled(digits: Floats, decimals: Integers) -> Floats:
    """The numbers with so many decimals, rounded as a reader of the decimal text would round them."""
    power = np.power(10.0, np.abs(decimals).astype(np.float64))
    return np.where(decimals >= 0, digits / power, digits * power)
