"""What `milk gc` frees, and that it never frees what a published forecast, a card or the ledger refers to."""

import dataclasses
import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from milk.errors import HomeRefused
from milk.forecasting.recipe import Setting
from milk.home.documents import write_document
from milk.home.layout import Home
from milk.home.table_log import read_log
from milk.home.tables import frame_hash, read_table, write_table
from milk.models.version import CARD_FILE, ModelVersion
from milk.months import Month
from milk.publication.engine import migrate, open_store, reading
from milk.publication.explain import causes_of
from milk.publication.ledger import promotions
from milk.publication.read import broken_issues, newest_publication
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.publication.schema import ISSUES
from milk.series import SERIES_ID
from milk.steps.garbage import MADE_AGAIN, Garbage, find_garbage, free
from milk.steps.issues import issues_of
from milk.steps.predictions import TABLE, Issuing, forecast_rows, issue_months
from milk.steps.promotion import STAGED, load_champion, promote_version
from milk.steps.publication import publish_months
from milk.steps.staging import remake_version, write_recipe
from milk.steps.training import Training
from milk.steps.versions import find_version
from tests.builders import RULE, revise, sample_features
from tests.milk.steps.homes import NOW, PERSON, sample_training

MONTHS = (Month(2026, 10), Month(2026, 11))
SETTINGS = (Setting((24.0,), 0.5), Setting((36.0,), 0.5))
VARIANTS = 3
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
"""As if everything were old: the harshest moment to free anything."""


@cache
def variant(number: int) -> pd.DataFrame:
    """The features as they are after some revisions of a price."""
    if number == 0:
        return sample_features()
    return revise(variant(number - 1), "2026-05", 300.0 + number, known_since=f"2026-09-{number:02}")


