"""`milk gc`: what of a home nothing refers to, and freeing it."""

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from milk.cli.console import command, say
from milk.cli.status import existing_store
from milk.home.dataset import read_dataset
from milk.settings import load_settings
from milk.steps.garbage import Garbage, find_garbage, free
from milk.steps.place import home_of


def collect(*, data: Path | None, home: Path | None, older_than_days: int, is_dry: bool, as_json: bool) -> None:
    """List what nothing refers to, and delete it where asked to.

    Raises:
        MilkError: what is referred to cannot be told, a run holds the home, or a file cannot be deleted.
    """
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    if read_dataset(place) is None:
        say(f"The home {place.address} is empty: there is nothing to free.")
        return
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=older_than_days)
    # From looking to deleting nobody may publish what was just found to be needed by nobody.
    with nullcontext() if is_dry else place.locked(), existing_store(settings, place) as store:
        garbage = find_garbage(place, store, before=before)
        if not is_dry:
            free(place, garbage)
    _print(garbage, is_dry=is_dry, as_json=as_json)


def _print(garbage: Sequence[Garbage], *, is_dry: bool, as_json: bool) -> None:
    size = sum(part.size for part in garbage)
    if as_json:
        content = {"freed": not is_dry, "files": len(garbage), "bytes": size, "garbage": [*map(asdict, garbage)]}
        say(json.dumps(content, indent=2))
        return
    for part in garbage:
        say(f"{part.size:>12}  {part.path}  ({part.why})")
    if not garbage:
        say("Nothing to free: everything of that age is referred to.")
    elif is_dry:
        say(
            f"{len(garbage)} files, {size} bytes could be freed; nothing was deleted. To do it: {command()} gc --delete"
        )
    else:
        say(f"{len(garbage)} files, {size} bytes freed.")
