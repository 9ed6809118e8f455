"""Backups of a home while a run writes to it and others publish into its store: real processes."""

import datetime as dt
import shutil
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from benchmarks.faults.children import Child
from benchmarks.faults.content import FIRST, SERIES, Order
from benchmarks.faults.killed_run import broken_ledger, broken_tables
from milk.home.layout import Home
from milk.home.table_log import read_log, table_names
from milk.home.tables import read_table
from milk.models.version import read_version
from milk.publication.engine import open_store, reading
from milk.publication.read import broken_issues, issue_records, standing_hashes
from milk.publication.references import store_references
from milk.series import SERIES_ID
from milk.steps.backup import write_backup
from milk.steps.restore import restore_backup
from tests.milk.cli.commands import SAMPLE, command, environment, milk
from tests.milk.cli.conftest import Ran

pytestmark = pytest.mark.slow(seconds=60)

PUBLISHER = "benchmarks.faults.publisher"
PUBLISHERS = 2
NAMING_MODELS = ("batch_predictions", "input_drift", "retrain_decisions")


def revised_data(folder: Path) -> Path:
    """The sample, its newest price revised: every month that follows from it is made and published anew."""
    shutil.copytree(SAMPLE, folder)
    file = folder / "precio_leche.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    columns = lines[-1].split(",")
    lines[-1] = ",".join([*columns[:-1], str(round(float(columns[-1]) * 1.01, 2))])
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def opened(home: Path) -> sa.Engine:
    return open_store(Home(home).store_url)


def hashes(home: Path) -> dict[object, str]:
    store = opened(home)
    try:
        return dict(standing_hashes(store, SERIES_ID).items())
    finally:
        store.dispose()


def forecasts(home: Path) -> dict[tuple[str, str], tuple[float, ...]]:
    """What stands of each issue and target month: the newest revision."""
    columns = "issue_month, target_month, price, lower_80, upper_80, lower_95, upper_95"
    query = f"SELECT {columns} FROM forecasts WHERE series_id = ? ORDER BY revision"  # noqa: S608  # because all of it is ours
    store = opened(home)
    try:
        with reading(store) as connection:
            rows = connection.exec_driver_sql(query, (SERIES_ID,)).all()
    finally:
        store.dispose()
    return {(row[0], row[1]): tuple(row[2:]) for row in rows}


def backups_while(process: subprocess.Popen[bytes], publishers: list[Child], home: Path, folder: Path) -> list[Path]:
    """A backup after another for as long as the run goes on, a publication of each publisher between two."""
    files: list[Path] = []
    while process.poll() is None:
        files.append(folder / f"{len(files):04}.tar.gz")
        for number, publisher in enumerate(publishers):
            publisher.tell([order_of(len(files) * PUBLISHERS + number).line()])
        store = opened(home)
        write_backup(Home(home), store, files[-1], created_at=dt.datetime.now(dt.UTC))
        store.dispose()
        for publisher in publishers:
            publisher.wait_for("committed ")
        time.sleep(1)
    return files


def order_of(number: int) -> Order:
    return Order(number, FIRST + 3 * number)


def look_at(home: Path) -> int:
    """See that a restored home is whole, and that everything is there that it refers to; its publications."""
    place, store = Home(home), opened(home)
    try:
        assert broken_tables(place) == []
        assert broken_ledger(place, store) == []
        assert broken_issues(store) == []
        published = Counter(record.model_version for record in issue_records(store, SERIES))
        assert set(published.values()) <= {order_of(0).months}
        found = store_references(store)
        for name in found.models:
            # Those of the publishers are invented, and lie in no home.
            if len(name) > len("v-1234"):
                read_version(place.models, name)
        assert set(NAMING_MODELS) <= set(table_names(place))
        for table in NAMING_MODELS:
            for named in filter(None, read_table(place, table)["model_version"].unique()):
                read_version(place.models, named)
        for name in table_names(place):
            for version in found.tables.get(name, ()):
                read_table(place, name, version=version)
            assert read_log(place, name).version >= max(found.tables.get(name, {0}))
        return len(published)
    finally:
        store.dispose()


def test_backups_taken_while_a_run_and_publishers_are_at_it_are_whole_and_go_on(ran: Ran, tmp_path: Path) -> None:
    home, data, folder = tmp_path / "home", revised_data(tmp_path / "data"), tmp_path / "backups"
    shutil.copytree(ran.home, home)
    folder.mkdir()
    said = (tmp_path / "said").open("wb")
    run = subprocess.Popen(
        command("run", "--data", data, "--home", home), env=environment(), stdout=said, stderr=subprocess.STDOUT
    )
    try:
        with Child(PUBLISHER, Home(home).store_url) as one, Child(PUBLISHER, Home(home).store_url) as two:
            for publisher in (one, two):
                publisher.wait_for("opened")
            files = backups_while(run, [one, two], home, folder)
        assert run.wait() == 0, (tmp_path / "said").read_text(encoding="utf-8")
    finally:
        said.close()
        if run.poll() is None:
            run.send_signal(signal.SIGKILL)
            run.wait()
    calm, published, before = hashes(home), [], []
    chosen = dict.fromkeys([*files[:: max(1, len(files) // 4)], files[-1]])
    for file in chosen:
        restore_backup(file, Home(tmp_path / file.stem), store_url=Home(tmp_path / file.stem).store_url)
        published.append(look_at(tmp_path / file.stem))
        if hashes(tmp_path / file.stem) != calm:
            before.append(tmp_path / file.stem)
    assert published == sorted(published)
    # Of one that was taken before the run had published: the same run on it says what the calm one said.
    told = milk("run", "--data", data, "--home", before[-1])
    assert told.code == 0, told.err
    # Not their hashes: the revised price is known since it was received, which may have been by either run.
    assert forecasts(before[-1]) == forecasts(home)
