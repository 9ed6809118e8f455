"""The history of Delta tables: every version stays readable, through checkpoints and through what cleans up at them."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from milk.home.layout import Home
from milk.home.tables import (
    CHECKPOINT_COMMITS,
    MOST_FILES,
    RETENTION,
    append_table,
    frame_hash,
    read_table,
    table_version,
    write_table,
    write_whole_table,
)
from tests.milk.home.test_tables import rows, span

INTERVAL = CHECKPOINT_COMMITS
VERSIONS = INTERVAL + 2

FIRST_WRITES: dict[str, Callable[[Home, pd.DataFrame], int]] = {
    "write_table": lambda home, frame: write_table(home, "t", frame),
    "write_table of some months": lambda home, frame: write_table(home, "t", frame, replace=span("2014-01", "2014-12")),
    "write_whole_table": lambda home, frame: write_whole_table(home, "t", frame),
    "append_table": lambda home, frame: append_table(home, "t", frame),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def retention(home: Home) -> dict[str, str | None]:
    found = DeltaTable(str(home.path / "tables" / "t")).metadata().configuration
    return {key: found.get(key) for key in RETENTION}


def aged(folder: Path) -> None:
    """Make every commit of a table look half a year old."""
    for log in (folder / "_delta_log").glob("*.json"):
        lines = []
        for text in log.read_text(encoding="utf-8").splitlines():
            action = json.loads(text)
            for part in action.values():
                for key in ("timestamp", "modificationTime", "deletionTimestamp", "createdTime"):
                    if isinstance(part.get(key), int):
                        part[key] -= 180 * 86_400_000
            lines.append(json.dumps(action))
        log.write_text("\n".join(lines), encoding="utf-8")
    then = time.time() - 180 * 86_400
    for file in folder.rglob("*"):
        os.utime(file, (then, then))


def clean_up(folder: Path) -> None:
    table = DeltaTable(str(folder))
    table.create_checkpoint()
    table.cleanup_metadata()
    DeltaTable(str(folder)).vacuum(dry_run=False)


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_both_properties_name_a_hundred_years() -> None:
    assert {f"delta.{what}RetentionDuration": "interval 36500 days" for what in ("log", "deletedFile")} == RETENTION


@pytest.mark.parametrize("is_empty", [False, True])
@pytest.mark.parametrize("first_write", FIRST_WRITES.values(), ids=FIRST_WRITES.keys())
def test_both_properties_are_set_however_a_table_is_first_made(
    home: Home, first_write: Callable[[Home, pd.DataFrame], int], *, is_empty: bool
) -> None:
    assert first_write(home, rows("2014-01", 0 if is_empty else 2, 1.0)) == 0
    assert retention(home) == RETENTION


@pytest.mark.parametrize("next_write", FIRST_WRITES.values(), ids=FIRST_WRITES.keys())
def test_both_properties_outlast_every_write(home: Home, next_write: Callable[[Home, pd.DataFrame], int]) -> None:
    write_table(home, "t", rows("2014-01", 2, 1.0))
    assert next_write(home, rows("2014-02", 2, 2.0)) == 1
    assert retention(home) == RETENTION
    write_table(home, "t", pd.DataFrame({"other": [1, 2]}))
    assert retention(home) == RETENTION


def test_a_checkpoint_is_passed_and_every_version_reads_as_it_was_written(home: Home) -> None:
    """As the program meets it: no call but its own writes, the twentieth of which makes Delta do more than write."""
    folder = home.path / "tables" / "t"
    written = [frame_hash(rows("2014-01", 24, float(version))) for version in range(VERSIONS)]
    for version in range(INTERVAL - 1):
        write_table(home, "t", rows("2014-01", 24, float(version)))
    aged(folder)
    before = files(folder)
    assert "_delta_log/_last_checkpoint" not in before
    for version in range(INTERVAL - 1, VERSIONS):
        assert write_table(home, "t", rows("2014-01", 24, float(version))) == version
    checkpoint = json.loads((folder / "_delta_log" / "_last_checkpoint").read_bytes())
    assert checkpoint["version"] == INTERVAL - 1
    assert before <= files(folder), "something was cleaned up"
    assert len(list((folder / "_delta_log").glob("*.json"))) == VERSIONS
    for version in [*range(0, VERSIONS, 5), INTERVAL - 2, INTERVAL - 1, INTERVAL, VERSIONS - 1]:
        back = read_table(home, "t", version=version)
        assert frame_hash(back) == written[version]
        pd.testing.assert_frame_equal(back, rows("2014-01", 24, float(version)))
    assert table_version(home, "t") == VERSIONS - 1


def test_without_the_properties_a_checkpoint_loses_the_versions_before_it(home: Home) -> None:
    """The test above is worth something only if the defaults fail it."""
    folder = home.path / "tables" / "t"
    folder.mkdir(parents=True)
    for version in range(12):
        if version == 9:
            aged(folder)
        frame = pa.Table.from_pandas(rows("2014-01", 2, float(version)))
        write_deltalake(str(folder), frame, mode="overwrite", configuration={"delta.checkpointInterval": "10"})
    assert read_table(home, "t")["value"].tolist() == [11.0, 11.0]
    with pytest.raises(Exception, match="No files in log segment"):
        read_table(home, "t", version=0)


def test_old_versions_stay_readable_after_a_checkpoint_and_a_cleanup(home: Home) -> None:
    for value in range(12):
        write_table(home, "t", rows("2014-01", 2, float(value)))
    aged(home.path / "tables" / "t")
    clean_up(home.path / "tables" / "t")
    assert read_table(home, "t", version=0)["value"].tolist() == [0.0, 0.0]
    assert read_table(home, "t", version=5)["value"].tolist() == [5.0, 5.0]
    assert read_table(home, "t")["value"].tolist() == [11.0, 11.0]


def test_without_the_properties_that_cleanup_loses_them(home: Home) -> None:
    """The test above is worth something only if the defaults fail it."""
    folder = home.path / "tables" / "t"
    folder.mkdir(parents=True)
    for value in range(12):
        write_deltalake(str(folder), pa.Table.from_pandas(rows("2014-01", 2, float(value))), mode="overwrite")
    aged(folder)
    clean_up(folder)
    assert read_table(home, "t")["value"].tolist() == [11.0, 11.0]
    with pytest.raises(Exception, match=r"."):
        read_table(home, "t", version=0)


@pytest.mark.parametrize("by_month", [False, True], ids=["appended", "month by month"])
def test_many_small_writes_leave_few_files_and_every_version(home: Home, *, by_month: bool) -> None:
    written = {}
    for number in range(2 * MOST_FILES + 5):
        month = f"{2000 + number // 12}-{number % 12 + 1:02d}"
        frame = rows(month, 1, float(number))
        if by_month:
            version = write_table(home, "t", frame, replace=span(month, month))
        else:
            version = append_table(home, "t", frame)
        written[version] = number + 1
    assert len(DeltaTable(str(home.path / "tables" / "t")).file_uris()) <= MOST_FILES
    assert max(written) > 2 * MOST_FILES + 4, "nothing was put together"
    for version, months in written.items():
        held = read_table(home, "t", version=version).sort_values("month")
        assert held["value"].tolist() == [float(k) for k in range(months)]
