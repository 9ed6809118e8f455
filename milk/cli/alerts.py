"""`milk alerts`: what somebody should be told of, and telling it."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from milk.cli.console import say, say_progress
from milk.cli.status import existing_store
from milk.errors import BadSetting, Undelivered
from milk.evaluation.alerts import Condition, Episode
from milk.series import series_register
from milk.settings import Settings, load_settings
from milk.steps.alerts import OF_THE_HOME, home_conditions, send_test, tell, told_episodes
from milk.steps.place import home_of
from milk.steps.webhook import Receiver


def show_alerts(*, data: Path | None, home: Path | None, is_sent: bool, is_test: bool, as_json: bool) -> None:
    """Print what holds now; tell the webhook where asked to.

    Raises:
        BadSetting: something is to be sent, and no receiver is set.
        Undelivered: the receiver did not take it.
        HomeRefused: home or store cannot be read.
    """
    settings, now = load_settings(data=data, home=home), dt.datetime.now(dt.UTC)
    place = home_of(settings)
    if is_test:
        send_test(place, receiver_of(settings), now=now)
        say("The receiver took a test message.")
        return
    receiver = receiver_of(settings) if is_sent else None
    rule = series_register().price.availability
    with existing_store(settings, place) as store:
        found = home_conditions(place, store, price_rule=rule, now=now)
    told = told_episodes(place)
    _print(found, told, as_json=as_json)
    if receiver is not None:
        done = tell(place, receiver, found, looked_for=OF_THE_HOME, now=now)
        if done.untold:
            raise Undelivered(f"{done.problem} {done.untold} messages wait for the next `--send`.")
        # Beside the result: that may be JSON.
        say_progress(f"{len(done.changes)} messages sent.")


def receiver_of(settings: Settings) -> Receiver:
    """Where alerts go.

    Raises:
        BadSetting: it is not set, or no address.
    """
    if settings.alert_url is None:
        raise BadSetting("MILK_ALERT_URL is not set, so there is nobody to tell. Set it to the address of a webhook.")
    return Receiver(settings.alert_url, settings.alert_secret or "")


def _print(found: Sequence[Condition], told: Mapping[str, Episode], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "kind": condition.kind,
                "subject": condition.subject,
                "text": condition.text,
                "numbers": dict(condition.numbers),
                "told_since": told[condition.key].since.isoformat() if condition.key in told else None,
            }
            for condition in found
        ]
        say(json.dumps(rows, indent=2))
        return
    for condition in found:
        since = f" (told {told[condition.key].since:%Y-%m-%d %H:%M} UTC)" if condition.key in told else ""
        say(f"{condition.kind:<11} {condition.text}{since}")
    if not found:
        say("Nothing to tell of data, issues and coverage. Of runs the sensor alert_sensor of `milk up` knows.")
