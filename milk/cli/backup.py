"""`milk backup` and `milk restore`: a home in one file, and a home from it."""

import datetime as dt
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from milk.cli.console import OUT, banner, command, say
from milk.cli.output import Output, refuse_protected
from milk.cli.status import existing_store_as_it_is
from milk.publication.engine import shown_address
from milk.settings import load_settings
from milk.steps.backup import Backup, read_backup, write_backup
from milk.steps.place import home_of
from milk.steps.restore import restore_backup


def back_up(file: Path, *, data: Path | None, home: Path | None, as_json: bool) -> None:
    """Write a backup of a home and say what is in it.

    Raises:
        HomeRefused: the home is empty or damaged, its store does not answer, or the file cannot be written.
    """
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    refuse_protected(Output(file, b"", "FILE"), settings.data, place.path)
    with existing_store_as_it_is(settings, place) as store:
        backup = write_backup(place, store, file, created_at=dt.datetime.now(dt.UTC))
    if as_json:
        say(_json({"file": str(file)} | _said(backup)))
        return
    _print(backup)
    say(f"Written to {file}, {file.stat().st_size} bytes. To be sure of it: {command()} backup --verify {file}")


def verify(file: Path, *, as_json: bool) -> None:
    """Read a backup whole, compare every hash, and say what it holds.

    Raises:
        BackupRefused: it cannot be used.
    """
    backup = read_backup(file)
    if as_json:
        say(_json({"file": str(file)} | _said(backup)))
        return
    _print(backup)
    say(f"Every byte of {file} is as it was written.")


def restore(file: Path, *, home: Path | None, store_url: str | None, as_json: bool) -> None:
    """Make a home of a backup and say what came back, and what next.

    Raises:
        BackupRefused: the backup cannot be used.
        HomeRefused: home or store hold something, or cannot be written.
    """
    settings = load_settings(home=home, store_url=store_url)
    place = home_of(settings)
    restored = restore_backup(file, place, store_url=settings.store_address)
    where = shown_address(settings.store_address)
    if as_json:
        said = {"brought_from": restored.brought_from, "broken": restored.broken}
        say(_json({"home": place.address, "store": where} | said | _said(restored.backup)))
        return
    _print(restored.backup)
    if restored.brought_from:
        say(f"The store was brought up from schema {restored.brought_from}.")
    for broken in restored.broken:
        say(f"BROKEN, as it was when it was backed up: {broken}")
    say(f"Restored into {place.address}, its store into {where}")
    say("Dagster's records of runs are of the machine that made them, and are not restored: the next run begins them.")
    option = "" if settings.store_url is None else "with MILK_STORE_URL set to that store, "
    say(f'Next: {option}{command()} status --home "{place.path}", then {command()} run with the data of this home.')


def _print(backup: Backup) -> None:
    OUT.print(f"dataset   {backup.dataset_id}  {banner(is_synthetic=backup.is_synthetic)}", soft_wrap=True)
    say(f"made      {backup.created_at:%Y-%m-%d %H:%M:%S} UTC by milk {backup.program}")
    store = f"schema {backup.schema}, " if backup.schema else "no store yet, "
    say(f"published {store}{backup.issues} issues, newest publication {backup.publication}")
    say(f"files     {backup.files}, {backup.size} bytes unpacked; {len(backup.tables)} tables")


def _said(backup: Backup) -> dict[str, Any]:
    return asdict(backup) | {"created_at": backup.created_at.isoformat()}


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2)
