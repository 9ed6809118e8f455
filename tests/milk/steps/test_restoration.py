"""Restoring the macro file of a folder, and the tables and the page on it."""

import csv
import io
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from milk.errors import BadInput
from milk.restoration_report.page import restoration_page
from milk.restoration_report.tables import (
    block_table,
    identity_table,
    misplaced_by_naive,
    number_text,
    unproved_reasons,
)
from milk.series import series_register
from milk.sources.files import DataFolder
from milk.sources.sample import MACRO_FILE
from milk.steps.restoration import STRAY, RestoredFile, restore_folder, restored_csv

SAMPLE = Path(__file__).parents[3] / "data" / "sample"
SERIES = series_register().of_source("central_bank")
EVIL = '<script>alert("x")</script>'
VOID = {"meta", "rect", "path", "circle", "br"}


@pytest.fixture(scope="module")
def sample() -> RestoredFile:
    return restore_folder(DataFolder(SAMPLE))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> RestoredFile:
    """The sample with a total that is not the sum of its parts, and with a cell that attacks the page."""
    return restore_folder(DataFolder(broken_folder(tmp_path_factory.mktemp("broken"))))


def broken_folder(folder: Path) -> Path:
    rows = list(csv.reader(io.StringIO((SAMPLE / MACRO_FILE).read_text(encoding="utf-8"))))
    total, evil = rows[0].index("PIB"), rows[0].index("Imacec_minero")
    for number, row in enumerate(rows[1:]):
        row[total] = f"{100 + number % 7}.123.4{10 + number % 83}" if row[total] else ""
    next(row for row in rows if row[0].startswith("2020-05"))[evil] = EVIL
    write_rows(folder / MACRO_FILE, rows)
    return folder


def write_rows(file: Path, rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    file.write_text(text.getvalue(), encoding="utf-8")


def page_of(restored: RestoredFile) -> str:
    page = restoration_page(
        restored.texts, restored.restoration, faults=restored.faults, is_synthetic=restored.is_synthetic
    )
    return page.decode()


def test_what_is_left_out_is_listed(sample: RestoredFile) -> None:
    stray = [fault for fault in sample.faults if fault.kind == STRAY]
    assert {fault.value for fault in stray} == {"a"}
    assert all("begins only in" in fault.problem and fault.row and fault.column for fault in stray)
    assert [fault.row for fault in sample.faults] == sorted(fault.row for fault in sample.faults)


def test_a_month_of_which_everything_is_left_out_stays_a_row(tmp_path: Path) -> None:
    lines = (SAMPLE / MACRO_FILE).read_text(encoding="utf-8").splitlines()
    header, cells = lines[0].split(","), [""] * (len(SERIES) + 1)
    cells[0], cells[header.index("PIB_Textil")] = "1950-01-01 00:00:00 UTC", "1.234.567"
    (tmp_path / MACRO_FILE).write_text("\n".join([*lines, ",".join(cells)]), encoding="utf-8")
    restored = restore_folder(DataFolder(tmp_path))
    assert restored.texts.index[0] == pd.Timestamp("1950-01-01")
    assert not restored.texts.iloc[0].notna().any()
    assert [f.value for f in restored.faults if f.kind == STRAY].count("1.234.567") == 1


def test_a_file_without_a_value(tmp_path: Path) -> None:
    header = (SAMPLE / MACRO_FILE).read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / MACRO_FILE).write_text(f"{header}\n2020-01-01{',' * len(SERIES)}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="nothing to restore"):
        restore_folder(DataFolder(tmp_path))


def test_a_file_in_another_notation_is_refused(tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO((SAMPLE / MACRO_FILE).read_text(encoding="utf-8"))))
    rows[1:] = [[row[0], *(re.sub(r"\.", ",", cell, count=1) for cell in row[1:])] for row in rows[1:]]
    write_rows(tmp_path / MACRO_FILE, rows)
    with pytest.raises(BadInput, match=r"of its [0-9]+ cells are no numbers, '.*,.*' for one"):
        restore_folder(DataFolder(tmp_path))


def test_a_block_without_a_number_is_neither_proved_nor_unproved(tmp_path: Path) -> None:
    """A file that ends before a block begins has nothing to warn of."""
    rows = list(csv.reader(io.StringIO((SAMPLE / MACRO_FILE).read_text(encoding="utf-8"))))
    employment = {rows[0].index(s.column) for s in SERIES if s.block == "employment"}
    emptied = [["" if place in employment else cell for place, cell in enumerate(row)] for row in rows[1:]]
    write_rows(tmp_path / MACRO_FILE, [rows[0], *emptied])
    restored = restore_folder(DataFolder(tmp_path))
    assert restored.restoration.unproved == []
    table = block_table(restored.restoration).set_index("block")
    assert set(table.loc[table["verdict"] != "proved"].index) == {"employment"}
    assert table.loc["employment", "verdict"] == "no number"
    page = page_of(restored)
    assert "Every block with a number is proved; without one: employment." in page
    assert "<td>no number</td>" in page
    assert "<td>not tested</td>" in page


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"There is no folder .* holds {MACRO_FILE}"):
        restore_folder(DataFolder(tmp_path / "none"))


