"""What a part did, and what it found broken."""

import sys
from collections.abc import Iterable, Sequence


class Tally:
    """Counts under names that are fixed at the start; those of faults must stay zero."""

    def __init__(self, part: str, *, done: Sequence[str], faults: Sequence[str]) -> None:
        self.part = part
        self.done = dict.fromkeys(done, 0)
        self.faults = dict.fromkeys(faults, 0)

    def did(self, what: str, times: int = 1) -> None:
        """Count something that was done."""
        self.done[what] += times

    def found(self, kind: str, faults: Iterable[str]) -> None:
        """Count faults, and say each to standard error: the table only has their number."""
        for fault in faults:
            self.faults[kind] += 1
            print(f"{self.part}: {kind}: {fault}", file=sys.stderr, flush=True)

    @property
    def counts(self) -> dict[str, int]:
        """What was done, then what was found."""
        return self.done | self.faults

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found."""
        return not any(self.faults.values())
