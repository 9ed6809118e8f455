"""Who asks from outside, through nginx: a reader of forecasts, and somebody at the Dagster UI."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from deploy.trial.container import TrialFailed

SITE = "http://127.0.0.1:8080"
LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "milk_assets"}
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
ASSETS = "{ assetNodes { assetKey { path } isPartitioned partitionKeys } }"
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
BACKFILLS = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id status } } } }"
LAUNCH = """
mutation ($run: ExecutionParams!) {
  launchRun(executionParams: $run) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}
"""


def until(happens: Callable[[], object], *, seconds: float, what: str) -> None:
    """Wait until something is so; what cannot be asked at the moment is not so yet.

    Raises:
        TrialFailed: it does not become so.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if happens():
                return
        except (TrialFailed, httpx.HTTPError, json.JSONDecodeError, KeyError) as error:
            trouble = f" ({type(error).__name__}: {error})"
        else:
            trouble = ""
        if time.monotonic() > deadline:
            raise TrialFailed(f"Not within {seconds:.0f} s: {what}{trouble}")
        time.sleep(0.5)


@dataclass(frozen=True)
class Visitor:
    """Who asks, with the key and the password that the installation gave out."""

    http: httpx.Client
    key: str
    password: tuple[str, str]

    def newest_issue(self) -> str:
        """The issue month of the forecast that is served; empty where none is."""
        answer = self.http.get("/v1/predictions/latest")
        return str(answer.json()["meta"]["issue_month"]) if answer.status_code == 200 else ""

    def query(self, text: str, **variables: object) -> dict[str, Any]:
        """The `data` of a question to the UI.

        Raises:
            TrialFailed: it answers that the question is wrong.
        """
        asked = {"query": text, "variables": variables}
        answer = self.http.post("/dagster/graphql", json=asked, auth=self.password, timeout=60)
        answer.raise_for_status()
        content = answer.json()
        if "errors" in content:
            raise TrialFailed(f"The UI: {content['errors']}")
        return dict(content["data"])

    def months(self) -> list[str]:
        """The partitions that the UI shows; empty where the assets are not loaded."""
        nodes = self.query(ASSETS)["assetNodes"]
        return next((list(node["partitionKeys"]) for node in nodes if node["isPartitioned"]), [])

    def launch(self, job: str, month: str, assets: list[str] | None = None) -> str:
        """Start a job for a month; the run.

        Raises:
            TrialFailed: it is refused.
        """
        selector: dict[str, Any] = {**LOCATION, "jobName": job}
        if assets:
            selector["assetSelection"] = [{"path": [asset]} for asset in assets]
        tags = [{"key": "dagster/partition", "value": month}]
        run = {"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}}
        launched = self.query(LAUNCH, run=run)["launchRun"]
        if "run" not in launched:
            raise TrialFailed(f"{job} was not started: {launched}")
        return str(launched["run"]["runId"])

    def status(self, run: str) -> str:
        """How a run stands."""
        return str(self.query(STATUS, run=run)["runOrError"]["status"])

    def wait_end(self, run: str, *, seconds: float = 240) -> str:
        """How a run ended."""
        until(lambda: self.status(run) in ENDED, seconds=seconds, what=f"the end of run {run}")
        return self.status(run)

    def runs(self, job: str) -> list[str]:
        """How the runs of a job stand, the newest first."""
        return [run["status"] for run in self.query(RUNS)["runsOrError"]["results"] if run["jobName"] == job]

    def backfills(self) -> list[str]:
        """How the backfills stand, the newest first."""
        return [one["status"] for one in self.query(BACKFILLS)["partitionBackfillsOrError"]["results"]]
