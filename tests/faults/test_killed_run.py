import dataclasses
from pathlib import Path

import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from benchmarks.faults.content import FIRST, Order, issue, publication
from benchmarks.faults.killed_run import kill_runs, runs_in_progress, spurious_revisions
from milk.cli.dagster_home import in_process_instance, prepare_dagster_home
from milk.home.layout import Home
from milk.publication.engine import migrate, open_store
from milk.publication.publish import publish
from milk.series import SERIES_ID
from milk.settings import load_settings

pytestmark = pytest.mark.slow(seconds=90)

KILLS = 1  # `make soak` kills fifty times


def test_killed_runs_leave_a_whole_home_and_the_next_run_ends_where_a_calm_one_does(tmp_path: Path) -> None:
    tally = kill_runs(tmp_path, KILLS, seed=2, first_issue="2026-01")
    assert tally.is_sound, tally.faults
    assert tally.done["kills"] == KILLS


def test_a_month_that_was_published_twice_is_found(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    for number in range(2):
        made = dataclasses.replace(issue(FIRST, number), series_id=SERIES_ID)
        publish(engine, dataclasses.replace(publication(Order(number, FIRST)), issues=[made]))
    found = spurious_revisions(engine)
    engine.dispose()
    assert found == ["2010-01 has 2 revisions"]


def test_a_run_that_was_left_in_progress_is_found(tmp_path: Path) -> None:
    home = Home(tmp_path)
    prepare_dagster_home(home, load_settings())
    with in_process_instance(home) as instance:
        create_run_for_test(instance, status=DagsterRunStatus.SUCCESS)
        left = create_run_for_test(instance, status=DagsterRunStatus.STARTED)
    assert runs_in_progress(home) == [f"run {left.run_id} is STARTED"]
