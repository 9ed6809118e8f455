"""`milk run --unless-published`: a first forecast, and no second one."""

from pathlib import Path

from tests.milk.cli.commands import content_of, milk
from tests.milk.cli.conftest import Ran


def test_nothing_is_run_where_a_forecast_is_published(ran: Ran) -> None:
    before = content_of(ran.home)
    told = milk("run", "--unless-published", "--home", ran.home)
    assert (told.code, told.out) == (0, "")
    assert "published already" in told.err
    assert content_of(ran.home) == before


def test_it_is_run_where_none_is(tmp_path: Path) -> None:
    # As far as the data, which are not there: so it was begun.
    told = milk("run", "--unless-published", "--data", tmp_path / "nowhere", "--home", tmp_path / "home")
    assert told.code != 0
    assert "nowhere" in told.err
