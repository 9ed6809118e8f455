"""A migrated store in a new folder, and rows to put into it."""

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
    engine = open_store(store_url)
    migrate(engine)
    yield engine
    engine.dispose()
