"""`milk data` and `milk backtest`: files in, files out, no home."""

from pathlib import Path

import pandas as pd
import pytest

from tests.milk.cli.commands import PRICE_FILE, SAMPLE, milk, price_folder, refused

HEADER = "model,forecast_origin,target_month,horizon_months,prediction,lower_80,upper_80,lower_95,upper_95,observed"
MODELS = {"milk", "last_value", "seasonal_naive", "drift", "seasonal_drift"}


def _backtest(data: Path, output: Path, *more: object, first: str = "2025-01", last: str = "2025-12") -> pd.DataFrame:
    told = milk("backtest", "--data", data, "--from", first, "--to", last, "--output", output, *more)
    assert told.code == 0, told.err
    assert f"rows written to {output}." in told.out
    return pd.read_csv(output)


def test_sound_files(tmp_path: Path) -> None:
    told = milk("data", "check", price_folder(tmp_path / "data"))
    assert told.code == 0
    assert f"{PRICE_FILE}: no faults" in told.out
    assert "the optional file is not there" in told.out
    assert milk("data", "check", SAMPLE).code == 0


def test_unsound_files(tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data", replace=("1979,Feb,4.37", "1979,Feb,-4.37"))
    told = milk("data", "check", data)
    assert told.code == 1
    assert "error: precio_leche.csv, row 3, column Precio_leche: the price of 1979-02 is negative" in told.out
    assert "Mend what is marked 'error'" in told.out
    refused(milk("data", "check", tmp_path / "nowhere"), "There is no folder", code=1)


def test_the_sample_is_the_same_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        assert milk("data", "sample", tmp_path / "new").code == 0
    for file in (tmp_path / "new").iterdir():
        assert file.read_bytes() == (SAMPLE / file.name).read_bytes(), file.name


def test_the_sample_does_not_overwrite_real_data(tmp_path: Path) -> None:
    data = price_folder(tmp_path / "mine", replace=("1979,Feb,4.37", "1979,Feb,4.38"))
    before = (data / PRICE_FILE).read_bytes()
    refused(milk("data", "sample", data), str(data), PRICE_FILE, "another folder", code=3)
    assert (data / PRICE_FILE).read_bytes() == before
    (tmp_path / "file").touch()
    refused(milk("data", "sample", tmp_path / "file"), "cannot be written", "another folder", code=3)


@pytest.mark.parametrize(("lag", "horizons"), [(0, 12), (2, 14)])
def test_the_table_of_a_backtest(tmp_path: Path, lag: int, horizons: int) -> None:
    table = _backtest(price_folder(tmp_path / "data"), tmp_path / "out.csv", "--price-lag", lag)
    assert (tmp_path / "out.csv").read_text(encoding="ascii").splitlines()[0] == HEADER
    assert set(table["model"]) == MODELS
    assert len(table) == 12 * horizons * len(MODELS)
    assert set(table["horizon_months"]) == set(range(1, horizons + 1))
    assert not table.isna().to_numpy().any()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out.csv"}


def test_nothing_is_chosen_by_later_rows(tmp_path: Path) -> None:
    """The same months from a file that ends with them and from one that goes on for ten more."""
    whole = _backtest(price_folder(tmp_path / "whole"), tmp_path / "whole.csv")
    ended = _backtest(price_folder(tmp_path / "ended", drop_last=10), tmp_path / "ended.csv")
    pd.testing.assert_frame_equal(whole, ended)


@pytest.mark.parametrize(
    ("first", "last", "code", "words"),
    [
        ("2025-1", "2025-12", 2, ("'2025-1' is not a month",)),
        ("1980-01", "1980-12", 4, ()),
        ("2027-01", "2027-12", 4, ()),
        ("2025-12", "2025-01", 4, ("no month from 2025-12 to 2025-01",)),
    ],
)
def test_months_that_cannot_be_evaluated(
    tmp_path: Path, first: str, last: str, code: int, words: tuple[str, ...]
) -> None:
    data = price_folder(tmp_path / "data")
    told = milk("backtest", "--data", data, "--from", first, "--to", last, "--output", tmp_path / "out.csv")
    refused(told, *words, code=code)
    assert not (tmp_path / "out.csv").exists()


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data")
    (tmp_path / "file").touch()
    window = ("--from", "2025-12", "--to", "2025-12")
    for place in (tmp_path / "file" / "out.csv", tmp_path / "data"):
        told = milk("backtest", "--data", data, *window, "--output", place)
        refused(told, str(place), "cannot be written", "--output", code=3)
    assert [path.name for path in data.iterdir()] == [PRICE_FILE]


def test_a_received_file_is_never_overwritten(tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data")
    before = (data / PRICE_FILE).read_bytes()
    (tmp_path / "link.csv").symlink_to(data / PRICE_FILE)
    window = ("--from", "2025-12", "--to", "2025-12")
    for place in (data / PRICE_FILE, tmp_path / "link.csv", data / "dataset.toml", data / "precipitaciones.csv"):
        told = milk("backtest", "--data", data, *window, "--output", place)
        refused(told, str(place), "is one of the files received", "--output", code=3)
    assert (data / PRICE_FILE).read_bytes() == before
    assert [path.name for path in data.iterdir()] == [PRICE_FILE]


def test_a_lag_beyond_reason(tmp_path: Path) -> None:
    told = milk("backtest", "--data", SAMPLE, "--from", "2025-01", "--to", "2025-12", "--output", tmp_path / "o.csv",
                "--price-lag", "-1")  # fmt: skip
    assert told.code == 2
    assert "--price-lag" in told.err
