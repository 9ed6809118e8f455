"""How much of an answer is ours: the reader beside a bare FastAPI handler that returns the same bytes.

A store of 200 issues is read over a socket by `wrk`, one uvicorn worker each, in turn:

    bare     an `async` handler that returns the bytes of the newest issue
    latest   `/predictions/latest` of the reader, the same question again and again
    month    `/predictions/{target_month}`, likewise

and a reader is started anew to see how long its first answer takes, and how much memory a worker holds after all of it.
Usage: .venv/bin/python benchmarks/reader.py [rounds] [seconds]
"""

import datetime as dt
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from milk.months import Month, data_cutoff
from milk.publication.engine import migrate, open_store
from milk.publication.publish import publish
from milk.publication.rows import ForecastRow, Issue, Publication, SeriesRow
from milk.series import SERIES_ID, series_register

ISSUES = 200
FIRST_ISSUE = Month(2000, 1)
STARTS = 3
PATIENCE_SECONDS = 30
TARGET_RATIO = 0.6

BARE = """
from pathlib import Path

from fastapi import FastAPI, Response

BODY = Path(__file__).with_name("body").read_bytes()


def app() -> FastAPI:
    bare = FastAPI()

    @bare.get("/predictions/latest")
    async def latest() -> Response:
        return Response(BODY, media_type="application/json")

    return bare
"""


@dataclass(frozen=True)
class Server:
    """A uvicorn with one worker."""

    url: str
    process: subprocess.Popen[bytes]
    first_answer_seconds: float


def fill(home: Path) -> None:
    """Publish the issues, and what the register says of their price."""
    store = open_store(f"sqlite:///{home / 'milk.db'}")
    migrate(store)
    publication = Publication(
        published_at=dt.datetime.now(dt.UTC),
        run_id=None,
        software={},
        issues=[_issue(FIRST_ISSUE + k) for k in range(ISSUES)],
        series=[_price()],
    )
    publish(store, publication)
    store.dispose()


def _issue(month: Month) -> Issue:
    return Issue(
        series_id=SERIES_ID,
        issue_month=month,
        kind="hindcast",
        issued_at=dt.datetime.now(dt.UTC),
        data_cutoff=data_cutoff(month),
        forecast_origin=month + (-1),
        unit="CLP/L",
        is_synthetic=True,
        model_version="v-0123456789ab",
        data_versions={"features": {"sha256": "0" * 64, "table_version": 3}, "model": {"sha256": "1" * 64}},
        forecasts=tuple(_forecast(month + k, k + 1) for k in range(12)),
    )


def _forecast(target: Month, horizon: int) -> ForecastRow:
    price = 200 + horizon / 3
    return ForecastRow(
        target_month=target,
        horizon_months=horizon,
        price=price,
        lower_80=price - 10,
        upper_80=price + 10,
        lower_95=price - 20,
        upper_95=price + 20,
        contribution_base=5.3,
        contribution_drift=0.01,
        contribution_season=0.02,
        contribution_momentum=0.03,
        interval_errors=120,
    )


def _price() -> SeriesRow:
    price = series_register().price
    names = ("name", "meaning", "unit", "block", "code", "current_code", "first_valid_month", "licence", "note")
    return SeriesRow(
        series_id=SERIES_ID,
        source=price.source,
        source_column=price.column,
        plausible_low=price.plausible[0],
        plausible_high=price.plausible[1],
        availability=price.availability.rule,
        **{name: getattr(price, name) for name in names},
    )


@contextmanager
def serving(factory: str, folder: Path, first_path: str) -> Iterator[Server]:
    """A server from its start to its end; the time to its first good answer is taken from outside."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port), "--no-access-log"]
    environment = os.environ | {"MILK_HOME": str(folder), "PYTHONPATH": str(folder)}
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--log-level", "warning"], env=environment)
    try:
        _wait_for_answer(url + first_path, process)
        yield Server(url, process, time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def _wait_for_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("A server of the benchmark did not start.")
        try:
            fetch(url)
        except urllib.error.URLError:
            time.sleep(0.01)
        else:
            return


def fetch(url: str) -> bytes:
    """The body of a good answer."""
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  # because it asks the servers started here
        return bytes(answer.read())


def requests_per_second(url: str, seconds: int) -> float:
    """What `wrk` counts; an answer that is no good ends the benchmark."""
    done = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}s", url], capture_output=True, text=True, check=True)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    if found is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"wrk met something else than good answers:\n{done.stdout}")
    return float(found[1])


def compare(folder: Path, rounds: int, seconds: int) -> tuple[dict[str, list[float]], float]:
    """Requests per second of each, measured in turn, and the memory of the reader after all of it, in MB."""
    rates: dict[str, list[float]] = {"bare": [], "latest": [], "month": []}
    with serving("milk_serving.main:app", folder, "/predictions/latest") as reader:
        (folder / "body").write_bytes(fetch(f"{reader.url}/predictions/latest"))
        (folder / "bare_reader.py").write_text(BARE, encoding="utf-8")
        with serving("bare_reader:app", folder, "/predictions/latest") as bare:
            for _ in range(rounds):
                rates["bare"].append(requests_per_second(f"{bare.url}/predictions/latest", seconds))
                rates["latest"].append(requests_per_second(f"{reader.url}/predictions/latest", seconds))
                rates["month"].append(requests_per_second(f"{reader.url}/predictions/2010-06", seconds))
        memory = psutil.Process(reader.process.pid).memory_info().rss / 2**20
    return rates, memory


def first_answers(folder: Path) -> list[float]:
    """Seconds from the start of a process to its first answer."""
    seconds = []
    for _ in range(STARTS):
        with serving("milk_serving.main:app", folder, "/predictions/latest") as server:
            seconds.append(server.first_answer_seconds)
    return seconds


def main() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("This benchmark needs `wrk` (Debian: apt-get install wrk), which is not installed.")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder)
        starts = first_answers(folder)
        rates, memory = compare(folder, rounds, seconds)
    reference = statistics.median(rates["bare"])
    print("| | requests/s, median | min | max | ratio to bare |")
    print("|---|---|---|---|---|")
    for what, values in rates.items():
        median = statistics.median(values)
        print(f"| {what} | {median:.0f} | {min(values):.0f} | {max(values):.0f} | {median / reference:.2f} |")
    print(f"\nFirst answer after {statistics.median(starts):.2f} s, the median of {STARTS} starts.")
    print(f"Memory of the worker at the end: {memory:.0f} MB.")
    print(f"Aims: a ratio of at least {TARGET_RATIO}, less than 2 s, less than 110 MB.")


if __name__ == "__main__":
    main()
