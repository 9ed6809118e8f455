"""The folder of input files: what is there, what must be, and what its label says."""

import hashlib
from pathlib import Path

import pytest

from milk.errors import BadInput
from milk.sources.files import DataFolder, content_hash
from tests.milk.sources.texts import price_file


def test_files_that_are_there_are_fetched_as_they_are(tmp_path: Path) -> None:
    content = price_file(["3.85"]).replace(b"\n", b"\r\n")
    (tmp_path / "precio_leche.csv").write_bytes(content)
    assert DataFolder(tmp_path).fetch("milk_price") == content


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no folder .*/none\. Give a folder that holds precio_leche\.csv"):
        DataFolder(tmp_path / "none").fetch("precipitation")


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "precio_leche.csv"
    file.write_bytes(price_file(["3.85"]))
    with pytest.raises(BadInput, match="There is no folder"):
        DataFolder(file).fetch("milk_price")


def test_price_must_be_there_rain_and_macro_need_not(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with pytest.raises(BadInput, match=r"There is no precio_leche\.csv in .*must be there"):
        folder.fetch("milk_price")
    assert folder.fetch("precipitation") is None
    assert folder.fetch("central_bank") is None


def test_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precipitaciones.csv").mkdir()
    with pytest.raises(BadInput, match=r"precipitaciones\.csv cannot be read: Is a directory"):
        DataFolder(tmp_path).fetch("precipitation")


@pytest.mark.parametrize(
    ("label", "is_synthetic"),
    [(None, False), ("", False), ("is_synthetic = true", True), ("is_synthetic = false", False)],
)
def test_label(tmp_path: Path, label: str | None, *, is_synthetic: bool) -> None:
    if label is not None:
        (tmp_path / "dataset.toml").write_text(label, encoding="utf-8")
    assert DataFolder(tmp_path).is_synthetic is is_synthetic


@pytest.mark.parametrize(
    "label", [b"is_synthetic = 1", b'is_synthetic = "no"', b"is_synthetic", b"\xff\xfe", b"name = '\xf1'"]
)
def test_label_that_says_nothing_usable_is_refused(tmp_path: Path, label: bytes) -> None:
    (tmp_path / "dataset.toml").write_bytes(label)
    with pytest.raises(BadInput, match=r"dataset\.toml"):
        _ = DataFolder(tmp_path).is_synthetic


def test_hash_is_sha_256() -> None:
    assert content_hash(b"milk") == hashlib.sha256(b"milk").hexdigest()
