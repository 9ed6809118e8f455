"""`prices.toml`: the many price files of a data folder, one entry a series.

    [[series]]
    series_id = "cl_farmgate_milk"        # the first entry is the reference series, and bears this name
    file = "precio_leche.csv"

    [[series]]
    series_id = "cl_los_lagos_milk"       # small letters, digits and _
    file = "prices/los_lagos.csv"         # inside the folder
    name = "Farm-gate milk price, Los Lagos"
    unit = "CLP/L"
    column = "Precio_leche"               # optional, as all that follows
    plausible = [0.1, 5000]
    licence = "none stated"

What an entry leaves out is as in the register for the price. A folder without this file holds the one price file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from milk.errors import BadInput
from milk.series import SERIES_ID, Series, series_register
from milk.sources.milk_price import FILE_NAME

MANIFEST_FILE: Final = "prices.toml"
MOST_SHOWN = 20
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FIELDS = {"series_id", "file", "name", "unit", "column", "plausible", "licence"}
_TEXTS = ("name", "unit", "column", "licence")
_OF_REFERENCE = {"series_id", "file"}


@dataclass(frozen=True, slots=True)
class PriceFile:
    """One price file and what it holds.

    Attributes:
        series_id: the series, by which every table and route knows it.
        file: path of the file below the folder.
        price: what the register says of a price, with what the entry says otherwise.
    """

    series_id: str
    file: str
    price: Series


def reference_file() -> PriceFile:
    """The price file of a folder without a manifest."""
    return PriceFile(SERIES_ID, FILE_NAME, series_register().price)


def read_manifest(folder: Path) -> tuple[PriceFile, ...]:
    """The price files of a folder, the reference series first; whether they are there tells who reads them.

    Raises:
        BadInput: the manifest cannot be read, or entries of it cannot be used; the message names each, up to twenty.
    """
    manifest = folder / MANIFEST_FILE
    if not manifest.exists():
        return (reference_file(),)
    try:
        content = tomllib.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        # Beside its own error the parser raises that of a number of thousands of digits, and of brackets as deep.
        raise BadInput(f"{manifest} cannot be read: {error}. Mend or delete it.") from error
    entries = content.get("series")
    if not isinstance(entries, list) or not entries or content.keys() != {"series"}:
        raise BadInput(f"{manifest} must hold one [[series]] for each price file, and nothing else. Mend or delete it.")
    _refuse(manifest, _problems(folder, entries))
    return tuple(_price_file(entry) for entry in entries)


def _price_file(entry: Mapping[str, Any]) -> PriceFile:
    register = series_register().price
    low, high = entry.get("plausible", register.plausible)
    price = replace(
        register,
        meaning=entry.get("name", register.meaning),
        unit=entry.get("unit", register.unit),
        column=entry.get("column", register.column),
        licence=entry.get("licence", register.licence),
        plausible=(float(low), float(high)),
        note=register.note if entry["series_id"] == SERIES_ID else "",
    )
    return PriceFile(entry["series_id"], entry["file"], price)


def _problems(folder: Path, entries: list[Any]) -> list[str]:
    """What is wrong with the entries, in their order."""
    problems, ids, files = [], set[str](), set[Path]()
    root = folder.resolve()
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or not {"series_id", "file"} <= entry.keys():
            problems.append(f"entry {number} lacks series_id or file")
            continue
        series_id, path = entry["series_id"], _path_in(root, entry["file"])
        name = f"entry {number} ({series_id[:64]!r})" if isinstance(series_id, str) else f"entry {number}"
        found = [*_field_problems(entry), *_file_problems(root, entry["file"], path)]
        if number == 1:
            found += _reference_problems(entry)
        if isinstance(series_id, str):
            if series_id in ids:
                found.append("its series_id stands there more than once")
            ids.add(series_id)
        if path is not None:
            if path in files:
                found.append(f"its file {entry['file']} stands there more than once")
            files.add(path)
        problems += [f"{name}: {problem}" for problem in found]
    return problems


def _field_problems(entry: Mapping[str, Any]) -> list[str]:
    problems = []
    if unknown := sorted(entry.keys() - _FIELDS):
        problems.append(f"it has the unknown field {', '.join(unknown)}; known are {', '.join(sorted(_FIELDS))}")
    if not isinstance(entry["series_id"], str) or not _ID.fullmatch(entry["series_id"]):
        problems.append("a series_id is small letters, digits and _, begins with a letter and has 64 at most")
    for field in _TEXTS:
        text = entry.get(field, "-")
        if not isinstance(text, str) or not text.strip() or len(text) > 200 or not text.isprintable():
            problems.append(f"its {field} must be a text of one line")
    if "plausible" in entry and not _is_range(entry["plausible"]):
        problems.append("its plausible range must be two numbers above zero, the smaller one first")
    return problems


def _is_range(plausible: object) -> bool:
    if not isinstance(plausible, list) or [type(end) in (int, float) for end in plausible] != [True, True]:
        return False
    try:
        low, high = map(float, plausible)
    except OverflowError:
        return False
    # Written so that a `nan`, which TOML allows, is refused too.
    return bool(0 < low < high < float("inf"))


def _path_in(root: Path, file: object) -> Path | None:
    """Where a file lies, links and dots followed: by that it is told from others; `None` where that cannot be told."""
    if not isinstance(file, str) or not file.strip() or not file.isprintable():
        return None
    try:
        return (root / file).resolve()
    except (OSError, RuntimeError):
        # Too long a name, or links in a circle.
        return None


def _file_problems(root: Path, file: object, path: Path | None) -> list[str]:
    if path is None:
        return ["its file must be the path of a file"]
    if Path(str(file)).is_absolute() or not path.is_relative_to(root):
        return [f"its file {file} lies outside the folder"]
    return []


def _reference_problems(entry: Mapping[str, Any]) -> list[str]:
    """The reference is what the program knows already: its name, unit and range are those of the register."""
    problems = []
    if entry["series_id"] != SERIES_ID:
        problems.append(f"the first entry is the reference series and must be {SERIES_ID}")
    if further := sorted(entry.keys() & _FIELDS - _OF_REFERENCE):
        problems.append(f"{', '.join(further)} of the reference series stand in the register: leave them out here")
    return problems


def _refuse(manifest: Path, problems: list[str]) -> None:
    if not problems:
        return
    lines = [f"{manifest}: {problem}." for problem in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        lines.append(f"and {len(problems) - MOST_SHOWN} more.")
    raise BadInput("\n".join(lines))
