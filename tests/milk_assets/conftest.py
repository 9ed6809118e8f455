"""The sample, materialised once for all tests of this folder; whoever wants to change it copies it first."""

from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from tests.milk_assets.places import Place, sample_place


@dataclass(frozen=True)
class Made:
    """A place, the run that made it, and what Dagster recorded of it."""

    place: Place
    result: dg.ExecuteInProcessResult
    instance: dg.DagsterInstance


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    instance = dg.DagsterInstance.ephemeral()
    place = sample_place(tmp_path_factory.mktemp("made"))
    return Made(place, place.run(instance=instance), instance)


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Place:
    assert made.result.success
    return made.place.copy(tmp_path / "place")
