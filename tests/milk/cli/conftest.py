"""One home made by the real command, for the tests that look at what it left."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.milk.cli.commands import Told, milk_process


@dataclass(frozen=True)
class Ran:
    """A home, what the run that made it said, and the JSON that it wrote."""

    home: Path
    told: Told
    document: dict[str, Any]


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    root = tmp_path_factory.mktemp("ran")
    told = milk_process("run", "--json", root / "run.json", MILK_HOME=str(root / "home"))
    assert told.code == 0, told.err
    return Ran(root / "home", told, json.loads((root / "run.json").read_bytes()))
