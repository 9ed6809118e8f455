"""The schema of Dagster's own records, in the home or on a server: older, the same, or newer than the program."""

from typing import Any

import dagster as dg
from alembic.script import ScriptDirectory
from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION

from milk.errors import HomeRefused


def revisions(instance: dg.DagsterInstance) -> dict[str, tuple[str | None, str | None]]:
    """Of each kind of records, the schema that it has and the one that this Dagster writes."""
    storages: dict[str, Any] = {
        "runs": instance.run_storage,
        "events": instance.event_log_storage,
        "schedules": instance.schedule_storage,
    }
    return {name: storage.alembic_version() for name, storage in storages.items()}


def standing(revision: str | None) -> str:
    """What is to be said of records at a schema.

    Args:
        revision: the schema that they have; `None` where there are none yet.

    Raises:
        HomeRefused: a later Dagster made them.
    """
    if revision is None:
        return "empty, the first start makes its tables"
    script = ScriptDirectory(_folder_of_migrations())
    if revision in script.get_heads():
        return f"schema {revision}, that of Dagster {dg.__version__}"
    if revision not in {known.revision for known in script.walk_revisions()}:
        raise HomeRefused(
            f"A newer Dagster than {dg.__version__} made its records here (schema {revision} is not known). Use that "
            "version again, or give this one records of its own: another MILK_DAGSTER_URL, or another home."
        )
    return f"schema {revision}, of an earlier Dagster; `milk up` or `milk prepare` brings it up to date"


def bring_up_to_date(instance: dg.DagsterInstance) -> bool:
    """Bring records that an earlier Dagster made to the schema of this one, as `dagster instance migrate` does.

    No other process of Dagster may be at work on them.

    Returns:
        Whether there was anything to do.

    Raises:
        HomeRefused: a later Dagster made them.
    """
    found = revisions(instance)
    for has, _wanted in found.values():
        standing(has)
    if all(has == wanted for has, wanted in found.values()):
        return False
    instance.upgrade()
    return True


def _folder_of_migrations() -> str:
    from importlib.resources import files

    package, _, folder = ALEMBIC_SCRIPTS_LOCATION.partition(":")
    return str(files(package).joinpath(folder))
