"""Writes docs/accuracy.md and docs/exactitud.md from the original price file, which does not ship.

Usage: .venv/bin/python docs/accuracy_pages.py FOLDER
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from milk.accuracy_report.words import Language
from milk.cli.backtest import backtest_folder

PAGES: Final[dict[Language, str]] = {"en": "accuracy.md", "es": "exactitud.md"}


def write_pages(data: Path, folder: Path) -> None:
    """Write both pages into a folder.

    Args:
        data: folder with the original price file.
        folder: where the pages go.
    """
    with TemporaryDirectory() as scratch:
        for language, name in PAGES.items():
            backtest_folder(
                data,
                first="2003-01",
                last="2017-12",
                output=Path(scratch) / "backtest.csv",
                price_lag=0,
                report=folder / name,
                language=language,
            )


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]), Path(__file__).parent)
