"""Prices that a slipped decimal point explains, or another unit."""

import pytest

from milk.sources.milk_price import parse
from tests.milk.sources.texts import START, file_of, rows_of


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        # The newest price, one in the middle, two of them, one below.
        (["300", "310", "3150"], [(4, "the price of 1979-03 is 10 times that of 1979-02")]),
        (["300", "310", "3150", "320"], [(4, "the price of 1979-03 is 10 times that of 1979-02")]),
        (["300", "31", "320", "33"], [(3, "0.1 times that of 1979-01"), (5, "0.1 times that of 1979-03")]),
        # A unit from there on, once; a beginning in another unit; a file that changes between two.
        (["300", "3100", "3150", "3200"], [(3, "10 times that of 1979-01, and the next one is like it")]),
        (["30", "310", "315", "320"], [(3, "10 times that of 1979-01, and the next one is like it")]),
        (
            ["30", "310", "315", "32", "33"],
            [(3, "of 1979-01, and the next one is like it"), (5, "of 1979-03, and the next one is like it")],
        ),
        # Back again though nearer than a slip; the first one wrong.
        (["300", "1000", "320", "325"], [(3, "3.3 times that of 1979-01")]),
        (["3000", "310", "315"], [(3, "0.1 times that of 1979-01, and the next one is like it: either is wrong")]),
        # As far as a price can go.
        (["100", "316", "100", "31.7"], []),
        (["100", "317"], [(3, "3.2 times that of 1979-01")]),
    ],
)
def test_price_that_a_slipped_decimal_point_explains_is_named(texts: list[str], told: list[tuple[int, str]]) -> None:
    parsed = parse(file_of("milk_price", rows_of("milk_price", texts)))
    assert [(f.severity, f.kind, f.row, f.column, f.value) for f in parsed.faults] == [
        ("error", "implausible change", row, "Precio_leche", texts[row - 2]) for row, _said in told
    ]
    for fault, (_row, said) in zip(parsed.faults, told, strict=True):
        assert said in fault.problem
        assert ("the next one" in fault.problem) == ("the next one" in said)
        assert "decimal point" in fault.remedy


def test_prices_far_apart_are_not_compared() -> None:
    """The gap is the fault; in the years between, prices may have grown tenfold."""
    rows = [*rows_of("milk_price", ["3.85", "4.5"]), *rows_of("milk_price", ["300"], first=START + 13)]
    assert [f.kind for f in parse(file_of("milk_price", rows)).faults] == ["gap", "implausible change"]
    rows = [*rows_of("milk_price", ["3.85", "4.5"]), *rows_of("milk_price", ["300"], first=START + 14)]
    assert [f.kind for f in parse(file_of("milk_price", rows)).faults] == ["gap"]
