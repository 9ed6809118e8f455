"""How much of an answer is ours: the reader beside a bare FastAPI handler that returns the same bytes.

A store of 200 issues is read over a socket by `wrk`, one uvicorn worker each, in turn, with everything on that a reader
has: ids, lines in a log (written to a file), metrics, guards, tags.

    bare      an `async` handler that returns the bytes of the newest issue
    latest    `/v1/predictions/latest` of the reader, the same question again and again
    packed    the same by gzip
    unchanged the same by a client that holds it: 304
    csv       the same as CSV
    month     `/v1/predictions/{target_month}`
    short     `/predictions/latest`

and a reader is started anew to see how long its first answer takes, and how much memory a worker holds after all of it.

Usage: .venv/bin/python benchmarks/reader.py [rounds] [seconds]
       .venv/bin/python benchmarks/reader.py --queries     a filtered query over 1,000 and over 1,000,000 rows
       .venv/bin/python benchmarks/reader.py --published   64 clients while somebody publishes every 0.2 s
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.serving import published, queries
from milk.months import Month, data_cutoff
from milk.publication.engine import migrate, open_store
from milk.publication.publish import publish
from milk.publication.rows import ForecastRow, Issue, Publication, SeriesRow
from milk.series import SERIES_ID, series_register

ISSUES = 200
FIRST_ISSUE = Month(2000, 1)
STARTS = 3
LATEST = "/v1/predictions/latest"
PATIENCE_SECONDS = 30
TARGET_RATIO = 0.7

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
    paths = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"MILK_HOME": str(folder), "PYTHONPATH": paths}
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--log-level", "warning"], env=environment, stdout=log)
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


def tag_of(url: str) -> str:
    """The entity tag of a good answer."""
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  # because it asks the servers started here
        return str(answer.headers["etag"])


def fetch(url: str) -> bytes:
    """The body of a good answer."""
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  # because it asks the servers started here
        return bytes(answer.read())


@dataclass(frozen=True)
class Rate:
    """What `wrk` counts of one question."""

    per_second: float
    p99_ms: float


def rate_of(url: str, seconds: int, headers: Sequence[str] = ()) -> Rate:
    """What `wrk` counts; an answer that is no good ends the benchmark, and so does a lost connection."""
    said = [part for header in headers for part in ("-H", header)]
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", *said, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s)", done.stdout)
    if found is None or p99 is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(f"wrk met something else than good answers:\n{done.stdout}")
    return Rate(float(found[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]])


def compare(folder: Path, rounds: int, seconds: int) -> tuple[dict[str, list[Rate]], float]:
    """The rates of each, measured in turn, and the memory of the reader after all of it, in MB."""
    with serving("milk_serving.main:app", folder, LATEST) as reader:
        (folder / "body").write_bytes(fetch(f"{reader.url}{LATEST}"))
        (folder / "bare_reader.py").write_text(BARE, encoding="utf-8")
        tag = tag_of(f"{reader.url}{LATEST}")
        asked: dict[str, tuple[str, list[str]]] = {
            "latest": (LATEST, []),
            "packed": (LATEST, ["Accept-Encoding: gzip"]),
            "unchanged": (LATEST, [f"If-None-Match: {tag}"]),
            "csv": (LATEST, ["Accept: text/csv"]),
            "month": ("/v1/predictions/2010-06", []),
            "short": ("/predictions/latest", []),
        }
        rates: dict[str, list[Rate]] = {"bare": [], **{name: [] for name in asked}}
        with serving("bare_reader:app", folder, "/predictions/latest") as bare:
            for _ in range(rounds):
                rates["bare"].append(rate_of(f"{bare.url}/predictions/latest", seconds))
                for name, (path, headers) in asked.items():
                    rates[name].append(rate_of(reader.url + path, seconds, headers))
        memory = psutil.Process(reader.process.pid).memory_info().rss / 2**20
    return rates, memory


def first_answers(folder: Path) -> list[float]:
    """Seconds from the start of a process to its first answer."""
    seconds = []
    for _ in range(STARTS):
        with serving("milk_serving.main:app", folder, LATEST) as server:
            seconds.append(server.first_answer_seconds)
    return seconds


def print_rates(rates: dict[str, list[Rate]]) -> None:
    """The table, each beside the bare handler."""

    def middle(values: list[Rate], name: str) -> float:
        return float(statistics.median(getattr(value, name) for value in values))

    bare, bare_p99 = middle(rates["bare"], "per_second"), middle(rates["bare"], "p99_ms")
    print("| | requests/s, median | min | max | ratio to bare | p99, ms | ratio to bare |")
    print("|---|---|---|---|---|---|---|")
    for what, values in rates.items():
        median, p99 = middle(values, "per_second"), middle(values, "p99_ms")
        every = [value.per_second for value in values]
        print(
            f"| {what} | {median:.0f} | {min(every):.0f} | {max(every):.0f} | {median / bare:.2f} | {p99:.1f} | "
            f"{p99 / bare_p99:.2f} |"
        )


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
    print_rates(rates)
    print(f"\nFirst answer after {statistics.median(starts):.2f} s, the median of {STARTS} starts.")
    print(f"Memory of the worker at the end: {memory:.0f} MB.")
    print(
        f"Aims: a ratio of at least {TARGET_RATIO}; unchanged at least as fast as latest; p99 at most twice that of "
        "the bare handler; less than 2 s, less than 110 MB."
    )


if __name__ == "__main__":
    if "--queries" in sys.argv:
        queries.main()
    elif "--published" in sys.argv:
        published.main()
    else:
        main()
