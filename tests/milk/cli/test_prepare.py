"""`milk prepare`, and a first run only where nothing is published."""

from pathlib import Path

from milk.publication.engine import HEAD, open_store, reading
from milk.settings import embedded_store
from tests.milk.cli.commands import content_of, milk, milk_process
from tests.milk.cli.conftest import Ran


def test_a_home_is_prepared_once_and_twice_is_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = milk_process("prepare", "--home", home)
    assert first.code == 0, first.err
    assert first.out.startswith("Prepared: home ")
    assert (home / "dagster" / "dagster.yaml").is_file()
    store = open_store(embedded_store(home), create=False)
    with reading(store) as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == HEAD
    store.dispose()
    records = sorted((home / "dagster").rglob("*.db"))
    assert records
    again = milk_process("prepare", "--home", home)
    assert (again.code, again.out) == (0, first.out)
    assert sorted((home / "dagster").rglob("*.db")) == records


def test_other_data_than_those_of_the_home_are_refused(tmp_path: Path, ran: Ran) -> None:
    told = milk("prepare", "--data", tmp_path / "nowhere", "--home", ran.home)
    assert told.code != 0
    assert "nowhere" in told.err


def test_nothing_is_run_where_a_forecast_is_published(ran: Ran) -> None:
    before = content_of(ran.home)
    told = milk_process("run", "--unless-published", "--home", ran.home)
    assert (told.code, told.out) == (0, "")
    assert "published already" in told.err
    assert content_of(ran.home) == before


def test_it_is_run_where_none_is(tmp_path: Path) -> None:
    # As far as the data, which are not there: so the graph was begun.
    told = milk("run", "--unless-published", "--data", tmp_path / "nowhere", "--home", tmp_path / "home")
    assert told.code != 0
    assert "nowhere" in told.err
