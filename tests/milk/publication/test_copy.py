"""The store as text and back, within each database and across."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from milk.errors import BackupRefused, HomeRefused
from milk.publication.copy import all_tables, fill_store, stored_tables, table_lines
from milk.publication.engine import HEAD, bring_to, migrate, open_store, reading, schema_within, writing
from milk.publication.ledger import append_promotion, promotions
from milk.publication.online import OnlinePrediction, keep_prediction
from milk.publication.publish_judged import publish_decision, publish_scorecard
from milk.publication.read import broken_issues
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, issue, observed, published
from tests.milk.publication.judged import decision, judged, stamp, statistics
from tests.milk.publication.rows import promoted
from tests.postgres import PostgresServer

Lines = dict[str, list[bytes]]


def copy(engine: sa.Engine) -> Lines:
    with reading(engine) as connection:
        return {name: [*table_lines(connection, name)] for name in stored_tables(connection)}


def same(one: Lines, other: Lines) -> bool:
    """Whether the rows are the same; each database sorts texts in its own way."""
    return {name: sorted(lines) for name, lines in one.items()} == {n: sorted(lines) for n, lines in other.items()}


def fill_with_everything(engine: sa.Engine) -> None:
    append_promotion(engine, promoted("v1"))
    append_promotion(engine, promoted("v2", previous="v1"))
    published(engine, issue(OCTOBER, kind="live"), issue(NOVEMBER), observed=[observed(OCTOBER, 301.25)])
    published(engine, issue(OCTOBER, kind="live", price=1 / 3 + 300))
    publish_scorecard(engine, [judged()], [statistics()], stamp())
    publish_decision(engine, decision(), stamp())
    asked = {"months": ["2026-10"], "prices": [0.1 + 0.2]}
    keep_prediction(
        engine, OnlinePrediction.of(asked, {"price": 1e-7}, series_id="s", model_version="v-1", created_at=NOON)
    )


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A store without tables."""
    engine = open_store(_address(request, tmp_path, request.param))
    yield engine
    engine.dispose()


def _address(request: pytest.FixtureRequest, folder: Path, kind: str) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/other.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.mark.parametrize("other", ["sqlite", "postgresql"], indirect=True)
def test_a_copy_on_any_database_holds_the_same_and_goes_on(store: sa.Engine, other: sa.Engine) -> None:
    fill_with_everything(store)
    lines = copy(store)
    assert all(len(part) > 1 for name, part in lines.items() if name not in ("models", "datasets", "data_quality"))
    fill_store(other, lines, schema=HEAD)
    assert same(copy(other), lines)
    assert broken_issues(other) == []
    assert promotions(other, "s") == promotions(store, "s")
    # What is said already adds nothing; what is new gets the next numbers.
    assert published(other, issue(NOVEMBER)).publication_id is None
    assert published(other, issue(NOVEMBER, price=310.0)).publication_id == 5
    assert append_promotion(other, promoted("v3", previous="v2")) == 3
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(other) as connection:
        connection.exec_driver_sql("DELETE FROM issues")


def test_the_same_copy_again_changes_nothing_and_another_one_is_refused(store: sa.Engine) -> None:
    fill_with_everything(store)
    lines = copy(store)
    fill_store(store, lines, schema=HEAD)
    assert same(copy(store), lines)
    published(store, issue(NOVEMBER, price=320.0))
    later = copy(store)
    with pytest.raises(HomeRefused, match="holds other rows already"):
        fill_store(store, lines, schema=HEAD)
    assert same(copy(store), later)


@pytest.mark.parametrize("schema", ["0001", "0002", "0003", "0004", "0005"])
def test_a_copy_of_an_older_schema_is_brought_up(store: sa.Engine, tmp_path: Path, schema: str) -> None:
    fill_with_everything(store)
    with writing(store) as connection:
        bring_to(connection, schema)
        assert schema_within(connection) == schema
    lines = copy(store)
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    # One that was made ready by this program is taken, too.
    if schema == "0003":
        migrate(other)
    fill_store(other, lines, schema=schema)
    migrate(store)
    assert same(copy(other), copy(store))
    assert broken_issues(other) == []
    with reading(other) as connection:
        assert schema_within(connection) == HEAD
    other.dispose()


def test_every_table_is_copied_parents_first(store: sa.Engine) -> None:
    names = list(copy(store))
    assert names == all_tables()
    with reading(store) as connection:
        there = set(sa.inspect(connection).get_table_names())
    assert there == {*names, "alembic_version"}
    assert names.index("publications") < names.index("issues") < names.index("forecasts") < names.index("scorecard")


@pytest.mark.parametrize(
    ("table", "spoilt", "words"),
    [
        ("issues", [b"[1]\n"], "do not say|does not say"),
        ("issues", [], "does not say"),
        ("issues", ["head", b"[1]\n"], "rows that no store takes"),
        ("issues", ["head", b"{\n"], "rows that no store takes"),
        ("issues", ["head", b"[" * 100_000], "rows that no store takes"),
        ("issues", [b"[" * 100_000], "does not say"),
        ("publications", ["head", b'[%d,"2026-11-26T12:00:00+00:00",null,{}]\n' % (2**70)], "rows that no store takes"),
        ("publications", ["head", b"[1,5,null,{}]\n"], "rows that no store takes"),
        ("datasets", ["head", b'["s","d","perhaps"]\n'], "rows that no store takes"),
        ("datasets", ["head", b'["s","d",true]\n', b'["s","d",true]\n'], "rows that no store takes"),
        ("datasets", [b'{"columns":[["series_id","text"],["password","text"]]}\n'], "another schema"),
        ("sqlite_master", [b'{"columns":[["name","text"]]}\n'], "no store of its schema"),
    ],
)
def test_lines_that_are_none_of_a_stores_are_refused(
    embedded: sa.Engine, table: str, spoilt: list[bytes | str], words: str
) -> None:
    head = copy(embedded).get(table, [b""])[0]
    lines = [head if line == "head" else line for line in spoilt]
    with pytest.raises(BackupRefused, match=words):
        fill_store(embedded, {table: lines}, schema=HEAD)  # type: ignore[dict-item]  # because "head" was replaced
    assert all(len(part) == 1 for part in copy(embedded).values())


def test_the_first_line_says_what_the_columns_hold(store: sa.Engine) -> None:
    columns = dict(json.loads(copy(store)["issues"][0])["columns"])
    assert columns["issued_at"] == "instant"
    assert columns["is_synthetic"] == "boolean"
    assert columns["data_versions"] == "json"
    assert columns["revision"] == "integer"
    assert dict(json.loads(copy(store)["forecasts"][0])["columns"])["price"] == "number"


def test_alembic_is_asked_as_migrate_asks_it() -> None:
    # `bring_to` tells older from newer by their names, as texts.

    config = Config()
    config.set_main_option("script_location", "milk.publication:migrations")
    names = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert names == sorted(names, reverse=True)
