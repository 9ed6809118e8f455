"""64 clients read without a pause while somebody publishes every 0.2 s: what they were told that was not so.

The number of a publication stands in each of its prices, so an answer that is made of two shows, and an answer that is
older than what was committed a second before it was asked for is stale. Half of the clients ask with the tag of what
they hold. Two workers, one store.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from benchmarks.faults.content import BASE, SERIES, publication
from benchmarks.faults.reader import order_of
from milk.publication.engine import migrate, open_store
from milk.publication.publish import publish

CLIENTS = 64
WORKERS = 2
SECONDS = 60.0
EVERY_SECONDS = 0.2
MOST_STALE_SECONDS = 1.0
URL = f"/v1/predictions/latest?series_id={SERIES}"


class Publisher(threading.Thread):
    """Publishes until it is told to stop; keeps when each publication was there."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._store = open_store(url)
        self._over = threading.Event()
        self.committed: list[float] = []
        migrate(self._store)
        self.publish()

    def publish(self) -> None:
        """Publish the next one."""
        publish(self._store, publication(order_of(len(self.committed))))
        self.committed.append(time.monotonic())

    def run(self) -> None:
        """Until told to stop."""
        while not self._over.wait(EVERY_SECONDS):
            self.publish()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join()
        self._store.dispose()

    def newest_at(self, instant: float) -> int:
        """The number of the newest publication that was there at an instant."""
        return sum(1 for at in list(self.committed) if at <= instant) - 1


def judge(answer: httpx.Response, held: int, expected: int) -> tuple[str, int]:
    """What was wrong with an answer, empty where nothing was; and the number of the publication that it is of."""
    if answer.status_code == 304:
        number = held
    elif answer.status_code != 200:
        return f"errors: status {answer.status_code}", held
    else:
        content = answer.json()
        number = content["meta"]["publication"] - 1
        if {row["price"] for row in content["data"]} != {BASE + number} or len(content["data"]) != 12:
            return f"torn: {number}", number
    if number < expected:
        return f"stale: {number}, {expected} was there a second before", number
    return "", number


async def read(url: str, publisher: Publisher, until: float, found: Counter[str], *, is_asking_by_tag: bool) -> None:
    """Read until an instant, and count."""
    held, tag = -1, ""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        while time.monotonic() < until:
            expected = publisher.newest_at(time.monotonic() - MOST_STALE_SECONDS)
            try:
                answer = await http.get(URL, headers={"If-None-Match": tag} if is_asking_by_tag and tag else {})
            except httpx.HTTPError as error:
                found[f"errors: {type(error).__name__}"] += 1
                continue
            wrong, held = judge(answer, held, expected)
            tag = answer.headers.get("etag", "")
            found["answers"] += 1
            found["answers 304"] += int(answer.status_code == 304)
            if wrong:
                found[wrong] += 1


async def _all_read(url: str, publisher: Publisher, seconds: float) -> Counter[str]:
    found: Counter[str] = Counter()
    until = time.monotonic() + seconds
    await asyncio.gather(
        *(read(url, publisher, until, found, is_asking_by_tag=number % 2 == 0) for number in range(CLIENTS))
    )
    return found


def measure(folder: Path, seconds: float) -> tuple[Counter[str], int, list[float]]:
    """What the clients counted, how many publications there were, and the memory of each worker in MB."""
    address = f"sqlite:///{folder / 'milk.db'}"
    publisher = Publisher(address)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", "milk_serving.main:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--workers", str(WORKERS)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | {"MILK_HOME": str(folder)}, stdout=log)
    try:
        _wait(f"http://127.0.0.1:{port}/readyz")
        publisher.start()
        found = asyncio.run(_all_read(f"http://127.0.0.1:{port}", publisher, seconds))
        children = psutil.Process(process.pid).children(recursive=True)
        memory = [child.memory_info().rss / 2**20 for child in children if "spawn_main" in " ".join(child.cmdline())]
    finally:
        publisher.stop()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return found, len(publisher.committed), memory


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("The reader of the benchmark did not start.")


def main() -> None:
    """Print what was counted; exit code 1 where anything was wrong."""
    seconds = next((float(text) for text in sys.argv[1:] if not text.startswith("-")), SECONDS)
    with tempfile.TemporaryDirectory() as name:
        found, publications, memory = measure(Path(name), seconds)
    print(f"{CLIENTS} clients, {WORKERS} workers, {seconds:.0f} s, a publication every {EVERY_SECONDS} s.\n")
    print("| counted | |\n|---|---|")
    print(f"| publications | {publications} |")
    for what in ("answers", "answers 304"):
        print(f"| {what} | {found.pop(what, 0)} |")
    for kind in ("errors", "torn", "stale"):
        print(f"| {kind} | {sum(count for what, count in found.items() if what.startswith(kind))} |")
    print(f"| memory of a worker, MB | {', '.join(f'{one:.0f}' for one in memory)} |")
    for what, count in found.most_common(5):
        print(f"{what}: {count}", file=sys.stderr)
    sys.exit(1 if found else 0)
