"""One home made by the real command, for the tests that look at what it left."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.milk.cli.commands import Told, milk_process


@dataclass(frozen=True)
class Ran:
    """A home, what the run that made it said, and the JSON that it wrote."""

    home: Path
    told: Told
    document: dict[str, Any]


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Ran:
    """Made by the process of the suite that asks first; nobody changes it."""
    base = tmp_path_factory.getbasetemp()
    root = (base if worker_id == "master" else base.parent) / "ran"
    with FileLock(root.with_suffix(".lock")):
        if not (root / "told.json").exists():
            told = milk_process("run", "--json", root / "run.json", MILK_HOME=str(root / "home"))
            assert told.code == 0, told.err
            (root / "told.json").write_text(json.dumps(asdict(told)), encoding="utf-8")
    told = Told(**json.loads((root / "told.json").read_text(encoding="utf-8")))
    return Ran(root / "home", told, json.loads((root / "run.json").read_bytes()))
