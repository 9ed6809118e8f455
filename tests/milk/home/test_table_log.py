import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milk.errors import HomeRefused
from milk.home.layout import Home
from milk.home.table_log import LOG, log_files, read_log, table_names
from milk.home.tables import CHECKPOINT_COMMITS, Months, append_table, write_table

JANUARY = pd.Timestamp("2020-01-01").as_unit("us")


def frame(value: int, month: pd.Timestamp = JANUARY) -> pd.DataFrame:
    return pd.DataFrame({"month": [month], "value": [value]})


def files_by_the_library(home: Home, version: int) -> set[str]:
    folder = home.path / "tables" / "t"
    return {address.rpartition("/")[2] for address in DeltaTable(str(folder), version=version).file_uris()}


@given(writes=st.lists(st.sampled_from(["whole", "append", "month"]), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_the_files_of_every_version_are_those_of_the_library(
    tmp_path_factory: pytest.TempPathFactory, writes: list[str]
) -> None:
    home = Home(tmp_path_factory.mktemp("log"))
    for number, write in enumerate(writes):
        if write == "append":
            append_table(home, "t", frame(number))
        else:
            write_table(
                home, "t", frame(number), replace=Months("month", JANUARY, JANUARY) if write == "month" else None
            )
    log = read_log(home, "t")
    assert table_names(home) == ["t"]
    for commit in log.commits:
        assert log.files_of({commit.version}) == files_by_the_library(home, commit.version)
    everything = {commit.version for commit in log.commits}
    assert log.files_of(everything) == log.ever_added


def test_the_log_up_to_a_version_knows_nothing_of_later_ones(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(CHECKPOINT_COMMITS + 1):
        append_table(home, "t", frame(number))
    earlier = read_log(home, "t")
    assert [path for path in log_files(home, earlier) if path.endswith("_last_checkpoint")]
    for number in range(CHECKPOINT_COMMITS):
        append_table(home, "t", frame(number))
    # Its pointer now tells of a checkpoint that came later.
    names = [path.rpartition("/")[2] for path in log_files(home, earlier)]
    assert "_last_checkpoint" not in names
    assert max(int(name[:20]) for name in names) == earlier.version


def test_a_version_is_superseded_when_the_next_one_is_made(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(3):
        write_table(home, "t", frame(number))
    log = read_log(home, "t")
    assert log.superseded_before(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)) == {0, 1}
    assert log.superseded_before(log.commits[0].made_at) == frozenset()


@pytest.mark.parametrize("damage", ["missing", "no json", "no time"])
def test_a_log_that_is_not_whole_is_refused(tmp_path: Path, damage: str) -> None:
    home = Home(tmp_path)
    for number in range(3):
        append_table(home, "t", frame(number))
    commit = tmp_path / "tables" / "t" / LOG / f"{1:020}.json"
    if damage == "missing":
        commit.unlink()
    else:
        commit.write_text("{" if damage == "no json" else json.dumps({"add": {"path": "x"}}), encoding="utf-8")
    with pytest.raises(HomeRefused, match="from a backup"):
        read_log(home, "t")


def test_a_home_without_tables_has_none(tmp_path: Path) -> None:
    assert table_names(Home(tmp_path)) == []
