"""How long an online prediction takes, beside a bare FastAPI handler that takes the same body and gives the same bytes.

A store of the sample's shape (500 published prices, one model in production) is asked over a socket, one uvicorn worker
each, one request after the other, in turn:

    bare     an `async` handler that parses the body as JSON and returns the bytes of an answer
    new      `POST /v1/predictions/online`, prices that were never sent before: a row is kept
    again    the same prices again: nothing is written
    columns  the body of the predecessor, all of its columns, never sent before

Usage: .venv/bin/python benchmarks/online.py [requests] [postgresql://...]
With the address of an empty PostgreSQL database the store lies there, else in a SQLite file.
"""

import datetime as dt
import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.reader import serving
from milk.files.local import LocalFolder
from milk.forecasting.fit import fitted_model
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.recipe import Setting
from milk.models.version import ModelVersion, write_version
from milk.months import Month, data_cutoff
from milk.publication.engine import migrate, open_store
from milk.publication.ledger import PromotionRow, append_promotion
from milk.publication.publish import publish
from milk.publication.rows import ObservedPrice, Publication
from milk.series import SERIES_ID, series_register
from milk.steps.publication import register_rows
from milk.steps.published_versions import card_of, model_of
from tests.builders import histories_of, price_features, random_walk
from tests.milk.models.versions import card_content

MONTHS = 500
LAST = Month(2026, 9)
TARGET_P50_MS = 15.0
NOW = dt.datetime.now(dt.UTC)
WARM_UP = 20
SECONDS_TO_ANSWER = 30

BARE = """
from pathlib import Path

from fastapi import FastAPI, Request, Response

BODY = Path(__file__).with_name("body").read_bytes()


def app() -> FastAPI:
    bare = FastAPI()

    @bare.get("/livez")
    async def livez() -> dict[str, str]:
        return {}

    @bare.post("/v1/predictions/online")
    async def online(request: Request) -> Response:
        await request.json()
        return Response(BODY, media_type="application/json")

    return bare
"""


def fill(folder: Path, address: str) -> None:
    """Publish prices and a fitted version, and say that it is in production."""
    store = open_store(address)
    migrate(store)
    version = _version(folder)
    publish(
        store,
        Publication(
            published_at=NOW,
            run_id=None,
            software={},
            observed=[_price(LAST + (k + 1 - MONTHS), value) for k, value in enumerate(prices())],
            cards=[card_of(version)],
            models=[model_of(version)],
            series=register_rows(),
        ),
    )
    append_promotion(store, _promotion(version))
    store.dispose()


def prices() -> list[float]:
    """A price of so many months, as a random walk."""
    steps = np.random.default_rng(1).normal(0, 0.02, MONTHS)
    return [float(price) for price in 300 * np.exp(np.cumsum(steps))]


def _version(folder: Path) -> ModelVersion:
    model = fitted_model(
        histories_of(price_features(random_walk(300, seed=1))),
        Setting((24.0, 60.0, 120.0), 0.5),
        steps=12,
        method=IntervalMethod(),
        unit="CLP/L",
        data={},
        distribution={},
    )
    return write_version(LocalFolder(folder / "models"), model, card_content())


def _price(month: Month, value: float) -> ObservedPrice:
    return ObservedPrice(
        series_id=SERIES_ID,
        month=month,
        known_since=data_cutoff(month + 1),
        known_by="rule",
        price=value,
        unit="CLP/L",
        received_at=NOW,
        snapshot="0" * 64,
    )


def _promotion(version: ModelVersion) -> PromotionRow:
    return PromotionRow(
        series_id=SERIES_ID,
        version_id=version.version_id,
        sha256=version.sha256,
        decided_at=NOW,
        actor_kind="run",
        actor="benchmark",
        decision="promoted",
        reason="a benchmark",
        numbers={},
        champion_version_id=version.version_id,
        champion_sha256=version.sha256,
        previous_version_id=None,
        data_cutoff=NOW,
        run_id=None,
    )


def months_body(number: int) -> bytes:
    """Three months that agree with what is published; the newest is another one for each number."""
    last = [*prices()[-3:-1], round(prices()[-1] * (1 + number / 1e7), 6)]
    rows = [{"month": str(LAST + (k - 2)), "price": price} for k, price in enumerate(last)]
    return json.dumps({"series_id": SERIES_ID, "prices": rows}).encode()


def columns_body(number: int) -> bytes:
    """The same months as the predecessor takes them, with every column of the macro file and the rain."""
    months = [LAST + k for k in (-2, -1, 0)]
    last = [*prices()[-3:-1], round(prices()[-1] * (1 + number / 1e7), 6)]
    data: dict[str, Any] = {"anio": [m.year for m in months], "mes": [m.month for m in months]}
    for series in series_register().series:
        data[series.column] = [1.5, 2.5, 3.5] if series.source == "precipitation" else ["102.796.218"] * 3
    return json.dumps({"data": data | {"Precio_leche": last}}).encode()


def ask(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[float, bytes]:
    """Milliseconds to the last byte of a good answer, and the answer."""
    start = time.perf_counter()
    connection.request("POST", path, body)
    answer = connection.getresponse()
    content = answer.read()
    took = time.perf_counter() - start
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}: {content.decode()[:500]}")
    return 1000 * took, content


def connected(url: str) -> http.client.HTTPConnection:
    """A connection that is kept open, as a client of an API keeps it."""
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS_TO_ANSWER)


def measure(folder: Path, requests: int) -> dict[str, list[float]]:
    """Milliseconds of each kind, one after the other and in turn."""
    took: dict[str, list[float]] = {"bare": [], "new": [], "again": [], "columns": []}
    online = "/v1/predictions/online"
    with serving("milk_serving.main:app", folder, "/livez") as reader:
        ours = connected(reader.url)
        _took, answer = ask(ours, online, months_body(0))
        (folder / "body").write_bytes(answer)
        (folder / "bare_online.py").write_text(BARE, encoding="utf-8")
        with serving("bare_online:app", folder, "/livez") as bare:
            theirs = connected(bare.url)
            kinds: dict[str, Callable[[int], tuple[float, bytes]]] = {
                "bare": lambda number: ask(theirs, online, months_body(number)),
                "new": lambda number: ask(ours, online, months_body(number)),
                "again": lambda _number: ask(ours, online, months_body(0)),
                "columns": lambda number: ask(ours, "/api/v1/get_online_prediction", columns_body(number)),
            }
            for number in range(1, requests + WARM_UP + 1):
                for kind, call in kinds.items():
                    took[kind].append(call(number)[0])
    return {kind: values[WARM_UP:] for kind, values in took.items()}


def report(took: dict[str, list[float]], place: str) -> None:
    """Print the table."""
    reference = statistics.median(took["bare"])
    print(f"| online ({place}) | p50 ms | p99 ms | max | p50 / bare |\n|---|---|---|---|---|")
    for kind, values in took.items():
        median, high = statistics.median(values), statistics.quantiles(values, n=100)[98]
        print(f"| {kind} | {median:.2f} | {high:.2f} | {max(values):.2f} | {median / reference:.1f} |")
    print(f"\n{len(took['bare'])} requests each, one after the other. Aim: p50 at most {TARGET_P50_MS:g} ms.")


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        address = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder / 'milk.db'}"
        os.environ["MILK_STORE_URL"] = address
        fill(folder, address)
        report(measure(folder, requests), address.split(":", 1)[0])


if __name__ == "__main__":
    main()
