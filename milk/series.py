"""The register of series: one data file (`series.toml`), one reader, checked on load.

Loads no frame library. `series_register()` is the one way in.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from milk.errors import BadSetting
from milk.months import Availability, Month

SERIES_ID = "cl_farmgate_milk"
"""The series that is forecast unless a row says otherwise."""

SourceName = Literal["milk_price", "precipitation", "central_bank"]
REGISTER_FILE = Path(__file__).with_name("series.toml")
_SOURCES: tuple[SourceName, ...] = get_args(SourceName)
_FIELDS = {
    "name", "column", "meaning", "unit", "block", "source", "code", "current_code", "first_valid_month", "plausible",
    "availability", "licence", "note",
}  # fmt: skip
_REQUIRED = _FIELDS - {"code", "current_code", "note"}


@dataclass(frozen=True, slots=True)
class Series:
    """One series of the register.

    Attributes:
        name: English snake_case name with its unit; what the series is called inside the program.
        column: its column in the file as received.
        meaning: one line of English for the person who reads a table.
        unit: unit of a value.
        block: group in which features are admitted or refused together.
        source: the file it arrives in.
        code: official code of the received vintage; empty where there is none.
        current_code: code under which the source continues it, `none found` or `unknown`; empty where there is no code.
        first_valid_month: values before it are remains of a damaged file and are dropped.
        plausible: smallest and largest believable value, in `unit`.
        availability: when a value becomes known.
        licence: terms of the source.
        note: what else a reader should know.
    """

    name: str
    column: str
    meaning: str
    unit: str
    block: str
    source: SourceName
    code: str
    current_code: str
    first_valid_month: Month
    plausible: tuple[float, float]
    availability: Availability
    licence: str
    note: str


@dataclass(frozen=True, slots=True)
class Register:
    """All series, in the order of their files, and the named rules of availability."""

    series: tuple[Series, ...]
    rules: dict[str, Availability]

    def of_source(self, source: SourceName) -> tuple[Series, ...]:
        """The series that arrive in one file, in the order of its columns."""
        return tuple(s for s in self.series if s.source == source)

    def __getitem__(self, name: str) -> Series:
        for series in self.series:
            if series.name == name:
                return series
        raise BadSetting(f"There is no series '{name}' in {REGISTER_FILE.name}.")

    @property
    def price(self) -> Series:
        """The series that is forecast."""
        return self["price"]


@cache
def series_register() -> Register:
    """The register of the program, read once."""
    return read_register(REGISTER_FILE.read_text(encoding="utf-8"))


def read_register(text: str) -> Register:
    """Read and check a register.

    Raises:
        BadSetting: it is not TOML; an entry lacks a field, has one too many, repeats a name or column, names an unknown
            source or rule, or has no plausible range.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSetting(f"{REGISTER_FILE.name} cannot be read: {error}.") from error
    rules = {name: _read_rule(name, rule) for name, rule in content.get("availability", {}).items()}
    series = tuple(_read_series(entry, rules) for entry in content.get("series", []))
    _refuse_repeats("name", [s.name for s in series])
    _refuse_repeats("column", [f"{s.source}: {s.column}" for s in series])
    return Register(series, rules)


def _read_rule(name: str, rule: dict[str, Any]) -> Availability:
    try:
        return Availability(**rule)
    except (TypeError, BadSetting) as error:
        raise BadSetting(f"{REGISTER_FILE.name}: the rule '{name}' cannot be used. {error}") from error


def _read_series(entry: dict[str, Any], rules: dict[str, Availability]) -> Series:
    name = entry.get("name", "(an entry without a name)")
    if missing := sorted(_REQUIRED - entry.keys()):
        raise BadSetting(f"{REGISTER_FILE.name}: {name} lacks {', '.join(missing)}.")
    if unknown := sorted(entry.keys() - _FIELDS):
        raise BadSetting(f"{REGISTER_FILE.name}: {name} has the unknown field {', '.join(unknown)}.")
    if entry["source"] not in _SOURCES:
        raise BadSetting(f"{REGISTER_FILE.name}: {name} names the unknown source '{entry['source']}'.")
    if entry["availability"] not in rules:
        raise BadSetting(f"{REGISTER_FILE.name}: {name} names the unknown rule '{entry['availability']}'.")
    low, high = _read_range(name, entry["plausible"])
    read = entry | {
        "code": entry.get("code", ""),
        "current_code": entry.get("current_code", ""),
        "note": entry.get("note", ""),
        "first_valid_month": _read_month(name, entry["first_valid_month"]),
        "plausible": (low, high),
        "availability": rules[entry["availability"]],
    }
    return Series(**read)


def _read_range(name: str, plausible: object) -> tuple[float, float]:
    if not isinstance(plausible, list) or [type(end) in (int, float) for end in plausible] != [True, True]:
        raise BadSetting(f"{REGISTER_FILE.name}: the plausible range of {name} must be two numbers.")
    low, high = plausible
    # Written so that a `nan`, which TOML allows, is refused too.
    if not low < high:
        raise BadSetting(f"{REGISTER_FILE.name}: {name} has the empty plausible range {low} to {high}.")
    return float(low), float(high)


def _read_month(name: str, text: object) -> Month:
    try:
        return Month.parse(str(text))
    except BadSetting as error:
        raise BadSetting(f"{REGISTER_FILE.name}: the first valid month of {name}: {error}") from error


def _refuse_repeats(what: str, values: list[str]) -> None:
    if repeated := sorted({v for v in values if values.count(v) > 1}):
        raise BadSetting(f"{REGISTER_FILE.name}: the {what} {', '.join(repeated)} stands there more than once.")
