"""What the third page says: which version is in production, since when and why, and every decision before."""

from collections.abc import Mapping
from typing import Any

from milk.publication.ledger import PromotionRow
from milk.publication.read_page import CardRecord, ModelsRecord
from milk_serving.pages.formats import Formats
from milk_serving.pages.language import Language
from milk_serving.pages.words import Words

HASH_LENGTH = 12
"""Characters of a hash that are shown: enough to compare by eye."""


def models_content(record: ModelsRecord, language: Language, say: Words) -> dict[str, Any]:
    """What the template fills in.

    Args:
        record: what is published, and the ledger.
        language: of the reader.
        say: its words.
    """
    formats = Formats(language)
    # The row that brought the champion in; later ones may have kept it there.
    promoted = next((row for row in record.ledger if row.decision == "promoted"), None)
    return {
        "formats": formats,
        "issue": record.issue,
        "version": record.ledger[0].champion_version_id if record.ledger else record.issue.model_version,
        "is_in_ledger": bool(record.ledger),
        "promoted": None if promoted is None else _decision(promoted, say, formats),
        "card": None if record.card is None else _card(record.card, say, formats),
        "ledger": [_decision(row, say, formats) for row in record.ledger],
        "retrain": record.decision,
        "retrain_numbers": {} if record.decision is None else _plain(record.decision.numbers, formats),
    }


def _decision(row: PromotionRow, say: Words, formats: Formats) -> dict[str, Any]:
    return {
        "day": formats.minute(row.decided_at),
        "instant": row.decided_at.isoformat(),
        "version": row.version_id,
        "decision": say(f"decision_{row.decision}"),
        "is_promoted": row.decision == "promoted",
        "reason": row.reason,
        "said": _said(row, say, formats),
        "who": say(f"actor_{row.actor_kind}"),
        # Dagster calls a job of its own by such a name; it says nothing to a reader.
        "actor": "" if row.actor.startswith("__") else row.actor,
        "champion": row.champion_version_id,
        "previous": row.previous_version_id,
        "cutoff": formats.day(row.data_cutoff),
    }


def _said(row: PromotionRow, say: Words, formats: Formats) -> str:
    """The ratios that a decision rests on, in words; the ledger's own reason is English."""
    ratios = [row.numbers.get(f"challenger_ratio_{name}") for name in ("next_month", "year")]
    first, year = (ratio if isinstance(ratio, int | float) else None for ratio in ratios)
    if first is None or year is None:
        return ""
    return say("why_ratios", next=formats.percent(first), year=formats.percent(year))


def _card(card: CardRecord, say: Words, formats: Formats) -> dict[str, Any]:
    """The facts of a card; parts that a card of another program has not are left out."""
    content = card.card
    recipe = _part(content, "recipe")
    return {
        "recipe": card.recipe,
        "created": formats.minute(card.created_at),
        "sha256": card.sha256[:HASH_LENGTH],
        "parameters": _plain(_part(recipe, "parameters"), formats),
        "interval": _plain(_part(recipe, "interval"), formats),
        "blocks": ", ".join(str(name) for name in _part(recipe, "blocks")) or say("no_blocks"),
        "verdicts": {str(name): str(text) for name, text in _part(_part(content, "search"), "blocks").items()},
        "notes": [str(note) for note in notes] if isinstance(notes := content.get("notes"), list) else [],
    }


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = content.get(name)
    return part if isinstance(part, Mapping) else {}


def _plain(values: Mapping[str, Any], formats: Formats) -> dict[str, str]:
    """Names and values as text; numbers as the language writes them."""
    return {str(name): _text(value, formats) for name, value in values.items()}


def _text(value: object, formats: Formats) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int | float):
        text = f"{value:.4g}"
        return text.replace(".", ",") if formats.language == "es" else text
    if isinstance(value, list):
        return " · ".join(_text(part, formats) for part in value)
    return str(value)
