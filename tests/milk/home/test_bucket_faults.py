"""Tables in a bucket that fails: never half a commit, never one twice, and two writers lose nothing."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milk.errors import FilesUnavailable
from milk.home.dataset import read_dataset
from milk.home.documents import read_document, write_document
from milk.home.layout import Home
from milk.home.tables import PROPERTIES, append_table, has_table, read_table, table_version, write_table
from tests.fault_proxy import PASSING, Fault, FaultProxy, fault_proxy
from tests.milk.home.places import bucket_home
from tests.milk.home.test_tables import rows, span
from tests.s3 import S3Server

SPAWN = multiprocessing.get_context("spawn")
QUICK_SECONDS = 2
COMMIT = "_delta_log"


@pytest.fixture(scope="module")
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy(s3.port) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environment(running.url).items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def home(s3: S3Server, proxy: FaultProxy, tmp_path: Path) -> Home:
    proxy.heal()
    made = bucket_home(s3.new_bucket(), tmp_path, patience_seconds=QUICK_SECONDS)
    write_table(made, "t", rows("2014-01", 2, 1.0))
    return made


def values(home: Home) -> list[float]:
    return sorted(read_table(home, "t")["value"])


WRITES: dict[str, tuple[Callable[[Home], int], list[float]]] = {
    "append": (lambda home: append_table(home, "t", rows("2014-03", 1, 2.0)), [1.0, 1.0, 2.0]),
    "replace": (
        lambda home: write_table(home, "t", rows("2014-02", 1, 2.0), replace=span("2014-02", "2014-02")),
        [1.0, 2.0],
    ),
    "whole": (lambda home: write_table(home, "t", rows("2014-05", 1, 2.0)), [2.0]),
}


@pytest.mark.parametrize(("write", "after"), WRITES.values(), ids=WRITES.keys())
@pytest.mark.parametrize("fault", PASSING)
def test_a_commit_is_made_once_whatever_becomes_of_its_answer(
    home: Home, proxy: FaultProxy, fault: Fault, write: Callable[[Home], int], after: list[float]
) -> None:
    proxy.break_next(fault, method="PUT", part=COMMIT)
    assert write(home) == 1
    assert proxy.broken() == 1
    proxy.heal()
    assert values(home) == after
    assert table_version(home, "t") == 1


@pytest.mark.parametrize("fault", PASSING)
def test_a_table_is_made_with_its_rows_once_and_with_its_properties(
    home: Home, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.break_next(fault, method="PUT", part=COMMIT)
    # One whose answer was lost is made again by the library, as a version with the same file.
    assert append_table(home, "new", rows("2014-01", 2, 1.0)) in (0, 1)
    assert proxy.broken() == 1
    proxy.heal()
    assert len(read_table(home, "new")) == 2
    folder = home.tables / "new"
    made = DeltaTable(str(folder), storage_options=folder.table_options)
    assert {key: made.metadata().configuration.get(key) for key in PROPERTIES} == PROPERTIES


@pytest.mark.parametrize(("write", "after"), WRITES.values(), ids=WRITES.keys())
@pytest.mark.parametrize("part", [".parquet", COMMIT])
def test_a_write_that_breaks_off_leaves_what_stood_and_may_be_repeated(
    home: Home, proxy: FaultProxy, part: str, write: Callable[[Home], int], after: list[float]
) -> None:
    proxy.break_next("cut asking", method="PUT", part=part, times=1000)
    with pytest.raises(FilesUnavailable, match="do not answer"):
        write(home)
    proxy.heal()
    assert (values(home), table_version(home, "t")) == ([1.0, 1.0], 0)
    assert write(home) == 1
    assert values(home) == after


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fault=st.sampled_from(["refused", "cut asking", "cut answering", "answer lost"]),
    after=st.integers(0, 12),
    times=st.integers(1, 3),
    name=st.sampled_from(sorted(WRITES)),
)
def test_a_fault_anywhere_in_a_write_leaves_the_old_rows_or_the_new(
    home: Home, proxy: FaultProxy, fault: Fault, after: int, times: int, name: str
) -> None:
    write, expected = WRITES[name]
    write_table(home, "t", rows("2014-01", 2, 1.0))
    proxy.break_next(fault, after=after, times=times)
    write(home)
    proxy.heal()
    assert values(home) == expected


@pytest.mark.parametrize(
    "ask",
    [
        lambda home: read_table(home, "t"),
        lambda home: has_table(home, "t"),
        lambda home: table_version(home, "t"),
        lambda home: append_table(home, "t", rows("2014-03", 1, 2.0)),
        lambda home: write_document(home, "params", {}),
        lambda home: read_document(home, "params"),
        read_dataset,
    ],
    ids=["read", "has", "version", "append", "write document", "read document", "dataset"],
)
def test_a_bucket_that_does_not_answer_is_told_in_one_message(
    home: Home, proxy: FaultProxy, ask: Callable[[Home], object]
) -> None:
    proxy.break_next("refused", times=1000)
    with pytest.raises(FilesUnavailable) as told:
        ask(home)
    said = str(told.value)
    assert "(MILK_FILES_URL) do not answer: " in said
    assert "\x1b" not in said
    assert len(said) < 700


def test_parquet_that_is_cut_short_is_fetched_again(home: Home, proxy: FaultProxy) -> None:
    proxy.break_next("cut answering", method="GET", part=".parquet", times=2)
    assert values(home) == [1.0, 1.0]
    assert proxy.broken() == 2


COMMITS = 4


def append_many(bucket: str, number: int, start: Barrier) -> None:
    """In a process of its own: append, as fast as it goes."""
    home = bucket_home(bucket, Path("unused"))
    start.wait()
    for k in range(COMMITS):
        append_table(home, "t", rows("2014-01", 1, float(10 * number + k)))


def test_two_writers_at_once_lose_nothing_and_double_nothing(s3: S3Server, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", s3.url)
        bucket, start = s3.new_bucket(), SPAWN.Barrier(2)
        home = bucket_home(bucket, tmp_path)
        write_table(home, "t", pd.DataFrame(rows("2014-01", 0, 0.0)))
        writers = [SPAWN.Process(target=append_many, args=(bucket, n, start)) for n in range(2)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(120)
        assert [writer.exitcode for writer in writers] == [0, 0]
        assert values(home) == sorted(float(10 * n + k) for n in range(2) for k in range(COMMITS))
        assert table_version(home, "t") == 2 * COMMITS
