"""Folders on a disk: a write happens whole or not at all."""

import threading
from pathlib import Path

import pytest

from milk.files.local import write_atomically


def test_write_makes_folders_and_replaces_what_stands(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.json"
    write_atomically(file, b"old")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert [f.name for f in file.parent.iterdir()] == ["b.json"]


def test_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    write_atomically(file, b"old")
    with pytest.raises(TypeError):
        write_atomically(file, "text is no bytes")  # type: ignore[arg-type]  # because the write must fail once begun
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_write_that_cannot_take_its_place_leaves_no_part(tmp_path: Path) -> None:
    in_the_way = tmp_path / "b.json"
    (in_the_way / "full").mkdir(parents=True)
    with pytest.raises(OSError, match=r"b\.json"):
        write_atomically(in_the_way, b"new")
    assert list(tmp_path.iterdir()) == [in_the_way]


def test_readers_see_the_old_content_or_the_new(tmp_path: Path) -> None:
    file, contents = tmp_path / "b.json", [b"a" * 200_000, b"b" * 200_000]
    write_atomically(file, contents[0])
    done = threading.Event()

    def write() -> None:
        for number in range(60):
            write_atomically(file, contents[number % 2])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert file.read_bytes() in contents
    writer.join()
