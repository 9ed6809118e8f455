"""Tables that stay opened: whatever happens to them on the disk is seen at the next look."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.files.local import LocalFolder
from milk.home.opened_tables import OpenedTables


def commit(folder: LocalFolder, number: int = 0) -> None:
    """A commit by somebody else: the library knows nothing of what is opened here."""
    write_deltalake(str(folder), pa.table({"number": [number]}), mode="append")


def make_anew(folder: LocalFolder) -> None:
    shutil.rmtree(folder.path, ignore_errors=True)
    commit(folder)


def cut_short(folder: LocalFolder) -> None:
    """A restored backup: the newest commits are gone."""
    logs = sorted((folder.path / "_delta_log").glob("*.json"))
    for file in logs[1:][-1:]:
        file.unlink()


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path / "table")


def test_a_table_that_was_never_written(folder: LocalFolder) -> None:
    with pytest.raises(TableNotFoundError):
        OpenedTables(most=2).opened(folder)


def test_the_log_is_read_once_and_then_only_what_is_new(folder: LocalFolder) -> None:
    tables = OpenedTables(most=2)
    commit(folder)
    first = tables.opened(folder)
    commit(folder)
    again = tables.opened(folder)
    assert again is first
    assert again.version() == 1


def test_a_version_that_is_named(folder: LocalFolder) -> None:
    tables = OpenedTables(most=2)
    for number in range(3):
        commit(folder, number)
    newest = tables.opened(folder)
    assert tables.opened(folder, 2) is newest
    assert tables.opened(folder, 1).version() == 1
    assert tables.opened(folder).version() == 2


def test_only_the_tables_opened_last_are_kept(tmp_path: Path) -> None:
    tables, folders = OpenedTables(most=2), [LocalFolder(tmp_path / name) for name in "abc"]
    for folder in folders:
        commit(folder)
    kept = [tables.opened(folder) for folder in folders]
    assert tables.opened(folders[2]) is kept[2]
    assert tables.opened(folders[1]) is kept[1]
    assert tables.opened(folders[0]) is not kept[0]


def test_every_thread_has_its_own(folder: LocalFolder) -> None:
    tables = OpenedTables(most=2)
    commit(folder)
    mine = tables.opened(folder)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(tables.opened, folder).result()
    assert theirs is not mine


CHANGES: list[Callable[[LocalFolder], None]] = [commit, make_anew, cut_short]


@given(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=6))
@settings(max_examples=25)
def test_what_is_opened_is_what_a_stranger_would_open(
    tmp_path_factory: pytest.TempPathFactory, changes: list[Callable[[LocalFolder], None]]
) -> None:
    folder, tables = LocalFolder(tmp_path_factory.mktemp("any") / "table"), OpenedTables(most=2)
    commit(folder)
    for change in changes:
        change(folder)
        found, expected = tables.opened(folder), DeltaTable(str(folder))
        assert found.version() == expected.version()
        assert sorted(found.file_uris()) == sorted(expected.file_uris())
