"""The card of a version as a page that a person reads: Markdown, made from the two files and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from milk.models.version import ModelVersion

_FIGURES = (
    ("horizon_months", "months ahead", "{:.0f}"),
    ("rmse", "RMSE", "{:.2f}"),
    ("ratio", "ratio to the last value", "{:.3f}"),
    ("coverage_80", "80 % held", "{:.0%}"),
    ("coverage_95", "95 % held", "{:.0%}"),
    ("forecasts", "forecasts", "{:.0f}"),
)
_SCORED_AS = {"last_value": "last_value"}
"""Names of recipes that stand in the scores under a name of their own; every other is `milk`."""


def card_markdown(version: ModelVersion, *, history: Sequence[str] = ()) -> str:
    """The card of a version.

    Args:
        version: the version, verified.
        history: what the ledger says of it, one sentence a row, oldest first.
    """
    card = version.card
    parts = [
        f"# Model version {version.version_id}",
        _warning(card),
        _list(
            {
                "recipe": version.recipe_name,
                "created": card["created_at"],
                "hash": version.sha256,
                "unit": version.model["unit"],
            }
        ),
        "## Recipe",
        _list(_flat(version.model["recipe"])),
        "## Data",
        _list(_flat(card["data"]) | _flat(card["windows"])),
        "## Search",
        _list(_flat(card["search"])),
        "## Scores, rolling origin",
        _scores(card, version.recipe_name),
        "## Software",
        _list(_flat(card["software"])),
        "## Notes",
        _bullets(card["notes"]),
    ]
    if history:
        parts += ["## In the ledger", _bullets(history)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warning(card: Mapping[str, Any]) -> str:
    return "**Synthetic data: no use for any decision.**" if card["is_synthetic"] else ""


def _scores(card: Mapping[str, Any], recipe_name: str) -> str:
    """The scores by horizon, or their summary where the card has no more."""
    by_horizon = card["scores"].get("by_horizon")
    rows = by_horizon.get(_SCORED_AS.get(recipe_name, "milk")) if isinstance(by_horizon, Mapping) else None
    summary = _list(_flat(card["scores"]["recipe"]))
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        return summary
    figures = [figure for figure in _FIGURES if all(isinstance(row.get(figure[0]), int | float) for row in rows)]
    intervals = _ratio_intervals(card)
    names = [*(name for _key, name, _form in figures), *(["95 % interval of the ratio"] if intervals else [])]
    head = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines = []
    for row in rows:
        cells = [form.format(row[key]) for key, _name, form in figures]
        cells += [intervals.get(row.get("horizon_months"), "-")] if intervals else []
        lines.append("| " + " | ".join(cells) + " |")
    return f"{summary}\n\n" + "\n".join([*head, *lines])


def _ratio_intervals(card: Mapping[str, Any]) -> dict[Any, str]:
    """By horizon the interval of the ratio to the last value; the first cards have none."""
    against = card["scores"].get("against")
    rows = against.get("last_value", []) if isinstance(against, Mapping) else []
    return {
        row["horizon_months"]: f"{row['ratio_low']:.3f} to {row['ratio_high']:.3f}"
        for row in rows
        if isinstance(row.get("ratio_low"), int | float)
    }


def _flat(content: object, prefix: str = "") -> dict[str, object]:
    """Nested objects as one level, `a.b`; lists and texts as they are."""
    if not isinstance(content, Mapping):
        return {prefix.removesuffix("."): content} if prefix else {}
    flat: dict[str, object] = {}
    for name, value in content.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _list(facts: Mapping[str, object]) -> str:
    return "\n".join(f"- {name}: {_shown(value)}" for name, value in facts.items())


def _bullets(lines: Iterable[object]) -> str:
    return "\n".join(f"- {_shown(line)}" for line in lines)


def _shown(value: object) -> str:
    """One line: a text of a card must not begin a heading or a table of its own."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(part) for part in value) or "none"
    return " ".join(str(value).split())
