"""A receiver of alerts on loopback, which takes messages, refuses them, is slow, or cuts the connection."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/hooks/T0-secret-B1"
SECRET_WORD = "secret-B1"  # noqa: S105  # because it is what must not be seen elsewhere


@dataclass
class Inbox:
    """What came in; `answers` are used up one by one, then each is 200.

    An answer is a status; 0 cuts the connection, a negative one waits, sending a byte now and then, until `release`.
    """

    url: str = ""
    answers: list[int] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: int = 0
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Event and kind of each message that was taken."""
        return [(message["event"], message["kind"]) for message in self.messages]


@contextmanager
def receiver() -> Iterator[Inbox]:
    """A receiver that runs."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.asked += 1
            answer = inbox.answers.pop(0) if inbox.answers else 200
            if answer <= 0:
                if answer < 0:
                    _drip(self, inbox)
                self.close_connection = True
                return
            if answer == 200:
                inbox.bodies.append(body)
                inbox.messages.append(json.loads(body))
                inbox.headers.append(dict(self.headers))
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    inbox.url = f"http://127.0.0.1:{server.server_port}{PATH}"
    try:
        yield inbox
    finally:
        inbox.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _drip(handler: BaseHTTPRequestHandler, inbox: Inbox) -> None:
    """Send the head of an answer byte by byte, so that a limit of the socket never strikes."""
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60_000:
        if inbox.release.is_set():
            return
        try:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.02)
