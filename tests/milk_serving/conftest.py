"""A migrated store in a new folder, and a reader of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from milk.publication.engine import migrate, open_store
from milk.settings import Settings
from milk_serving.app import create_app
from tests.milk_serving.client import Client, serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[sa.Engine]:
    engine = open_store(settings.store_address)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[Client]:
    with serving(app) as client:
        yield client
