"""The ledger of promotions: which version is in production, since when, by whom, and by which comparison.

Rows are only added. What is in production is what the newest row of a series says, never the newest file: so a rollback
is one more row, and the whole history stays readable.
"""

import dataclasses
import datetime as dt
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import sqlalchemy as sa

from milk.errors import PromotionRefused
from milk.publication.engine import reading, writing
from milk.publication.schema import PROMOTIONS, ActorKind, Decision


@dataclass(frozen=True, kw_only=True)
class PromotionRow:
    """One decision about what is in production.

    Attributes:
        series_id: the series whose production this is about.
        version_id: the version that was considered.
        sha256: the hash of its content.
        decided_at: when; an aware instant of any zone, kept in UTC.
        actor_kind: what kind of actor decided.
        actor: its name.
        decision: `promoted`, or `kept` where the version considered did not pass.
        reason: why, in a sentence for the reader of the ledger.
        numbers: the comparison that the decision rests on; finite numbers and texts.
        champion_version_id: what is in production after this row.
        champion_sha256: the hash of its content.
        previous_version_id: what was in production before; `None` where nothing was.
        data_cutoff: the newest data that the choice of the champion saw; an instant likewise.
        run_id: the run that decided, where there was one.
        id: the number of the row in the ledger; given by the ledger, and no part of what the row says.
    """

    series_id: str
    version_id: str
    sha256: str
    decided_at: dt.datetime
    actor_kind: ActorKind
    actor: str
    decision: Decision
    reason: str
    numbers: Mapping[str, float | str] = field(hash=False)
    champion_version_id: str
    champion_sha256: str
    previous_version_id: str | None
    data_cutoff: dt.datetime
    run_id: str | None
    id: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for name in ("decided_at", "data_cutoff"):
            instant = getattr(self, name)
            if instant.utcoffset() is None:
                raise ValueError(f"{name} has no time zone: the ledger keeps instants.")
            # In UTC at once: Python calls a local time in the repeated hour of autumn unequal to its own instant.
            object.__setattr__(self, name, instant.astimezone(dt.UTC))
        for name, value in self.numbers.items():
            if not isinstance(value, str) and not math.isfinite(value):
                raise ValueError(f"numbers['{name}'] is {value}: leave it out, or say in words why there is none.")


class _Guard(enum.Enum):
    NONE = "none"


UNGUARDED: Final = _Guard.NONE
"""Append whatever is in production at that moment; `None` could not say it: it expects an empty ledger."""


def append_promotion(
    engine: sa.Engine, row: PromotionRow, *, expected_previous: str | Literal[_Guard.NONE] | None = UNGUARDED
) -> int:
    """Add a row and return its number.

    A decision of a run that the ledger holds already (same series, version, hash, decision and run) is not written
    again: its number is returned, also where another promotion followed it since. So a step that is tried again after
    its commit stays harmless.

    Args:
        engine: a store that is migrated.
        row: the decision.
        expected_previous: the version that must still be in production, `None` for an empty ledger. Compared under the
            write lock of the store, so that of two promoters who judged the same champion only one gets through.

    Raises:
        PromotionRefused: another version than `expected_previous` is in production by now.
        ValueError: the row names another previous version than the guard expects.
    """
    guarded = expected_previous is not UNGUARDED
    if guarded and row.previous_version_id != expected_previous:
        raise ValueError(f"The row says that {row.previous_version_id} came before, the guard {expected_previous}.")
    with writing(engine) as connection:
        existing = _same_decision(connection, row)
        if existing is not None:
            return existing
        if guarded:
            _refuse_if_changed(connection, row)
        values = {column: value for column, value in _fields(row).items() if column != "id"}
        return int(connection.execute(sa.insert(PROMOTIONS).returning(PROMOTIONS.c.id), values).scalar_one())


def current_champion(engine: sa.Engine, series_id: str) -> PromotionRow | None:
    """The newest row of a series, whose `champion_...` fields say what is in production; `None` where nothing is."""
    with reading(engine) as connection:
        return _newest(connection, series_id)


def promoted_by(engine: sa.Engine, series_id: str) -> PromotionRow | None:
    """The row that brought the champion into production; later rows may have kept it there."""
    query = (
        sa.select(PROMOTIONS)
        .where(PROMOTIONS.c.series_id == series_id, PROMOTIONS.c.decision == "promoted")
        .order_by(PROMOTIONS.c.id.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PromotionRow(**row)


def promotions(engine: sa.Engine, series_id: str) -> list[PromotionRow]:
    """Every row of a series, oldest first."""
    query = sa.select(PROMOTIONS).where(PROMOTIONS.c.series_id == series_id).order_by(PROMOTIONS.c.id)
    with reading(engine) as connection:
        return [PromotionRow(**row) for row in connection.execute(query).mappings()]


def newest_decision_mark(engine: sa.Engine) -> tuple[int, dt.datetime | None]:
    """Number and instant of the newest row of any series; 0 and `None` where there is none."""
    query = sa.select(PROMOTIONS.c.id, PROMOTIONS.c.decided_at).order_by(PROMOTIONS.c.id.desc()).limit(1)
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    return (0, None) if row is None else (int(row.id), row.decided_at)


def _newest(connection: sa.Connection, series_id: str) -> PromotionRow | None:
    query = sa.select(PROMOTIONS).where(PROMOTIONS.c.series_id == series_id).order_by(PROMOTIONS.c.id.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else PromotionRow(**row)


def _same_decision(connection: sa.Connection, row: PromotionRow) -> int | None:
    if row.run_id is None:
        # Two equal decisions of a person are two decisions: there and back again.
        return None
    columns = PROMOTIONS.c
    return connection.scalar(
        sa.select(columns.id).where(
            columns.series_id == row.series_id,
            columns.version_id == row.version_id,
            columns.sha256 == row.sha256,
            columns.decision == row.decision,
            columns.run_id == row.run_id,
        )
    )


def _refuse_if_changed(connection: sa.Connection, row: PromotionRow) -> None:
    newest = _newest(connection, row.series_id)
    champion = None if newest is None else newest.champion_version_id
    if champion != row.previous_version_id:
        raise PromotionRefused(
            f"Version {row.version_id} was judged against {row.previous_version_id or 'an empty ledger'}, but "
            f"{champion or 'nothing'} is in production of {row.series_id} by now. Nothing was written: compare again."
        )


def _fields(row: PromotionRow) -> dict[str, object]:
    values = {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
    # Any mapping may be given; JSON is written from a dict.
    return values | {"numbers": dict(row.numbers)}
