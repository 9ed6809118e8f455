"""A migrated store in a new folder, and one on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from milk.publication.engine import migrate, open_store


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/home/store.db"


@pytest.fixture
def store(store_url: str) -> Iterator[sa.Engine]:
    yield from _migrated(store_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, store_url: str) -> str:
    """The address of a new store on each database."""
    if request.param == "sqlite":
        return store_url
    new: str = request.getfixturevalue("postgres").new_database()
    return new


@pytest.fixture
def either(address: str) -> Iterator[sa.Engine]:
    """A migrated store on each database."""
    yield from _migrated(address)


def _migrated(url: str) -> Iterator[sa.Engine]:
    engine = open_store(url)
    migrate(engine)
    yield engine
    engine.dispose()
