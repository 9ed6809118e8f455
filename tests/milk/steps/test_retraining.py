"""The decision over a home: kept once, as of the newest price, from what ledger and tables hold."""

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from milk.errors import VersionRefused
from milk.evaluation.retraining import DUE_MONTHS, LiveCoverage
from milk.home.layout import Home
from milk.home.tables import read_table, table_version, write_table
from milk.models.version import ModelVersion
from milk.months import Month
from milk.publication.ledger import append_promotion, promotions
from milk.publication.read_judged import retrain_decisions
from milk.series import SERIES_ID
from milk.steps.promotion import Actor, promote_staged, promote_version
from milk.steps.retraining import (
    SCORECARD,
    TABLE,
    Deciding,
    RetrainDecision,
    answered_training,
    decide_retraining,
    decisions,
    frame_of,
    last_training,
    live_coverage,
    problem_of,
    publish_decided,
    trained_since,
)
from milk.steps.staging import stage_version
from milk.steps.trail import CHALLENGER
from milk.tables import RETRAIN_DECISIONS
from tests.builders import RULE, sample_features
from tests.milk.evaluation.monitored import drift_rows
from tests.milk.steps.homes import NOW, RUN, sample_training

NEWEST = Month(2026, 10)
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> ModelVersion:
    home = Home(tmp_path_factory.mktemp("home"))
    home.prepare()
    return stage_version(home, sample_training())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.prepare()
    return made


@pytest.fixture
def deciding(version: ModelVersion) -> Deciding:
    return Deciding(sample_features(), version, RULE, NEWEST, NOW)


def with_wild_prices(deciding: Deciding) -> Deciding:
    """The last training half a year ago, and the prices since then up and down by a third."""
    features = deciding.features.copy()
    for k, month in enumerate(pd.date_range("2026-05-01", "2026-10-01", freq="MS")):
        rows = (features["feature"] == "price") & (features["month"] == month)
        features.loc[rows, "value"] *= (1.15, 1.3, 1.1, 0.9, 0.8, 1.05)[k]
    return dataclasses.replace(deciding, features=features, trained=NEWEST + (-6))


def row(**changes: object) -> RetrainDecision:
    plain = RetrainDecision(
        series_id=SERIES_ID,
        as_of=NEWEST,
        decided_at=NOW,
        decision="hold",
        rule="none",
        sentence="Hold: nothing has changed.",
        numbers={"growth": 1.5, "trained": "2026-04"},
        model_version="v-1",
        trained=NEWEST + (-6),
        number=1,
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]  # because a test names the fields it changes


def test_the_sample_is_on_hold_and_the_row_keeps_its_contract(home: Home, deciding: Deciding) -> None:
    decided = decide_retraining(home, deciding)
    assert (decided.row.decision, decided.row.rule, decided.is_new) == ("hold", "none", True)
    table = read_table(home, TABLE)
    RETRAIN_DECISIONS.validate(table, lazy=True)
    assert problem_of(table) == ""
    assert decisions(home) == [decided.row]
    assert decided.row.as_of == NEWEST
    assert decided.row.model_version == deciding.version.version_id


def test_the_same_decision_on_the_same_evidence_adds_nothing(home: Home, deciding: Deciding) -> None:
    first = decide_retraining(home, deciding)
    again = decide_retraining(home, dataclasses.replace(deciding, decided_at=NOW + DAY))
    assert (again.row, again.is_new) == (first.row, False)
    assert table_version(home, TABLE) == 0
    other = decide_retraining(home, dataclasses.replace(deciding, trained=NEWEST + (-1)))
    assert (other.row.number, other.is_new) == (2, True)
    assert [r.number for r in decisions(home)] == [1, 2]


def test_prices_that_jump_about_are_a_reason_to_retrain(home: Home, deciding: Deciding) -> None:
    row = decide_retraining(home, with_wild_prices(deciding)).row
    assert (row.decision, row.rule) == ("retrain", "growth")
    assert row.numbers["months_since_training"] == 6
    assert json.loads(read_table(home, TABLE)["numbers"].iloc[0]) == row.numbers


def test_a_year_without_a_training_is_due(home: Home, deciding: Deciding) -> None:
    old = dataclasses.replace(deciding, trained=NEWEST + (-DUE_MONTHS))
    assert decide_retraining(home, old).row.rule == "age"


