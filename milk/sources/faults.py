"""What can be wrong with a received file, said so that a person finds the cell."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from milk.errors import BadInput

MOST_SHOWN = 20
"""Faults listed in one message; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file.

    Attributes:
        severity: `error` makes the file unusable; a `warning` is reported and the cell or row left out.
        kind: short name under which faults are counted, for example `repeated month`.
        file: name of the file.
        row: line of the file, 1 is the header; 0 where the fault is not in one row.
        column: name of the column; empty where the fault is not in one column.
        value: the text as received; empty where there is none.
        problem: what is wrong.
        remedy: what to do about it; empty for a warning that needs nothing.
    """

    severity: Literal["error", "warning"]
    kind: str
    file: str
    row: int
    column: str
    value: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.row:
            place += f", row {self.row}"
        if self.column:
            place += f", column {self.column}"
        # As Python writes it: a line break or a control character in a cell must not act on the terminal.
        shown = f" (value {self.value[:40]!r})" if self.value else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{place}: {self.problem}{shown}.{remedy}"


def printable(text: str) -> str:
    """The text with everything that would act on a terminal written as Python writes it."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def errors_of(faults: Iterable[Fault]) -> list[Fault]:
    """The faults that make a file unusable."""
    return [fault for fault in faults if fault.severity == "error"]


def count_by_kind(faults: Iterable[Fault]) -> dict[str, int]:
    """How many faults of each kind there are, most frequent first."""
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault.kind] = counts.get(fault.kind, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def refuse_unusable(faults: Iterable[Fault]) -> None:
    """Raise where a file cannot be used.

    Raises:
        BadInput: at least one fault is an error; the message lists them, up to `MOST_SHOWN`.
    """
    found = errors_of(faults)
    if not found:
        return
    lines = [str(fault) for fault in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        lines.append(f"and {len(found) - MOST_SHOWN} more.")
    raise BadInput("\n".join(lines))
