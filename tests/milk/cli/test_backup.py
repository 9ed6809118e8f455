"""`milk backup`, `milk restore`: a home there and back, onto either database; and what is refused."""

import gzip
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from milk.home.archive import MANIFEST, MEMBERS
from milk.home.layout import Home
from milk.models.canonical import canonical_json
from milk.publication.engine import open_store
from milk.steps.restore import BESIDE
from tests.milk.cli.commands import content_of, milk, milk_process, refused
from tests.milk.cli.conftest import Ran
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow(seconds=40)

STORE = "milk.db"


@pytest.fixture(scope="module")
def backup(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "b.tar.gz"
    told = milk("backup", file, "--home", ran.home)
    assert told.code == 0, told.err
    assert "SYNTHETIC DATA" in told.out
    return file


def members(file: Path) -> dict[str, Any]:
    """The hashes of what a backup holds."""
    with tarfile.open(file) as tar:
        stream = tar.extractfile(MANIFEST)
        assert stream is not None
        return dict(json.load(stream)[MEMBERS])


def sorted_store(file: Path) -> dict[str, list[bytes]]:
    """The rows of the store in a backup, in one order: each database sorts texts in its own way."""
    with tarfile.open(file) as tar:
        names = [name for name in tar.getnames() if name.startswith("store/")]
        return {name: sorted(stream.readlines()) for name in names if (stream := tar.extractfile(name)) is not None}


def restored(backup: Path, home: Path, *options: object, **settings: str) -> None:
    told = milk("restore", backup, "--home", home, *options, **settings)
    assert told.code == 0, told.err
    assert f"Restored into {home}" in told.out


def test_a_home_there_and_back_is_the_same(ran: Ran, backup: Path, tmp_path: Path) -> None:
    restored(backup, tmp_path / "new")
    old, new = content_of(ran.home), content_of(tmp_path / "new")
    assert {name: hashed for name, hashed in new.items() if name != STORE} == {
        name: hashed for name, hashed in old.items() if name != STORE
    }
    told = milk("backup", tmp_path / "again", "--home", tmp_path / "new")
    assert told.code == 0, told.err
    assert members(tmp_path / "again") == members(backup)
    status = milk("status", "--home", tmp_path / "new")
    assert status.out.replace(str(tmp_path / "new"), "") == milk("status", "--home", ran.home).out.replace(
        str(ran.home), ""
    )
    assert not (tmp_path / "new" / BESIDE).exists()


def test_the_next_run_goes_on_from_there_and_changes_nothing(backup: Path, tmp_path: Path) -> None:
    restored(backup, tmp_path / "new")
    told = milk("run", MILK_HOME=str(tmp_path / "new"))
    assert told.code == 0, told.err
    assert milk("backup", tmp_path / "again", "--home", tmp_path / "new").code == 0
    assert members(tmp_path / "again") == members(backup)


def test_a_backup_says_what_it_holds(ran: Ran, backup: Path) -> None:
    told = milk("backup", "--verify", backup, "--json")
    assert told.code == 0, told.err
    said = json.loads(told.out)
    assert said["schema"]
    assert said["issues"] == len(ran.document["issues"]) if "issues" in ran.document else said["issues"] > 0
    assert said["tables"]["raw_milk_price"] == 0
    assert said["files"] == len(members(backup))
    assert "as it was written" in milk("backup", "--verify", backup).out


def test_a_restore_says_what_came_back(backup: Path, tmp_path: Path) -> None:
    told = milk("restore", backup, "--home", tmp_path / "new", "--json")
    said = json.loads(told.out)
    assert said["home"] == str(tmp_path / "new")
    assert said["broken"] == []
    assert said["brought_from"] == ""


def test_from_sqlite_to_postgresql_and_back(backup: Path, tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.new_database()
    restored(backup, tmp_path / "server", "--store-url", url)
    assert not (tmp_path / "server" / STORE).exists()
    status = milk("status", "--home", tmp_path / "server", MILK_STORE_URL=url)
    assert "published" in status.out, status.err
    told = milk("backup", tmp_path / "second", "--home", tmp_path / "server", MILK_STORE_URL=url)
    assert told.code == 0, told.err
    assert sorted_store(tmp_path / "second") == sorted_store(backup)
    restored(tmp_path / "second", tmp_path / "embedded")
    assert milk("backup", tmp_path / "third", "--home", tmp_path / "embedded").code == 0
    assert members(tmp_path / "third") == members(backup)
    # A second restore into that database, after one that was cut off before the home was whole: it holds just that.
    restored(backup, tmp_path / "retried", "--store-url", url)
    assert "password" not in told.out + told.err
    assert url not in told.out + told.err


def test_a_home_that_holds_something_is_left_as_it_is(ran: Ran, backup: Path, tmp_path: Path) -> None:
    before = content_of(ran.home)
    refused(milk("restore", backup, "--home", ran.home), "holds something already", "--home", code=3)
    assert content_of(ran.home) == before
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / STORE).write_bytes(b"")
    refused(milk("restore", backup, "--home", tmp_path / "store"), STORE, code=3)


def test_a_store_that_holds_something_else_is_left_as_it_is(ran: Ran, backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    shutil.copy(ran.home / STORE, other)
    engine = open_store(f"sqlite:///{other}")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO datasets VALUES ('another', 'x', 1)")
    engine.dispose()
    told = milk("restore", backup, "--home", tmp_path / "new", "--store-url", f"sqlite:///{other}")
    refused(told, "holds other rows already", "datasets", code=3)
    assert not (tmp_path / "new" / "dataset.json").exists()
    assert not (tmp_path / "new" / BESIDE).exists()
    # Nothing is in the way of the next try.
    restored(backup, tmp_path / "new")


def test_an_interrupted_restore_is_told_of(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / BESIDE).mkdir(parents=True)
    refused(milk("restore", backup, "--home", tmp_path / "new"), "was interrupted", BESIDE, code=3)


def test_a_home_of_which_a_run_is_master_is_not_restored_into(backup: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    home.prepare()
    with home.locked():
        told = milk_process("restore", backup, "--home", home.path)
    refused(told, "Another run is writing", code=3)


def test_what_cannot_be_backed_up_is_said(ran: Ran, backup: Path, tmp_path: Path) -> None:
    refused(milk("backup", tmp_path / "b", "--home", tmp_path / "empty"), "is empty", code=3)
    refused(milk("backup", backup, "--home", ran.home), "is there already", code=3)
    refused(milk("backup", ran.home / "b", "--home", ran.home), "lies in the home", code=3)
    assert not (tmp_path / "b").exists()


def test_a_damaged_table_is_not_backed_up_as_if_it_were_whole(ran: Ran, tmp_path: Path) -> None:
    shutil.copytree(ran.home, tmp_path / "home")
    (part,) = (tmp_path / "home" / "tables" / "features").glob("*.parquet")
    part.unlink()
    refused(milk("backup", tmp_path / "b", "--home", tmp_path / "home"), "features", "is missing", code=3)
    assert not (tmp_path / "b").exists()


def rewritten(backup: Path, file: Path, **changed: object) -> Path:
    """The backup with another manifest."""
    with tarfile.open(backup) as tar, tarfile.open(file, "w:gz") as other:
        for member in tar:
            stream = tar.extractfile(member)
            assert stream is not None
            if member.name == MANIFEST:
                content = canonical_json(json.load(stream) | changed)
                (file.parent / "manifest").write_bytes(content)
                other.add(file.parent / "manifest", MANIFEST)
            else:
                other.addfile(member, stream)
    return file


def test_backups_that_cannot_be_used_leave_nothing_behind(backup: Path, tmp_path: Path) -> None:
    newer = rewritten(backup, tmp_path / "newer", schema="9999", program="9.0")
    refused(milk("restore", newer, "--home", tmp_path / "new"), "9999", "9.0", code=1)
    lacking = rewritten(backup, tmp_path / "lacking", created_at=None)
    refused(milk("restore", lacking, "--home", tmp_path / "new"), "manifest", code=1)
    cut = tmp_path / "cut"
    cut.write_bytes(backup.read_bytes()[:-1000])
    refused(milk("restore", cut, "--home", tmp_path / "new"), "Nothing was written", code=1)
    refused(milk("backup", "--verify", cut), "no backup that can be used", code=1)
    refused(milk("restore", tmp_path / "none", "--home", tmp_path / "new"), "There is no backup", code=1)
    (tmp_path / "text").write_bytes(gzip.compress(b"text"))
    refused(milk("restore", tmp_path / "text", "--home", tmp_path / "new"), "no whole gzip", code=1)
    assert not (tmp_path / "new").exists()
