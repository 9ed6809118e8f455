"""`milk serve`: the reader alone, on the store of a home."""

import os
import sys
import urllib.request
from http import HTTPStatus
from pathlib import Path

from milk.cli.console import say, say_progress
from milk.cli.dagster_home import environment_of_parts
from milk.cli.parts import HOST, refuse_taken
from milk.home.layout import Home
from milk.publication.engine import shown_address
from milk.settings import Settings, load_settings

DRAIN_SECONDS = 3
"""How long an answer under way may take when the reader is stopped."""


def reader_command(port: int, *, log_level: str, access_log: bool) -> list[str]:
    """The command that runs the reader."""
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", "milk_serving.main:app", "--host", HOST, "--port", str(port)),
        *("--log-level", log_level, "--access-log" if access_log else "--no-access-log"),
        *("--timeout-graceful-shutdown", str(DRAIN_SECONDS)),
    ]


def is_reader_alive(port: int) -> bool:
    """Whether the reader answers."""
    with urllib.request.urlopen(f"http://{HOST}:{port}/livez", timeout=5) as answer:
        return bool(answer.status == HTTPStatus.OK)


def serve_reader(*, data: Path | None, home: Path | None, port: int | None) -> None:
    """Become the reader: this process is replaced by it, so that signals and exit codes are its own.

    Raises:
        BadSetting: a setting cannot be used, or the port is taken.
    """
    settings = load_settings(data=data, home=home, reader_port=port)
    refuse_taken(settings.reader_port, setting="--port or MILK_READER_PORT")
    place = Home(settings.home_path)
    say_progress(f"Home {place.path}, store {shown_address(settings.store_address)}")
    say(f"Reader: http://{HOST}:{settings.reader_port}   (the page; /docs for programs; Ctrl-C stops it)")
    sys.stdout.flush()
    _become(settings, place)


def _become(settings: Settings, home: Home) -> None:
    command = reader_command(settings.reader_port, log_level="info", access_log=False)
    os.execve(command[0], command, environment_of_parts(settings, home))  # noqa: S606  # because the command is ours
