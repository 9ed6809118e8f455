"""`milk config show`: every setting, its value, and where that comes from."""

import json
from pathlib import Path
from typing import Any

from milk.cli.console import OUT, say
from milk.environment import variable
from milk.settings import Settings, extra_of, load_settings, origins, secret_settings

HIDDEN = "***"


def show_settings(*, data: Path | None, home: Path | None, as_json: bool) -> None:
    """Print the settings.

    Raises:
        BadSetting: one of them cannot be used.
    """
    settings = load_settings(data=data, home=home)
    options = {name for name, value in {"data": data, "home": home}.items() if value is not None}
    rows = settings_rows(settings, origins(options))
    if as_json:
        OUT.print_json(json.dumps(rows))
        return
    width = max(len(row["variable"]) for row in rows)
    for row in rows:
        say(f"{row['variable']:<{width}}  {row['from']:<11}  {row['value']}")


def settings_rows(settings: Settings, sources: dict[str, str]) -> list[dict[str, Any]]:
    """Each setting: its name, variable and value as text, where that comes from, and what it means.

    Args:
        settings: the settings.
        sources: where each comes from.
    """
    return [
        {
            "name": name,
            "variable": variable(name),
            "value": shown_value(settings, name),
            "from": sources[name],
            "unit": extra_of(name, "unit"),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def shown_value(settings: Settings, name: str) -> str:
    """The value of a setting as it may be shown; where none is given, what is used in its place."""
    value = getattr(settings, name)
    if name == "home":
        return str(settings.home_path)
    if value is None and name == "store_url":
        return settings.store_address
    if value is None and name == "dagster_url":
        return f"SQLite in {settings.home_path / 'dagster'}"
    if value is None:
        return "not set"
    if name in secret_settings():
        return shown_secret(str(value))
    return ",".join(value) if isinstance(value, tuple) else str(value)


def shown_secret(value: str) -> str:
    """An address without what may be secret in it: of a database the password, of any other all but its host."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        return HIDDEN
    if url.host and "@" in f"{url.host}{url.database}":
        # An @ of the password that is not written as %40 puts the rest of it into the host, or beyond.
        return f"{url.drivername}://{HIDDEN}"
    if url.drivername.startswith(("sqlite", "postgres")):
        return url.set(query={}).render_as_string(hide_password=True)
    return f"{url.drivername}://{url.host or ''}/{HIDDEN}"
