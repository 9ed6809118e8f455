"""What holds for every test: no setting of the person who runs them, no window for a plot, no telemetry; the order."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from milk.environment import OF_THE_SUITE
from tests.parts import missing
from tests.postgres import PostgresServer, binaries, postgres_server
from tests.s3 import S3Server, s3_server

# No test asserts a time, those of hypothesis included: a busy machine is no fault of the program.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of fast tests first; then the slow ones, the longest before the others: all processes end together."""
    seconds: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("slow")
        if mark is not None:
            seconds[item.path] = max(seconds.get(item.path, 0), mark.kwargs["seconds"])
    items.sort(key=lambda item: (item.path in seconds, -seconds.get(item.path, 0)))


@pytest.fixture(autouse=True, scope="session")
def _own_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith(("MILK_", "DAGSTER_", "AWS_")) and name not in OF_THE_SUITE:
                patch.delenv(name)
        patch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
        patch.setenv("MPLBACKEND", "Agg")
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server, one for all tests of a worker; whoever stops it starts it again."""
    if binaries() is None:
        missing("PostgreSQL is not installed (Debian: postgresql)")
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real server of buckets, one for all tests of a worker; each test that uses it makes a bucket of its own."""
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment().items():
            patch.setenv(name, value)
        yield server
