"""JSON documents: small results that are read whole."""

import json
from typing import Any

from milk.errors import HomeRefused
from milk.home.layout import Home
from milk.models.canonical import canonical_json


def write_document(home: Home, name: str, content: object) -> None:
    """Write a document in place of the one that stands."""
    home.documents.write(_file(name), canonical_json(content))


def read_document(home: Home, name: str) -> Any | None:  # noqa: ANN401 because JSON holds anything
    """Read a document; `None` where it was never written.

    Raises:
        HomeRefused: it is damaged.
    """
    try:
        return json.loads(home.documents.read(_file(name)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HomeRefused(
            f"{home.documents}/{_file(name)} cannot be read: {error}. Delete it and run again."
        ) from error


def _file(name: str) -> str:
    return f"{name}.json"
