"""`milk serve`: the reader alone on a home; and what it is told that cannot be."""

import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.milk.cli.commands import command, environment, milk, refused
from tests.milk.cli.conftest import Ran
from tests.ports import free_port

START_SECONDS = 60


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a reader on a home."""
    port = free_port()
    process = subprocess.Popen(
        command("serve", "--home", home, "--port", port),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None
            assert time.monotonic() < deadline
            try:
                ask(f"http://127.0.0.1:{port}/livez")
                break
            except urllib.error.URLError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGINT)
        process.wait(START_SECONDS)
    finally:
        process.kill()
        process.wait()


def ask(address: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer, a refusal included."""
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_serves_what_the_run_published(ran: Ran) -> None:
    with served(ran.home) as reader:
        status, answer = ask(f"{reader}/predictions/latest")
    assert status == 200
    assert answer["meta"]["is_synthetic"] is True
    assert answer["meta"]["issue_month"] == "2026-11"
    published = [(row["target_month"], row["price"]) for row in answer["data"]]
    assert published == [(row["target_month"], round(row["price"], 4)) for row in ran.document["forecasts"]]


def test_it_starts_on_an_empty_home_and_makes_nothing_there(tmp_path: Path) -> None:
    with served(tmp_path / "home") as reader:
        status, problem = ask(f"{reader}/predictions/latest")
    assert status == 503
    assert "make run" in problem["detail"]
    assert not (tmp_path / "home").exists()


def test_what_is_published_meanwhile_is_served_without_a_restart(ran: Ran, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with served(home) as reader:
        assert ask(f"{reader}/readyz")[0] == 503
        shutil.copytree(ran.home, home)
        time.sleep(0.5)
        assert ask(f"{reader}/readyz")[0] == 200
        assert ask(f"{reader}/predictions")[1]["meta"]["total"] == 12


def test_a_taken_port_and_a_bad_one_are_told() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        refused(milk("serve", "--port", holder.getsockname()[1]), "is taken", "--port or MILK_READER_PORT", code=2)
    refused(milk("serve", "--port", 70000), "MILK_READER_PORT", "65535", code=2)


def test_an_address_of_the_store_that_is_none_is_told(tmp_path: Path) -> None:
    refused(
        milk("serve", "--home", tmp_path, "--port", free_port(), MILK_STORE_URL="postgresql://ana:secret@host/store"),
        "write postgresql+psycopg://",
        code=2,
    )


def test_up_wants_two_ports(tmp_path: Path) -> None:
    port = free_port()
    refused(milk("up", "--home", tmp_path, "--port", port, "--reader-port", port), "cannot both have port", code=2)
