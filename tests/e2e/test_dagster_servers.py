"""The real webserver, daemon and browser: *Materialize all* over every asset and month of the sample.

One `milk up` whose clock runs four years ahead, as the months of file data end with the file and not with the clock
(`test_publishing` has today's clock); the tests tell one story, in their order.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import sync_playwright

from milk.home.layout import Home
from milk.home.tables import read_table
from tests.e2e.servers import STOP_SECONDS, DagsterServer, believed_years, chromium, milk_up, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow(seconds=100)]

BACKFILL_SECONDS = 400
ASSETS = """
{ assetNodes { assetKey { path } isPartitioned partitionKeys isExecutable } }
"""
RUNS = """
{ runsOrError { ... on Runs { results { status startTime } } } }
"""
SCHEDULE = """
{ schedulesOrError(repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "milk_assets"}) {
    ... on Schedules { results { name scheduleState { status } } } } }
"""
BROWSER_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("e2e") / "home")


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[DagsterServer]:
    """The servers on an empty home: whoever starts with the UI has run nothing before."""
    with milk_up(home.path, home.path.parent / "up.log", days_later=1600) as running:
        yield running


@pytest.fixture(scope="module")
def backfill(server: DagsterServer) -> str:
    """The status of *Materialize all*, launched as the UI does, when it has ended."""
    nodes = server.query(ASSETS)["assetNodes"]
    months = next(node["partitionKeys"] for node in nodes if node["isPartitioned"])
    backfill = server.launch_backfill(months, [node["assetKey"]["path"][0] for node in nodes])
    until(
        lambda: server.status_of_backfill(backfill) != "REQUESTED",
        seconds=BACKFILL_SECONDS,
        what="the backfill did not end",
    )
    return server.status_of_backfill(backfill)


def test_the_months_of_the_sample_are_the_partitions(server: DagsterServer) -> None:
    nodes = server.query(ASSETS)["assetNodes"]
    partitioned = {node["assetKey"]["path"][0]: node["partitionKeys"] for node in nodes if node["isPartitioned"]}
    assert sorted(partitioned) == ["batch_predictions", "published_predictions"]
    for months in partitioned.values():
        assert (months[0], months[-1]) == ("2010-01", "2026-11")
    assert len(nodes) == 14


def test_the_schedule_is_on_without_a_click(server: DagsterServer) -> None:
    schedules = server.query(SCHEDULE)["schedulesOrError"]["results"]
    assert [(s["name"], s["scheduleState"]["status"]) for s in schedules] == [("monthly_forecast_schedule", "RUNNING")]


def test_materialize_all_is_green_in_three_runs(server: DagsterServer, backfill: str) -> None:
    runs = server.query(RUNS)["runsOrError"]["results"]
    assert backfill == "COMPLETED_SUCCESS"
    # One run before the months, one of all the months, one of scorecard and decision: not one run a month.
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS", "SUCCESS"]


def test_every_month_is_published_once_and_served(server: DagsterServer, backfill: str) -> None:
    assert backfill == "COMPLETED_SUCCESS"
    status, answer = server.ask("/issues")
    assert status == 200
    assert answer["meta"]["total"] == 203
    assert {issue["revision"] for issue in answer["data"]} == {1}
    assert server.ask("/predictions/latest")[1]["meta"]["issue_month"] == "2026-11"


def test_the_forecasts_are_in_the_table(home: Home, backfill: str) -> None:
    assert backfill == "COMPLETED_SUCCESS"
    table = read_table(home, "batch_predictions")
    assert table["issue_month"].nunique() == 203
    assert len(table) == 203 * 12
    assert table["is_synthetic"].all()


def test_the_logs_of_a_good_run_are_quiet(home: Home, backfill: str) -> None:
    assert backfill == "COMPLETED_SUCCESS"
    daemon = (home.logs / "daemon.log").read_text(encoding="utf-8")
    assert [line for line in daemon.splitlines() if "DEBUG" in line or "ERROR" in line] == []


def test_pages_show_what_was_made(server: DagsterServer, backfill: str, tmp_path: Path) -> None:
    assert backfill == "COMPLETED_SUCCESS"
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_OPTIONS)
        try:
            page = browser.new_page(viewport={"width": 1500, "height": 900})
            page.goto(f"{server.url}/asset-groups")
            page.get_by_text("Materialize all").wait_for(timeout=60_000)
            for group in ("sources", "panel", "training", "forecasts", "publication"):
                page.get_by_text(group, exact=True).first.wait_for(timeout=30_000)
            page.screenshot(path=tmp_path / "graph.png")
            page.goto(f"{server.url}/assets/batch_predictions")
            page.get_by_text("The forecasts issued for a month").wait_for(timeout=60_000)
            page.get_by_text("contribution_momentum").wait_for(timeout=30_000)
            picture = page.locator("img[src^='data:image/svg+xml']").first
            picture.wait_for(timeout=30_000)
            assert picture.evaluate("image => image.naturalWidth") > 0
            page.screenshot(path=tmp_path / "batch_predictions.png", full_page=True)
            page.goto(f"{server.url}/assets/published_predictions")
            page.get_by_text("What the reader serves of an issue month").first.wait_for(timeout=60_000)
            page.get_by_text("first issue").first.wait_for(timeout=30_000)
            page.goto(f"{server.reader}/docs")
            page.get_by_text("/predictions/latest").first.wait_for(timeout=30_000)
        finally:
            browser.close()
    assert (tmp_path / "graph.png").stat().st_size > 10_000


def test_every_process_believed_in_the_later_year(server: DagsterServer, backfill: str) -> None:
    assert backfill == "COMPLETED_SUCCESS"
    years = {time.gmtime(run["startTime"]).tm_year for run in server.query(RUNS)["runsOrError"]["results"]}
    assert min(believed_years(server.log) | years) >= time.gmtime().tm_year + 4


def test_nothing_is_left_after_the_stop(server: DagsterServer) -> None:
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert family
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(STOP_SECONDS) == 0
    gone, alive = psutil.wait_procs(family, timeout=20)
    assert not alive, [process.cmdline() for process in alive]
    assert gone
