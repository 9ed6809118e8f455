"""`prices.toml`: which price files a folder holds, and everything that can be wrong with the list."""

from pathlib import Path

import pytest

from milk.errors import BadInput
from milk.series import SERIES_ID, series_register
from milk.sources.files import DataFolder
from milk.sources.manifest import MANIFEST_FILE, PriceFile, read_manifest

REFERENCE = f'[[series]]\nseries_id = "{SERIES_ID}"\nfile = "precio_leche.csv"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "prices").mkdir(parents=True)
    for name in ("precio_leche.csv", "prices/a.csv", "prices/b.csv"):
        (data / name).write_text("Anio,Mes,Precio_leche\n2001,Ene,100\n")
    (tmp_path / "outside.csv").write_text("")
    return data


def _write(folder: Path, *entries: str, reference: str = REFERENCE) -> Path:
    (folder / MANIFEST_FILE).write_text("\n".join([reference, *(f"[[series]]\n{entry}" for entry in entries)]))
    return folder


def test_a_folder_without_a_list_holds_the_one_price_file(folder: Path) -> None:
    assert read_manifest(folder) == (PriceFile(SERIES_ID, "precio_leche.csv", series_register().price),)


def test_an_entry_says_what_its_series_is_and_the_register_says_the_rest(folder: Path) -> None:
    _write(
        folder,
        'series_id = "a"\nfile = "prices/a.csv"\nname = "Cheese"\nunit = "EUR/kg"\ncolumn = "P"\nplausible = [1, 20]\n'
        'licence = "CC0"',
        'series_id = "b"\nfile = "prices/b.csv"',
    )
    reference, first, second = read_manifest(folder)
    price = series_register().price
    assert reference.price == price
    assert (first.price.meaning, first.price.unit, first.price.column) == ("Cheese", "EUR/kg", "P")
    assert (first.price.plausible, first.price.licence) == ((1.0, 20.0), "CC0")
    assert (second.series_id, second.file) == ("b", "prices/b.csv")
    assert (second.price.unit, second.price.plausible) == (price.unit, price.plausible)


def test_the_reference_may_lie_in_another_file(folder: Path) -> None:
    reference = REFERENCE.replace("precio_leche.csv", "prices/a.csv")
    _write(folder, reference=reference)
    (folder / "prices/a.csv").write_text("here")
    assert DataFolder(folder).fetch("milk_price") == b"here"


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('series_id = "a"', "entry 2 lacks series_id or file"),
        ('series_id = "a"\nfile = "../outside.csv"', "its file ../outside.csv lies outside the folder"),
        ('series_id = "a"\nfile = "/etc/hostname"', "its file /etc/hostname lies outside the folder"),
        ('series_id = "a"\nfile = ["prices/a.csv"]', "its file must be the path of a file"),
        ('series_id = "a"\nfile = "loop.csv"', "its file must be the path of a file"),
        ('series_id = "a"\nfile = 7', "its file must be the path of a file"),
        ('series_id = "A b"\nfile = "prices/a.csv"', "a series_id is small letters"),
        (f'series_id = "{"a" * 65}"\nfile = "prices/a.csv"', "a series_id is small letters"),
        ('series_id = ["a"]\nfile = "prices/a.csv"', "a series_id is small letters"),
        (f'series_id = 0x{"f" * 9999}\nfile = "prices/a.csv"', "a series_id is small letters"),
        ('series_id = 3\nfile = "prices/a.csv"', "a series_id is small letters"),
        (f'series_id = "{SERIES_ID}"\nfile = "prices/a.csv"', "its series_id stands there more than once"),
        ('series_id = "a"\nfile = "precio_leche.csv"', "its file precio_leche.csv stands there more than once"),
        ('series_id = "a"\nfile = "./prices/../precio_leche.csv"', "precio_leche.csv stands there more than once"),
        ('series_id = "a"\nfile = "link.csv"', "its file link.csv stands there more than once"),
        ('series_id = "a"\nfile = "prices/a.csv"\ncolour = 1', "it has the unknown field colour"),
        ('series_id = "a"\nfile = "prices/a.csv"\nunit = ""', "its unit must be a text of one line"),
        ('series_id = "a"\nfile = "prices/a.csv"\nname = "a\\nb"', "its name must be a text of one line"),
        ('series_id = "a"\nfile = "prices/a.csv"\nplausible = [5, 1]', "its plausible range must be two numbers"),
        ('series_id = "a"\nfile = "prices/a.csv"\nplausible = [nan, 1]', "its plausible range must be two numbers"),
        ('series_id = "a"\nfile = "prices/a.csv"\nplausible = [0, 1]', "its plausible range must be two numbers"),
        (f'series_id = "a"\nfile = "prices/a.csv"\nplausible = [1, 1{"0" * 400}]', "its plausible range must be two"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(folder: Path, entry: str, problem: str) -> None:
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "link.csv").symlink_to("precio_leche.csv")
    _write(folder, entry)
    with pytest.raises(BadInput) as raised:
        read_manifest(folder)
    assert problem in str(raised.value)
    assert "entry 2" in str(raised.value)


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("prices/none.csv", r"There is no file prices/none\.csv in the folder\."),
        (f"{'a' * 300}.csv", "cannot be read: File name too long"),
        ("prices", "prices cannot be read: Is a directory"),
    ],
)
def test_a_file_that_is_not_there_is_no_fault_of_the_list_and_told_by_who_reads_it(
    folder: Path, file: str, problem: str
) -> None:
    _write(folder, f'series_id = "a"\nfile = "{file}"')
    _reference, further = read_manifest(folder)
    with pytest.raises(BadInput, match=problem):
        DataFolder(folder).fetch_price(further)


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("prices/none.csv", r"There is no prices/none\.csv in .*\. The price file is the one that must be there"),
        (f"{'a' * 300}.csv", "cannot be read: File name too long"),
    ],
)
def test_the_file_of_the_reference_must_be_there(folder: Path, file: str, problem: str) -> None:
    _write(folder, reference=REFERENCE.replace("precio_leche.csv", file))
    with pytest.raises(BadInput, match=problem):
        DataFolder(folder).fetch("milk_price")


def test_a_link_out_of_the_folder_is_outside(folder: Path) -> None:
    (folder / "prices/link.csv").symlink_to(folder.parent / "outside.csv")
    _write(folder, 'series_id = "a"\nfile = "prices/link.csv"')
    with pytest.raises(BadInput, match="lies outside the folder"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[series", "cannot be read"),
        (f"series = {'9' * 5000}", "cannot be read"),
        ("series = " + "[" * 5000, "cannot be read"),
        ("", r"must hold one \[\[series\]\]"),
        ('series = "a"', r"must hold one \[\[series\]\]"),
        (REFERENCE + "[other]\n", "and nothing else"),
        ("series = [1]", "entry 1 lacks"),
        (REFERENCE.replace(SERIES_ID, "another"), f"the first entry is the reference series and must be {SERIES_ID}"),
        (REFERENCE + 'unit = "EUR/L"', "unit of the reference series stand in the register"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(folder: Path, text: str, problem: str) -> None:
    (folder / MANIFEST_FILE).write_text(text)
    with pytest.raises(BadInput, match=problem):
        read_manifest(folder)


def test_of_many_problems_twenty_are_listed(folder: Path) -> None:
    _write(folder, *(f'series_id = "s{k}"\nfile = "../{k}.csv"' for k in range(25)))
    with pytest.raises(BadInput) as raised:
        read_manifest(folder)
    lines = str(raised.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "and 5 more.")
