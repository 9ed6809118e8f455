import dataclasses
import importlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from milk.errors import HomeRefused
from milk.publication.columns import METADATA
from milk.publication.engine import HEAD, migrate, open_store, reading, writing
from milk.publication.ledger import append_promotion, current_champion, promotions
from milk.publication.publish_judged import publish_decision, publish_scorecard
from milk.publication.read import broken_issues, issue_records
from tests.milk.publication.issues import NOVEMBER, OCTOBER, issue, observed, published
from tests.milk.publication.judged import decision, judged, stamp, statistics
from tests.milk.publication.rows import in_processes, promoted


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "milk.publication:migrations")
    return config


def _run(engine: sa.Engine, step: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        step(config, revision)


def test_head_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(_config()).get_heads() == [HEAD]


def test_the_migrations_make_what_the_metadata_say(store: sa.Engine) -> None:
    with reading(store) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_the_constraints_are_those_of_the_metadata(embedded: sa.Engine, tmp_path: Path) -> None:
    # compare_metadata is silent about CHECK constraints and about names.
    from_metadata = open_store(f"sqlite:///{tmp_path}/metadata.db")
    METADATA.create_all(from_metadata)
    seen, wanted = sa.inspect(embedded), sa.inspect(from_metadata)
    for table in METADATA.tables:
        for kind in ("get_check_constraints", "get_unique_constraints", "get_indexes"):
            assert _by_name(getattr(seen, kind)(table)) == _by_name(getattr(wanted, kind)(table))
        assert seen.get_pk_constraint(table) == wanted.get_pk_constraint(table)
    from_metadata.dispose()


def _by_name(things: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(things, key=lambda thing: str(thing["name"]))


def test_down_and_up_again_with_rows_in_it(store: sa.Engine) -> None:
    append_promotion(store, promoted("v1"))
    published(store, issue(OCTOBER), issue(NOVEMBER), observed=[observed(OCTOBER, 301.0)])
    _run(store, command.downgrade, "0001")
    assert sorted(sa.inspect(store).get_table_names()) == ["alembic_version", "promotions"]
    # The ledger is older than the publications, and stays as it is.
    assert promotions(store, "s") == [promoted("v1")]
    migrate(store)
    assert promotions(store, "s") == [promoted("v1")]
    assert issue_records(store, "s") == []
    assert published(store, issue(OCTOBER)).publication_id == 1
    assert broken_issues(store) == []
    _run(store, command.downgrade, "base")
    assert sa.inspect(store).get_table_names() == ["alembic_version"]
    migrate(store)
    append_promotion(store, promoted("v2"), expected_previous=None)
    assert current_champion(store, "s") == promoted("v2")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(store) as connection:
        connection.exec_driver_sql("DELETE FROM promotions")


def test_a_store_of_the_ledger_alone_is_brought_up_with_its_rows(address: str) -> None:
    engine = open_store(address)
    _run(engine, command.upgrade, "0001")
    append_promotion(engine, promoted("v1"))
    migrate(engine)
    assert promotions(engine, "s") == [promoted("v1")]
    published(engine, issue(OCTOBER))
    assert [record.revision for record in issue_records(engine, "s")] == [1]
    engine.dispose()


def test_an_issue_of_before_the_cycle_keeps_its_hash_and_is_added_to(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    _run(store, command.downgrade, "0002")
    assert "contribution_cycle" not in {column["name"] for column in sa.inspect(store).get_columns("forecasts")}
    migrate(store)
    assert broken_issues(store) == []
    assert published(store, issue(OCTOBER)).issues[0].outcome == "unchanged"
    pulled = tuple(dataclasses.replace(row, contribution_cycle=-0.01) for row in issue(OCTOBER).forecasts)
    assert published(store, issue(OCTOBER, forecasts=pulled)).issues[0].revision == 2
    assert broken_issues(store) == []


def test_a_store_of_before_the_scorecard_keeps_what_it_holds(store: sa.Engine) -> None:
    published(store, issue(OCTOBER, kind="live"))
    _run(store, command.downgrade, "0003")
    assert not {"scorecard", "scorecard_summary", "retrain_decisions"} & {*sa.inspect(store).get_table_names()}
    migrate(store)
    assert broken_issues(store) == []
    assert publish_scorecard(store, [judged()], [statistics()], stamp()).judged == 1
    assert publish_decision(store, decision(), stamp()) == 1


def test_migrating_again_changes_nothing(store: sa.Engine) -> None:
    append_promotion(store, promoted("v1"))
    migrate(store)
    _run(store, command.upgrade, "head")
    assert promotions(store, "s") == [promoted("v1")]


def test_a_migration_that_fails_leaves_nothing_behind(store_url: str) -> None:
    engine = open_store(store_url)
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE blocker (a)")
        connection.exec_driver_sql("CREATE INDEX ix_promotions_series_id_id ON blocker (a)")
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        migrate(engine)
    assert sa.inspect(engine).get_table_names() == ["blocker"]
    engine.dispose()


def test_postgresql_gets_triggers_of_its_own() -> None:
    module = importlib.import_module("milk.publication.migrations.versions.0001_promotions")
    sql = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": sql, "target_metadata": METADATA}
    )
    with Operations.context(context):
        module.upgrade()
        module.downgrade()
    assert "TIMESTAMP WITH TIME ZONE" in sql.getvalue()
    assert "BEFORE UPDATE OR DELETE OR TRUNCATE ON promotions" in sql.getvalue()
    assert "RAISE(ABORT" not in sql.getvalue()
    assert sql.getvalue().rstrip().endswith("DROP FUNCTION refuse_change_of_promotions();")


def _open_and_migrate(url: str) -> str:
    engine = open_store(url)
    migrate(engine)
    append_promotion(engine, promoted("v1"))
    engine.dispose()
    return "done"


def test_processes_that_migrate_a_new_store_at_once_all_end_well(address: str) -> None:
    assert in_processes(_open_and_migrate, [(address,)] * 4) == ["done"] * 4
    engine = open_store(address)
    assert promotions(engine, "s") == [promoted("v1")] * 4
    engine.dispose()


def _python(code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": root}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd,
        env=environment,
        text=True,
        capture_output=True,
        check=True,
    )


def test_migrating_says_nothing_touches_no_logging_and_needs_no_folder_of_its_own(tmp_path: Path) -> None:
    code = """if True:
        import logging
        before = (logging.root.handlers[:], logging.root.level, logging.root.disabled)
        from milk.publication.engine import migrate, open_store
        engine = open_store("sqlite:///store.db")
        migrate(engine)
        engine.dispose()
        assert before == (logging.root.handlers, logging.root.level, logging.root.disabled)
    """
    done = _python(code, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_store_at_head_loads_no_alembic(store_url: str, embedded: sa.Engine, tmp_path: Path) -> None:
    code = f"""if True:
        import sys
        from milk.publication.engine import migrate, open_store
        from milk.publication.ledger import current_champion
        engine = open_store({store_url!r})
        migrate(engine)
        assert current_champion(engine, "s") is None
        engine.dispose()
        print([name for name in ("alembic", "pandas", "dagster", "fastapi") if name in sys.modules])
    """
    assert sa.inspect(embedded).has_table("promotions")
    assert _python(code, cwd=tmp_path).stdout == "[]\n"


def test_the_pragmas_hold_on_every_connection(embedded: sa.Engine) -> None:
    with reading(embedded) as first, reading(embedded) as second:
        for connection in (first, second):
            pragmas = ("journal_mode", "busy_timeout", "foreign_keys", "synchronous", "recursive_triggers")
            values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
            assert values == ["wal", 5000, 1, 1, 1]


def test_a_store_in_memory_works_too() -> None:
    engine = open_store("sqlite://")
    migrate(engine)
    append_promotion(engine, promoted("v1"))
    assert current_champion(engine, "s") == promoted("v1")
    engine.dispose()


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(
        HomeRefused, match=r"The folder .*home, where the store store\.db should lie.* name another place"
    ):
        open_store(f"sqlite:///{tmp_path}/home/store.db")


def test_a_folder_where_the_file_should_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeRefused, match=r"cannot be used \(unable to open database file\)\. Check that the folder"):
        open_store(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", ["no database", "no database\n" * 1000], ids=["short", "long"])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    file = tmp_path / "store.db"
    file.write_text(content)
    with pytest.raises(HomeRefused, match=r"store\.db cannot be used \(file is not a database\)\. Move that file away"):
        open_store(f"sqlite:///{file}")
    assert file.read_text() == content


def test_a_store_that_may_only_be_read_is_refused_when_written(store_url: str, embedded: sa.Engine) -> None:
    # By the pragma and not by the mode of the file, which does not bind an administrator.
    sa.event.listen(embedded, "begin", lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    with pytest.raises(HomeRefused, match="readonly"):
        append_promotion(embedded, promoted("v1"))
    assert store_url.endswith("store.db")


def test_a_store_of_a_newer_program_is_refused(store: sa.Engine) -> None:
    with writing(store) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(
        HomeRefused, match=rf"cannot be brought to schema {HEAD}: .*9999.*newer version of this program"
    ):
        migrate(store)