def test_a_single_row_is_no_ground_for_a_guess(tmp_path: Path) -> None:
    header = (SAMPLE / MACRO_FILE).read_text(encoding="utf-8").splitlines()[0]
    cells = ",".join(["1.234.567"] * len(SERIES))
    (tmp_path / MACRO_FILE).write_text(f"{header}\n2020-01-01,{cells}\n", encoding="utf-8")
    restored = restore_folder(DataFolder(tmp_path))
    assert {"gdp", "employment"} <= set(restored.restoration.unproved)
    assert page_of(restored).count("<article") == len(SERIES)


def test_every_number_has_the_digits_of_its_text(sample: RestoredFile) -> None:
    rows = list(csv.DictReader(io.StringIO(restored_csv(sample.restoration.values).decode())))
    column = {s.name: s.column for s in SERIES}
    assert list(rows[0]) == ["month", *column.values()]
    assert [row["month"] for row in rows] == [f"{month:%Y-%m}" for month in pd.DatetimeIndex(sample.texts.index)]
    status = sample.restoration.status
    for name in sample.texts.columns:
        texts, found = sample.texts[name].tolist(), [row[column[name]] for row in rows]
        for text, number, state in zip(texts, found, status[name], strict=True):
            if state in ("missing", "unreadable"):
                assert number == ""
            else:
                assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", number)
                assert _digits(number) == _digits(text)


def _digits(text: str) -> str:
    return text.replace(".", "").strip("0")


@pytest.mark.parametrize(
    ("value", "text"),
    [(760.0, "760"), (0.614, "0.614"), (1.5e-7, "0.00000015"), (1e22, "1" + "0" * 22), (-0.0, "0"), (-3.5, "-3.5"),
     (102.25, "102.25"), (np.nan, ""), (np.inf, "")],
)  # fmt: skip
def test_the_text_of_a_number(value: float, text: str) -> None:
    assert number_text(value) == text
    assert not text or Decimal(text) == Decimal(repr(value))


def test_what_the_naive_reading_misplaces() -> None:
    name = SERIES[0].name
    texts = pd.DataFrame({name: ["104.317.562", "912.604.873", "101.12", None]}, dtype=object)
    values = pd.DataFrame({name: [104.317562, 91.2604873, 101.12, np.nan]})
    # 10^6 and 10^7 and 10^2 off: only one cell can be the usual one.
    assert misplaced_by_naive(texts, values).to_numpy().tolist() == [[name, 3, 2]]


def test_the_tables_of_a_sound_restoration(sample: RestoredFile) -> None:
    blocks, identities = block_table(sample.restoration), identity_table(sample.restoration)
    assert blocks["series"].sum() == len(SERIES)
    assert blocks["is_proved"].all()
    assert unproved_reasons(sample.restoration) == {}
    assert (identities["exact"] == identities["months"]).all()
    assert (identities["months"] > 0).all()


def test_an_unproved_block_is_said_and_left_empty(broken: RestoredFile) -> None:
    reasons = unproved_reasons(broken.restoration)
    assert list(reasons) == ["gdp"]
    assert "gdp_clp_bn is not the sum of its parts" in reasons["gdp"][0]
    assert "more: " in reasons["gdp"][0]
    rows = list(csv.DictReader(io.StringIO(restored_csv(broken.restoration.values).decode())))
    assert {row[s.column] for row in rows for s in SERIES if s.block == "gdp"} == {""}
    page = page_of(broken)
    assert "Unproved, and left empty: gdp." in page
    assert set(broken.restoration.identities["identity"]) == {"employed_thousand"}
    assert "Unproved: every value of this block is left empty." in page
    assert "uncertain or unreadable cells</summary>" in page


class _Reader(HTMLParser):
    """Opens and closes every element, and collects what points elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.seen.append(tag)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.links += [told[name] or "" for name in ("href", "src") if name in told]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("which", ["sample", "broken"])
def test_the_page_stands_alone(which: str, request: pytest.FixtureRequest) -> None:
    restored: RestoredFile = request.getfixturevalue(which)
    page = page_of(restored)
    reader = _Reader()
    reader.feed(page.replace("/>", ">"))
    assert reader.open == []
    assert not {"script", "link", "img", "iframe"} & set(reader.seen)
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert "url(" not in page
    assert "@import" not in page
    assert len(page) < 15_000_000
    assert page == page_of(restored)


def test_the_page_tells_of_every_column_and_fault(sample: RestoredFile) -> None:
    page = page_of(sample)
    for s in SERIES:
        article = page.split(f'<article id="{s.name}">')[1].split("</article>")[0]
        assert s.column in article
        assert s.meaning in article
        assert article.count("<svg") == 2
    for month, name in zip(*np.nonzero(sample.restoration.status.isin(["uncertain", "unreadable"])), strict=True):
        article = page.split(f'<article id="{sample.texts.columns[name]}">')[1].split("</article>")[0]
        assert f"<td>{sample.texts.index[month]:%Y-%m}</td>" in article
    left_out = page.split('id="left-out"')[1].split("<section")[0]
    for fault in sample.faults:
        assert f'<td class="number">{fault.row}</td><td>{fault.column}</td>' in left_out


def test_a_cell_cannot_act_on_the_page(broken: RestoredFile) -> None:
    page = page_of(broken)
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;") == 2


def test_synthetic_data_say_so_everywhere(sample: RestoredFile, broken: RestoredFile) -> None:
    page = page_of(sample)
    assert page.count("SYNTHETIC DATA</text>") == page.count("<svg")
    assert "SYNTHETIC DATA: invented numbers" in page
    assert "SYNTHETIC DATA" not in page_of(broken)