def test_prices_that_do_not_come_are_told_by_the_clock(home: Home, deciding: Deciding) -> None:
    later = dataclasses.replace(deciding, decided_at=dt.datetime(2027, 2, 3, tzinfo=dt.UTC))
    decided = decide_retraining(home, later).row
    assert (decided.decision, decided.rule) == ("investigate", "late")
    # In Chile it is January still.
    evening = dataclasses.replace(deciding, decided_at=dt.datetime(2027, 2, 1, 2, tzinfo=dt.UTC))
    assert decide_retraining(home, evening).row.decision == "hold"


def test_an_input_at_fault_is_read_from_the_table_of_drift(home: Home, deciding: Deciding) -> None:
    broken = drift_rows("price", [{"is_frozen": True}], first=NEWEST + 1)
    errors = drift_rows("one_step_error", [{"is_frozen": True}], first=NEWEST + 1)
    unused = drift_rows("rain", [{"is_frozen": True}], first=NEWEST + 1).assign(is_input=False)
    write_table(home, "input_drift", pd.concat([errors, unused], ignore_index=True))
    assert decide_retraining(home, deciding).row.decision == "hold"
    write_table(home, "input_drift", pd.concat([errors, unused, broken], ignore_index=True))
    assert decide_retraining(home, deciding).row.rule == "broken"


def test_drift_of_an_issue_after_the_newest_price_takes_no_part(home: Home, deciding: Deciding) -> None:
    write_table(home, "input_drift", drift_rows("price", [{"is_frozen": True}], first=NEWEST + 2))
    assert decide_retraining(home, deciding).row.decision == "hold"


def test_a_training_answers_the_alarm_that_stood_before_it() -> None:
    before, trained = NEWEST + (-18), NEWEST + (-6)
    alarm = row(decision="retrain", rule="growth", trained=before, as_of=trained)
    due = row(decision="retrain", rule="age", trained=before, as_of=trained)
    after = row(trained=trained)
    assert answered_training([alarm], trained) == trained
    assert answered_training([alarm, after], trained) == trained, "what was decided since is no part of it"
    assert answered_training([alarm, due], trained) is None
    assert answered_training([alarm], before) is None, "an alarm is not answered by the training before it"
    assert answered_training([], trained) is None
    again = row(decision="investigate", rule="recurring", trained=before)
    assert answered_training([again], trained) == trained


def test_a_later_training_by_age_does_not_forget_an_earlier_answer() -> None:
    first, second, third = (NEWEST + (-k) for k in (30, 18, 6))
    alarm = row(decision="retrain", rule="growth", trained=first, as_of=second)
    due = row(decision="retrain", rule="age", trained=second, as_of=third)
    assert answered_training([alarm, due], third) == second


def test_a_training_answers_an_alarm_that_stood_behind_a_fault() -> None:
    before, trained = NEWEST + (-18), NEWEST + (-6)
    hidden = row(decision="investigate", rule="range", trained=before, as_of=trained, numbers={"alarms": "growth"})
    assert answered_training([hidden], trained) == trained
    calm_one = dataclasses.replace(hidden, numbers={"alarms": "none"})
    assert answered_training([calm_one], trained) is None


def test_an_alarm_that_comes_again_is_investigated(home: Home, deciding: Deciding) -> None:
    wild = with_wild_prices(deciding)
    write_table(home, TABLE, frame_of([row(decision="retrain", rule="growth", trained=NEWEST + (-18))]))
    decided = decide_retraining(home, wild).row
    assert (decided.number, decided.decision, decided.rule) == (2, "investigate", "recurring")


def test_the_content_is_all_but_when_and_which_number() -> None:
    plain = row()
    assert plain.content_sha256 == row(decided_at=NOW + DAY, number=7).content_sha256
    assert plain.content_sha256 == row(numbers={"growth": 1.5 + 1e-12, "trained": "2026-04"}).content_sha256
    others = [
        row(numbers={"growth": 1.6, "trained": "2026-04"}),
        row(rule="age"),
        row(model_version="v-2"),
        row(as_of=NEWEST + 1),
        row(sentence="Hold: nothing at all has changed."),
    ]
    assert len({plain.content_sha256, *(other.content_sha256 for other in others)}) == 6


def test_a_lost_or_changed_decision_is_told() -> None:
    table = frame_of([row(), row(number=2, rule="age", decision="retrain"), row(number=3)])
    assert problem_of(table) == ""
    assert "numbered" in problem_of(table[table["number"] != 2])
    assert "decision 2" in problem_of(table.assign(decision="hold"))


