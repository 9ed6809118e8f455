"""How a spreadsheet set to Spanish wrecks a table of decimal numbers.

The dot groups thousands in that setting. A number with three or more decimals is read without its point and written
in groups of three, so its power of ten is lost; one or two decimals cannot be a group, so such a cell stays text. What
looks like a day and a month is written as one (`3.04` -> `03.04`), and so is a month and a year (`8.1274` stays).
Trailing zeros and a leading `0.` go as well. The digits themselves survive in every cell.
"""

from decimal import Decimal

_MONTHS_OF_A_YEAR = 12
_YEAR_DIGITS = 4
_GROUP = 3


def damaged(value: Decimal) -> str:
    """The text that is left of a number.

    `104.317562` becomes `104.317.562`, `91.2604873` becomes `912.604.873`, `0.614` becomes `614`; `512.35` stays.
    """
    text = plain(value)
    whole, _, fraction = text.partition(".")
    if not fraction:
        return text
    if len(fraction) < _GROUP:
        return _as_day_and_month(whole, fraction)
    if len(fraction) == _YEAR_DIGITS and 1 <= int(whole) <= _MONTHS_OF_A_YEAR:
        return text
    return _in_groups((whole + fraction).lstrip("0"))


def plain(value: Decimal) -> str:
    """The shortest text of a number without an exponent."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _as_day_and_month(whole: str, fraction: str) -> str:
    is_date = len(whole) == 1 and whole != "0" and len(fraction) == 2 and fraction.startswith("0")
    return f"0{whole}.{fraction}" if is_date else f"{whole}.{fraction}"


def _in_groups(digits: str) -> str:
    first = len(digits) % _GROUP
    groups = [digits[i : i + _GROUP] for i in range(first, len(digits), _GROUP)]
    return ".".join([digits[:first], *groups] if first else groups)
