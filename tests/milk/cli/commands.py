"""The real command: in this process where it fails before the graph, in a process of its own where it runs it."""

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from milk.cli.main import main

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "sample"
PRICE_FILE = "precio_leche.csv"
QUICK = {"MILK_FIRST_ISSUE": "2026-01", "MILK_EVALUATION_MONTHS": "24"}


@dataclass(frozen=True)
class Told:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


def environment(**settings: str) -> dict[str, str]:
    return os.environ | QUICK | settings


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "milk.cli", *map(str, arguments)]


def milk_process(*arguments: object, **settings: str) -> Told:
    """The command in a process of its own."""
    done = subprocess.run(
        command(*arguments), env=environment(**settings), capture_output=True, text=True, check=False, timeout=300
    )
    return Told(done.returncode, done.stdout, done.stderr)


def milk(*arguments: object, **settings: str) -> Told:
    """The command in this process: the same entry point, without the seconds of a start."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["milk", *map(str, arguments)])
        for name, value in (QUICK | settings).items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return Told(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def refused(told: Told, *words: str, code: int) -> None:
    """One clear message, an exit code, no traceback."""
    assert told.code == code, told
    assert "Traceback" not in told.out + told.err
    assert told.err.count("error:") == 1, told.err
    for word in words:
        assert word in told.err, told.err


def price_folder(folder: Path, *, drop_last: int = 0, replace: tuple[str, str] | None = None) -> Path:
    """A folder with the price file of the sample alone, shortened or with one text replaced."""
    folder.mkdir(parents=True)
    text = (SAMPLE / PRICE_FILE).read_text(encoding="utf-8")
    if replace is not None:
        assert text.count(replace[0]) == 1
        text = text.replace(*replace)
    lines = text.splitlines(keepends=True)
    (folder / PRICE_FILE).write_text("".join(lines[: len(lines) - drop_last]), encoding="utf-8")
    return folder


def content_of(home: Path) -> dict[str, str]:
    """The hash of every file in which results lie: tables, models, received bytes, ledger, record."""
    kept = ("tables", "models", "received", "documents", "milk.db", "dataset.json")
    files = [f for part in kept for f in ([home / part] if (home / part).is_file() else (home / part).rglob("*"))]
    return {str(f.relative_to(home)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.is_file()}
