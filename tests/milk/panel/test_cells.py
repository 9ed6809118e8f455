"""What the text of a cell says."""

import numpy as np
import pandas as pd
import pytest

from milk.panel.cells import MOST_DIGITS, Cells, read_cells, scaled
from tests.milk.panel.damage import ANYTHING


def cells_of(*texts: str | None, plausible: tuple[float, float] = ANYTHING) -> Cells:
    """The cells of one column."""
    return read_cells(pd.DataFrame({"made": pd.Series(texts, dtype="str")}), [plausible])


def read(text: str) -> tuple[float, bool, bool]:
    """Number as far as the text says, whether it is literal and whether it is unreadable, beside a grouped cell."""
    cells = cells_of("104.317.562", text)
    value = scaled(cells.digits, cells.decimals)[1, 0]
    return float(value), bool(cells.is_literal[1, 0]), bool(cells.is_unreadable[1, 0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("512.35", 512.35), ("8.1274", 8.1274), ("03.04", 3.04), ("0.5", 0.5), ("1234.567", 1234.567), ("-37.6", -37.6),
        ("0.614", 0.614), ("1.00001", 1.00001), ("24715", 24715.0), ("1234", 1234.0), ("-1234", -1234.0),
        ("0", 0.0), ("0.0", 0.0), ("0.000", 0.0),
    ],
)  # fmt: skip
def test_what_no_grouping_can_give_is_literal(text: str, value: float) -> None:
    assert read(text) == (value, True, False)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("104.317.562", 104317562.0), ("1.234", 1234.0), ("12.345", 12345.0), ("-1.234.567", -1234567.0),
        ("614", 614.0), ("5", 5.0), ("-12", -12.0), ("123.456.789.012.345", 123456789012345.0),
    ],
)  # fmt: skip
def test_groups_and_short_numbers_keep_their_digits_only(text: str, digits: float) -> None:
    assert read(text) == (digits, False, False)


@pytest.mark.parametrize(
    "text",
    [
        "a", "1,5", "1.2.3", "1.234.5", "1234.567.890", "0.123.456", ".5", "5.", "1e5", "--1", "-", "٣", "1 234",
        "9" * (MOST_DIGITS + 1), "1.234.567.890.123.456", "1." + "0" * MOST_DIGITS,
    ],
)  # fmt: skip
def test_what_is_no_number_is_unreadable(text: str) -> None:
    value, is_literal, is_unreadable = read(text)
    assert np.isnan(value)
    assert (is_literal, is_unreadable) == (False, True)


def test_as_many_digits_as_a_float_holds() -> None:
    text = "9" * MOST_DIGITS
    assert read(text) == (float(text), True, False)


def test_an_empty_cell_is_neither_a_number_nor_unreadable() -> None:
    cells = cells_of(None, "1.234")
    assert cells.is_number[:, 0].tolist() == [False, True]
    assert not cells.is_unreadable.any()
    assert not cells.is_literal.any()


def test_a_column_without_any_point_holds_whole_numbers() -> None:
    cells = cells_of("614", "24715", None, "9", "a")
    assert cells.is_literal[:, 0].tolist() == [True, True, False, True, False]


def test_but_not_where_they_are_not_plausible() -> None:
    cells = cells_of("614", "741", "76", plausible=(0.1, 10))
    assert not cells.is_literal.any()
    assert cells.is_number.all()


def test_one_point_opens_the_short_numbers_of_its_column_only() -> None:
    texts = pd.DataFrame({"grouped": ["614", "1.234"], "whole": ["614", "1234"]}, dtype="str")
    cells = read_cells(texts, [ANYTHING, ANYTHING])
    assert cells.is_literal.tolist() == [[False, True], [False, True]]


def test_no_rows_and_no_columns() -> None:
    for texts in (pd.DataFrame({"made": pd.Series(dtype="str")}), pd.DataFrame(index=range(3)), pd.DataFrame()):
        cells = read_cells(texts, [ANYTHING] * texts.shape[1])
        assert cells.digits.shape == cells.is_literal.shape == texts.shape


def test_numbers_are_rounded_as_their_decimal_text() -> None:
    digits = np.array([104317562.0, 5.0, 5.0, 1.0])
    assert scaled(digits, np.array([6, 0, -3, 22])).tolist() == [104.317562, 5.0, 5000.0, 1e-22]
