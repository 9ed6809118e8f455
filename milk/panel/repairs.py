"""What a step did to the data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Repair:
    """How many cells (or months, where its name says so) a step changed or left out, and why."""

    name: str
    cells: int
    reason: str
