"""A small dose of what `make soak` feeds to the parsers, and proof that it would see a parser that misreads."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.faults.parsers import (
    FILES,
    GOOD_REFUSED,
    IN_PART,
    PARSERS,
    REFUSED,
    TRACEBACK,
    UNDAMAGED,
    WHOLE,
    Parse,
    feed_parsers,
)
from benchmarks.faults.tally import Tally
from milk.series import SourceName
from milk.sources.text import Parsed
from tests.milk.sources.literal import NO_PLACE, UNTOLD, WRONG_MONTH, WRONG_VALUE

DOSE, SIP = 150, 24
SEED = 1
SOURCES: list[SourceName] = list(PARSERS)


def feed(source: SourceName, files: int, parse: Parse | None = None) -> Tally:
    (tally,) = feed_parsers(files, seed=SEED, parsers={source: parse or PARSERS[source]})
    return tally


@pytest.mark.parametrize("source", SOURCES)
def test_damaged_files_are_a_table_that_their_lines_say_or_faults_that_lead_to_their_places(source: SourceName) -> None:
    tally = feed(source, DOSE)
    assert tally.is_sound, tally.faults
    done = tally.done
    assert done[FILES] == DOSE == done[WHOLE] + done[IN_PART] + done[REFUSED]
    assert done[UNDAMAGED] >= DOSE // 20
    assert done[WHOLE] >= DOSE // 10
    assert done[REFUSED] >= DOSE // 10
    assert done[IN_PART] > 0


def test_the_same_seed_gives_the_same_files() -> None:
    def fed(seed: int) -> list[bytes]:
        files: list[bytes] = []

        def parse(content: bytes) -> Parsed:
            files.append(content)
            return PARSERS["milk_price"](content)

        list(feed_parsers(SIP, seed=seed, parsers={"milk_price": parse}))
        return files

    assert fed(1) == fed(1)
    assert fed(1) != fed(2)
    assert len(set(fed(1))) == SIP


def _a_month_late(parsed: Parsed) -> Parsed:
    months = parsed.observations["month"] + pd.DateOffset(months=1)
    return replace(parsed, observations=parsed.observations.assign(month=months))


def _values_of_the_row_before(parsed: Parsed) -> Parsed:
    values = parsed.observations["value"].shift(1, fill_value="1")
    return replace(parsed, observations=parsed.observations.assign(value=values))


def _points_dropped(parsed: Parsed) -> Parsed:
    values = parsed.observations["value"].str.replace(".", "", regex=False)
    return replace(parsed, observations=parsed.observations.assign(value=values))


def _a_row_lost(parsed: Parsed) -> Parsed:
    return replace(parsed, observations=parsed.observations.iloc[1:])


def _nothing_reported(parsed: Parsed) -> Parsed:
    return replace(parsed, faults=[])


def _a_line_too_far(parsed: Parsed) -> Parsed:
    return replace(parsed, faults=[replace(fault, row=fault.row + 40) for fault in parsed.faults])


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (_a_month_late, {WRONG_MONTH, GOOD_REFUSED}),
        (_values_of_the_row_before, {WRONG_VALUE, GOOD_REFUSED}),
        (_points_dropped, {WRONG_VALUE, GOOD_REFUSED}),
        (_a_row_lost, {UNTOLD, GOOD_REFUSED}),
        (_nothing_reported, {UNTOLD}),
        (_a_line_too_far, {NO_PLACE}),
    ],
)
def test_a_parser_that_misreads_is_seen(plant: Callable[[Parsed], Parsed], kinds: set[str]) -> None:
    tally = feed("precipitation", SIP, lambda content: plant(PARSERS["precipitation"](content)))
    assert not tally.is_sound
    assert kinds <= {kind for kind, count in tally.faults.items() if count}


def test_a_parser_that_raises_is_seen() -> None:
    def parse(content: bytes) -> Parsed:
        raise KeyError(len(content))

    tally = feed("milk_price", SIP, parse)
    assert tally.faults[TRACEBACK] == tally.done[FILES] == SIP
