"""The reader as it really runs: a process of its own, asked over a socket."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from milk.publication.engine import migrate, open_store
from milk.settings import Settings
from tests.milk_serving.rows import issue, publish_issues
from tests.ports import free_port

START_SECONDS = 30


def test_a_server_starts_before_its_store_and_stops_when_told(tmp_path: Path, settings: Settings) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "milk_serving.main:app", "--port", str(port),
               "--log-level", "warning"]  # fmt: skip
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=os.environ | {"MILK_HOME": str(settings.home)}, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            _wait_until_alive(http, process, log)
            _ask(http, settings)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in (0, -signal.SIGTERM)
        assert b"Traceback" not in log.read_bytes()
    finally:
        process.kill()
        process.wait()


def test_no_worker_is_behind_for_more_than_a_second(tmp_path: Path, settings: Settings) -> None:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "milk_serving.main:app", "--port", str(port),
               "--log-level", "warning", "--workers", "2"]  # fmt: skip
    log = tmp_path / "log"
    store = open_store(settings.store_address)
    migrate(store)
    publish_issues(store, issue("2014-10", price=200))
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=os.environ | {"MILK_HOME": str(settings.home)}, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            _wait_until_alive(http, process, log)
        assert _prices(port) == {200.0}
        publish_issues(store, issue("2014-10", price=300))
        time.sleep(1)
        assert _prices(port) == {300.0}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
        store.dispose()


def _prices(port: int) -> set[float]:
    """What is answered on many connections, of which each worker takes some."""
    answers = [httpx.get(f"http://127.0.0.1:{port}/v1/predictions/latest") for _ in range(40)]
    return {answer.json()["data"][0]["price"] for answer in answers}


def _wait_until_alive(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            assert http.get("/livez").status_code == 200
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return


def _ask(http: httpx.Client, settings: Settings) -> None:
    assert http.get("/readyz").status_code == 503
    store = open_store(settings.store_address)
    migrate(store)
    publish_issues(store, issue("2014-10", price=200))
    store.dispose()
    time.sleep(0.25)
    assert http.get("/readyz").status_code == 200
    answer = http.get("/predictions/latest")
    assert answer.json()["data"][0]["price"] == 200.0
    headed = http.head("/predictions/latest")
    # The next question on the same connection would meet a body that HEAD must not have.
    assert (headed.status_code, headed.headers["content-length"]) == (200, answer.headers["content-length"])
    assert http.get("/predictions/latest").content == answer.content
