"""Messages to a real receiver: taken, signed, and what becomes of one that is down, refuses or is slow."""

import datetime as dt
import hmac
import traceback
from collections.abc import Iterator

import pytest

from milk.errors import BadSetting, Undelivered
from milk.evaluation.alerts import Change, Condition, Episode
from milk.steps.webhook import SIGNATURE, TIMESTAMP, TRIES, Receiver, deliver, payload_of
from tests.ports import free_port
from tests.receiver import PATH, SECRET_WORD, Inbox, receiver

NOW = dt.datetime(2026, 11, 10, 12, tzinfo=dt.UTC)
ORIGIN = {"dataset_id": "abc", "is_synthetic": True}
CHANGE = Change("alert", Episode(Condition("stale_data", "milk_price", "Old: ñ.", {"newest": "2026-08"}), NOW))
PAYLOAD = payload_of(CHANGE, now=NOW, origin=ORIGIN)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiver() as running:
        yield running


def at(url: str, *, secret: str = "") -> Receiver:
    return Receiver(url, secret, timeout_seconds=0.5, pause_seconds=0.01)


def test_a_message_says_what_the_page_on_alerts_says(inbox: Inbox) -> None:
    deliver(at(inbox.url), PAYLOAD, now=NOW)
    assert inbox.messages == [
        {
            "schema": 1,
            "event": "alert",
            "kind": "stale_data",
            "subject": "milk_price",
            "text": "milk (synthetic data): Old: ñ.",
            "since": "2026-11-10T12:00:00+00:00",
            "sent_at": "2026-11-10T12:00:00+00:00",
            "numbers": {"newest": "2026-08"},
            "dataset_id": "abc",
            "is_synthetic": True,
        }
    ]
    assert inbox.headers[0]["Content-Type"] == "application/json"
    assert SIGNATURE not in inbox.headers[0]


@pytest.mark.parametrize(
    ("lasted", "words"), [(dt.timedelta(hours=3, minutes=4), "3 h 04 min"), (dt.timedelta(days=3), "3 days")]
)
def test_what_is_over_says_how_long_it_lasted(lasted: dt.timedelta, words: str) -> None:
    over = payload_of(Change("over", CHANGE.episode), now=NOW + lasted, origin=ORIGIN)
    assert f"Over, after {words}: Old" in over["text"]


def test_a_receiver_can_tell_who_speaks_and_when(inbox: Inbox) -> None:
    deliver(at(inbox.url, secret=SECRET_WORD), PAYLOAD, now=NOW)
    headers, body = inbox.headers[0], inbox.bodies[0]
    assert headers[TIMESTAMP] == str(int(NOW.timestamp()))
    expected = hmac.new(SECRET_WORD.encode(), headers[TIMESTAMP].encode() + b"." + body, "sha256").hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}"


@pytest.mark.parametrize("answers", [[500], [503, 0], [429, 500], [0, 0], [-1]])
def test_a_receiver_that_stumbles_is_asked_again(inbox: Inbox, answers: list[int]) -> None:
    inbox.answers = [*answers]
    deliver(at(inbox.url), PAYLOAD, now=NOW)
    assert inbox.asked == len(answers) + 1
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    ("answers", "asked", "words"),
    [
        ([500] * 9, TRIES, "answered 500"),
        ([0] * 9, TRIES, "cut the connection|cannot be reached"),
        ([-1] * 9, TRIES, "did not answer"),
        ([404] * 9, 1, "answered 404"),
        # A message that follows to somewhere else would tell a stranger.
        ([302] * 9, 1, "answered 302"),
    ],
)
def test_a_receiver_that_does_not_take_it_is_asked_so_often_and_no_more(
    inbox: Inbox, answers: list[int], asked: int, words: str
) -> None:
    inbox.answers = [*answers]
    with pytest.raises(Undelivered, match=words):
        deliver(at(inbox.url), PAYLOAD, now=NOW)
    assert inbox.asked == asked
    assert inbox.messages == []


@pytest.mark.parametrize("where", ["refused", "no such host"])
def test_the_address_stands_in_no_message(where: str) -> None:
    host = f"127.0.0.1:{free_port()}" if where == "refused" else "no-such-host.invalid"
    with pytest.raises(Undelivered) as raised:
        deliver(at(f"http://user:{SECRET_WORD}@{host}{PATH}", secret=SECRET_WORD), PAYLOAD, now=NOW)
    assert SECRET_WORD not in "".join(traceback.format_exception(raised.value))
    assert SECRET_WORD not in repr(at(f"http://{host}{PATH}"))


@pytest.mark.parametrize(
    "url", ["", "words", "file:///etc/passwd", "ftp://a/b", "http://", "http://a b/c", "http://a:x/", "http://[/"]
)
def test_what_is_no_address_is_said_without_showing_it(url: str) -> None:
    with pytest.raises(BadSetting, match="MILK_ALERT_URL is no address") as raised:
        Receiver(url)
    assert not url or url not in str(raised.value)
