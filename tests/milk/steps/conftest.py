"""A home of many series, made once for each file of tests that asks for it; the store of whatever home a file has."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from milk.home.layout import Home
from milk.publication.engine import migrate, open_store
from tests.milk.steps.many import Many, make_folder, sample_version


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Many:
    """A home that received and issued two months; whoever changes it copies it first."""
    root = tmp_path_factory.mktemp("many")
    many = Many(Home(root / "home"), make_folder(root / "data"), sample_version(root))
    many.receive()
    shutil.copytree(root / "staged/models", root / "home/models")
    many.issue()
    return many


@pytest.fixture
def many(made: Many, tmp_path: Path) -> Many:
    shutil.copytree(made.home.path, tmp_path / "home")
    shutil.copytree(made.folder, tmp_path / "data")
    return Many(Home(tmp_path / "home"), tmp_path / "data", made.version)


@pytest.fixture
def store(home: Home) -> Iterator[sa.Engine]:
    engine = open_store(home.store_url)
    migrate(engine)
    yield engine
    engine.dispose()
