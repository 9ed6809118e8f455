"""The sensor that tells a webhook: in a real instance, with real failed runs, to a real receiver."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from milk.errors import HomeRefused
from milk.home.dataset import claim_home
from milk.settings import SAMPLE, Settings
from milk.sources.files import DataFolder
from milk.steps.receive import dataset_of
from milk.steps.webhook import Receiver
from milk_assets.definitions import build_definitions, build_resources
from milk_assets.defs.alerts import alert_sensor, failed_runs, look
from milk_assets.defs.jobs import PUBLISH, TRAIN
from milk_assets.defs.resources import Clock, Workplace
from tests.receiver import SECRET_WORD, Inbox, receiver

NOW = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)
FAILURE, SUCCESS = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiver() as running:
        yield running


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=SAMPLE, home=tmp_path / "home")


@pytest.fixture
def workplace(settings: Settings) -> Workplace:
    made: Workplace = build_resources(settings)["workplace"]
    made.home.prepare()
    claim_home(made.home, dataset_of(DataFolder(SAMPLE)))
    return made


def ended(instance: dg.DagsterInstance, job: str, status: dg.DagsterRunStatus) -> None:
    create_run_for_test(instance, job_name=job, status=status)


def at(inbox: Inbox) -> Receiver:
    return Receiver(inbox.url, timeout_seconds=0.5, pause_seconds=0.01)


def test_the_newest_run_of_a_job_says_whether_it_failed(instance: dg.DagsterInstance) -> None:
    assert failed_runs(instance) == []
    ended(instance, TRAIN, FAILURE)
    ended(instance, PUBLISH, SUCCESS)
    (failed,) = failed_runs(instance)
    assert (failed.kind, failed.subject) == ("run_failed", TRAIN)
    # What a person stopped, and what is under way, says nothing.
    ended(instance, TRAIN, dg.DagsterRunStatus.CANCELED)
    ended(instance, TRAIN, dg.DagsterRunStatus.STARTED)
    assert [condition.subject for condition in failed_runs(instance)] == [TRAIN]
    ended(instance, TRAIN, SUCCESS)
    assert failed_runs(instance) == []


def test_a_run_that_fails_is_told_in_the_words_of_its_step(instance: dg.DagsterInstance) -> None:
    @dg.op
    def broken() -> None:
        raise dg.Failure(description="The price file has no rows. Give another one.")

    @dg.job(name=TRAIN)
    def training() -> None:
        broken()

    training.execute_in_process(instance=instance, raise_on_error=False)
    (failed,) = failed_runs(instance)
    assert "The price file has no rows" in failed.text


def test_a_failure_is_told_once_and_its_end_once(
    instance: dg.DagsterInstance, workplace: Workplace, inbox: Inbox
) -> None:
    ended(instance, PUBLISH, FAILURE)
    said = look(instance, workplace, at(inbox), now=NOW)
    assert f"run_failed:{PUBLISH}" in said
    ended(instance, PUBLISH, FAILURE)
    assert look(instance, workplace, at(inbox), now=NOW) == "Nothing new to tell."
    ended(instance, PUBLISH, SUCCESS)
    look(instance, workplace, at(inbox), now=NOW)
    assert [told for told in inbox.told if told[1] == "run_failed"] == [("alert", "run_failed"), ("over", "run_failed")]


def test_a_receiver_that_is_down_stops_nothing_and_hears_of_it_later(
    instance: dg.DagsterInstance, workplace: Workplace, inbox: Inbox
) -> None:
    ended(instance, PUBLISH, FAILURE)
    inbox.answers = [500] * 3
    said = look(instance, workplace, at(inbox), now=NOW)
    assert "wait for the next look" in said
    assert SECRET_WORD not in said
    look(instance, workplace, at(inbox), now=NOW)
    assert ("alert", "run_failed") in inbox.told


def test_of_a_store_that_does_not_answer_failed_runs_are_told_all_the_same(
    instance: dg.DagsterInstance, workplace: Workplace, inbox: Inbox
) -> None:
    look(instance, workplace, at(inbox), now=NOW)
    assert ("alert", "no_issue") in inbox.told
    (workplace.home.path / "milk.db").unlink()
    (workplace.home.path / "milk.db").mkdir()
    ended(instance, PUBLISH, FAILURE)
    said = look(instance, workplace, at(inbox), now=NOW)
    assert "cannot be used" in said
    assert inbox.told[-1] == ("alert", "run_failed")
    # Whether the month has its issue by now cannot be told.
    assert ("over", "no_issue") not in inbox.told


def test_the_sensor_tells_where_a_receiver_is_set_and_says_so_where_none_is(
    instance: dg.DagsterInstance, settings: Settings, workplace: Workplace, inbox: Inbox
) -> None:
    told = settings.model_copy(update={"alert_url": inbox.url, "alert_secret": "k"})
    for chosen, words in ((settings, "MILK_ALERT_URL is not set"), (told, "alert no_issue")):
        context = dg.build_sensor_context(
            instance=instance, resources={"workplace": workplace, "clock": Clock(fixed=NOW.isoformat())}
        )
        skipped = alert_sensor(chosen)(context)
        assert isinstance(skipped, dg.SkipReason)
        assert words in str(skipped.skip_message)
    assert inbox.headers[0]["Milk-Signature"].startswith("sha256=")


def test_an_address_that_is_none_is_said_without_showing_it(
    instance: dg.DagsterInstance, settings: Settings, workplace: Workplace
) -> None:
    wrong = settings.model_copy(update={"alert_url": f"ftp://{SECRET_WORD}"})
    context = dg.build_sensor_context(instance=instance, resources={"workplace": workplace, "clock": Clock()})
    skipped = alert_sensor(wrong)(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "is no address" in str(skipped.skip_message)
    assert SECRET_WORD not in str(skipped.skip_message)


def test_the_address_stands_nowhere_in_the_definitions(settings: Settings) -> None:
    told = settings.model_copy(update={"alert_url": f"https://chat.example.org/{SECRET_WORD}"})
    assert SECRET_WORD not in repr(told)
    repository = build_definitions(told).get_repository_def()
    shown = [str(resource) for resource in repository.get_top_level_resources().values()]
    shown += [str(sensor.description) + repr(sensor.metadata) for sensor in repository.sensor_defs]
    assert SECRET_WORD not in "".join(shown)


def test_a_home_that_is_damaged_is_said(instance: dg.DagsterInstance, workplace: Workplace, inbox: Inbox) -> None:
    workplace.home.documents.write("alerts.json", b"{")
    with pytest.raises(HomeRefused, match="Delete it"):
        look(instance, workplace, at(inbox), now=NOW)
