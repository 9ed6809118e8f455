"""What the text of a damaged cell still says: its digits, its sign, and in some cells the place of its point.

A number with three or more decimals was read without its point and written in groups of three: `102.796218` became
`102.796.218`. The digits survive, the power of ten does not. Such a cell is called *grouped*. A text that no grouping
can give (`760.66`, `8.1274`) still has its point and is *literal*; so is every cell of a column in which no cell has a
point. A text without a point beside cells that have one (`738`) may be a whole number or what is left of `0.738`: its
power of ten is open, too.
"""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MOST_DIGITS = 15
"""More digits than a float holds exactly are no number of this file."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)*")
_GROUPED = re.compile(r"-?[0-9]{1,3}(\.[0-9]{3})+")
_LITERAL = re.compile(r"-?[0-9]+\.[0-9]+")


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


def read_cells(texts: pd.DataFrame) -> Cells:
    """Read the cells of a table.

    Args:
        texts: months x columns, the text received, NaN or None where a cell is empty.
    """
    shape = texts.shape
    digits, decimals = np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    is_literal, is_unreadable, has_point = (np.zeros(shape, dtype=bool) for _ in range(3))
    values = texts.to_numpy(dtype=object)
    for place in zip(*np.nonzero(texts.notna().to_numpy()), strict=True):
        text = values[place]
        if not _is_number(text):
            is_unreadable[place] = True
            continue
        digits[place] = float(text.replace(".", ""))
        has_point[place] = "." in text
        if _LITERAL.fullmatch(text) and not _GROUPED.fullmatch(text):
            is_literal[place] = True
            decimals[place] = len(text) - text.index(".") - 1
    # A number without a point is whole where the column has no point at all, and zero is zero at any power of ten.
    is_whole = np.isfinite(digits) & ~has_point.any(axis=0)
    return Cells(digits, decimals, is_literal | is_whole | (digits == 0), is_unreadable)


def _is_number(text: str) -> bool:
    """Whether a text is a whole number, a number with one point, or digits in groups of three."""
    if not _NUMBER.fullmatch(text) or sum(map(str.isdigit, text)) > MOST_DIGITS:
        return False
    return text.count(".") < 2 or _GROUPED.fullmatch(text) is not None


def scaled(digits: Floats, decimals: Integers) -> Floats:
    """The numbers with so many decimals, rounded as a reader of the decimal text would round them."""
    power = np.power(10.0, np.abs(decimals).astype(np.float64))
    return np.where(decimals >= 0, digits / power, digits * power)