def test_the_last_training_is_the_newest_one_of_the_ledger_whatever_the_gate_said(home: Home, store: sa.Engine) -> None:
    with pytest.raises(VersionRefused, match="materialise prod_model first"):
        last_training(home, store, price_rule=RULE)
    training = sample_training()
    staged = stage_version(home, training)
    promote_staged(home, store, staged, training, actor=RUN, decided_at=NOW)
    assert last_training(home, store, price_rule=RULE) == NEWEST
    assert trained_since(store, NOW - DAY)
    assert not trained_since(store, NOW)
    (promoted,) = promotions(store, SERIES_ID)
    by_hand = dataclasses.replace(promoted, numbers={}, decided_at=NOW + 40 * DAY, actor_kind="person")
    append_promotion(store, by_hand)
    assert last_training(home, store, price_rule=RULE) == NEWEST
    assert not trained_since(store, NOW)


def test_in_a_ledger_that_a_person_began_the_version_says_what_it_saw(home: Home, store: sa.Engine) -> None:
    staged = stage_version(home, sample_training())
    person = Actor("person", "ana", None)
    promote_version(home, store, staged.version_id, reason="a new store", actor=person, decided_at=NOW)
    assert last_training(home, store, price_rule=RULE) == NEWEST


def test_what_could_not_be_published_comes_with_the_next_decision_in_order(home: Home, store: sa.Engine) -> None:
    made = [row(number=k, as_of=NEWEST + k) for k in (1, 2, 3, 4)]
    write_table(home, TABLE, frame_of(made[:1]))
    publish_decided(home, store, published_at=NOW, run_id="r1")
    write_table(home, TABLE, frame_of(made[:3]))
    for _again in range(2):
        publish_decided(home, store, published_at=NOW, run_id="r2")
        assert [held.as_of for held in retrain_decisions(store, SERIES_ID)] == [NEWEST + k for k in (1, 2, 3)]
    write_table(home, TABLE, frame_of(made))
    publish_decided(home, store, published_at=NOW, run_id="r3")
    held = retrain_decisions(store, SERIES_ID)
    assert [one.as_of for one in held] == [one.as_of for one in made]
    assert held[0].numbers == {"growth": 1.5, "trained": str(made[0].trained)}


def test_where_the_version_of_the_last_training_is_gone_its_date_says_what_it_saw(home: Home, store: sa.Engine) -> None:
    training = sample_training()
    staged = stage_version(home, training)
    promote_staged(home, store, staged, training, actor=RUN, decided_at=NOW)
    (promoted,) = promotions(store, SERIES_ID)
    gone = dataclasses.replace(promoted, numbers={CHALLENGER: "v-0000000000000000"}, decided_at=NOW + 40 * DAY)
    append_promotion(store, gone)
    assert last_training(home, store, price_rule=RULE) == Month(2026, 12)


def scorecard(*targets: tuple[str, int, bool, bool]) -> pd.DataFrame:
    rows = [(pd.Timestamp(f"{month}-01"), horizon, in_80, in_95) for month, horizon, in_80, in_95 in targets]
    table = pd.DataFrame(rows, columns=["target_month", "horizon_months", "is_inside_80", "is_inside_95"])
    return table.astype({"target_month": "datetime64[us]"})


def test_what_was_published_counts_for_the_nearest_month_since_the_evidence_begins(home: Home) -> None:
    assert live_coverage(home, since=NEWEST) is None
    judged = scorecard(
        ("2026-05", 1, False, False),
        ("2026-06", 1, True, True),
        ("2026-07", 1, False, True),
        ("2026-07", 2, True, True),
    )
    write_table(home, SCORECARD, judged)
    assert live_coverage(home, since=Month(2026, 5)) == LiveCoverage(2, 1, 2, Month(2026, 7))
    assert live_coverage(home, since=NEWEST) == LiveCoverage(0, 0, 0, None)
    write_table(home, SCORECARD, judged.head(0))
    assert live_coverage(home, since=Month(2026, 5)) == LiveCoverage(0, 0, 0, None)


def test_published_intervals_that_miss_are_a_reason_to_retrain(home: Home, deciding: Deciding) -> None:
    months = [str(NEWEST + (k - 11)) for k in range(12)]
    write_table(home, SCORECARD, scorecard(*((month, 1, month >= "2026-06", True) for month in months)))
    assert decide_retraining(home, deciding).row.decision == "hold", "the training saw all of these months"
    row = decide_retraining(home, dataclasses.replace(deciding, trained=NEWEST + (-1))).row
    assert (row.decision, row.rule) == ("retrain", "coverage")
    assert row.numbers["live_judged"] == 12
