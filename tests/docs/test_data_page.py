"""docs/data.md: its pictures, its figures on the sample, its commands and its links are true."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from docs import data_pictures as maker
from milk.sources.files import DataFolder
from milk.steps.restoration import RestoredFile, restore_folder
from tests.milk.cli.commands import milk

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "data.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def restored() -> RestoredFile:
    return restore_folder(DataFolder(maker.SAMPLE))


def test_the_figures_on_the_sample_are_true(restored: RestoredFile) -> None:
    assert maker.with_figures(PAGE, restored) == PAGE, f"{maker.PAGE.name}: run docs/data_pictures.py"


def test_the_pictures_are_those_of_the_sample(restored: RestoredFile) -> None:
    for name, content in maker.pictures(restored).items():
        assert (DOCS / "images" / name).read_bytes() == content, f"{name}: run docs/data_pictures.py"
        assert f"images/{name}" in PAGE
        assert b"SYNTHETIC DATA" in content
        assert len(content) < 100_000


def test_a_wrong_number_of_the_sample_bears_a_doubt(restored: RestoredFile) -> None:
    compared, _wrong, undoubted = maker.against_truth(restored)
    assert compared > 20_000
    assert undoubted == 0


def test_the_commands_are_there() -> None:
    commands = re.findall(r"^\$ \.venv/bin/milk (.+)$", PAGE, flags=re.MULTILINE)
    assert commands
    for command in commands:
        words = command.split()
        told = milk(*takewhile(lambda word: not word.startswith("-"), words), "--help")
        assert told.code == 0, told.err
        for option in (word for word in words if word.startswith("--")):
            assert option in told.out


def test_the_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "://" not in link]
    assert links
    for link in links:
        assert (DOCS / link.split("#")[0]).exists(), link
