import gzip
import io
import json
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milk.errors import BackupRefused, HomeRefused
from milk.home.archive import (
    FORMAT,
    LARGEST_MEMBER,
    MANIFEST,
    MEMBERS,
    ArchiveWriter,
    archive_members,
    verified_manifest,
    written_archive,
)
from milk.models.canonical import canonical_json, sha256_hex

CONTENT = {"store/issues.jsonl": b"[1]\n" * 300, "files/tables/t/part-0.parquet": bytes(range(256)) * 3}


def write(file: Path, content: dict[str, bytes] = CONTENT) -> None:
    with written_archive(file, created=1.0) as archive:
        for name, part in content.items():
            archive.add(name, part)
        archive.add(MANIFEST, canonical_json({"format": FORMAT, MEMBERS: archive.members}))


def read(file: Path) -> dict[str, bytes]:
    manifest = verified_manifest(file)
    return {name: stream.read() for name, stream in archive_members(file, manifest)}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "b.tar.gz")
    assert read(tmp_path / "b.tar.gz") == CONTENT
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0
    assert [*tmp_path.iterdir()] == [tmp_path / "b.tar.gz"]


def test_any_tool_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "b.tar.gz")
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        assert tar.getnames() == [*CONTENT, MANIFEST]


def test_a_backup_never_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"another")
    with pytest.raises(HomeRefused, match="never takes the place"):
        write(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"another"


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(archive: ArchiveWriter) -> None:
        archive.add("files/a", b"1")
        raise HomeRefused("the table is damaged")

    with pytest.raises(HomeRefused, match="damaged"), written_archive(tmp_path / "b", created=1.0) as archive:
        fail(archive)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["files/documents/.DS_Store", "files/a~", "files", "other/a", "files/../a", "store/"])
def test_no_member_is_written_that_could_not_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(HomeRefused, match="no name that a backup can hold"):
        write(tmp_path / "b", {name: b"1"})
    assert [*tmp_path.iterdir()] == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("whole") / "b"
    write(file)
    return file.read_bytes()


@given(share=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_one_that_was_cut_off_is_refused(tmp_path: Path, whole: bytes, share: float) -> None:
    file = tmp_path / "b"
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BackupRefused):
        verified_manifest(file)


@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_one_with_a_flipped_bit_is_refused_or_says_the_same(
    tmp_path: Path, whole: bytes, share: float, bit: int
) -> None:
    altered = bytearray(whole)
    altered[int(len(whole) * share)] ^= 1 << bit
    file = tmp_path / "b"
    file.write_bytes(altered)
    # The head of a gzip holds a time and a system, of which nothing depends.
    with suppress(BackupRefused):
        assert read(file) == CONTENT


def member(name: str, content: bytes = b"", **changed: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for what, value in changed.items():
        setattr(info, what, value)
    return info, content


def packed(file: Path, members: list[tuple[tarfile.TarInfo, bytes]], *, manifest: dict[str, object] | None) -> None:
    """A backup as somebody else may have made it."""
    with tarfile.open(file, "w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
        if manifest is not None:
            tar.addfile(*_streamed(member(MANIFEST, json.dumps(manifest).encode())))


def _streamed(both: tuple[tarfile.TarInfo, bytes]) -> tuple[tarfile.TarInfo, io.BytesIO]:
    return both[0], io.BytesIO(both[1])


def said(*members: tuple[tarfile.TarInfo, bytes]) -> dict[str, object]:
    hashes = {info.name: {"bytes": len(content), "sha256": sha256_hex(content)} for info, content in members}
    return {"format": FORMAT, MEMBERS: hashes}


@pytest.mark.parametrize(
    "hostile",
    [
        member("files/../../etc/passwd", b"x"),
        member("/etc/passwd", b"x"),
        member("files/.ssh/id", b"x"),
        member("files//x", b"x"),
        member("dagster/dagster.yaml", b"x"),
        member("files/a\\b", b"x"),
        member("files/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("files/hard", type=tarfile.LNKTYPE, linkname="store/issues.jsonl"),
        member("files/device", type=tarfile.CHRTYPE),
        member("files/pipe", type=tarfile.FIFOTYPE),
        member("files/folder", type=tarfile.DIRTYPE),
        member("files/" + "deep/" * 300 + "x", b"x"),
    ],
    ids=lambda both: both[0].name[:24],
)
def test_a_hostile_member_is_refused(tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes]) -> None:
    packed(tmp_path / "b", [hostile], manifest=said(hostile))
    with pytest.raises(BackupRefused, match="Nothing was written"):
        verified_manifest(tmp_path / "b")


def test_sizes_that_no_backup_has_are_refused_before_they_are_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("files/huge")
    info.size = LARGEST_MEMBER + 1
    with gzip.open(tmp_path / "b", "wb") as stream:
        stream.write(info.tobuf())
    with pytest.raises(BackupRefused, match="larger than anything"):
        verified_manifest(tmp_path / "b")
    # A name that claims to be as long as a disk.
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    with gzip.open(tmp_path / "b", "wb") as stream:
        stream.write(info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(BackupRefused, match="claims more"):
        verified_manifest(tmp_path / "b")


A, OTHER = member("files/a", b"1"), member("files/other", b"2")


@pytest.mark.parametrize(
    ("members", "manifest", "words"),
    [
        ([A], None, "cut off"),
        ([A, OTHER], said(A), "not of it"),
        ([A], said(A, OTHER), "missing from it"),
        ([A, A], said(A), "stands in it where nothing may"),
        ([member("files/a", b"2")], said(A), "was altered"),
        ([A], {"format": FORMAT}, "manifest cannot be read"),
        ([A], {"format": FORMAT, MEMBERS: {"files/a": 1}}, "manifest cannot be read"),
        ([A], said(A) | {"format": float("inf")}, "manifest cannot be read"),
        ([A], said(A) | {"format": None}, "manifest cannot be read"),
        ([A], said(A) | {"format": FORMAT + 1}, "newer program"),
    ],
)
def test_a_backup_that_is_not_what_it_says_is_refused(
    tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]], manifest: dict[str, object] | None, words: str
) -> None:
    packed(tmp_path / "b", members, manifest=manifest)
    with pytest.raises(BackupRefused, match=words):
        verified_manifest(tmp_path / "b")


@pytest.mark.parametrize(
    "make",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no gzip"),
        lambda file: file.write_bytes(gzip.compress(b"no tar")),
        lambda file: file.write_bytes(gzip.compress(json.dumps({}).encode())),
        lambda file: file.mkdir(),
        lambda _file: None,
    ],
)
def test_what_is_no_backup_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "b")
    with pytest.raises(BackupRefused):
        verified_manifest(tmp_path / "b")


def test_what_follows_the_end_is_refused(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "b").write_bytes(whole + gzip.compress(b"more"))
    with pytest.raises(BackupRefused, match="follows its end"):
        verified_manifest(tmp_path / "b")


def test_a_file_that_changes_after_it_was_verified_is_found_out(tmp_path: Path) -> None:
    write(tmp_path / "b")
    manifest = verified_manifest(tmp_path / "b")
    (tmp_path / "b").unlink()
    write(tmp_path / "b", CONTENT | {"store/issues.jsonl": b"[2]\n" * 300})
    with pytest.raises(BackupRefused, match="altered while it was read"):
        for _name, _stream in archive_members(tmp_path / "b", manifest):
            pass
