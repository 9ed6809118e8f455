"""Receptions: what is kept, what is refused, what is new."""

import datetime as dt
import multiprocessing
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from milk.errors import BadInput, HomeRefused
from milk.home.dataset import read_dataset
from milk.home.layout import Home
from milk.home.tables import table_version
from milk.months import Month
from milk.panel.observations import as_of, latest
from milk.series import SourceName
from milk.settings import SAMPLE
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.steps.receive import (
    Received,
    check_folder,
    claim_for_folder,
    dataset_of,
    empty_observations,
    observations_of,
    receive,
    table_of,
)
from milk.tables import OBSERVATIONS
from tests.milk.sources.texts import file_of, price_file, rows_of

NOON = dt.datetime(2020, 1, 2, 12, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(days=30)
PRICES = [f"{100 + n}.5" for n in range(40)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precio_leche.csv").write_bytes(price_file(PRICES))
    return DataFolder(tmp_path / "data")


def put(folder: DataFolder, source: SourceName, content: bytes) -> None:
    (folder.path / SOURCE_FILES[source].file_name).write_bytes(content)


def receive_at(home: Home, folder: DataFolder, source: SourceName = "milk_price", at: dt.datetime = NOON) -> Received:
    return receive(home, folder, source, received_at=at)


def receive_in_a_process(home: str, folder: str, start: Event) -> None:
    start.wait(20)
    receive_at(Home(Path(home)), DataFolder(Path(folder)))


def kept_files(home: Home) -> list[str]:
    return sorted(file.stem for file in (home.path / "received").rglob("*.csv"))


def test_first_reception(home: Home, folder: DataFolder) -> None:
    received = receive_at(home, folder)
    OBSERVATIONS.validate(received.added)
    assert (received.source, received.rows_read, received.faults) == ("milk_price", 40, [])
    assert not received.is_missing
    assert len(received.added) == received.observations == 40
    assert kept_files(home) == [received.snapshot]
    dataset = read_dataset(home)
    assert dataset == dataset_of(folder)
    assert dataset is not None
    assert (dataset.first_month, dataset.last_month) == (Month(1979, 1), Month(1982, 4))
    OBSERVATIONS.validate(observations_of(home, "milk_price"))


def test_nothing_is_known_before_the_first_reception(home: Home) -> None:
    nothing = observations_of(home, "milk_price")
    OBSERVATIONS.validate(nothing)
    assert nothing.equals(empty_observations())


def test_same_file_again_adds_nothing(home: Home, folder: DataFolder) -> None:
    first = receive_at(home, folder)
    again = receive_at(home, folder, at=LATER)
    assert again.added.empty
    assert again.snapshot == first.snapshot
    assert again.observations == 40
    assert table_version(home, table_of("milk_price")) == 0
    assert kept_files(home) == [first.snapshot]
    assert len(observations_of(home, "milk_price")) == 40


def test_receptions_at_once_add_each_value_once(home: Home, folder: DataFolder) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Event()
    arguments = (str(home.path), str(folder.path), start)
    processes = [spawn.Process(target=receive_in_a_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(observations_of(home, "milk_price")) == 40


def test_longer_and_revised_file_adds_what_is_new(home: Home, folder: DataFolder) -> None:
    receive_at(home, folder)
    put(folder, "milk_price", price_file([*PRICES[:39], "147", "148"]))
    received = receive_at(home, folder, at=LATER)
    assert received.added["known_by"].tolist() == ["received", "rule"]
    assert received.added["value"].tolist() == ["147", "148"]
    assert received.added["snapshot"].unique().tolist() == [received.snapshot]
    assert len(kept_files(home)) == 2
    observations = observations_of(home, "milk_price")
    assert latest(observations)["value"].tolist() == [*PRICES[:39], "147", "148"]
    assert as_of(observations, LATER - dt.timedelta(seconds=1))["value"].tolist() == [*PRICES, "148"]
    dataset = read_dataset(home)
    assert dataset is not None
    assert dataset.last_month == Month(1982, 5)


@pytest.mark.parametrize("text", ["x", "1390"])
def test_unusable_file_is_refused_and_nothing_of_it_kept(home: Home, folder: DataFolder, text: str) -> None:
    """So a mended file is all that was ever known, and the issue of its month can still be right."""
    receive_at(home, folder)
    before = kept_files(home)
    put(folder, "milk_price", price_file([*PRICES[:39], text]))
    with pytest.raises(BadInput, match=rf"precio_leche\.csv, row 41, column Precio_leche: .*\(value '{text}'\)"):
        receive(home, folder, "milk_price", received_at=LATER)
    assert kept_files(home) == before
    assert len(observations_of(home, "milk_price")) == 40


def test_home_is_not_claimed_by_an_unusable_file(home: Home, folder: DataFolder) -> None:
    put(folder, "milk_price", b"")
    with pytest.raises(BadInput, match="the file is empty"):
        receive(home, folder, "milk_price", received_at=NOON)
    assert not home.path.exists()


def test_optional_file_that_is_not_there(home: Home, folder: DataFolder) -> None:
    received = receive_at(home, folder, "precipitation")
    assert received.is_missing
    assert received.added.equals(empty_observations())
    assert (received.rows_read, received.faults) == (0, [])
    assert kept_files(home) == []


def test_optional_file_with_faults_is_used_without_them(home: Home, folder: DataFolder) -> None:
    put(folder, "precipitation", file_of("precipitation", rows_of("precipitation", ["1.5", "wet", "2"])))
    received = receive_at(home, folder, "precipitation")
    assert [fault.kind for fault in received.faults] == ["unreadable cell"]
    assert received.added["value"].tolist() == ["1.5", "2"]
    OBSERVATIONS.validate(received.added)


def test_broken_optional_file_is_refused(home: Home, folder: DataFolder) -> None:
    put(folder, "central_bank", b"Periodo;Imacec\n")
    with pytest.raises(BadInput, match=r"banco_central\.csv, row 1, column Imacec_empalmado: it is missing"):
        receive(home, folder, "central_bank", received_at=NOON)
    assert kept_files(home) == []


def test_other_data_are_refused_before_anything_is_kept(home: Home, folder: DataFolder) -> None:
    receive_at(home, folder)
    before = kept_files(home)
    put(folder, "milk_price", price_file(["7"] * 40))
    put(folder, "precipitation", file_of("precipitation", rows_of("precipitation", ["1.5"])))
    for source in ("milk_price", "precipitation"):
        with pytest.raises(HomeRefused, match="belongs to another dataset"):
            receive(home, folder, source, received_at=LATER)
    assert kept_files(home) == before


def test_synthetic_data_do_not_enter_a_home_of_real_data(home: Home, folder: DataFolder) -> None:
    receive_at(home, folder)
    (folder.path / "dataset.toml").write_text("is_synthetic = true\n", encoding="utf-8")
    with pytest.raises(HomeRefused, match=r"\(real, from 1979-01\); these files are .* \(synthetic, from 1979-01\)"):
        claim_for_folder(home, folder)


def test_home_that_cannot_be_written_is_refused(folder: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file", encoding="utf-8")
    with pytest.raises(HomeRefused, match="cannot be written"):
        receive(Home(tmp_path / "home"), folder, "milk_price", received_at=NOON)


def test_folder_is_checked_without_a_home(folder: DataFolder) -> None:
    put(folder, "milk_price", price_file(["x", "4"]))
    put(folder, "central_bank", file_of("central_bank", rows_of("central_bank", ["a"])))
    found = check_folder(folder)
    assert {source: [(f.severity, f.kind) for f in faults] for source, faults in found.items()} == {
        "milk_price": [("error", "unreadable price")],
        "precipitation": [("warning", "missing file")],
        "central_bank": [("warning", "unreadable cell")],
    }
    assert str(found["precipitation"][0]) == "precipitaciones.csv: the optional file is not there."


def test_folder_without_a_price_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no precio_leche\.csv"):
        check_folder(DataFolder(tmp_path))


def test_sample_is_received(home: Home) -> None:
    folder = DataFolder(SAMPLE)
    for source in SOURCE_FILES:
        assert not receive_at(home, folder, source).added.empty
        assert receive_at(home, folder, source, at=LATER).added.empty
    dataset = read_dataset(home)
    assert dataset is not None
    assert dataset.is_synthetic
    assert dataset.last_month == Month(2026, 10)


def test_a_reception_tells_what_it_changed(home: Home, folder: DataFolder) -> None:
    first = receive_at(home, folder)
    assert first.revisions.empty
    assert first.agreement.empty
    revised = [*PRICES[:38], "150.15", "139.50"]
    put(folder, "milk_price", price_file(revised))
    received = receive_at(home, folder, at=LATER)
    assert received.revisions[["before", "after"]].to_numpy().tolist() == [["138.5", "150.15"], ["139.5", "139.50"]]
    assert received.revisions["relative_change"].tolist() == [pytest.approx(150.15 / 138.5 - 1), 0.0]
    (row,) = received.agreement.to_dict(orient="records")
    assert (row["came_again"], row["changed"], row["largely_changed"], row["agrees"]) == (40, 2, 1, True)
    again = receive_at(home, folder, at=LATER + dt.timedelta(days=1))
    assert again.revisions.empty
    assert again.agreement["changed"].tolist() == [0]


def test_a_macro_text_is_compared_without_its_points(home: Home, folder: DataFolder) -> None:
    put(folder, "central_bank", file_of("central_bank", rows_of("central_bank", ["102.796.210", "738"])))
    receive_at(home, folder, "central_bank")
    put(folder, "central_bank", file_of("central_bank", rows_of("central_bank", ["102.796.21", "7.454"])))
    received = receive_at(home, folder, "central_bank", at=LATER)
    assert received.revisions["relative_change"].tolist() == [pytest.approx(0.01, abs=1e-4), 0.0]


def test_an_optional_file_that_is_not_there_changes_nothing(home: Home, folder: DataFolder) -> None:
    received = receive_at(home, folder, "precipitation")
    assert received.revisions.empty
    assert received.agreement.empty
