"""JSON documents: small results that are read whole."""

import json
from pathlib import Path
from typing import Any

from milk.errors import HomeRefused
from milk.home.layout import Home, write_atomically
from milk.models.canonical import canonical_json


def write_document(home: Home, name: str, content: object) -> None:
    """Write a document in place of the one that stands."""
    write_atomically(_file(home, name), canonical_json(content))


def read_document(home: Home, name: str) -> Any | None:  # noqa: ANN401 because JSON holds anything
    """Read a document; `None` where it was never written.

    Raises:
        HomeRefused: it is damaged.
    """
    file = _file(home, name)
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HomeRefused(f"{file} cannot be read: {error}. Delete it and run again.") from error


def _file(home: Home, name: str) -> Path:
    return home.documents / f"{name}.json"
