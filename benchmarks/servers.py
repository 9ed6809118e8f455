"""A run on PostgreSQL and a bucket against the same run embedded, in this process, one after the other in each round.

    job      every asset and check, all months of the sample
    month    `batch_predictions` of one month

Both servers are real and of this machine: PostgreSQL, and moto for the bucket. Beside wall time stands processor time,
which a busy machine disturbs less: of this process, and of the server of buckets, which a bucket elsewhere would not
take from us. Usage: .venv/bin/python -m benchmarks.servers [repeats]
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from benchmarks.pipeline import FIRST_OF_JOB, fresh, issuable_last, run
from milk.months import Month
from milk.settings import load_settings
from milk_assets.definitions import build_definitions
from tests.postgres import PostgresServer, postgres_server
from tests.s3 import S3Server, s3_server


@dataclass(frozen=True)
class Cost:
    """Seconds: of wall time, of processor time of this process, and of that of the server of buckets."""

    wall: float
    processor: float
    bucket: float


def cost_of(action: Callable[[], None], server: psutil.Process) -> Cost:
    """What an action costs."""
    before, began = (time.process_time(), sum(server.cpu_times()[:2])), time.perf_counter()
    action()
    ended = time.perf_counter()
    return Cost(ended - began, time.process_time() - before[0], sum(server.cpu_times()[:2]) - before[1])


def measure(folder: Path, s3: S3Server, postgres: PostgresServer, repeats: int) -> dict[str, list[Cost]]:
    """The cost of each run, all of them in turn in each round, so that a slow moment of the machine hits all alike."""
    costs: dict[str, list[Cost]] = {}
    server = next(p for p in psutil.Process().children() if str(s3.port) in p.cmdline())
    for round_number in range(repeats + 1):
        for where in ("embedded", "servers"):
            home = fresh(folder, where)
            named = {"store_url": postgres.new_database(), "files_url": f"s3://{s3.new_bucket()}/milk"}
            settings = load_settings(
                home=home.path, first_issue=str(Month(1979, 1)), **named if where == "servers" else {}
            )
            definitions = build_definitions(settings)
            last = issuable_last(definitions)
            months = [FIRST_OF_JOB + k for k in range(last - FIRST_OF_JOB + 1)]
            job = partial(run, definitions, home, months)
            month = partial(run, definitions, home, [last], only="batch_predictions")
            for name, action in (("job", job), ("month", month)):
                costs.setdefault(f"{name}, {where}", []).append(cost_of(action, server))
        if round_number == 0:
            costs.clear()  # the first round pays for imports
    return costs


def report(costs: dict[str, list[Cost]]) -> None:
    """Print the table."""
    print("| run | wall s | min | max | processor s | processor s of the bucket | ratio of wall | of processor |")
    print("|---|---|---|---|---|---|---|---|")
    for name, measured in costs.items():
        wall, processor, bucket = (
            statistics.median(getattr(cost, part) for cost in measured) for part in ("wall", "processor", "bucket")
        )
        ratios = "- | -"
        if name.endswith("servers"):
            embedded = costs[name.replace("servers", "embedded")]
            of_wall = wall / statistics.median(cost.wall for cost in embedded)
            of_processor = processor / statistics.median(cost.processor for cost in embedded)
            ratios = f"{of_wall:.2f} | {of_processor:.2f}"
        low, high = min(cost.wall for cost in measured), max(cost.wall for cost in measured)
        print(f"| {name} | {wall:.2f} | {low:.2f} | {high:.2f} | {processor:.2f} | {bucket:.2f} | {ratios} |")


def main() -> None:
    """Measure and print."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder, s3_server() as s3, postgres_server() as postgres:
        os.environ.update(s3.environment())
        report(measure(Path(folder), s3, postgres, repeats))


if __name__ == "__main__":
    main()
