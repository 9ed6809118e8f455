"""What a backup of a home holds, in which order, and what is refused; the real commands are in `tests/milk/cli`."""

import datetime as dt
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from milk.home.dataset import claim_home
from milk.home.documents import write_document
from milk.home.layout import Home
from milk.home.tables import write_table
from milk.models.version import CARD_FILE, MODEL_FILE
from milk.sources.files import DataFolder
from milk.steps.backup import Backup, read_backup, write_backup
from milk.steps.receive import dataset_of
from milk.steps.restore import restore_backup
from tests.builders import SAMPLE

NOW = dt.datetime(2026, 11, 26, 12, tzinfo=dt.UTC)
TABLES = ("backtest", "batch_predictions", "features", "input_drift", "raw_milk_price", "retrain_decisions")
ODD = (
    "documents/.DS_Store",
    "documents/staging_model.json~",
    "models/.nfs0001",
    "received/milk_price/copy of prices.csv",
    "tables/.DS_Store",
    "tables/features/.nfs0002",
    "tables/features/_delta_log/.nfs0003",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with something in each of its folders, and no model version."""
    home = Home(tmp_path / "home")
    home.prepare()
    claim_home(home, dataset_of(DataFolder(SAMPLE)))
    write_document(home, "params", {"a": 1})
    for name in TABLES:
        write_table(home, name, pd.DataFrame({"value": [1.0]}))
    (home.received / "milk_price").write("prices.csv", b"month,value\n")
    return home


def backed_up(home: Home, file: Path) -> Backup:
    return write_backup(home, None, file, created_at=NOW)


def names_in(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


def test_files_that_no_program_of_ours_wrote_are_left_out(home: Home, tmp_path: Path) -> None:
    backed_up(home, tmp_path / "before")
    for name in ODD:
        file = home.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"odd")
    said = backed_up(home, tmp_path / "b")
    assert read_backup(tmp_path / "b") == said
    assert names_in(tmp_path / "b") == names_in(tmp_path / "before")
    restore_backup(tmp_path / "b", Home(tmp_path / "new"), store_url=Home(tmp_path / "new").store_url)
    assert backed_up(Home(tmp_path / "new"), tmp_path / "again") == said


def test_what_names_model_versions_is_read_before_them_and_what_they_name_after(home: Home, tmp_path: Path) -> None:
    home.models.add("v-0123456789abcdef", {MODEL_FILE: b"{}", CARD_FILE: b"{}"})
    backed_up(home, tmp_path / "b")
    folders = dict.fromkeys(
        "/".join(name.split("/")[1 : 3 if "/tables/" in name else 2]) for name in names_in(tmp_path / "b")
    )
    assert [*folders] == [
        "documents",
        "tables/retrain_decisions",
        "tables/input_drift",
        "tables/batch_predictions",
        "models",
        "tables/backtest",
        "tables/features",
        "tables/raw_milk_price",
        "received",
        "dataset.json",
        "",
    ]
