"""What the rows of the ledger mean together: how production came to where it is, and what is judged already."""

from collections.abc import Sequence
from dataclasses import dataclass

from milk.publication.ledger import PromotionRow

CHALLENGER = "challenger_version_id"
"""Names, among the numbers of a row, the version that was put to the gate."""
CHALLENGER_SHA256 = "challenger_sha256"
"""The hash of its content: in a fallback the row itself holds that of the last value."""
RULE = "rule"
"""Names, among the numbers of a row, what decided."""
BY_HAND, ROLLED_BACK = "promoted by a person", "rolled back by a person"


@dataclass(frozen=True, slots=True)
class Period:
    """A time in production: the row that began it, and the one that ended it; `None` while it lasts."""

    begun: PromotionRow
    ended: PromotionRow | None


def speaks_of(row: PromotionRow, version_id: str) -> bool:
    """Whether a row is about a version: considered, put to the gate, or in production afterwards."""
    return version_id in (row.version_id, row.champion_version_id, row.numbers.get(CHALLENGER))


def production_trail(rows: Sequence[PromotionRow]) -> list[str]:
    """The versions by which production came to where it is, oldest first, the champion last.

    A promotion goes one step on. A rollback goes back to where its version stood and drops what came after it, as one
    goes back in the pages of a browser: two rollbacks in a row go back two steps, never to and fro. A rollback to a
    version that was dropped before is a step on.
    """
    trail: list[str] = []
    for row in rows:
        champion = row.champion_version_id
        if trail and trail[-1] == champion:
            continue
        if row.numbers.get(RULE) == ROLLED_BACK and champion in trail:
            # Its newest place: a version may have been in production twice.
            place = len(trail) - trail[::-1].index(champion)
            del trail[place:]
        else:
            trail.append(champion)
    return trail


def judged_versions(rows: Sequence[PromotionRow]) -> set[str]:
    """The versions that a training does not put to the gate again.

    Those of which the newest row speaks: the champion, and the one that was just refused; in a fallback it stands in
    the numbers only. And each that a person took out of production, until a person puts it back: the gate has no other
    evidence than before, and the person knew more.
    """
    if not rows:
        return set()
    removed: set[str] = set()
    for row in rows:
        if row.actor_kind == "person" and row.previous_version_id is not None:
            removed.add(row.previous_version_id)
        removed.discard(row.champion_version_id)
    newest = rows[-1]
    return removed | {
        newest.version_id,
        newest.champion_version_id,
        str(newest.numbers.get(CHALLENGER, newest.version_id)),
    }


def periods(rows: Sequence[PromotionRow]) -> dict[str, list[Period]]:
    """When each version was in production, oldest period first."""
    begun: list[PromotionRow] = []
    for row in rows:
        if not begun or begun[-1].champion_version_id != row.champion_version_id:
            begun.append(row)
    found: dict[str, list[Period]] = {}
    for row, following in zip(begun, [*begun[1:], None], strict=True):
        found.setdefault(row.champion_version_id, []).append(Period(row, following))
    return found
