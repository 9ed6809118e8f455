from pathlib import Path

import pytest

from benchmarks.faults.killed_publisher import AT_COMMIT, INSIDE, OUTSIDE, kill_publishers, moment_of
from tests.postgres import PostgresServer

SEED = 1


def test_a_publisher_killed_on_sqlite_leaves_all_or_nothing_and_the_next_one_goes_on(tmp_path: Path) -> None:
    tally = kill_publishers(f"sqlite:///{tmp_path}/store.db", 6, seed=SEED)
    assert tally.is_sound, tally.faults
    assert tally.done["kills"] == 6
    assert tally.done[INSIDE] >= 2


def test_a_publisher_killed_on_postgresql_leaves_all_or_nothing_and_the_next_one_goes_on(
    postgres: PostgresServer,
) -> None:
    tally = kill_publishers(postgres.new_database(), 3, seed=SEED)
    assert tally.is_sound, tally.faults
    assert tally.done["kills"] == 3
    assert tally.done[INSIDE] >= 2


@pytest.mark.parametrize(
    ("said_last", "moment"),
    [
        (["opened"], OUTSIDE),
        (["opened", "publishing 3"], OUTSIDE),
        (["publishing 3", "begin"], INSIDE),
        (["publishing 3", "begin", "INSERT INTO issues", "half of forecasts"], INSIDE),
        (["publishing 3", "begin", "commit begins", "held"], INSIDE),
        (["publishing 3", "begin", "commit begins"], AT_COMMIT),
        (["publishing 3", "begin", "commit begins", "committed 3 added 1.0 2.0"], OUTSIDE),
        (["publishing 3", "begin", "commit begins", "committed 3 added 1.0 2.0", "publishing 4"], OUTSIDE),
    ],
)
def test_the_last_words_tell_where_the_kill_fell(said_last: list[str], moment: str) -> None:
    assert moment_of(said_last) == moment
