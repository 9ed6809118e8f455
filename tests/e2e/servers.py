"""The real `milk up` on free ports, and how the tests talk to it."""

import ctypes.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parts import missing
from tests.ports import free_port

START_SECONDS = 240
STOP_SECONDS = 30
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class DagsterServer:
    """A running Dagster UI with its daemon."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        """The `data` of a GraphQL answer; an error in it fails the test."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = json.load(answer)
        assert "errors" not in content, content["errors"]
        return dict(content["data"])


def chromium() -> str:
    """The browser; the test that asks for it is skipped where a part is missing, and fails where it is required."""
    found = [path for name in CHROMIUM_NAMES if (path := shutil.which(name))]
    if not found:
        missing(f"no browser: none of {', '.join(CHROMIUM_NAMES)} is installed")
    if sys.platform == "linux" and ctypes.util.find_library("atomic") is None:
        missing("the driver of the browser does not start without libatomic (Debian: libatomic1)")
    return found[0]


LATER_CLOCK = """
import dagster._time as clock
from datetime import timedelta

now, timestamp = clock._mockable_get_current_datetime, clock._mockable_get_current_timestamp
clock._mockable_get_current_datetime = lambda: now() + timedelta(days={days})
clock._mockable_get_current_timestamp = lambda: timestamp() + {days} * 86400
with open({believed!r}, "a") as file:
    file.write(str(clock.get_current_datetime().year) + "\\n")
"""


def later_clock(folder: Path, *, days: int) -> dict[str, str]:
    """An environment in which every process of Dagster believes that it is later, and writes down which year it is."""
    folder.mkdir()
    content = LATER_CLOCK.format(days=days, believed=str(folder / "believed"))
    (folder / "sitecustomize.py").write_text(content, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


@contextmanager
def milk_up(home: Path, log: Path, **settings: str) -> Iterator[DagsterServer]:
    """`milk up` on a home; stopped as a service manager would, and nothing of it may be left."""
    port = free_port()
    environment = os.environ | {"MILK_HOME": str(home), "MILK_PORT": str(port)} | settings
    command = [str(Path(sys.executable).parent / "milk"), "up"]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        server = DagsterServer(f"http://127.0.0.1:{port}", process, log)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            finally:
                process.kill()


def _wait_until_ready(server: DagsterServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while b"Dagster UI:" not in server.log.read_bytes():
        ended = server.process.poll() is not None
        assert not ended, server.log.read_text(errors="replace")[-3000:]
        assert time.monotonic() < deadline, server.log.read_text(errors="replace")[-3000:]
        time.sleep(0.5)
