"""A real server that speaks S3, on a free port of loopback; everything in it is gone when it ends."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.error import URLError

from tests.ports import free_port

PATIENCE_SECONDS = 20
"""Long enough for a busy machine; what must run out of it sets its own."""


@dataclass
class S3Server:
    """A running server: any credentials will do."""

    port: int
    _made: int = field(default=0, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, url: str = "") -> dict[str, str]:
        """How programs for S3 find it, or a proxy before it."""
        return {
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_ACCESS_KEY_ID": "milk",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_REGION": "us-east-1",
        }

    def new_bucket(self) -> str:
        """The name of a new, empty bucket."""
        self._made += 1
        name = f"milk-{self._made}"
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/{name}", method="PUT"), timeout=20).close()
        return name


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A running server."""
    server = S3Server(free_port())
    code = "import sys; from moto.server import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "-H", "127.0.0.1", "-p", str(server.port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_answers(server, process)
            yield server
        finally:
            process.terminate()


def _wait_until_it_answers(server: S3Server, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert process.poll() is None, "the server of buckets ended"
        try:
            urllib.request.urlopen(server.url, timeout=20).close()
        except URLError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the server of buckets does not answer")
