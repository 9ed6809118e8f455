"""The home that settings name: on the disk of this machine, or shared."""

from pathlib import Path

import pytest

from milk.errors import BadSetting, HomeBusy
from milk.files.local import LocalFolder
from milk.home.layout import Home
from milk.settings import load_settings
from milk.steps.place import home_of
from tests.postgres import PostgresServer
from tests.s3 import S3Server

SERVER = "postgresql+psycopg://milk:secret@127.0.0.1:1/milk"


def test_without_a_bucket_it_is_the_folder(tmp_path: Path) -> None:
    home = home_of(load_settings(home=tmp_path))
    assert home == Home(tmp_path)
    assert home.files == LocalFolder(tmp_path)


def test_with_a_bucket_the_folder_holds_what_is_of_this_machine(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, store_url=SERVER, files_url="s3://some-bucket/a/b/")
    home = home_of(settings)
    assert (home.address, home.path, str(home.tables / "t")) == (
        "s3://some-bucket/a/b",
        tmp_path,
        "s3://some-bucket/a/b/tables/t",
    )
    assert home.beside("x") == "MILK_FILES_URL=s3://some-bucket/a/b-x, with a MILK_STORE_URL of its own"
    assert home_of(settings) is home, "its connections are kept"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["gs://bucket/x", "bucket/x", "s3://", "s3://UPPER/x", "s3://b/x", "s3://bucket/a b", "s3://bucket/a//b"]
)
def test_what_is_no_address_of_a_bucket_is_refused(url: str) -> None:
    with pytest.raises(BadSetting, match=r"MILK_FILES_URL: .* is no address of a bucket.*s3://bucket/prefix"):
        home_of(load_settings(store_url=SERVER, files_url=url))


@pytest.mark.parametrize("store_url", [None, "sqlite:////srv/store.db"])
def test_shared_files_need_a_shared_store(store_url: str | None) -> None:
    with pytest.raises(BadSetting, match=r"MILK_FILES_URL: .*Set MILK_STORE_URL to a database on PostgreSQL"):
        home_of(load_settings(store_url=store_url, files_url="s3://some-bucket/x"))


def test_its_lock_holds_across_machines(postgres: PostgresServer, s3: S3Server, tmp_path: Path) -> None:
    """Two machines are two folders, which know nothing of each other."""
    shared = {"store_url": postgres.new_database(), "files_url": f"s3://{s3.new_bucket()}/x"}
    one, two = (home_of(load_settings(home=tmp_path / name, **shared)) for name in ("one", "two"))
    other = home_of(load_settings(home=tmp_path / "two", store_url=shared["store_url"], files_url="s3://other/x"))
    for home in (one, two):
        home.prepare()
    with one.locked(), one.locked():
        with pytest.raises(HomeBusy, match=f"Another run is writing to {one.address} at this moment"), two.locked():
            pass
        with other.locked():
            pass
    with two.locked(), pytest.raises(HomeBusy), one.locked():
        pass
    with one.locked():
        pass
