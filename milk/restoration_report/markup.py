"""The few pieces of HTML that the page is made of."""

import math
from collections.abc import Sequence
from html import escape

__all__ = ["error_text", "escape", "table"]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain texts, escaped here; a head with `#` before it is over numbers, one with `+` over sentences."""
    classes = [{"#": ' class="number"', "+": ' class="wide"'}.get(head[0], "") for head in heads]
    head = "".join(f"<th{c}>{escape(h.lstrip('#+'))}</th>" for c, h in zip(classes, heads, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{c}>{escape(cell)}</td>" for c, cell in zip(classes, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def error_text(error: float) -> str:
    """A relative error in two digits."""
    if math.isnan(error):
        return "not tested"
    # Below it the computer's own rounding is seen, which is not the same on every machine.
    return f"{error:.1e}" if error >= 1e-15 else "below 1e-15"
