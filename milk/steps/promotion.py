"""Put the staged version to the gate, or do what a person asks, and write the outcome into the ledger."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from milk.errors import BadSetting, PromotionRefused, VersionOutdated, VersionRefused
from milk.evaluation.backtest import RECIPE
from milk.evaluation.evidence import evidence_of
from milk.evaluation.promotion import Decision, decide_promotion
from milk.home.documents import read_document
from milk.home.layout import Home
from milk.models.version import ModelVersion, read_version
from milk.publication.ledger import PromotionRow, append_promotion, current_champion, promotions
from milk.publication.schema import ActorKind
from milk.series import SERIES_ID
from milk.steps.evidence import last_searched, version_evidence
from milk.steps.published_versions import publish_version
from milk.steps.staging import write_recipe
from milk.steps.trail import (
    BY_HAND,
    CHALLENGER,
    CHALLENGER_SHA256,
    ROLLED_BACK,
    RULE,
    judged_versions,
    production_trail,
)
from milk.steps.training import Training

STAGED = "staging_model"
"""The document that names the staged version."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a promotion."""

    kind: ActorKind
    name: str
    run_id: str | None


@dataclass(frozen=True)
class Promotion:
    """What stands after the gate."""

    champion: PromotionRow
    decision: Decision | None
    """What the gate said; `None` where the version was judged before and nothing has changed."""


def promote_staged(
    home: Home, store: sa.Engine, staged: ModelVersion, training: Training, *, actor: Actor, decided_at: dt.datetime
) -> Promotion:
    """Judge the staged version against the champion on the same rows; write one row unless nothing is new.

    Raises:
        VersionRefused: the version in production is damaged.
        PromotionRefused: another promotion came in between.
    """
    rows = promotions(store, SERIES_ID)
    standing = rows[-1] if rows else None
    if standing is not None and staged.version_id in judged_versions(rows):
        return Promotion(standing, None)
    version = None if standing is None else _readable(home, standing)
    decision = judge(staged, version, training)
    winner = _winner(home, staged, version, decision, training)
    considered = staged if decision.outcome != "fallback" else winner
    row = PromotionRow(
        series_id=SERIES_ID,
        version_id=considered.version_id,
        sha256=considered.sha256,
        decided_at=decided_at,
        actor_kind=actor.kind,
        actor=actor.name,
        decision="kept" if decision.outcome == "kept" else "promoted",
        reason=decision.reason,
        numbers={**decision.numbers, CHALLENGER: staged.version_id, CHALLENGER_SHA256: staged.sha256},
        champion_version_id=winner.version_id,
        champion_sha256=winner.sha256,
        previous_version_id=None if standing is None else standing.champion_version_id,
        data_cutoff=_data_cutoff(winner),
        run_id=actor.run_id,
    )
    return Promotion(_written(store, row, winner), decision)


def judge(staged: ModelVersion, champion: ModelVersion | None, training: Training) -> Decision:
    """Put a version, of which a training is, to the gate; nothing is written.

    Raises:
        VersionRefused: the recipe of the champion cannot be built, or a card does not say what its search saw.
    """
    searches = [last_searched(version) for version in (staged, champion) if version is not None]
    own = evidence_of(training.backtest, RECIPE, search_last_origins=searches)
    if champion is None:
        return decide_promotion(own, None, is_fresher=True)
    return decide_promotion(
        own, version_evidence(champion, training, searches), is_fresher=is_fresher(staged, champion)
    )


def is_fresher(version: ModelVersion, other: ModelVersion) -> bool:
    """Whether newer data took part in a version: a later price, or a revision received later."""
    return _data_cutoff(version) > _data_cutoff(other)


def promote_version(
    home: Home, store: sa.Engine, version_id: str, *, reason: str, actor: Actor, decided_at: dt.datetime
) -> PromotionRow:
    """Put a version into production because a person says so; the gate is not asked.

    The version is loaded and verified before the pointer moves, against the hash that ledger or staging hold of it.

    Returns:
        The row of the ledger.

    Raises:
        BadSetting: no reason is given.
        PromotionRefused: the version is the champion already, its files are missing, damaged or of another schema, or
            another promotion came in between.
    """
    rows = promotions(store, SERIES_ID)
    version = _fit_for_production(home, rows, version_id, reason)
    row = _by_hand(rows, version, BY_HAND, reason=reason, actor=actor, decided_at=decided_at)
    return _written(store, row, version)


