"""Alerts on their way to a webhook: one POST of JSON, signed where a secret is set, tried a few times.

The address may hold a secret, as those of chat services do. It stands in no message, no log and no exception: what the
library says of a failure may quote it, so the words here are our own.
"""

import datetime as dt
import hmac
import http.client
import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from milk.errors import BadSetting, Undelivered
from milk.evaluation.alerts import Change
from milk.models.canonical import canonical_json

SCHEMA = 1
TRIES = 3
PAUSE_SECONDS = 1.0
"""Before the second try; before each further one twice as long."""
TIMEOUT_SECONDS = 5.0
SIGNATURE, TIMESTAMP = "Milk-Signature", "Milk-Timestamp"
_SYNTHETIC = " (synthetic data)"
_TRIED_AGAIN = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where alerts go.

    Attributes:
        url: the address, a secret.
        secret: what each message is signed with; empty for no signature.
        timeout_seconds: for how long one try may take.
        pause_seconds: before the second try.
    """

    url: str
    secret: str = ""
    timeout_seconds: float = TIMEOUT_SECONDS
    pause_seconds: float = PAUSE_SECONDS

    def __post_init__(self) -> None:
        try:
            parsed = urllib.parse.urlsplit(self.url)
            is_address = parsed.scheme in ("http", "https") and bool(parsed.hostname) and parsed.port != 0
        except ValueError:
            is_address = False
        if not is_address or any(character <= " " for character in self.url):
            # Not shown: it may hold a secret.
            raise BadSetting("MILK_ALERT_URL is no address: write it like https://chat.example.org/hooks/...")

    def __repr__(self) -> str:
        return "Receiver(...)"


def payload_of(change: Change, *, now: dt.datetime, origin: dict[str, Any]) -> dict[str, Any]:
    """The message as it is sent; `docs/operations/alerts.md` describes it.

    Args:
        change: what is told.
        now: when it is told.
        origin: which home speaks: `dataset_id`, `is_synthetic`.
    """
    condition, since = change.episode.condition, change.episode.since
    said = {
        "alert": condition.text,
        "over": f"Over, after {_lasted(now - since)}: {condition.text}",
        "test": condition.text,
    }
    return {
        "schema": SCHEMA,
        "event": change.event,
        "kind": condition.kind if change.event != "test" else "test",
        "subject": condition.subject,
        "text": f"milk{_SYNTHETIC if origin['is_synthetic'] else ''}: {said[change.event]}",
        "since": since.isoformat(),
        "sent_at": now.isoformat(),
        "numbers": dict(condition.numbers),
        **origin,
    }


def deliver(receiver: Receiver, payload: dict[str, Any], *, now: dt.datetime) -> None:
    """Send a message; a receiver that does not take it is asked a few times.

    Raises:
        Undelivered: it did not take it; in a bounded time, and without its address in the message.
    """
    body = canonical_json(payload)
    headers = {"Content-Type": "application/json", "User-Agent": "milk", TIMESTAMP: str(int(now.timestamp()))}
    if receiver.secret:
        headers[SIGNATURE] = f"sha256={signature(receiver.secret, headers[TIMESTAMP], body)}"
    pause = receiver.pause_seconds
    for attempt in range(1, TRIES + 1):
        fault = _posted(receiver, body, headers)
        if fault is None:
            return
        if attempt == TRIES or not fault.is_worth_a_try:
            raise Undelivered(
                f"The receiver of alerts (MILK_ALERT_URL) did not take the message: it {fault.problem}.",
                has_answered=fault.has_answered,
            )
        time.sleep(pause)
        pause *= 2


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The signature of a message: HMAC-SHA-256, in hexadecimal, over timestamp, a full stop and the body."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class _Fault:
    """What went wrong, whether another try may help, and whether there was an answer."""

    problem: str
    is_worth_a_try: bool = True
    has_answered: bool = False


def _posted(receiver: Receiver, body: bytes, headers: dict[str, str]) -> _Fault | None:
    """What went wrong, `None` where nothing did; never for longer than the limit."""
    answers: queue.SimpleQueue[_Fault | None] = queue.SimpleQueue()

    def post() -> None:
        answers.put(_tried(lambda: _post(receiver, body, headers)))

    # In a thread: the limit of a socket begins anew with each byte, and a receiver may send them one by one.
    threading.Thread(target=post, daemon=True).start()
    try:
        return answers.get(timeout=receiver.timeout_seconds)
    except queue.Empty:
        return _Fault(f"did not answer within {receiver.timeout_seconds:g} s")


def _post(receiver: Receiver, body: bytes, headers: dict[str, str]) -> None:
    request = urllib.request.Request(receiver.url, data=body, headers=headers, method="POST")  # noqa: S310  # because its scheme was checked
    opener = urllib.request.build_opener(_NoRedirect())
    with opener.open(request, timeout=receiver.timeout_seconds):
        pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message goes where it was told to, and nowhere else."""

    def redirect_request(self, *_arguments: Any) -> None:  # noqa: ANN401  # because the library calls it so
        """Follow nothing: the answer counts as it is."""
        return


def _tried(post: Callable[[], None]) -> _Fault | None:
    try:
        post()
    except urllib.error.HTTPError as error:
        error.close()
        return _Fault(f"answered {error.code}", error.code >= 500 or error.code in _TRIED_AGAIN, has_answered=True)
    except TimeoutError:
        return _Fault("did not answer in time")
    except urllib.error.URLError as error:
        return _Fault(f"cannot be reached ({_reason(error.reason)})")
    except OSError as error:
        return _Fault(f"cut the connection ({_reason(error)})")
    except (http.client.HTTPException, ValueError) as error:
        return _Fault(f"cannot be understood ({type(error).__name__})")
    return None


def _reason(error: object) -> str:
    """A reason without what may quote the address: the words of the system, or the kind of failure."""
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _lasted(duration: dt.timedelta) -> str:
    if duration >= dt.timedelta(days=2):
        return f"{duration.days} days"
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02} min"
