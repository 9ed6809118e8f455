"""Writes the pages that are made from the program itself: docs/series.md of the register, docs/settings.md.

Usage: .venv/bin/python docs/generate.py
"""

import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from milk.environment import file_variable, variable
from milk.months import Availability, Month, available_from
from milk.series import REGISTER_FILE, Register, Series, series_register
from milk.settings import Settings, extra_of, secret_settings
from milk.sources.files import SOURCE_FILES

SERIES_PAGE = Path(__file__).with_name("series.md")
SETTINGS_PAGE = Path(__file__).with_name("settings.md")
COMMAND = ".venv/bin/python docs/generate.py"
EXAMPLES = (Month(2019, 10), Month(2020, 1))
"""Of two quarters: the accounts of the fourth come later than those of the others."""
WITHOUT_CODE = ("none found", "unknown")

Columns = dict[str, Callable[[Series], str]]
"""The columns of a table, and what each says of a series."""

BLOCKS = {
    "price": "Price",
    "rain": "Rain",
    "activity": "Activity",
    "gdp": "Gross domestic product",
    "commodities": "Commodities",
    "exchange_rate": "Exchange rates",
    "employment": "Employment",
    "production": "Production",
    "trade": "Trade",
}
"""The title of each block of the register."""

HEAD = """\
# The series

<!-- Made from milk/series.toml by `{command}`; change those, not this page. -->

The register of series, `milk/series.toml`, says of every column that the program receives what it is, where it comes
from, between which bounds a value is believed, and from when a value is known. It holds {total} series:
{counts}. What each file looks like is told in
[data-format.md](data-format.md), what a name is made of in [naming.md](naming.md).

## How to read the tables

Each block has two tables, and what holds for all of its series stands once above them.

| column | what it says |
| --- | --- |
| name | what the series is called inside the program; it carries its unit |
| from | the first month whose values count; what stands before it in a file is a remnant and is left out |
| believed | the smallest and the largest value that is taken for possible, in the unit of the series |
| known | the rule of availability, explained below |
| column received | its column in the file, as the source wrote it |
| official code | the code of the series at the central bank, of the vintage that was received |
| current code | the code under which the bank continues it, `same` where it did not change; \
none found: it ended; unknown: no evidence of one |

Of the {macro} macro series, {continued} have a current code, {sighted} of which were sighted only in programs of
third parties; for {none_found} none was found, and for {unknown} it is unknown.

## From when a value is known

A forecast uses only what was known before its month began. From when a value is known follows from the rule of its
series and from its month: from the end, in Chile, of the day that the rule names. The rules know weekends and no public
holidays; to wait for the end of the day keeps them on the safe side. A value that is revised is known, as revised, from
the moment at which it was received.
"""

SETTINGS_HEAD = """\
# Settings

<!-- Made from milk/settings.py by `{command}`; change those, not this page. -->

Settings are environment variables. An option of a command (`--home`) wins over its variable; an empty variable counts
as not set. A variable that begins with `MILK_` and is no setting is named on standard error, with the nearest name.

- `milk config show` prints each setting with its value and where that comes from, without passwords (`--json`).
- `milk config check` tries what they name (data, home, store, Dagster's records), changes nothing, and says what is
  wrong, where, and what to do; exit code 1 if something is.
- `milk prepare` makes the home, the tables of the store and Dagster's records before the processes of a server start.

**Secrets.** A setting that may hold a password is never printed with it. It may be given as a file instead:
{files} name a file that holds the value and nothing else; white space around it is
left out. To give both is refused.
"""


def main() -> None:
    """Write every page."""
    write_pages(SERIES_PAGE.parent)


def write_pages(folder: Path) -> None:
    """Write every page into a folder."""
    for name, content in ((SERIES_PAGE.name, series_page()), (SETTINGS_PAGE.name, settings_page())):
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
        sys.stdout.write(f"{name} written.\n")


def settings_page() -> str:
    """The page of the settings."""
    *others, last = (f"`{file_variable(name)}`" for name in secret_settings())
    files = f"{', '.join(others)} and {last}"
    rows = [
        [
            f"`{variable(name)}`",
            str(field.description),
            extra_of(name, "unit") or "",
            extra_of(name, "about") or f"`{field.default}`",
            ", ".join(f"`{example}`" for example in field.examples or ()),
            "yes" if name in secret_settings() else "",
        ]
        for name, field in Settings.model_fields.items()
    ]
    table = _table(["variable", "what it says", "unit", "default", "example", "secret"], rows)
    return "\n".join([SETTINGS_HEAD.format(command=COMMAND, files=files), table])


