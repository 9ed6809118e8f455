"""A proxy before an HTTP server that breaks what it is told to break: for tests of what a bucket may do to a program.

It is a process of its own: some calls of the Delta library hold the interpreter while they wait for an answer, which a
thread of the same interpreter could never give.
"""

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

Fault = Literal["refused", "cut asking", "cut answering", "answer lost", "silence", "forbidden", "unconditional"]
"""What becomes of a request: answered with 503 and never passed on; gone when half of it has arrived; done by the
server, with half of the answer, or nothing of it, coming back; nothing at all, on a connection that stays; answered
with 403; passed on without its conditions."""
PASSING: tuple[Fault, ...] = ("refused", "cut asking", "cut answering", "answer lost", "silence")
"""Those that a second try overcomes."""
HALF = 2
_CONTROL = "/fault-proxy"


@dataclass(frozen=True)
class FaultProxy:
    """A running proxy, as a test sees it."""

    url: str

    def break_next(self, fault: Fault, *, method: str = "", part: str = "", times: int = 1, after: int = 0) -> None:
        """Break the next requests of a method whose path holds a part, so many times, after so many that pass."""
        rule = {"fault": fault, "method": method, "part": part, "times": times, "after": after}
        self._tell(rule)

    def heal(self) -> None:
        """Break nothing from here on, and forget what was asked."""
        self._tell({"fault": "", "method": "", "part": "", "times": 0, "after": 0})

    def asked(self) -> list[tuple[str, str, str]]:
        """Method, path and fault of each request since the proxy was last told something; the fault may be empty."""
        with urllib.request.urlopen(self.url + _CONTROL, timeout=20) as answer:
            return [(method, path, fault) for method, path, fault in json.load(answer)]

    def broken(self) -> int:
        """How many of them met a fault."""
        return sum(fault != "" for _method, _path, fault in self.asked())

    def _tell(self, rule: dict[str, Any]) -> None:
        request = urllib.request.Request(self.url + _CONTROL, data=json.dumps(rule).encode(), method="POST")
        urllib.request.urlopen(request, timeout=20).close()


@contextmanager
def fault_proxy(upstream: int) -> Iterator[FaultProxy]:
    """A proxy before a port of loopback."""
    command = [sys.executable, "-m", "tests.fault_proxy", str(upstream)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield FaultProxy(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.terminate()


class _Server:
    """The process itself."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._rule: dict[str, Any] = {"fault": "", "method": "", "part": "", "times": 0, "after": 0}
        self._asked: list[tuple[str, str, str]] = []

    async def serve(self) -> None:
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request: each answer closes it."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_content_length(head))
            method, path, _version = head.split(b"\r\n", 1)[0].decode().split(" ")
            if path == _CONTROL:
                answer = self._control(method, body)
            else:
                fault = self._fault_of(method, path)
                self._asked.append((method, path, fault))
                answer = await self._answer(_closing(head), body, fault)
            writer.write(answer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    def _control(self, method: str, body: bytes) -> bytes:
        if method == "POST":
            self._rule, self._asked = json.loads(body), []
        said = json.dumps(self._asked).encode()
        return b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)

    def _fault_of(self, method: str, path: str) -> str:
        rule = self._rule
        if not rule["times"] or rule["method"] not in ("", method) or rule["part"] not in path:
            return ""
        if rule["after"]:
            rule["after"] -= 1
            return ""
        rule["times"] -= 1
        return str(rule["fault"])

    async def _answer(self, head: bytes, body: bytes, fault: str) -> bytes:
        if fault == "silence":
            await asyncio.sleep(3600)
        if fault == "refused":
            return _refusal(b"503 Service Unavailable", b"ServiceUnavailable")
        if fault == "forbidden":
            return _refusal(b"403 Forbidden", b"AccessDenied")
        if fault == "unconditional":
            head = _without(head, b"if-none-match:")
        asked = head + body
        answer = await self._forward(asked[: len(asked) // HALF] if fault == "cut asking" else asked, fault)
        return {"cut answering": answer[: len(answer) // HALF], "answer lost": b""}.get(fault, answer)

    async def _forward(self, asked: bytes, fault: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(asked)
            await writer.drain()
            return b"" if fault == "cut asking" else await reader.read(-1)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _closing(head: bytes) -> bytes:
    """The head of a request after which the server closes: what comes until then is the whole answer."""
    return _without(head, b"connection:")[:-2] + b"Connection: close\r\n\r\n"


def _without(head: bytes, name: bytes) -> bytes:
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(name))


def _refusal(status: bytes, code: bytes) -> bytes:
    said = b"<Error><Code>%b</Code></Error>" % code
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(said), said)


if __name__ == "__main__":
    asyncio.run(_Server(int(sys.argv[1])).serve())
