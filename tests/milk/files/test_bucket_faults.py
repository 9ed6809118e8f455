"""A bucket that refuses, cuts the connection, loses its answer or stays silent."""

from collections.abc import Callable, Iterator

import pytest

from milk.errors import FilesUnavailable, HomeRefused, NotAllowed
from milk.files.bucket import BucketFolder, open_bucket
from milk.files.folder import Folder
from tests.fault_proxy import PASSING, Fault, FaultProxy, fault_proxy
from tests.ports import free_port
from tests.s3 import S3Server

QUICK_SECONDS = 2
"""The patience of these tests: what stays silent costs as much."""


@pytest.fixture(scope="module")
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy(s3.port) as running:
        yield running


@pytest.fixture
def folder(s3: S3Server, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> BucketFolder:
    for name, value in s3.environment(proxy.url).items():
        monkeypatch.setenv(name, value)
    proxy.heal()
    return open_bucket(f"s3://{s3.new_bucket()}/x", patience_seconds=QUICK_SECONDS)


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_not_noticed(folder: BucketFolder, proxy: FaultProxy, fault: Fault) -> None:
    folder.write("a", b"old" * 1000)
    proxy.break_next(fault, method="PUT")
    folder.write("a", b"new" * 1000)
    assert proxy.broken() == 1
    proxy.break_next(fault, method="PUT")
    folder.write_once("b", b"once" * 1000)
    assert proxy.broken() == 1
    proxy.break_next(fault, method="GET")
    assert folder.read("a") == b"new" * 1000
    assert proxy.broken() == 1
    assert folder.read("b") == b"once" * 1000


@pytest.mark.parametrize("fault", ["refused", "cut asking", "cut answering", "answer lost"])
def test_a_spell_of_faults_is_waited_out(folder: BucketFolder, proxy: FaultProxy, fault: Fault) -> None:
    proxy.break_next(fault, times=3)
    folder.write("a", b"content")
    assert folder.read("a") == b"content"
    assert proxy.broken() == 3


WRITES: dict[str, Callable[[Folder], object]] = {
    "write": lambda folder: folder.write("a", b"new" * 1000),
    "write once": lambda folder: folder.write_once("b", b"new" * 1000),
}
READS: dict[str, Callable[[Folder], object]] = {
    "read": lambda folder: folder.read("a"),
    "has": lambda folder: folder.has("a"),
    "names": lambda folder: folder.names(),
}


@pytest.mark.parametrize("ask", (WRITES | READS).values(), ids=(WRITES | READS).keys())
@pytest.mark.parametrize("fault", ["refused", "silence"])
def test_one_that_stays_is_told_and_nothing_is_half_written(
    folder: BucketFolder, proxy: FaultProxy, ask: Callable[[Folder], object], fault: Fault
) -> None:
    folder.write("a", b"old")
    proxy.break_next(fault, times=1000)
    with pytest.raises(FilesUnavailable) as told:
        ask(folder)
    said = str(told.value)
    assert said.startswith(f"The files at {folder} (MILK_FILES_URL) do not answer: ")
    assert "Check AWS_ENDPOINT_URL, the credentials and the server, then try again." in said
    assert "\x1b" not in said
    assert len(said) < 700
    proxy.heal()
    assert folder.read("a") == b"old"
    assert not folder.has("b")


def test_a_server_that_is_not_there_is_told(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    folder = open_bucket(f"s3://{s3.new_bucket()}/x", patience_seconds=1)
    with pytest.raises(FilesUnavailable, match="do not answer"):
        folder.prepare()


def test_a_folder_that_breaks_off_half_way_does_not_count_and_is_made_whole_later(
    folder: BucketFolder, proxy: FaultProxy
) -> None:
    proxy.break_next("refused", method="PUT", times=1000, after=1)
    with pytest.raises(FilesUnavailable):
        folder.add("v-1", {"card": b"c", "model": b"m"})
    proxy.heal()
    assert folder.names() == ["v-1/card"]
    folder.add("v-1", {"card": b"other", "model": b"m"})
    assert (folder.read("v-1/card"), folder.read("v-1/model")) == (b"c", b"m")


def test_a_bucket_that_writes_twice_where_it_must_not_is_refused(folder: BucketFolder, proxy: FaultProxy) -> None:
    proxy.break_next("unconditional", times=1000)
    with pytest.raises(HomeRefused, match=r"If-None-Match.*supports conditional writes"):
        folder.prepare()


def test_a_user_without_rights_is_told_which(folder: BucketFolder, proxy: FaultProxy) -> None:
    proxy.break_next("forbidden", times=1000)
    with pytest.raises(NotAllowed, match=r"AccessDenied|403.*AWS_ACCESS_KEY_ID"):
        folder.prepare()
