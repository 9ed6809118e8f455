"""What the store refers to outside of itself: model versions, and versions of tables; for what frees the rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from milk.publication.engine import reading
from milk.publication.rows import TABLES
from milk.publication.schema import ISSUES, MODEL_CARDS, PROMOTIONS

TABLE_VERSIONS = "table_versions"
"""Under this name the card of a model version keeps the versions of the tables that it was made from."""


@dataclass(frozen=True, slots=True)
class References:
    """What is referred to.

    Attributes:
        models: names of model versions.
        tables: for each table the versions of it.
    """

    models: frozenset[str] = frozenset()
    tables: Mapping[str, frozenset[int]] = field(default_factory=dict)

    def with_models(self, names: Iterable[object]) -> "References":
        """These and more model versions."""
        return References(self.models | {str(name) for name in names if name}, self.tables)

    def with_tables(self, versions: object) -> "References":
        """These and the versions of tables that a document names; one that names none adds none."""
        if not isinstance(versions, Mapping):
            return self
        both = dict(self.tables)
        for name, version in versions.items():
            both[str(name)] = both.get(str(name), frozenset()) | {int(version)}
        return References(self.models, both)


def store_references(engine: sa.Engine) -> References:
    """Everything that a row of the store refers to: issues of every revision, cards, the whole ledger.

    Raises:
        HomeRefused: the store does not answer.
    """
    found = References()
    with reading(engine) as connection:
        for row in connection.execute(sa.select(ISSUES.c.model_version, ISSUES.c.data_versions)):
            found = found.with_models([row.model_version]).with_tables(row.data_versions.get(TABLES))
        for row in connection.execute(sa.select(MODEL_CARDS.c.version_id, MODEL_CARDS.c.card)):
            found = found.with_models([row.version_id]).with_tables(card_tables(row.card))
        for row in connection.execute(sa.select(PROMOTIONS)):
            named = [row.version_id, row.champion_version_id, row.previous_version_id]
            found = found.with_models([*named, *filter(_is_version, row.numbers.values())])
    return found


def card_tables(card: Mapping[str, Any]) -> object:
    """The versions of tables that a card names; `None` in that of an earlier program."""
    data = card.get("data")
    return data.get(TABLE_VERSIONS) if isinstance(data, Mapping) else None


def _is_version(value: object) -> bool:
    return isinstance(value, str) and value.startswith("v-")
