"""Decide whether to retrain, from what the home and the ledger hold, and keep the decision.

The table `retrain_decisions` only grows. The same decision on the same evidence adds nothing, so that a run that is
repeated leaves no trace and one decision starts one training.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import sqlalchemy as sa

from milk.errors import VersionRefused
from milk.evaluation.backtest import price_months
from milk.evaluation.retraining import (
    ALARM_RULES,
    NO_ALARMS,
    RECURRING,
    Evidence,
    LiveCoverage,
    Verdict,
    decide,
    evidence_start,
)
from milk.forecasting.fit import recipe_of
from milk.forecasting.histories import build_histories
from milk.forecasting.issue import one_step_record
from milk.forecasting.other_data import OtherData
from milk.home.layout import Home
from milk.home.tables import append_table, has_table, read_table
from milk.models.canonical import canonical_json, sha256_hex
from milk.models.version import ModelVersion, read_version
from milk.months import SANTIAGO, Availability, Month, forecast_origin, issue_month_of
from milk.publication.judged_rows import RetrainDecision as PublishedDecision
from milk.publication.ledger import PromotionRow, promotions
from milk.publication.publish_judged import publish_decision
from milk.publication.read_judged import retrain_decisions as published_decisions
from milk.publication.rows import Publication
from milk.series import SERIES_ID
from milk.steps.drift import ERRORS
from milk.steps.drift import TABLE as DRIFT
from milk.steps.predictions import checked_inputs
from milk.steps.promotion import known_hash
from milk.steps.published_versions import software_versions
from milk.steps.receive import LOCK_WAIT_SECONDS
from milk.steps.trail import CHALLENGER
from milk.tables import INPUT_DRIFT, RETRAIN_DECISIONS, column_types, empty_table

TABLE = "retrain_decisions"
SCORECARD = "scorecard"
DECIMALS = 9


@dataclass(frozen=True, kw_only=True)
class RetrainDecision:
    """A row of `retrain_decisions`; see `milk.tables.RETRAIN_DECISIONS`."""

    series_id: str
    as_of: Month
    decided_at: dt.datetime
    decision: str
    rule: str
    sentence: str
    numbers: dict[str, Any] = field(hash=False)
    model_version: str
    trained: Month
    number: int = 0

    @property
    def content_sha256(self) -> str:
        """The hash of what was decided on which evidence: without when, and without the last digits."""
        said = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        del said["decided_at"], said["number"]
        said |= {"as_of": str(self.as_of), "trained": str(self.trained)}
        said["numbers"] = {
            name: round(value, DECIMALS) + 0.0 if isinstance(value, float) else value
            for name, value in self.numbers.items()
        }
        return sha256_hex(canonical_json(said))


@dataclass(frozen=True)
class Deciding:
    """What a decision rests on.

    Attributes:
        features: the feature table.
        version: the version in production.
        price_rule: when the price is known.
        trained: month of the newest price that the last training saw.
        decided_at: now.
    """

    features: pd.DataFrame
    version: ModelVersion
    price_rule: Availability
    trained: Month
    decided_at: dt.datetime


@dataclass(frozen=True)
class Decided:
    """What was decided.

    Attributes:
        row: the newest row of the table, which says it.
        is_new: whether it was added.
        verdict: the decision with its monitors.
        record: the errors and intervals of the recipe, month by month.
    """

    row: RetrainDecision
    is_new: bool
    verdict: Verdict
    record: pd.DataFrame


def decide_retraining(home: Home, deciding: Deciding) -> Decided:
    """Decide as of the newest price, and add the decision to the table unless its newest row says the same.

    Raises:
        ForecastRefused: the features break their contract.
        HomeRefused: a table of the home is damaged.
        HomeBusy: another run held the home for more than two minutes.
    """
    checked_inputs(deciding.features)
    # What stood before is part of the evidence, so reading and adding are one act.
    with home.locked(wait_seconds=LOCK_WAIT_SECONDS):
        standing = decisions(home)
        evidence = gather(home, deciding, standing)
        verdict = decide(evidence)
        row = RetrainDecision(
            series_id=SERIES_ID,
            as_of=evidence.as_of,
            decided_at=deciding.decided_at,
            decision=verdict.decision,
            rule=verdict.rule,
            sentence=verdict.sentence,
            numbers=verdict.numbers,
            model_version=deciding.version.version_id,
            trained=deciding.trained,
            number=len(standing) + 1,
        )
        if standing and standing[-1].content_sha256 == row.content_sha256:
            return Decided(standing[-1], False, verdict, evidence.record)
        append_table(home, TABLE, frame_of([row]))
        return Decided(row, True, verdict, evidence.record)


def publish_decided(home: Home, store: sa.Engine, *, published_at: dt.datetime, run_id: str | None) -> None:
    """Publish the decisions of a home that came after the newest one that the store holds, in their order.

    So one that could not be published when it was made comes later, and none twice.

    Raises:
        HomeRefused: the store does not answer.
    """
    held = {row.content_sha256 for row in published_decisions(store, SERIES_ID)}
    rows = [_as_published(row) for row in decisions(home)]
    last = max((place for place, row in enumerate(rows) if row.content_sha256 in held), default=-1)
    publication = Publication(published_at=published_at, run_id=run_id, software=software_versions())
    for row in rows[last + 1 :]:
        publish_decision(store, row, publication)


def _as_published(row: RetrainDecision) -> PublishedDecision:
    shared = {f.name: getattr(row, f.name) for f in dataclasses.fields(PublishedDecision)}
    return PublishedDecision(**shared | {"numbers": {**row.numbers, "trained": str(row.trained)}})


def gather(home: Home, deciding: Deciding, standing: Sequence[RetrainDecision]) -> Evidence:
    """The evidence, as of the newest price.

    Args:
        home: the home, for `input_drift` and, where there is one, the scorecard.
        deciding: the rest.
        standing: the decisions so far: the last one before the training says whether that answered an alarm.
    """
    rule = deciding.price_rule
    as_of = price_months(deciding.features)[1]
    recipe = deciding.version.model["recipe"]
    forecaster, method = recipe_of(recipe)
    other = OtherData(deciding.features, rule, recipe["blocks"]) if recipe["blocks"] else None
    histories = build_histories(deciding.features, price_rule=rule, last_origin=as_of)
    answered = answered_training(standing, deciding.trained)
    now = Month.of(deciding.decided_at.astimezone(SANTIAGO).date())
    return Evidence(
        as_of=as_of,
        due_month=forecast_origin(now, rule),
        trained=deciding.trained,
        trained_issue=issue_month_of(deciding.trained, rule),
        record=one_step_record(forecaster, histories, method=method, other=other),
        drift=_drift_of_inputs(home, issue_month_of(as_of, rule)),
        answered=answered,
        live=live_coverage(home, since=evidence_start(deciding.trained, answered=answered)),
    )


def answered_training(standing: Sequence[RetrainDecision], trained: Month) -> Month | None:
    """The newest training that answered an alarm, as the month of the newest price that it saw; none where none did.

    A training answered an alarm where one stood in the last decision that knew an earlier training only, whatever that
    decision said: data at fault come first, and hide it.

    Args:
        standing: the decisions so far, oldest first.
        trained: the last training.
    """
    trainings = sorted({trained, *(row.trained for row in standing)}, reverse=True)
    return next((month for month in trainings if month <= trained and _is_answer(standing, month)), None)


def _is_answer(standing: Sequence[RetrainDecision], trained: Month) -> bool:
    before = [row for row in standing if row.trained < trained]
    if not before:
        return False
    # The first decisions did not name the alarms that stood beside what decided.
    return before[-1].rule in (*ALARM_RULES, RECURRING) or before[-1].numbers.get("alarms", NO_ALARMS) != NO_ALARMS


def last_training(home: Home, store: sa.Engine, *, price_rule: Availability) -> Month:
    """The month of the newest price that the last training saw, whether or not what it made went to production.

    Rows of the ledger by which a person moved the pointer are no trainings.

    Raises:
        VersionRefused: nothing was ever trained.
    """
    rows = promotions(store, SERIES_ID)
    if not rows:
        raise VersionRefused("Nothing was ever trained in this home: materialise prod_model first.")
    # In a ledger that a person began (a store made anew) the training is that of the version promoted.
    newest = next((row for row in reversed(rows) if CHALLENGER in row.numbers), rows[-1])
    named = str(newest.numbers.get(CHALLENGER, newest.champion_version_id))
    try:
        version = read_version(home.models, named, expected_sha256=known_hash(home, rows, named))
    except VersionRefused:
        return _trained_at(newest, price_rule)
    return Month.parse(version.card["data"]["forecast_origin"])


def trained_since(store: sa.Engine, instant: dt.datetime) -> bool:
    """Whether a training was put to the gate after an instant."""
    return any(row.decided_at > instant and CHALLENGER in row.numbers for row in promotions(store, SERIES_ID))


def _trained_at(row: PromotionRow, price_rule: Availability) -> Month:
    """What a training can have seen when it was judged, where its version is gone."""
    return forecast_origin(Month.of(row.decided_at.astimezone(SANTIAGO).date()), price_rule)


def live_coverage(home: Home, *, since: Month) -> LiveCoverage | None:
    """How many prices the published intervals of the nearest month held; none where nothing was judged yet.

    Args:
        home: the home.
        since: only later target months count.
    """
    if not has_table(home, SCORECARD):
        return None
    judged = read_table(home, SCORECARD)
    nearest = judged[judged["horizon_months"] == judged["horizon_months"].min()]
    rows = nearest[nearest["target_month"] > pd.Timestamp(since.first_day)]
    newest = Month.of(rows["target_month"].max()) if len(rows) else None
    return LiveCoverage(len(rows), int(rows["is_inside_80"].sum()), int(rows["is_inside_95"].sum()), newest)


def _drift_of_inputs(home: Home, last_issue: Month) -> pd.DataFrame:
    """The rows of `input_drift` of inputs of the recipe; its own errors have monitors of their own."""
    if not has_table(home, DRIFT):
        return empty_table(INPUT_DRIFT)
    drift = read_table(home, DRIFT)
    is_wanted = drift["is_input"] & (drift["feature"] != ERRORS)
    return drift[is_wanted & (drift["issue_month"] <= pd.Timestamp(last_issue.first_day))]


def decisions(home: Home) -> list[RetrainDecision]:
    """Every decision, oldest first."""
    if not has_table(home, TABLE):
        return []
    table = read_table(home, TABLE).sort_values("number")
    return [_row(record) for record in table.to_dict(orient="records")]


def _row(record: dict[Any, Any]) -> RetrainDecision:
    months = {name: Month.of(record[name]) for name in ("as_of", "trained")}
    values = {f.name: record[f.name] for f in dataclasses.fields(RetrainDecision)}
    values |= {"decided_at": record["decided_at"].to_pydatetime(), "numbers": json.loads(record["numbers"])}
    return RetrainDecision(**{**values, **months})


def frame_of(rows: Sequence[RetrainDecision]) -> pd.DataFrame:
    """Decisions as the table holds them."""
    records = [
        {f.name: getattr(row, f.name) for f in dataclasses.fields(row)}
        | {
            "as_of": pd.Timestamp(row.as_of.first_day),
            "trained": pd.Timestamp(row.trained.first_day),
            "decided_at": pd.Timestamp(row.decided_at),
            "numbers": canonical_json(row.numbers).decode().strip(),
            "content_sha256": row.content_sha256,
        }
        for row in rows
    ]
    types = column_types(RETRAIN_DECISIONS)
    return pd.DataFrame(records)[list(types)].astype(types)


def problem_of(table: pd.DataFrame) -> str:
    """What is wrong with the kept decisions beyond their schema; empty where nothing is."""
    ordered = table.sort_values("number")
    if ordered["number"].tolist() != [*range(1, len(ordered) + 1)]:
        return "the decisions are not numbered 1, 2, 3 ...: one was lost or added by hand"
    for record in ordered.to_dict(orient="records"):
        if _row(record).content_sha256 != record["content_sha256"]:
            return f"decision {record['number']} is not what was decided: its content has another hash"
    return ""
