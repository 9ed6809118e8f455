"""What a person does to production: promote, roll back, and what training makes of it afterwards."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from milk.errors import BadSetting, PromotionRefused
from milk.forecasting.recipe import Setting
from milk.home.documents import write_document
from milk.home.layout import Home
from milk.models.canonical import canonical_json
from milk.models.version import CARD_FILE, MODEL_FILE, ModelVersion
from milk.publication.engine import migrate, open_store
from milk.publication.ledger import PromotionRow, promotions
from milk.series import SERIES_ID
from milk.steps.promotion import STAGED, load_champion, promote_staged, promote_version, roll_back
from milk.steps.staging import stage_version, write_recipe
from tests.milk.steps.homes import NOW, PERSON, RUN, sample_training

SETTINGS = {"A": Setting((24.0,), 0.5), "B": Setting((36.0,), 0.5), "C": Setting((48.0,), 0.5)}


@dataclass(frozen=True)
class Production:
    """A home with three versions of the same training, and its ledger."""

    home: Home
    store: sa.Engine
    versions: dict[str, ModelVersion]

    def promote(self, name: str, *, reason: str = "a test") -> PromotionRow:
        version_id = self.versions[name].version_id
        return promote_version(self.home, self.store, version_id, reason=reason, actor=PERSON, decided_at=NOW)

    def roll_back(self, to: str | None = None, *, reason: str = "a test") -> str:
        """The name of the version that is in production then."""
        version_id = None if to is None else self.versions[to].version_id
        row = roll_back(self.home, self.store, to=version_id, reason=reason, actor=PERSON, decided_at=NOW)
        return self.name(row.champion_version_id)

    def name(self, version_id: str) -> str:
        return next(name for name, version in self.versions.items() if version.version_id == version_id)

    @property
    def champion(self) -> str:
        version = load_champion(self.home, self.store)
        assert version is not None
        return self.name(version.version_id)

    def ledger(self) -> list[PromotionRow]:
        return promotions(self.store, SERIES_ID)

    def file(self, name: str, part: str) -> Path:
        return self.home.path / "models" / self.versions[name].version_id / part


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    home = Home(tmp_path / "home")
    home.prepare()
    store = open_store(home.store_url)
    migrate(store)
    versions = {name: write_recipe(home, sample_training(), setting) for name, setting in SETTINGS.items()}
    yield Production(home, store, versions)
    store.dispose()


def test_a_person_promotes_and_the_ledger_says_who_and_why(production: Production) -> None:
    production.promote("A")
    row = production.promote("B", reason=" the spring was wrong ")
    assert row == production.ledger()[-1]
    assert (row.actor_kind, row.actor, row.decision, row.run_id) == ("person", "somebody", "promoted", None)
    assert row.reason == "the spring was wrong"
    assert row.previous_version_id == production.versions["A"].version_id
    assert row.numbers["rule"] == "promoted by a person"
    card = production.versions["B"].card
    assert row.numbers["card_ratio_year"] == card["scores"]["recipe"]["ratio_year"]
    assert row.data_cutoff == dt.datetime.fromisoformat(card["data"]["data_cutoff"])
    assert production.champion == "B"


def test_rollbacks_go_back_step_by_step_and_not_to_and_fro(production: Production) -> None:
    for name in "ABC":
        production.promote(name)
    assert production.roll_back() == "B"
    assert production.roll_back() == "A"
    with pytest.raises(PromotionRefused, match="Nothing was in production before"):
        production.roll_back()
    assert production.champion == "A"
    assert production.roll_back("C") == "C"
    assert production.roll_back() == "A"
    assert [row.numbers["rule"] for row in production.ledger()[3:]] == ["rolled back by a person"] * 4


def test_what_cannot_be_done_is_refused_and_writes_no_row(production: Production) -> None:
    with pytest.raises(PromotionRefused, match="Nothing is in production yet"):
        production.roll_back()
    production.promote("A")
    before = production.ledger()
    with pytest.raises(PromotionRefused, match="in production already"):
        production.promote("A")
    with pytest.raises(PromotionRefused, match="in production already"):
        production.roll_back("A")
    with pytest.raises(PromotionRefused, match="was never in production"):
        production.roll_back("B")
    with pytest.raises(PromotionRefused, match="Nothing was in production before"):
        production.roll_back()
    for reason in ("", "  \n"):
        with pytest.raises(BadSetting, match="say why"):
            production.promote("B", reason=reason)
    with pytest.raises(PromotionRefused, match="is not the name of a model version"):
        promote_version(production.home, production.store, "../x", reason="x", actor=PERSON, decided_at=NOW)
    assert production.ledger() == before


def _one_byte(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))


def _older_schema(file: Path) -> None:
    file.write_bytes(canonical_json(json.loads(file.read_bytes()) | {"schema": 1}))


@pytest.mark.parametrize(
    ("part", "spoil", "said"),
    [
        (MODEL_FILE, _one_byte, "was changed after it was promoted"),
        (CARD_FILE, _one_byte, "was changed after it was promoted"),
        (CARD_FILE, Path.unlink, "cannot be read"),
        (MODEL_FILE, lambda file: file.write_bytes(b"{"), "was changed after"),
    ],
)
def test_a_damaged_version_is_no_goal_of_a_rollback(
    production: Production, part: str, spoil: Callable[[Path], object], said: str
) -> None:
    production.promote("A")
    production.promote("B")
    spoil(production.file("A", part))
    before = production.ledger()
    with pytest.raises(PromotionRefused, match=said) as refused:
        production.roll_back()
    assert "Nothing was changed; `milk models list` shows" in str(refused.value)
    assert production.ledger() == before
    assert production.champion == "B"


def test_a_version_of_an_older_schema_is_refused(production: Production) -> None:
    production.promote("A")
    _older_schema(production.file("B", MODEL_FILE))
    with pytest.raises(PromotionRefused, match="schema 1, which an earlier program wrote"):
        production.promote("B")
    assert production.champion == "A"


def test_a_staged_version_is_held_against_the_hash_of_its_staging(production: Production) -> None:
    version = production.versions["B"]
    write_document(production.home, STAGED, {"version_id": version.version_id, "sha256": version.sha256})
    _one_byte(production.file("B", CARD_FILE))
    with pytest.raises(PromotionRefused, match="its hash is"):
        production.promote("B")


def test_a_damaged_champion_is_left_behind_by_a_rollback(production: Production) -> None:
    production.promote("A")
    production.promote("B")
    _one_byte(production.file("B", MODEL_FILE))
    assert production.roll_back() == "A"
    assert production.champion == "A"


def test_training_does_not_bring_back_what_a_person_rolled_back_from(production: Production) -> None:
    training = sample_training()
    production.promote("A")
    staged = stage_version(production.home, training)
    # The same data, and the gate would say no; so it came there by hand, and then went again.
    promote_version(production.home, production.store, staged.version_id, reason="x", actor=PERSON, decided_at=NOW)
    production.roll_back(reason="its spring is wrong")
    rows = production.ledger()
    again = promote_staged(production.home, production.store, staged, training, actor=RUN, decided_at=NOW)
    assert again.decision is None
    assert again.champion == rows[-1]
    assert production.ledger() == rows
    assert production.champion == "A"
    # A person may: then it is there.
    promote_version(production.home, production.store, staged.version_id, reason="x", actor=PERSON, decided_at=NOW)
    assert load_champion(production.home, production.store) == staged


def test_after_a_rollback_another_version_is_judged_as_ever(production: Production) -> None:
    production.promote("A")
    production.promote("B")
    production.roll_back()
    staged = stage_version(production.home, sample_training())
    judged = promote_staged(production.home, production.store, staged, sample_training(), actor=RUN, decided_at=NOW)
    assert judged.decision is not None
    assert production.ledger()[-1].numbers["challenger_version_id"] == staged.version_id