@dataclass
class Place:
    """A home on which something is done step by step."""

    home: Home
    store: sa.Engine
    features: int = -1
    staged: list[ModelVersion] = field(default_factory=list)

    def write_features(self) -> None:
        self.features = (self.features + 1) % VARIANTS
        write_table(self.home, "features", variant(self.features))

    def stage(self) -> None:
        training: Training = dataclasses.replace(sample_training(), features=variant(self.features))
        version = write_recipe(self.home, training, SETTINGS[len(self.staged) % len(SETTINGS)])
        # As the asset does.
        write_document(self.home, STAGED, {"version_id": version.version_id, "sha256": version.sha256})
        self.staged.append(version)

    def promote(self) -> None:
        champion = load_champion(self.home, self.store)
        wanted = self.staged[-1]
        if champion is None or champion.version_id != wanted.version_id:
            promote_version(self.home, self.store, wanted.version_id, reason="a test", actor=PERSON, decided_at=NOW)

    def issue(self) -> None:
        champion = load_champion(self.home, self.store)
        assert champion is not None
        issuing = Issuing(variant(self.features), champion, RULE, is_synthetic=True, issued_at=NOW)
        issue_months(self.home, issuing, [*MONTHS])

    def publish(self) -> None:
        publish_months(self.home, self.store, MONTHS, published_at=NOW, run_id=None)

    def collect(self) -> list[Garbage]:
        found = find_garbage(self.home, self.store, before=LATER)
        free(self.home, found)
        return found


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the first issues were published; whoever changes it copies it first."""
    folder = tmp_path_factory.mktemp("beginning") / "home"
    Home(folder).prepare()
    with opened(folder) as made:
        for step in ("write_features", "stage", "promote", "issue", "publish"):
            getattr(made, step)()
    return folder


@contextmanager
def opened(folder: Path) -> Iterator[Place]:
    store = open_store(Home(folder).store_url)
    migrate(store)
    yield Place(Home(folder), store)
    store.dispose()


@contextmanager
def copied(beginning: Path, folder: Path) -> Iterator[Place]:
    shutil.copytree(beginning, folder)
    with opened(folder) as made:
        made.features = 0
        made.staged = [version for version in [load_champion(made.home, made.store)] if version is not None]
        yield made


@pytest.fixture
def begun(beginning: Path, tmp_path: Path) -> Iterator[Place]:
    with copied(beginning, tmp_path / "home") as made:
        yield made


def look_at(made: Place) -> None:
    """See that everything that was published or promoted can be made and explained again."""
    assert broken_issues(made.store) == []
    named = {row.champion_version_id for row in promotions(made.store, SERIES_ID)}
    with reading(made.store) as connection:
        records = connection.execute(sa.select(ISSUES)).all()
    for name in named | {record.model_version for record in records}:
        version = find_version(made.home, made.store, name)
        remade = remake_version(made.home, version)
        assert (remade.version_id, remade.is_same) == (name, True)
    for record in records:
        of_the_table = read_table(made.home, "features", version=record.data_versions["tables"]["features"])
        version = find_version(made.home, made.store, record.model_version)
        issuing = Issuing(of_the_table, version, RULE, is_synthetic=True, issued_at=NOW)
        (again,) = issues_of(forecast_rows(made.home, issuing, [record.issue_month]))
        assert again.content_sha256 == record.content_sha256


@given(
    steps=st.lists(st.sampled_from(["write_features", "stage", "promote", "issue", "publish", "collect"]), max_size=5)
)
# A history takes seconds: one that fails is short enough as it is.
@settings(max_examples=5, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_whatever_was_done_what_is_published_can_be_made_and_explained_again(
    beginning: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    with copied(beginning, tmp_path_factory.mktemp("history") / "home") as made:
        for step in steps:
            getattr(made, step)()
        issued = read_table(made.home, TABLE)
        made.collect()
        look_at(made)
        assert made.collect() == []
        assert frame_hash(read_table(made.home, TABLE)) == frame_hash(issued)


def test_every_published_forecast_is_explained_after_it_and_life_goes_on(begun: Place) -> None:
    for _revision in range(2):
        begun.write_features()
    begun.collect()
    for step in ("stage", "promote", "issue", "publish"):
        getattr(begun, step)()
    look_at(begun)
    question = ForecastQuestion(series_id=SERIES_ID, upto=newest_publication(begun.store).number)
    rows = find_forecasts(begun.store, question).rows
    assert rows
    assert all(len(causes_of(row)) > 1 for row in rows)


def test_versions_that_nothing_refers_to_are_freed_and_others_are_not(begun: Place) -> None:
    for _revision in range(2):
        begun.write_features()
    log = read_log(begun.home, "features")
    found = begun.collect()
    (freed,) = log.commits[1].added
    assert [part.path for part in found] == [f"tables/features/{freed}"]
    assert found[0].size > 0
    assert "old version" in found[0].why
    assert not (begun.home.path / "tables" / "features" / freed).exists()
    for version in (0, 2):
        read_table(begun.home, "features", version=version)
    with pytest.raises(HomeRefused, match="milk gc"):
        read_table(begun.home, "features", version=1)


def test_what_is_younger_than_asked_for_is_left(begun: Place) -> None:
    for _revision in range(2):
        begun.write_features()
    log = read_log(begun.home, "features")
    # A version is out of use from the moment at which the next one is there.
    assert find_garbage(begun.home, begun.store, before=log.commits[1].made_at) == []
    (part,) = (begun.home.path / "tables").glob(f"features/{min(log.commits[1].added)}")
    old = LATER.timestamp() - 40 * 86_400
    os.utime(part, (old, old))
    assert find_garbage(begun.home, begun.store, before=LATER - dt.timedelta(days=30)) == []


def test_broken_writes_and_old_logs_are_freed(begun: Place) -> None:
    home = begun.home.path
    broken = {
        "tables/features/part-00000-orphan.parquet",
        "received/milk_price/.x.csv.abc.part",
        "models/.v-0123456789abcdef.1.part/model.json",
        "documents/.params.json.1.part",
        "logs/daemon.before.log",
        "dagster/storage/run/compute_logs/step.err",
    }
    kept = {
        "tables/raw_milk_price/part-00000-orphan.parquet",
        "tables/batch_predictions/part-00000-orphan.parquet",
        "logs/daemon.log",
        "dagster/history/runs.db",
        "received/milk_price/x.csv",
        "documents/notes.json",
        "a file of somebody",
    }
    for name in broken | kept:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"12345")
    found = begun.collect()
    assert {part.path for part in found} == broken
    assert all((home / name).exists() for name in kept)
    assert not (home / "models" / ".v-0123456789abcdef.1.part").exists()


def test_a_version_that_was_staged_and_never_judged_is_freed(begun: Place) -> None:
    begun.write_features()
    begun.stage()
    begun.stage()
    name, newest = (version.version_id for version in begun.staged[-2:])
    found = begun.collect()
    assert {part.path for part in found if part.path.startswith("models/")} == {
        f"models/{name}/{part}" for part in ("card.json", "model.json")
    }
    assert not (begun.home.path / "models" / name).exists()
    # The newest one may be judged yet.
    find_version(begun.home, begun.store, newest)


def test_freeing_that_is_broken_off_anywhere_goes_on(begun: Place, tmp_path: Path) -> None:
    for _revision in range(2):
        begun.write_features()
        begun.stage()
    # What somebody left in the folder, too young to be freed, makes no version of it.
    odd = begun.home.path / "models" / begun.staged[-2].version_id / ".nfs0001"
    odd.write_bytes(b"odd")
    os.utime(odd, (LATER.timestamp() + 60, LATER.timestamp() + 60))
    garbage = find_garbage(begun.home, begun.store, before=LATER)
    assert [part.path.rpartition("/")[2] for part in garbage if "models/" in part.path] == ["model.json", "card.json"]
    for number in range(len(garbage) + 1):
        shutil.copytree(begun.home.path, tmp_path / f"{number}")
        with opened(tmp_path / f"{number}") as broken_off:
            free(broken_off.home, garbage[:number])
            # Tables that only the card named are found after it.
            while broken_off.collect():
                pass
            assert not [part.path for part in garbage if (broken_off.home.path / part.path).exists()]


def test_tables_that_follow_from_nothing_keep_every_version() -> None:
    assert TABLE not in MADE_AGAIN
    assert not [name for name in MADE_AGAIN if name.startswith("raw_")]
    assert "retrain_decisions" not in MADE_AGAIN


def test_where_references_cannot_be_told_nothing_is_freed(begun: Place, tmp_path: Path) -> None:
    begun.write_features()
    begun.write_features()
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    migrate(other)
    for store in (other, None):
        with pytest.raises(HomeRefused, match="nothing is freed"):
            find_garbage(begun.home, store, before=LATER)
    other.dispose()
    card = begun.home.path / "models" / begun.staged[0].version_id / CARD_FILE
    content = card.read_bytes()
    card.write_bytes(b"{")
    with pytest.raises(HomeRefused, match="Nothing is freed"):
        find_garbage(begun.home, begun.store, before=LATER)
    # That of an earlier program may say less; what the store knows of it is enough.
    card.write_bytes(json.dumps(json.loads(content) | {"data": {}}).encode())
    find_garbage(begun.home, begun.store, before=LATER)
