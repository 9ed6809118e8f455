"""What holds of a home, told to a real receiver, once for each episode."""

import dataclasses
import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from milk.errors import HomeRefused, Undelivered
from milk.evaluation.alerts import Condition
from milk.home.dataset import claim_home
from milk.home.documents import read_document, write_document
from milk.home.layout import Home
from milk.months import Month
from milk.publication.publish_judged import publish_scorecard
from milk.series import SERIES_ID, series_register
from milk.sources.files import DataFolder
from milk.steps.alerts import DOCUMENT, OF_THE_HOME, home_conditions, send_test, tell, told_episodes
from milk.steps.receive import dataset_of
from milk.steps.webhook import Receiver
from tests.builders import SAMPLE
from tests.milk.publication.issues import issue, published
from tests.milk.publication.judged import stamp, statistics
from tests.receiver import SECRET_WORD, Inbox, receiver

# The prices of the sample end in October 2026.
NOW = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)
NEXT_YEAR = dt.datetime(2027, 3, 10, 12, tzinfo=dt.UTC)
RULE = series_register().price.availability
FAILED = Condition("run_failed", "training", "The newest run of training failed.")


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiver() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.prepare()
    claim_home(home, dataset_of(DataFolder(SAMPLE)))
    return home


def at(inbox: Inbox) -> Receiver:
    return Receiver(inbox.url, timeout_seconds=0.5, pause_seconds=0.01)


def conditions(home: Home, store: sa.Engine | None, now: dt.datetime = NOW) -> list[str]:
    return [condition.key for condition in home_conditions(home, store, price_rule=RULE, now=now)]


def test_a_home_that_is_as_it_should_be_has_nothing_to_tell(home: Home, store: sa.Engine) -> None:
    assert conditions(home, store) == [f"no_issue:{SERIES_ID}"]
    published(store, issue(Month(2026, 11), series_id=SERIES_ID, kind="live"))
    assert conditions(home, store) == []
    assert conditions(home, store, NEXT_YEAR) == ["stale_data:milk_price", f"no_issue:{SERIES_ID}"]


def test_a_home_before_its_first_run_has_nothing_to_tell(tmp_path: Path) -> None:
    assert conditions(Home(tmp_path), None, NEXT_YEAR) == []


def test_coverage_out_of_its_band_is_told_and_one_that_is_not_judged_is_not(home: Home, store: sa.Engine) -> None:
    published(store, issue(Month(2026, 11), series_id=SERIES_ID, kind="live"))
    outside = dataclasses.replace(
        statistics(), series_id=SERIES_ID, observed_as="first", horizon_months=0, is_judged=True, is_outside_80=True
    )
    publish_scorecard(store, [], [dataclasses.replace(outside, is_judged=False)], stamp())
    assert conditions(home, store) == []
    publish_scorecard(store, [], [outside], stamp())
    assert conditions(home, store) == [f"coverage:{SERIES_ID}/80"]
    publish_scorecard(store, [], [dataclasses.replace(outside, is_outside_80=False)], stamp())
    assert conditions(home, store) == []


def test_an_episode_is_told_once_whoever_looks(home: Home, inbox: Inbox) -> None:
    for _look in range(3):
        tell(home, at(inbox), [FAILED], looked_for=["run_failed"], now=NOW)
    # A look at the home alone knows nothing of runs.
    tell(Home(home.path), at(inbox), [], looked_for=OF_THE_HOME, now=NOW)
    assert inbox.told == [("alert", "run_failed")]
    for _look in range(3):
        tell(home, at(inbox), [], looked_for=["run_failed"], now=NOW + dt.timedelta(days=2))
    assert inbox.told == [("alert", "run_failed"), ("over", "run_failed")]
    assert inbox.messages[1]["since"] == inbox.messages[0]["since"]
    assert told_episodes(home) == {}


