"""What the reader tells a monitor (Prometheus): requests, the age of the newest issue, how live forecasts did.

Each worker counts for itself; who runs several scrapes each, or reads the sum with an error of its own.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from milk.errors import MilkError
from milk.publication.read import Transaction, newest_publication, watched_series
from milk.publication.read_lists import Page, find_issues
from milk.publication.read_models import AccuracyRecord, live_accuracy
from milk.series import SERIES_ID
from milk_serving.watching import Watched

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass(frozen=True, slots=True)
class _SeriesFigures:
    series_id: str
    issued_at: float
    published_at: float
    live: Sequence[AccuracyRecord]


@dataclass
class RequestMetrics:
    """The metrics of one application; two in a process do not meet."""

    engine: Callable[[], sa.Engine]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        labels = ("method", "route", "status")
        self._seconds = Histogram(
            "milk_reader_request_seconds",
            "Seconds from a request to its answer.",
            labels,
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._rows = Counter(
            "milk_reader_rows_served", "Rows of answers given, by route.", ("route",), registry=self.registry
        )
        # To look a child up by its labels costs more than to count it.
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self._row_children: dict[str, Counter] = {}
        self.registry.register(_StoreFigures(self.engine))

    def count(self, seen: Watched, seconds: float) -> None:
        """Count a request."""
        key = (seen.method, seen.route, seen.status)
        child = self._children.get(key)
        if child is None:
            # A method is whatever the client says.
            method = seen.method if seen.method in _METHODS else "other"
            child = self._seconds.labels(method, seen.route, str(seen.status))
            if method == seen.method:
                self._children[key] = child
        child.observe(seconds)
        if seen.rows:
            rows = self._row_children.get(seen.route)
            if rows is None:
                rows = self._row_children[seen.route] = self._rows.labels(seen.route)
            rows.inc(seen.rows)

    def text(self) -> bytes:
        """All of it as Prometheus reads it; asks the store, so not for the event loop."""
        return generate_latest(self.registry)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class _StoreFigures(Collector):
    """What the store says at the moment of a scrape; where it does not answer only that is said."""

    def __init__(self, engine: Callable[[], sa.Engine]) -> None:
        self._engine = engine

    def describe(self) -> Iterator[Metric]:
        """Nothing: to be registered must not ask the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        is_up = GaugeMetricFamily("milk_store_up", "Whether the store answers and holds a publication.")
        try:
            engine = self._engine()
            newest = newest_publication(engine)
            figures = [_figures(engine, series_id, newest) for series_id in watched_series(engine, SERIES_ID)]
        except MilkError:
            is_up.add_metric([], 0)
            yield is_up
            return
        is_up.add_metric([], 1)
        yield is_up
        yield from _gauges([one for one in figures if one], newest)


def _figures(engine: sa.Engine, series_id: str, newest: Transaction) -> _SeriesFigures | None:
    issues, _total = find_issues(engine, Page(series_id=series_id, upto=newest.number, limit=1))
    if not issues:
        return None
    live = live_accuracy(engine, series_id, upto=newest.number)
    return _SeriesFigures(series_id, issues[0].issued_at.timestamp(), issues[0].published_at.timestamp(), live)


def _gauges(figures: Sequence[_SeriesFigures], newest: Transaction) -> Iterator[Metric]:
    number = GaugeMetricFamily("milk_publication", "Number of the newest publication.")
    number.add_metric([], newest.number)
    yield number
    now = time.time()
    issued = GaugeMetricFamily(
        "milk_newest_issue_age_seconds", "Since the newest issue was made.", labels=["series_id"]
    )
    age = GaugeMetricFamily("milk_newest_issue_published_age_seconds", "Since it was published.", labels=["series_id"])
    for one in figures:
        issued.add_metric([one.series_id], now - one.issued_at)
        age.add_metric([one.series_id], now - one.published_at)
    yield issued
    yield age
    yield from _live_gauges(figures)


def _live_gauges(figures: Sequence[_SeriesFigures]) -> Iterator[Metric]:
    """Of the prices as they were first known, by horizon; 0 is all of them."""
    labels = ["series_id", "horizon_months"]
    coverage = GaugeMetricFamily(
        "milk_live_coverage", "Share of live intervals that held the price.", labels=[*labels, "level"]
    )
    error = GaugeMetricFamily("milk_live_rmse", "Root mean squared error of live forecasts.", labels=labels)
    judged = GaugeMetricFamily("milk_live_forecasts", "Live forecasts judged so far.", labels=labels)
    for one in figures:
        for row in (row for row in one.live if row.observed_as == "first"):
            names = [one.series_id, str(row.horizon_months)]
            coverage.add_metric([*names, "80"], row.coverage_80)
            coverage.add_metric([*names, "95"], row.coverage_95)
            error.add_metric(names, row.rmse)
            judged.add_metric(names, row.forecasts)
    yield from (coverage, error, judged)
