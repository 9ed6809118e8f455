"""The real nginx with the files of deploy/nginx, on free ports and in a folder of its own."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.deploy.programs import program
from tests.ports import free_port

FILES = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
START_SECONDS = 20
KEY = "0123456789abcdef0123456789abcdef0123456789abcdef"
# A page of another address that may ask the reader.
PAGE = "https://page.example"
USER, PASSWORD = "milk", "sour-cream"
# The hash of that password, as `openssl passwd -6` makes it.
PASSWORDS = (
    f"{USER}:$6$saltsalt$n9rFv5qSAfV.DLsl2Ox7mF.7fSGN27ASCUKpb2qLDCAVf1HPYvHO51fcN3CCMhQDLIbn1WSo8VuWwmL7eTnhq.\n"
)


@dataclass(frozen=True)
class Front:
    """A running nginx."""

    url: str
    folder: Path
    tls_port: int

    @property
    def log(self) -> Path:
        """Where each request is told."""
        return self.folder / "access.log"


def line_of(log: Path, request_id: str) -> dict[str, Any]:
    """The line of a request in a log of JSON; it comes after the answer."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        found = [line for line in log.read_text(encoding="utf-8").splitlines() if request_id in line]
        if found:
            return dict(json.loads(found[0]))
        assert time.monotonic() < deadline, request_id
        time.sleep(0.05)


def nginx() -> str:
    """The program."""
    return program("nginx", "nginx")


@contextmanager
def front(folder: Path, *, upstreams: Mapping[str, int], listen: str = "plain") -> Iterator[Front]:
    """nginx with the very files, but for what names a place or a port of this test.

    Args:
        folder: for all that it reads and writes.
        upstreams: the ports of `reader:8000` and `webserver:3000`.
        listen: `plain` or `tls`.
    """
    program, port, tls_port = nginx(), free_port(), free_port()
    secrets = folder / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    (secrets / "api_keys").write_text(f'"{KEY}" first;\n', encoding="ascii")
    (secrets / "ui_passwords").write_text(PASSWORDS, encoding="ascii")
    (folder / "cache").mkdir()
    places = {
        "/etc/nginx/milk/": f"{folder}/milk/",
        "/etc/nginx/listen.conf": f"{folder}/milk/{listen}.conf",
        "/run/secrets/": f"{secrets}/",
        "/var/cache/nginx/": f"{folder}/cache/",
        "/dev/stdout": f"{folder}/access.log",
        "/dev/stderr": f"{folder}/error.log",
        " /tmp/": f" {folder}/",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "listen 8443": f"listen 127.0.0.1:{tls_port}",
    } | {name: f"127.0.0.1:{there}" for name, there in upstreams.items()}
    (folder / "milk").mkdir()
    for file in FILES.iterdir():
        text = re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], file.read_text("utf-8"))
        # It reads its secrets as it starts: by a user of its own only where root started it.
        (folder / "milk" / file.name).write_text(
            text.replace("pid ", "user root;\npid ", 1) if _is_root(file) else text
        )
    process = subprocess.Popen(
        [program, "-c", f"{folder}/milk/nginx.conf", "-g", "daemon off;", "-e", f"{folder}/error.log"]
    )
    try:
        _wait(f"http://127.0.0.1:{port}/nginx-health", process, folder)
        yield Front(f"http://127.0.0.1:{port}", folder, tls_port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def _is_root(file: Path) -> bool:
    return file.name == "nginx.conf" and os.geteuid() == 0


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, (folder / "error.log").read_text()
        assert time.monotonic() < deadline, url
        try:
            assert httpx.get(url).status_code == 204
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return
