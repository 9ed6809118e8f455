"""What a backup of a home holds, in which order, and what is refused; the real commands are in `tests/milk/cli`."""

import datetime as dt
import json
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from milk.errors import BackupRefused, HomeRefused
from milk.home.archive import FORMAT, MANIFEST, MEMBERS, written_archive
from milk.home.contents import list_kept
from milk.home.dataset import claim_home, read_dataset
from milk.home.documents import write_document
from milk.home.layout import Home
from milk.home.tables import write_table
from milk.models.version import CARD_FILE, MODEL_FILE
from milk.publication.engine import HEAD, migrate, open_store
from milk.publication.ledger import append_promotion
from milk.publication.publish import claim_store
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.steps.backup import Backup, read_backup, write_backup
from milk.steps.receive import dataset_of
from milk.steps.restore import restore_backup
from tests.builders import SAMPLE
from tests.milk.publication.rows import promoted

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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sa.Engine]:
    """A store of nobody, outside of the home."""
    engine = open_store(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    yield engine
    engine.dispose()


def claim(store: sa.Engine, dataset_id: str) -> None:
    """Make the store that of a dataset, with a promotion."""
    claim_store(store, SERIES_ID, dataset_id=dataset_id, is_synthetic=True)
    append_promotion(store, promoted("v-1"))


def backed_up(home: Home, file: Path, store: sa.Engine | None = None) -> Backup:
    return write_backup(home, store, file, created_at=NOW)


def add_version(home: Home) -> None:
    home.models.add("v-0123456789abcdef", {MODEL_FILE: b"{}", CARD_FILE: b"{}"})


def dataset_id_of(home: Home) -> str:
    dataset = read_dataset(home)
    assert dataset is not None
    return dataset.dataset_id


def names_in(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


MANIFEST_OF_OURS = {
    "dataset_id": "eb9ed8e83ad5",
    "is_synthetic": True,
    "created_at": NOW.isoformat(),
    "program": "0.1.0",
    "revision": "unknown",
    "schema": HEAD,
    "publication": 1,
    "issues": 1,
    "tables": {"features": 0},
}


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in MANIFEST_OF_OURS if name != "schema"),
        {"dataset_id": "[/red]"},
        {"program": "1\x1b[2J"},
        {"created_at": "2026-11-26T12:00:00"},
        {"created_at": 5},
        {"is_synthetic": 1},
        *({"schema": schema} for schema in (5, "0000", "5", "", "head", ["0001"], "000\u0661")),
        {"publication": -1},
        {"issues": 1.5},
        {"issues": True},
        {"tables": ["features"]},
        {"tables": {"features": "0"}},
    ],
    ids=str,
)
def test_a_manifest_that_is_none_of_ours_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    lacking = {name: said for name, said in MANIFEST_OF_OURS.items() if name not in changed}
    new = Home(tmp_path / "new")
    for number, manifest in enumerate((MANIFEST_OF_OURS | changed, lacking)):
        file = tmp_path / f"{number}"
        with written_archive(file, created=1.0) as archive:
            archive.add("files/dataset.json", b"{}")
            archive.add(MANIFEST, json.dumps(manifest | {"format": FORMAT, MEMBERS: archive.members}).encode())
        with pytest.raises(BackupRefused, match=f"does not say {next(iter(changed))}"):
            read_backup(file)
        with pytest.raises(BackupRefused, match=f"does not say {next(iter(changed))}"):
            restore_backup(file, new, store_url=new.store_url)
    assert not new.path.exists()


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


def test_what_names_model_versions_is_read_before_them_and_what_they_name_after(
    home: Home, store: sa.Engine, tmp_path: Path
) -> None:
    add_version(home)
    claim(store, dataset_id_of(home))
    backed_up(home, tmp_path / "b", store)
    files = [name.split("/") for name in names_in(tmp_path / "b") if name.startswith("files/")]
    folders = dict.fromkeys("/".join(path[1:3] if path[1] == "tables" else path[1:2]) for path in files)
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
    ]


def test_a_home_with_model_versions_is_not_backed_up_without_its_ledger(
    home: Home, store: sa.Engine, tmp_path: Path
) -> None:
    add_version(home)
    for other in (None, store):
        with pytest.raises(HomeRefused, match="MILK_STORE_URL"):
            backed_up(home, tmp_path / "b", other)
    assert not (tmp_path / "b").exists()
    claim(store, dataset_id_of(home))
    assert backed_up(home, tmp_path / "b", store).files > len(TABLES)


def test_a_home_is_not_backed_up_with_the_store_of_another(home: Home, store: sa.Engine, tmp_path: Path) -> None:
    claim(store, "another")
    with pytest.raises(HomeRefused, match=f"another dataset.*{dataset_id_of(home)}"):
        backed_up(home, tmp_path / "b", store)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["documents/unreadable.json", "received/milk_price/unreadable.csv"])
def test_a_file_that_cannot_be_read_is_told_as_one_of_the_home(home: Home, tmp_path: Path, name: str) -> None:
    # A file that is there, and whose first byte no process can read.
    (home.path / name).symlink_to("/proc/self/mem")
    with pytest.raises(HomeRefused, match=f"^{name} in the home {home.path} cannot be read"):
        backed_up(home, tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.fixture
def nobody() -> Iterator[None]:
    """A user whom a mode of a file keeps out, as it does not the master of the machine."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_read_is_not_left_out(nobody: None) -> None:  # noqa: ARG001  # because it is who tests
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "received" / "milk_price"
        closed.mkdir(parents=True)
        (closed / "prices.csv").write_bytes(b"1")
        closed.chmod(0)
        try:
            with pytest.raises(HomeRefused, match=r"received in the home .* cannot be read: Permission denied"):
                list_kept(Home(Path(folder)), "received")
        finally:
            closed.chmod(0o700)


def test_a_restore_that_filled_the_store_and_not_the_home_says_so_and_goes_on(
    home: Home, store: sa.Engine, tmp_path: Path
) -> None:
    add_version(home)
    claim(store, dataset_id_of(home))
    backed_up(home, tmp_path / "b", store)
    new, url = Home(tmp_path / "new"), f"sqlite:///{tmp_path}/other.db"
    in_the_way = new.path / "tables" / "somebody's"
    in_the_way.mkdir(parents=True)
    with pytest.raises(HomeRefused, match="The store was filled and nothing else"):
        restore_backup(tmp_path / "b", new, store_url=url)
    in_the_way.rmdir()
    restore_backup(tmp_path / "b", new, store_url=url)
    other = open_store(url)
    assert backed_up(new, tmp_path / "again", other) == read_backup(tmp_path / "b")
    other.dispose()
    # In the home the store comes with the rest.
    embedded = Home(tmp_path / "embedded")
    (embedded.path / "tables" / "somebody's").mkdir(parents=True)
    with pytest.raises(HomeRefused, match="Nothing was restored"):
        restore_backup(tmp_path / "b", embedded, store_url=embedded.store_url)