def test_what_was_not_taken_is_sent_at_the_next_look(home: Home, inbox: Inbox) -> None:
    inbox.answers = [500] * 6
    other = Condition("stale_data", "milk_price", "Old.")
    told = tell(home, at(inbox), [FAILED, other], looked_for=["run_failed", *OF_THE_HOME], now=NOW)
    assert (told.changes, told.untold) == ((), 2)
    assert "answered 500" in told.problem
    assert told_episodes(home) == {}
    # The second message of a look may be the one that is not taken.
    inbox.answers = [200, 404]
    told = tell(home, at(inbox), [FAILED, other], looked_for=["run_failed", *OF_THE_HOME], now=NOW)
    assert (len(told.changes), told.untold) == (1, 1)
    tell(home, at(inbox), [FAILED, other], looked_for=["run_failed", *OF_THE_HOME], now=NOW)
    assert inbox.told == [("alert", "run_failed"), ("alert", "stale_data")]


OLD = Condition("stale_data", "milk_price", "Old.")
EVERY_KIND = ["run_failed", *OF_THE_HOME]


@pytest.mark.parametrize("answers", [[404], [500] * 3])
def test_a_message_that_is_refused_withholds_no_other(home: Home, inbox: Inbox, answers: list[int]) -> None:
    inbox.answers = [*answers]
    told = tell(home, at(inbox), [FAILED, OLD], looked_for=EVERY_KIND, now=NOW)
    assert ([change.episode.condition for change in told.changes], told.untold) == ([OLD], 1)
    assert f"answered {answers[0]}" in told.problem
    assert [*told_episodes(home)] == [OLD.key]
    tell(home, at(inbox), [FAILED, OLD], looked_for=EVERY_KIND, now=NOW)
    assert inbox.told == [("alert", "stale_data"), ("alert", "run_failed")]


def test_a_receiver_that_does_not_answer_is_not_waited_for_with_each_message(home: Home, inbox: Inbox) -> None:
    inbox.answers = [0] * 6
    told = tell(home, at(inbox), [FAILED, OLD], looked_for=EVERY_KIND, now=NOW)
    assert (told.changes, told.untold) == ((), 2)
    assert inbox.asked == 3


def test_two_that_look_at_once_tell_an_episode_once(home: Home, inbox: Inbox) -> None:
    def look() -> None:
        tell(home, at(inbox), [FAILED], looked_for=["run_failed"], now=NOW)

    # The first try of one look gets no answer in time; meanwhile another look begins.
    inbox.answers = [-1]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(look)
        while not inbox.asked:
            time.sleep(0.01)
        second = pool.submit(look)
        first.result()
        second.result()
    assert inbox.told == [("alert", "run_failed")]


def test_what_cannot_be_remembered_is_not_sent(home: Home, inbox: Inbox) -> None:
    (home.path / "documents").symlink_to(home.path / "gone")
    for _look in range(2):
        with pytest.raises(HomeRefused, match="cannot be written"):
            tell(home, at(inbox), [FAILED], looked_for=["run_failed"], now=NOW)
    assert inbox.asked == 0
    (home.path / "documents").unlink()
    tell(home, at(inbox), [FAILED], looked_for=["run_failed"], now=NOW)
    assert inbox.told == [("alert", "run_failed")]


def test_what_is_remembered_holds_no_address(home: Home, inbox: Inbox) -> None:
    tell(home, at(inbox), [FAILED], looked_for=["run_failed"], now=NOW)
    assert SECRET_WORD not in str(read_document(home, DOCUMENT))


def test_a_test_message_changes_nothing(home: Home, inbox: Inbox) -> None:
    send_test(home, at(inbox), now=NOW)
    assert inbox.told == [("test", "test")]
    assert read_document(home, DOCUMENT) is None
    inbox.answers = [404]
    with pytest.raises(Undelivered):
        send_test(home, at(inbox), now=NOW)


@pytest.mark.parametrize("content", [[1], {"x": {}}, {"x": {"kind": "a"}}, {"x": 1}])
def test_a_memory_that_is_none_of_ours_is_said(home: Home, inbox: Inbox, content: object) -> None:
    write_document(home, DOCUMENT, content)
    with pytest.raises(HomeRefused, match="none of ours"):
        tell(home, at(inbox), [FAILED], looked_for=["run_failed"], now=NOW)
