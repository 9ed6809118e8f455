from pathlib import Path

import pytest

from benchmarks.faults.killed_writer import (
    BETWEEN,
    GROWN,
    MONTHS,
    TABLES,
    WHOLE,
    Contents,
    kill_writers,
    read_fault,
    rows,
    unrecorded,
    write,
    writes_behind,
)
from milk.home.layout import Home
from milk.home.tables import MOST_FILES, table_version, write_table

KILLS = 3
VERSIONS = 3


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    for number in range(VERSIONS * len(TABLES)):
        write(home, number)
    return home


def test_a_killed_writer_leaves_the_versions_before_it_and_the_next_one_goes_on(tmp_path: Path) -> None:
    tally = kill_writers(tmp_path, KILLS, seed=1)
    assert tally.is_sound, tally.faults
    assert tally.done["kills"] == KILLS
    assert tally.done[BETWEEN] >= 1
    assert tally.done["versions"] >= KILLS


def test_the_number_of_a_write_names_its_version_and_the_content(home: Home) -> None:
    contents = Contents()
    for name in TABLES:
        assert table_version(home, name) == VERSIONS - 1
        assert [read_fault(home, name, version, contents)[1] for version in range(VERSIONS)] == [""] * VERSIONS
    assert len({contents.hash_of(name, version) for name in TABLES for version in range(1, VERSIONS)}) == 6


def test_versions_that_put_files_together_are_no_writes(home: Home) -> None:
    numbers = range(VERSIONS * len(TABLES), (MOST_FILES + 2) * len(TABLES))
    for number in numbers:
        write(home, number)
    behind = writes_behind(home.path / "tables" / GROWN)
    assert behind[-1] == MOST_FILES + 1
    assert len(behind) > MOST_FILES + 2
    contents = Contents()
    for name in TABLES:
        for version in range(table_version(home, name) + 1):
            assert read_fault(home, name, version, contents)[1] == ""


def test_a_version_whose_data_are_gone_is_found(home: Home) -> None:
    for file in (home.path / "tables" / WHOLE).glob("*.parquet"):
        file.unlink()
    kind, fault = read_fault(home, WHOLE, 1, Contents())
    assert kind == "unreadable"
    assert fault.startswith("version 1 of whole: HomeRefused")


def test_a_version_with_other_content_is_found(home: Home) -> None:
    write_table(home, WHOLE, rows(VERSIONS, MONTHS).head(-1))
    fault = f"version {VERSIONS} of whole has other content"
    assert read_fault(home, WHOLE, VERSIONS, Contents()) == ("torn", fault)
    write_table(home, WHOLE, rows(VERSIONS + 1, MONTHS))
    assert read_fault(home, WHOLE, VERSIONS, Contents()) == ("lost", fault)
    assert read_fault(home, WHOLE, VERSIONS + 1, Contents())[1] == ""


def test_data_without_a_record_are_found(home: Home) -> None:
    folder = home.path / "tables" / GROWN
    assert unrecorded(folder) == set()
    (folder / "part-of-nothing.parquet").touch()
    (folder / "unfinished.parquet#1").touch()
    assert unrecorded(folder) == {"part-of-nothing.parquet"}
    newest = max((folder / "_delta_log").glob("*.json"))
    newest.unlink()
    assert len(unrecorded(folder)) == 2
    assert unrecorded(folder / "nowhere") == set()