def roll_back(
    home: Home, store: sa.Engine, *, to: str | None = None, reason: str, actor: Actor, decided_at: dt.datetime
) -> PromotionRow:
    """Put a version into production again that was there before; otherwise as `promote_version`.

    Args:
        home: the home.
        store: its store.
        to: the version; by default the one that was in production before the present one (see `production_trail`).
        reason: why, for the ledger.
        actor: who.
        decided_at: when.

    Returns:
        The row of the ledger.

    Raises:
        BadSetting: no reason is given.
        PromotionRefused: there is no such version, or as for `promote_version`.
    """
    rows = promotions(store, SERIES_ID)
    version_id = _earlier(rows) if to is None else to
    if all(row.champion_version_id != version_id for row in rows):
        raise PromotionRefused(
            f"{version_id} was never in production, so there is no going back to it. `milk models list` shows what "
            "was; `milk models promote` puts a version there for the first time."
        )
    version = _fit_for_production(home, rows, version_id, reason)
    row = _by_hand(rows, version, ROLLED_BACK, reason=reason, actor=actor, decided_at=decided_at)
    return _written(store, row, version)


def load_champion(home: Home, store: sa.Engine) -> ModelVersion | None:
    """The verified version in production; `None` where nothing was ever promoted.

    Raises:
        VersionRefused: it is missing or damaged.
    """
    standing = current_champion(store, SERIES_ID)
    if standing is None:
        return None
    return read_version(home.models, standing.champion_version_id, expected_sha256=standing.champion_sha256)


def known_hash(home: Home, rows: Sequence[PromotionRow], version_id: str) -> str | None:
    """The hash that a version must have, by the ledger or else by what is staged; `None` where neither knows it."""
    for row in reversed(rows):
        if row.champion_version_id == version_id:
            return row.champion_sha256
        if row.version_id == version_id:
            return row.sha256
        if row.numbers.get(CHALLENGER) == version_id and CHALLENGER_SHA256 in row.numbers:
            return str(row.numbers[CHALLENGER_SHA256])
    staged = read_document(home, STAGED)
    if not isinstance(staged, dict) or staged.get("version_id") != version_id:
        return None
    return str(staged.get("sha256"))


def _earlier(rows: Sequence[PromotionRow]) -> str:
    """The version before the champion."""
    trail = production_trail(rows)
    if not trail:
        raise PromotionRefused(
            "Nothing is in production yet, so there is nothing to roll back. Train first: `milk run`."
        )
    if len(trail) == 1:
        raise PromotionRefused(
            f"Nothing was in production before {trail[0]}, so there is nothing to roll back to. `milk models list` "
            "shows what there is, `milk models promote` puts another version into production."
        )
    return trail[-2]


def _fit_for_production(home: Home, rows: Sequence[PromotionRow], version_id: str, reason: str) -> ModelVersion:
    """The version that a person wants in production, loaded and verified."""
    if not reason.strip():
        raise BadSetting("--reason: say why, for whoever reads the ledger a year from now.")
    if rows and rows[-1].champion_version_id == version_id:
        raise PromotionRefused(f"{version_id} is in production already. Nothing was changed.")
    try:
        return read_version(home.models, version_id, expected_sha256=known_hash(home, rows, version_id))
    except VersionRefused as error:
        raise PromotionRefused(
            f"{version_id} cannot go to production. {error} Nothing was changed; `milk models list` shows which "
            "versions are whole."
        ) from error


def _by_hand(
    rows: Sequence[PromotionRow],
    version: ModelVersion,
    rule: str,
    *,
    reason: str,
    actor: Actor,
    decided_at: dt.datetime,
) -> PromotionRow:
    scores = version.card["scores"]["recipe"]
    shown = {f"card_{name}": float(value) for name, value in scores.items() if isinstance(value, int | float)}
    return PromotionRow(
        series_id=SERIES_ID,
        version_id=version.version_id,
        sha256=version.sha256,
        decided_at=decided_at,
        actor_kind=actor.kind,
        actor=actor.name,
        decision="promoted",
        reason=reason.strip(),
        numbers={RULE: rule, **shown},
        champion_version_id=version.version_id,
        champion_sha256=version.sha256,
        previous_version_id=rows[-1].champion_version_id if rows else None,
        data_cutoff=_data_cutoff(version),
        run_id=actor.run_id,
    )


def _written(store: sa.Engine, row: PromotionRow, champion: ModelVersion) -> PromotionRow:
    """The row as the ledger holds it, written unless another promotion came in between."""
    # First: what the ledger says is in production must be there for the online route.
    publish_version(store, champion, published_at=row.decided_at, run_id=row.run_id)
    append_promotion(store, row, expected_previous=row.previous_version_id)
    return current_champion(store, SERIES_ID) or row


def _data_cutoff(version: ModelVersion) -> dt.datetime:
    return dt.datetime.fromisoformat(version.card["data"]["data_cutoff"])


def _winner(
    home: Home, staged: ModelVersion, champion: ModelVersion | None, decision: Decision, training: Training
) -> ModelVersion:
    if decision.outcome == "promoted":
        return staged
    return write_recipe(home, training, None) if champion is None else champion


def _readable(home: Home, standing: PromotionRow) -> ModelVersion | None:
    """The version in production; none where an earlier program wrote it, whose recipe nobody can refit any more."""
    try:
        return read_version(home.models, standing.champion_version_id, expected_sha256=standing.champion_sha256)
    except VersionOutdated:
        return None