def series_page() -> str:
    """The page of the register."""
    register, rules = series_register(), rule_names()
    # The register has the order of the files, in which a block may come in two pieces.
    blocks: dict[str, list[Series]] = {}
    for series in register.series:
        blocks.setdefault(series.block, []).append(series)
    sections = [_section(BLOCKS[block], members, rules) for block, members in blocks.items()]
    return "\n".join([_head(register), _rules_table(register, rules), *sections])


def rule_names() -> dict[str, str]:
    """The name of the rule of each series: two rules may say the same, so the register itself is asked."""
    entries = tomllib.loads(REGISTER_FILE.read_text(encoding="utf-8"))["series"]
    return {entry["name"]: entry["availability"] for entry in entries}


def rule_in_words(rule: Availability) -> str:
    """When a value becomes known, as a sentence would say it."""
    if rule.rule == "quarterly_accounts":
        late = f", {_months(rule.lag_months)} later" if rule.lag_months else ""
        return (
            "the day of the national accounts of its quarter: 18 May, 18 August, 18 November, and 18 March for the "
            f"fourth, or the next business day{late}"
        )
    near = {0: "the month itself", 1: "the month after", 2: "the second month after"}
    days = {"month_end": "the last day", "business_day": "the first business day", "day": f"day {rule.day}"}
    return f"{days[rule.rule]} of {near.get(rule.lag_months, f'the month {_months(rule.lag_months)} later')}"


def _months(count: int) -> str:
    return f"{count} month{'' if count == 1 else 's'}"


def _head(register: Register) -> str:
    macro = register.of_source("central_bank")
    counts = [f"{len(register.of_source(source))} in `{file.file_name}`" for source, file in SOURCE_FILES.items()]
    return HEAD.format(
        command=COMMAND,
        total=len(register.series),
        counts=", ".join(counts),
        macro=len(macro),
        continued=sum(s.current_code not in WITHOUT_CODE for s in macro),
        sighted=sum("sighted only" in s.note for s in macro),
        none_found=sum(s.current_code == "none found" for s in macro),
        unknown=sum(s.current_code == "unknown" for s in macro),
    )


def _rules_table(register: Register, rules: dict[str, str]) -> str:
    examples = [f"a value of {month} is known from" for month in EXAMPLES]
    rows = []
    for name, rule in register.rules.items():
        instants = [f"{available_from(rule, month):%Y-%m-%d %H:%M} UTC" for month in EXAMPLES]
        users = sum(used == name for used in rules.values())
        rows.append([f"`{name}`", rule_in_words(rule), str(users), *instants])
    return _table(["rule", "known at the end of", "series", *examples], rows)


def _section(title: str, members: list[Series], rules: dict[str, str]) -> str:
    """A block: what its series share, what they are, and where they come from."""
    shared, own = _facts(members, rules)
    first: Columns = {
        "name": _name,
        "meaning": lambda s: s.meaning,
        "unit": lambda s: s.unit,
        "from": lambda s: str(s.first_valid_month),
        "believed": _believed,
    } | {name: say for name, say in own.items() if name == "known"}
    second: Columns = {"name": _name, "column received": lambda s: f"`{s.column}`"} | {
        name: say for name, say in own.items() if name != "known"
    }
    tables = [
        _table([*columns], ([say(s) for say in columns.values()] for s in members)) for columns in (first, second)
    ]
    return "\n".join([f"## {title}", "", *shared, "", *tables])


def _facts(members: list[Series], rules: dict[str, str]) -> tuple[list[str], Columns]:
    """What all series of a block have alike, a line each, and what needs a column of its own."""
    facts: Columns = {
        "source": lambda s: f"`{SOURCE_FILES[s.source].file_name}`",
        "known": lambda s: f"`{rules[s.name]}`",
        "licence": lambda s: s.licence,
        "official code": lambda s: f"`{s.code}`" if s.code else "none",
        "current code": _current_code,
        "note": lambda s: s.note,
    }
    shared, own = [], {}
    for name, say in facts.items():
        said = {say(s) for s in members}
        # A single series has everything alike, but its code is looked for in the table.
        if len(said) > 1 or (name.endswith("code") and members[0].code):
            own[name] = say
        elif text := said.pop():
            shared.append(f"- {name}: {text}")
    return shared, own


def _name(series: Series) -> str:
    return f"`{series.name}`"


def _believed(series: Series) -> str:
    low, high = series.plausible
    return f"{low:.10g} to {high:.10g}"


def _current_code(series: Series) -> str:
    if not series.code or series.current_code in WITHOUT_CODE:
        return series.current_code
    return "same" if series.current_code == series.code else f"`{series.current_code}`"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
