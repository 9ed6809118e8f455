"""Stores: migrated ones on each database, which is what most tests want, and one that is a file for sure."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from milk.publication.engine import migrate, open_store

DATABASES = ("sqlite", "postgresql")


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """The address of a file that is not there yet."""
    return f"sqlite:///{tmp_path}/home/store.db"


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest, store_url: str) -> str:
    """The address of a new, empty store on each database."""
    if request.param == "sqlite":
        return store_url
    new: str = request.getfixturevalue("postgres").new_database()
    return new


@pytest.fixture(params=DATABASES)
def migrated(request: pytest.FixtureRequest, store_url: str) -> str:
    """The address of a new, migrated store on each database."""
    if request.param == "sqlite":
        return _copied(request.getfixturevalue("migrated_file"), store_url)
    new: str = request.getfixturevalue("postgres").new_database(template=request.getfixturevalue("migrated_database"))
    return new


@pytest.fixture
def store(migrated: str) -> Iterator[sa.Engine]:
    """A migrated store on each database."""
    yield from _opened(migrated)


@pytest.fixture
def embedded(migrated_file: Path, store_url: str) -> Iterator[sa.Engine]:
    """A migrated store in a file, for what PostgreSQL has no like of."""
    yield from _opened(_copied(migrated_file, store_url))


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stores are copied from: to migrate each would take longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "store.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_database(request: pytest.FixtureRequest) -> str:
    """The same on the server."""
    address: str = request.getfixturevalue("postgres").new_database()
    _migrate(address)
    return address


def _migrate(address: str) -> None:
    engine = open_store(address)
    migrate(engine)
    engine.dispose()


def _copied(file: Path, url: str) -> str:
    target = Path(url.removeprefix("sqlite:///"))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)
    return url


def _opened(url: str) -> Iterator[sa.Engine]:
    engine = open_store(url)
    yield engine
    engine.dispose()
