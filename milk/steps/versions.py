"""What there is of model versions: those of the home and those of which the ledger speaks; two of them compared."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import sqlalchemy as sa

from milk.errors import HomeRefused, PromotionRefused, VersionRefused
from milk.evaluation.backtest import TargetWindow, evaluation_window, price_months
from milk.evaluation.evidence import Evidence, evidence_of
from milk.evaluation.promotion import Decision, decide_promotion
from milk.evaluation.scores import scores_by_horizon
from milk.home.layout import Home
from milk.home.tables import has_table, read_table
from milk.models.version import ModelVersion, read_version, version_ids
from milk.months import Availability, Month
from milk.publication.ledger import PromotionRow, promotions
from milk.series import SERIES_ID
from milk.steps.evidence import last_searched, refitted
from milk.steps.promotion import is_fresher, known_hash
from milk.steps.trail import Period, periods, speaks_of


@dataclass(frozen=True)
class VersionEntry:
    """A version in the list.

    Attributes:
        version_id: its name.
        version: what it holds; `None` where it is missing or damaged.
        problem: what is wrong with it; empty where nothing is.
        periods: when it was in production.
        rows: the rows of the ledger about it, oldest first.
    """

    version_id: str
    version: ModelVersion | None
    problem: str
    periods: tuple[Period, ...]
    rows: tuple[PromotionRow, ...]

    @property
    def is_in_production(self) -> bool:
        """Whether it is the champion."""
        return bool(self.periods) and self.periods[-1].ended is None


def list_versions(home: Home, store: sa.Engine) -> list[VersionEntry]:
    """Every version in the folder of the home or in the ledger, the newest first and unreadable ones last."""
    rows = promotions(store, SERIES_ID)
    named = {name for row in rows for name in (row.version_id, row.champion_version_id)}
    found = set(version_ids(home.models))
    times = periods(rows)
    entries = [_entry(home, rows, times, version_id) for version_id in sorted(named | found)]
    return sorted(entries, key=_age, reverse=True)


def find_version(home: Home, store: sa.Engine, version_id: str) -> ModelVersion:
    """A verified version, held against the hash of the ledger where that knows it.

    Raises:
        VersionRefused: it is missing or damaged.
    """
    return read_version(
        home.models, version_id, expected_sha256=known_hash(home, promotions(store, SERIES_ID), version_id)
    )


@dataclass(frozen=True)
class Compared:
    """Two versions on the same rows.

    Attributes:
        by_horizon: one row a horizon: `horizon_months`, and `rmse`, `ratio`, `coverage_80`, `coverage_95` of each, with
            `_a` and `_b` at the end; CLP/L and shares.
        decision: what the gate would say to the first as challenger of the second.
        months: what was compared, in words.
    """

    by_horizon: pd.DataFrame
    decision: Decision
    months: str


def compare_versions(
    home: Home, first: ModelVersion, second: ModelVersion, *, price_rule: Availability, evaluation_months: int
) -> Compared:
    """Refit both recipes at the same rolling origins of the home's data, on months that neither search saw.

    Raises:
        HomeRefused: the home holds no features yet.
        NotEnoughHistory: its prices are too few.
        PromotionRefused: the two are one and the same, or no month is left that neither search saw.
        VersionRefused: a card does not say what its search saw, or a recipe cannot be built.
    """
    if first.version_id == second.version_id:
        raise PromotionRefused(f"{first.version_id} is compared with itself. Name another version.")
    if not has_table(home, "features"):
        raise HomeRefused(f"The home {home.address} holds no features yet. Next: milk run")
    features = read_table(home, "features")
    window = evaluation_window(*price_months(features), months=evaluation_months)
    searches = [last_searched(version) for version in (first, second)]
    sides = [_side(version, features, window, price_rule, searches) for version in (first, second)]
    if not sides[0].evidence.months:
        raise PromotionRefused(
            f"No month from {window.first} to {window.last} is left that neither search saw: the newer one knew "
            f"forecasts up to the origin {max(searches)}. Wait for newer prices, or raise MILK_EVALUATION_MONTHS."
        )
    decision = decide_promotion(sides[0].evidence, sides[1].evidence, is_fresher=is_fresher(first, second))
    figures = ["horizon_months", "rmse", "ratio", "coverage_80", "coverage_95"]
    by_horizon = (
        sides[0]
        .scores[figures]
        .merge(sides[1].scores[figures], on="horizon_months", suffixes=("_a", "_b"), validate="1:1")
    )
    return Compared(by_horizon, decision, sides[0].evidence.said)


@dataclass(frozen=True)
class _Side:
    evidence: Evidence
    scores: pd.DataFrame


def _side(
    version: ModelVersion,
    features: pd.DataFrame,
    window: TargetWindow,
    price_rule: Availability,
    searches: Sequence[Month],
) -> _Side:
    table, model = refitted(version, features, window, price_rule=price_rule)
    evidence = evidence_of(table, model, search_last_origins=searches)
    months = [pd.Timestamp(month.first_day) for month in evidence.months]
    scores = scores_by_horizon(table[table["target_month"].isin(months)])
    return _Side(evidence, scores[scores["model"] == model].drop(columns="model"))


def _entry(home: Home, rows: Sequence[PromotionRow], times: dict[str, list[Period]], version_id: str) -> VersionEntry:
    about = tuple(row for row in rows if speaks_of(row, version_id))
    version, problem = None, ""
    try:
        version = read_version(home.models, version_id, expected_sha256=known_hash(home, rows, version_id))
    except VersionRefused as error:
        problem = str(error)
    return VersionEntry(version_id, version, problem, tuple(times.get(version_id, ())), about)


def _age(entry: VersionEntry) -> tuple[bool, dt.datetime, str]:
    if entry.version is None:
        return False, dt.datetime.min.replace(tzinfo=dt.UTC), entry.version_id
    return True, dt.datetime.fromisoformat(entry.version.card["created_at"]), entry.version_id
