"""What every folder does, on a disk and in a bucket."""

import datetime as dt
import errno
import multiprocessing
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from milk.errors import HomeRefused
from milk.files.bucket import PROBE, open_bucket
from milk.files.folder import Folder
from milk.files.local import LocalFolder
from tests.s3 import PATIENCE_SECONDS, S3Server

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture(params=["disk", "bucket", "whole bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    if request.param == "disk":
        return LocalFolder(tmp_path / "files")
    server: S3Server = request.getfixturevalue("s3")
    url = f"s3://{server.new_bucket()}{'/a/b' if request.param == 'bucket' else ''}"
    return open_bucket(url, patience_seconds=PATIENCE_SECONDS)


def test_prepared_twice_it_is_ready(folder: Folder) -> None:
    folder.prepare()
    folder.prepare()
    assert folder.names() in ([], [PROBE])


def test_what_was_written_is_read_and_replaced(folder: Folder) -> None:
    folder.write("x/y.json", b"old")
    folder.write("x/y.json", b"new")
    assert folder.read("x/y.json") == b"new" == (folder / "x").read("y.json")
    assert folder.has("x/y.json")
    assert (folder / "x").names() == ["y.json"]


@pytest.mark.parametrize("name", ["none", "x/none"])
def test_what_is_not_there(folder: Folder, name: str) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        folder.read(name)
    assert (missing.value.errno, missing.value.filename) == (errno.ENOENT, f"{folder}/{name}")
    assert missing.value.strerror == "No such file or directory"
    assert not folder.has(name)
    assert folder.names() == []
    folder.delete(name)


def test_a_file_is_written_once(folder: Folder) -> None:
    folder.write_once("a", b"first")
    folder.write_once("a", b"second")
    assert folder.read("a") == b"first"


def test_too_large_a_file_is_not_read(folder: Folder) -> None:
    folder.write("a", b"12345")
    assert folder.read("a", most_bytes=5) == b"12345"
    with pytest.raises(OSError, match="too large") as refused:
        folder.read("a", most_bytes=4)
    assert refused.value.errno == errno.EFBIG


def test_a_folder_that_was_added_stands(folder: Folder) -> None:
    folder.add("v-1", {"card": b"c", "model": b"m"})
    folder.add("v-1", {"card": b"other", "model": b"other"})
    assert folder.names() == ["v-1/card", "v-1/model"]
    assert (folder.read("v-1/card"), folder.read("v-1/model")) == (b"c", b"m")


def test_deleted_is_gone_and_nothing_else(folder: Folder) -> None:
    for name in ("a", "ab", "b/a"):
        folder.write(name, b"x")
    folder.delete("a")
    assert folder.names() == ["ab", "b/a"]


def test_names_are_of_the_folder_alone(folder: Folder) -> None:
    for name in ("one/a", "one-more/b"):
        folder.write(name, b"x")
    assert (folder / "one").names() == ["a"]


def test_entries_tell_size_and_time_of_every_file_below(folder: Folder) -> None:
    assert (folder / "d").entries() == []
    for name, content in {"d/b/c": b"123", "d/a": b"", "dd": b"1"}.items():
        folder.write(name, content)
    found = (folder / "d").entries()
    assert [(entry.name, entry.size) for entry in found] == [("a", 0), ("b/c", 3)]
    # Of which clock they are is the server's business; that they are instants is ours.
    assert all(entry.written_at.utcoffset() == dt.timedelta(0) for entry in found)


def test_files_are_at_hand_for_as_long_as_the_block_lasts(folder: Folder) -> None:
    contents = {f"{number}.part": bytes([number]) * 1000 for number in range(12)}
    for name, content in contents.items():
        folder.write(f"t/{name}", content)
    with (folder / "t").at_hand(sorted(contents)) as place:
        assert {name: (place / name).read_bytes() for name in contents} == contents
    assert place.exists() == isinstance(folder, LocalFolder)


def test_a_lost_file_is_named(folder: Folder) -> None:
    folder.write("t/a", b"x")

    def look() -> None:
        with (folder / "t").at_hand(["a", "lost"]) as place:
            (place / "lost").read_bytes()

    with pytest.raises(FileNotFoundError, match="lost"):
        look()


@pytest.mark.parametrize(
    "ask",
    [
        lambda folder: folder.read("a"),
        lambda folder: folder.write("a", b"x"),
        lambda folder: folder.write_once("a", b"x"),
        lambda folder: folder.names(),
        lambda folder: folder.prepare(),
    ],
)
@pytest.mark.usefixtures("s3")
def test_a_bucket_that_is_not_there_is_named(ask: Callable[[Folder], object]) -> None:
    folder = open_bucket("s3://nobody-made-it/x", patience_seconds=PATIENCE_SECONDS)
    with pytest.raises(HomeRefused, match=r"no bucket nobody-made-it .*MILK_FILES_URL.*Make it"):
        ask(folder)


def create(url: str, content: bytes, start: Barrier, done: "Queue[bytes]") -> None:
    """In a process of its own: write once at the same moment as the others, and tell what stands."""
    folder = open_bucket(url, patience_seconds=PATIENCE_SECONDS)
    start.wait()
    folder.write_once("a", content)
    done.put(folder.read("a"))


def test_of_writers_at_once_one_wins_and_all_see_it(s3: S3Server) -> None:
    url, count = f"s3://{s3.new_bucket()}/x", 3
    start, done = SPAWN.Barrier(count), SPAWN.Queue()
    writers = [SPAWN.Process(target=create, args=(url, bytes([n]) * 50_000, start, done)) for n in range(count)]
    for writer in writers:
        writer.start()
    seen = {done.get(timeout=60) for _ in writers}
    for writer in writers:
        writer.join(20)
    assert len(seen) == 1
    assert seen == {open_bucket(url, patience_seconds=PATIENCE_SECONDS).read("a")}
