"""Feed damaged files to the parsers: each gives a table that its lines say, or faults that lead to their places.

A file begins sound, of invented values, and is written in one of the ways that are accepted; then it is damaged. What
comes out is held against a plain reading of the same bytes (`tests/milk/sources/literal.py`), and where nothing was
damaged against the values that went in.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from math import ceil

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from benchmarks.faults.tally import Tally
from milk.series import SourceName
from milk.sources.files import SOURCE_FILES
from milk.sources.text import Parsed
from tests.milk.sources.damage import BATCH_FILES, Batch, batches
from tests.milk.sources.literal import FAULTS as MISREADINGS
from tests.milk.sources.literal import Reading, complaints, observed
from tests.milk.sources.writings import sound_table

Parse = Callable[[bytes], Parsed]

FILES, UNDAMAGED, REPORTED = "files", "written otherwise, not damaged", "faults reported"
WHOLE, IN_PART, REFUSED = "read whole", "read in part", "refused"
DONE = (FILES, UNDAMAGED, WHOLE, IN_PART, REFUSED, REPORTED)
TRACEBACK, GOOD_REFUSED = "traceback", "good file misread"
FAULTS = (TRACEBACK, *MISREADINGS, GOOD_REFUSED)

MORE_BATCHES = 10
"""Each run of hypothesis begins with its simplest example, which is new in the first run only."""

PARSERS: dict[SourceName, Parse] = {name: file.parse for name, file in SOURCE_FILES.items()}


def feed_parsers(files: int, *, seed: int, parsers: Mapping[SourceName, Parse] = PARSERS) -> Iterator[Tally]:
    """Feed damaged files to each parser.

    Args:
        files: how many each of them gets.
        seed: of the files; the same seed gives the same files.
        parsers: what parses each source.

    Yields:
        The tally of each parser.
    """
    for source, parse in parsers.items():
        tally = Tally(f"parser of {SOURCE_FILES[source].file_name}", done=DONE, faults=FAULTS)
        meal = _Meal(source, parse, tally, files)
        # A run of hypothesis may end before it has given enough files that are new.
        runs = count(seed)
        while meal.is_hungry:
            _feed(meal, seed=next(runs))
        yield tally


def _feed(meal: "_Meal", *, seed: int) -> None:
    """One run of hypothesis; nothing is kept of it, and nothing shrunk: a fault is counted and the meal goes on."""

    @seeded(seed)
    @settings(
        max_examples=ceil(meal.left / BATCH_FILES) + MORE_BATCHES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(batches(meal.source))
    def feed(batch: Batch) -> None:
        meal.eat(batch)

    feed()


class _Meal:
    """The files that one parser gets, and what it made of them."""

    def __init__(self, source: SourceName, parse: Parse, tally: Tally, files: int) -> None:
        self.source = source
        self._parse = parse
        self._tally = tally
        self._files = files
        self._eaten: set[bytes] = set()

    @property
    def left(self) -> int:
        """Files that the parser has not got yet."""
        return self._files - self._tally.done[FILES]

    @property
    def is_hungry(self) -> bool:
        """Whether there are any."""
        return self.left > 0

    def eat(self, batch: Batch) -> None:
        """Parse the files of a batch that are new: a damage may find nothing to damage."""
        for number, content in enumerate(batch.files()):
            name = hashlib.sha256(content).digest()
            if name in self._eaten or not self.is_hungry:
                continue
            self._eaten.add(name)
            parsed = self._taste(content)
            if number == 0:
                self._tally.did(UNDAMAGED)
                self._compare_with_truth(batch, parsed)

    def _taste(self, content: bytes) -> Parsed | None:
        self._tally.did(FILES)
        try:
            parsed = self._parse(content)
        except Exception as error:  # noqa: BLE001  # because whatever a parser raises is what is looked for
            self._tally.found(TRACEBACK, [self._said(f"{type(error).__name__}: {error}")])
            return None
        severities = {fault.severity for fault in parsed.faults}
        self._tally.did(REFUSED if "error" in severities else IN_PART if severities else WHOLE)
        self._tally.did(REPORTED, len(parsed.faults))
        for kind, complaint in complaints(Reading(self.source, content), parsed):
            self._tally.found(kind, [self._said(complaint)])
        return parsed

    def _compare_with_truth(self, batch: Batch, parsed: Parsed | None) -> None:
        if parsed is None:
            return
        truth = sound_table(batch.source, batch.salt).truth
        values = {(series, month): value for series, month, value, _row in observed(parsed)}
        if parsed.faults or values != truth:
            said = f"{batch.writing}, salt {batch.salt}: {[str(fault) for fault in parsed.faults][:2]}"
            self._tally.found(GOOD_REFUSED, [self._said(said)])

    def _said(self, complaint: str) -> str:
        return f"file {self._tally.done[FILES]}: {complaint}"
