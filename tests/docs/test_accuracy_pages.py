"""docs/accuracy.md and docs/exactitud.md are what the program makes of the original prices, where they lie at hand."""

from pathlib import Path

import pytest

from docs.accuracy_pages import PAGES, write_pages
from tests.builders import ROOT

REAL = ROOT.parent / "shared" / "data" / "chile"


@pytest.mark.skipif(not REAL.is_dir(), reason="the original files do not lie in ../shared/data/chile")
def test_the_pages_are_those_of_the_original_prices(tmp_path: Path) -> None:
    write_pages(REAL, tmp_path)
    for name in PAGES.values():
        made, kept = ((folder / name).read_text(encoding="utf-8") for folder in (tmp_path, ROOT / "docs"))
        assert made == kept, f"{name}: run docs/accuracy_pages.py FOLDER"


@pytest.mark.parametrize("name", PAGES.values())
def test_the_pages_link_to_pages_that_are_there(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert "(forecasting.md)" in text
    assert (ROOT / "docs" / "forecasting.md").is_file()
