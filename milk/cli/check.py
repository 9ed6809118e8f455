"""`milk config check`: tries what the settings name, changes nothing, and says what is wrong, where, and what to do."""

import contextlib
import importlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from milk.cli.config import shown_secret
from milk.cli.console import OUT, say
from milk.errors import HomeRefused, MilkError, NothingPublished
from milk.home.layout import Home
from milk.publication.engine import HEAD, open_store, reading, schema_of, shown_address
from milk.publication.schema import ISSUES
from milk.settings import Settings, load_settings

LIMIT_SECONDS = 9
"""How long all checks together may take: a frozen server takes a connection and never says a word."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found.

    Attributes:
        name: what was tried.
        state: `ok`, or `wrong`.
        said: what was found; of something wrong also where, and what to do.
    """

    name: str
    state: Literal["ok", "wrong"]
    said: str


Check = Callable[[], str]
"""Says what it found; raises a `MilkError` where that is wrong."""


def check_settings(*, data: Path | None, home: Path | None, as_json: bool) -> None:
    """Print what was found, a line each; exit code 1 where something is wrong.

    Raises:
        BadSetting: a setting cannot be used.
    """
    settings = load_settings(data=data, home=home)
    found = try_all(checks_of(settings), limit_seconds=LIMIT_SECONDS)
    if as_json:
        OUT.print_json(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            say(f"{one.state:<6} {one.name:<8} {one.said}")
    if any(one.state == "wrong" for one in found):
        sys.exit(1)


def checks_of(settings: Settings) -> dict[str, Check]:
    """What there is to try; a part that is not installed, as in the image of the reader, is not tried."""
    checks: dict[str, Check] = {"store": lambda: check_store(settings)}
    if find_spec("pandas") is not None:
        checks = {"data": lambda: check_data(settings), "home": lambda: check_home(settings)} | checks
        if settings.files_url is not None:
            checks["files"] = lambda: check_files(settings)
    if find_spec("dagster") is not None:
        if settings.dagster_url is not None:
            # Now, and not within the time of a check; what is missing is said by the check.
            with contextlib.suppress(ImportError):
                importlib.import_module("milk_assets.storage")
        checks["dagster"] = lambda: check_records(settings)
    return checks


def try_all(checks: dict[str, Check], *, limit_seconds: float) -> list[Found]:
    """Make all checks at once, and wait for each only until the time is over."""
    found: dict[str, Found] = {}

    def attempt(name: str, check: Check) -> None:
        try:
            found[name] = Found(name, "ok", check())
        except MilkError as error:
            found[name] = Found(name, "wrong", " ".join(str(error).split()))
        except Exception as error:  # noqa: BLE001  # because the others are still to be told
            found[name] = Found(name, "wrong", f"{type(error).__name__}: {' '.join(str(error).split())}")

    # Threads that the process does not wait for at its end.
    threads = [threading.Thread(target=attempt, args=one, daemon=True) for one in checks.items()]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + limit_seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {limit_seconds:g} s: the server may be frozen, or a firewall may be in between"
    return [found.get(name, Found(name, "wrong", late)) for name in checks]


def check_data(settings: Settings) -> str:
    """Whether the input files can be used."""
    from milk.sources.files import DataFolder
    from milk.steps.receive import dataset_of

    dataset = dataset_of(DataFolder(settings.data))
    kind = "synthetic" if dataset.is_synthetic else "real"
    return f"{settings.data}: prices {dataset.first_month} to {dataset.last_month}, {kind}"


def check_home(settings: Settings) -> str:
    """Whether the home can be written; one that is not there is not made."""
    home = settings.home_path
    there = next(place for place in (home, *home.parents) if place.exists())
    if there == home:
        Home(home).prepare()
        return f"{home}: can be written"
    if not os.access(there, os.W_OK | os.X_OK):
        raise HomeRefused(
            f"The home {home} cannot be made: nobody may write to {there} here. Choose another MILK_HOME."
        )
    with tempfile.TemporaryFile(dir=there):
        pass
    return f"{home}: not there yet, the first run makes it"


def check_files(settings: Settings) -> str:
    """Whether the bucket answers, and to which data its files belong; nothing is written."""
    from milk.home.dataset import read_dataset
    from milk.steps.place import home_of

    patience = min(settings.files_patience_seconds, LIMIT_SECONDS // 2)
    home = home_of(settings.model_copy(update={"files_patience_seconds": patience}))
    dataset = read_dataset(home)
    return f"{home.address}: {f'dataset {dataset.dataset_id}' if dataset else 'empty, the first run begins it'}"


def check_store(settings: Settings) -> str:
    """Whether the store answers, and is of this program's schema."""
    where = shown_address(settings.store_address)
    try:
        engine = open_store(settings.store_address, create=False)
    except NothingPublished:
        return f"{where}: not there yet, the first run makes it"
    try:
        schema = schema_of(engine)
        if schema is not None and schema > HEAD:
            raise HomeRefused(f"A newer version of this program made the store at {where} (schema {schema}): use it.")
        if schema is None:
            return f"{where}: empty, the first run makes its tables"
        older = "" if schema == HEAD else f", older than this program's {HEAD}; the next run brings it up to date"
        return f"{where}: schema {schema}{older}; its user may {'publish' if _may_publish(engine) else 'only read'}"
    finally:
        engine.dispose()


def _may_publish(engine: sa.Engine) -> bool:
    if engine.dialect.name == "sqlite":
        return os.access(str(engine.url.database), os.W_OK)
    with reading(engine) as connection:
        return bool(connection.scalar(sa.select(sa.func.has_table_privilege(ISSUES.name, "INSERT"))))


def check_records(settings: Settings) -> str:
    """Whether the database of Dagster's records answers and may be used; nothing is made in it."""
    address = settings.dagster_address
    if address is None:
        return f"SQLite in {Home(settings.home_path).dagster}"
    from milk.cli.dagster_home import refuse_without_packages

    refuse_without_packages()
    from milk_assets.records import standing
    from milk_assets.storage import bounded, explained

    url = bounded(address)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with explained(url), engine.connect() as connection:
        may_create = connection.scalar(sa.text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
        has_tables = connection.dialect.has_table(connection, "alembic_version")
        query = sa.text("SELECT version_num FROM alembic_version")
        revision = connection.scalar(query) if has_tables else None
    where = shown_secret(address)
    if not has_tables and not may_create:
        raise HomeRefused(
            f"The user of Dagster's records at {where} may make no tables there. deploy/postgres/dagster.sql gives the "
            "right."
        )
    return f"{where}: {standing(revision)}"
