"""A real reader with something published, and the real nginx in front of it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from milk.publication.engine import migrate, open_store
from milk.settings import Settings
from tests.deploy.nginx import PAGE, Front, front, nginx
from tests.deploy.ui import ui
from tests.milk_serving.rows import issue, publish_issues
from tests.ports import free_port

START_SECONDS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nginx()
    return tmp_path_factory.mktemp("front")


@pytest.fixture(scope="module")
def reader_port(folder: Path) -> Iterator[int]:
    """A reader of two issues, in a process of its own."""
    settings, port = Settings(home=folder / "home"), free_port()
    store = open_store(settings.store_address)
    migrate(store)
    publish_issues(store, issue("2014-09", price=190))
    publish_issues(store, issue("2014-10", price=200))
    store.dispose()
    command = [sys.executable, "-m", "uvicorn", "--factory", "milk_serving.main:app", "--port", str(port),
               "--no-access-log", "--log-level", "warning"]  # fmt: skip
    with (folder / "reader.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | {"MILK_HOME": str(settings.home), "MILK_CORS_ORIGINS": PAGE},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, (folder / "reader.log").read_text()
            assert time.monotonic() < deadline, (folder / "reader.log").read_text()
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/livez").status_code == 200
            except httpx.ConnectError:
                time.sleep(0.05)
            else:
                break
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@pytest.fixture(scope="module")
def ui_port() -> Iterator[int]:
    with ui() as port:
        yield port


@pytest.fixture(scope="module")
def site(folder: Path, reader_port: int, ui_port: int) -> Iterator[Front]:
    """nginx as compose.yaml starts it."""
    upstreams = {"reader:8000": reader_port, "webserver:3000": ui_port}
    with front(folder / "plain", upstreams=upstreams) as running:
        yield running


@pytest.fixture
def http(site: Front) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url) as client:
        yield client
