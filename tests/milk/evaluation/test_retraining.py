"""The rules of the decision, one by one and one before the other."""

import dataclasses
import json

import pytest

from milk.evaluation.retraining import (
    ALARM_RULES,
    DUE_MONTHS,
    FEWEST_LIVE,
    LATE_MONTHS,
    MOVED_ISSUES,
    NO_ALARMS,
    RECURRENCE_MONTHS,
    LiveCoverage,
    decide,
)
from tests.milk.evaluation.monitored import TRAINED, calm, drift_rows, evidence

GROWN = [2.5, -2.5] * 4
MOVED, BROKEN, BEYOND = {"is_drifted": True}, {"is_frozen": True}, {"is_out_of_range": True}


def test_nothing_found_is_hold_and_every_number_is_json() -> None:
    verdict = decide(evidence(calm(5)))
    assert (verdict.decision, verdict.rule) == ("hold", "none")
    assert verdict.sentence.startswith("Hold: ")
    assert f"{TRAINED}, 5 months before {TRAINED + 5}" in verdict.sentence
    assert json.loads(json.dumps(verdict.numbers, allow_nan=False)) == verdict.numbers
    assert verdict.numbers["months_since_training"] == 5
    assert verdict.numbers["errors_judged"] == 17
    assert verdict.numbers["rolling_inside_80"] == 17


def test_a_training_is_due_after_a_year_and_that_is_no_alarm() -> None:
    assert decide(evidence(calm(DUE_MONTHS - 1))).decision == "hold"
    due = decide(evidence(calm(DUE_MONTHS)))
    assert (due.decision, due.rule) == ("retrain", "age")
    assert "nothing is wrong" in due.sentence
    assert "age" not in ALARM_RULES


def test_errors_that_grew_are_a_reason_to_retrain_and_stay_one() -> None:
    verdict = decide(evidence(GROWN))
    assert (verdict.decision, verdict.rule) == ("retrain", "growth")
    assert "the errors have grown" in verdict.sentence
    later = decide(evidence([*GROWN, *calm(3)]))
    assert (later.decision, later.rule) == ("retrain", "growth"), "an alarm stands until a training"


def test_the_first_alarm_is_named() -> None:
    assert decide(evidence([2.0] * 5)).rule == "cusum"
    assert "above the forecasts" in decide(evidence([2.0] * 5)).sentence
    assert "below the forecasts" in decide(evidence([-2.0] * 5)).sentence


def test_an_alarm_before_the_training_was_answered_by_it() -> None:
    assert decide(evidence(calm(3), before=[*calm(4), *GROWN])).decision == "hold"


def test_half_a_finding_before_a_training_by_age_is_not_lost() -> None:
    half = [2.5, -2.5]
    assert decide(evidence(half)).decision == "hold"
    assert decide(evidence(half, before=[*calm(10), 2.5, -2.5])).decision == "retrain"
    assert decide(evidence(half, before=[*calm(10), 2.5, -2.5], answered=TRAINED)).decision == "hold"


def test_an_alarm_soon_after_a_training_that_answered_one_is_to_be_investigated() -> None:
    soon = decide(evidence([*GROWN[:4], *calm(1)], answered=TRAINED))
    assert (soon.decision, soon.rule) == ("investigate", "recurring")
    assert "did not mend it" in soon.sentence
    assert decide(evidence([*GROWN[:4], *calm(1)])).decision == "retrain"
    late = decide(evidence([*calm(RECURRENCE_MONTHS + 1), *GROWN[:4]], answered=TRAINED))
    assert (late.decision, late.rule) == ("retrain", "growth")
    due = decide(evidence([*GROWN[:4], *calm(DUE_MONTHS - 4)], answered=TRAINED))
    assert (due.decision, due.rule) == ("retrain", "growth"), "after a year a training is due whatever came before"


@pytest.mark.parametrize("shock", [[25.0], [25.0, -25.0], [-25.0, -5.0, -2.0]])
def test_a_shock_of_one_month_changes_nothing(shock: list[float]) -> None:
    for months in range(1, 10):
        verdict = decide(evidence([*shock, *calm(10)][:months]))
        assert verdict.decision == "hold", verdict.sentence


def test_a_late_price_is_investigated_before_anything_else() -> None:
    given = evidence(GROWN)
    assert decide(dataclasses.replace(given, due_month=given.as_of + LATE_MONTHS)).decision == "retrain"
    verdict = decide(dataclasses.replace(given, due_month=given.as_of + (LATE_MONTHS + 1)))
    assert (verdict.decision, verdict.rule) == ("investigate", "late")
    assert f"3 months behind that of {given.as_of + 3}" in verdict.sentence
    assert verdict.numbers["months_late"] == 3


def test_a_price_that_is_early_is_not_late() -> None:
    given = evidence(calm(3))
    verdict = decide(dataclasses.replace(given, due_month=given.as_of + (-2)))
    assert verdict.decision == "hold"
    assert verdict.numbers["months_late"] == 0


def test_a_broken_input_of_the_newest_issue_is_investigated() -> None:
    broken = decide(evidence(GROWN, drift=drift_rows("price", [{}, {}, BROKEN])))
    assert (broken.decision, broken.rule) == ("investigate", "broken")
    assert "price: told" in broken.sentence
    mended = decide(evidence(calm(3), drift=drift_rows("price", [BROKEN, BROKEN, {}])))
    assert mended.decision == "hold"


def test_an_input_beyond_its_range_again_and_again_is_investigated_and_a_shock_is_not() -> None:
    there_and_back = drift_rows("price", [{}, BEYOND, BEYOND, {}])
    assert decide(evidence(calm(5), drift=there_and_back)).decision == "hold"
    thrice = decide(evidence(calm(5), drift=drift_rows("price", [BEYOND, {}, BEYOND, BEYOND])))
    assert (thrice.decision, thrice.rule) == ("investigate", "range")
    long_ago = drift_rows("price", [BEYOND, BEYOND, BEYOND, *[{}] * 6])
    assert decide(evidence(calm(9), drift=long_ago)).decision == "hold"


def test_an_input_that_moved_for_good_is_a_reason_to_retrain() -> None:
    months = MOVED_ISSUES + 1
    moved = decide(evidence(calm(months), drift=drift_rows("rain", [{}, *[MOVED] * MOVED_ISSUES])))
    assert (moved.decision, moved.rule) == ("retrain", "inputs")
    assert "rain has moved" in moved.sentence
    gap = drift_rows("rain", [MOVED, {}, *[MOVED] * (MOVED_ISSUES - 1)])
    assert decide(evidence(calm(months), drift=gap)).decision == "hold"


def test_a_move_that_the_training_saw_is_answered() -> None:
    seen = drift_rows("rain", [MOVED] * MOVED_ISSUES, first=TRAINED + (2 - MOVED_ISSUES))
    assert decide(evidence(calm(1), drift=seen)).decision == "hold"


def test_published_intervals_outside_their_band_are_a_reason_to_retrain() -> None:
    few = decide(evidence(calm(3), live=LiveCoverage(12, 5, 12, TRAINED + 3)))
    assert (few.decision, few.rule) == ("retrain", "coverage")
    assert "5 of 12 prices lay in the published 80% intervals, 6 to 12 should" in few.sentence
    assert decide(evidence(calm(3), live=LiveCoverage(12, 6, 12, TRAINED + 3))).decision == "hold"
    assert decide(evidence(calm(3), live=LiveCoverage(FEWEST_LIVE - 1, 0, 0, TRAINED + 3))).decision == "hold"
    many = decide(evidence(calm(3), live=LiveCoverage(30, 30, 30, TRAINED + 3)))
    assert "30 of 30" in many.sentence
    assert few.numbers["live_inside_80"] == 5


def test_coverage_that_the_training_saw_is_answered() -> None:
    assert decide(evidence(calm(3), live=LiveCoverage(12, 4, 12, TRAINED))).decision == "hold"
    assert decide(evidence(calm(3), live=LiveCoverage(12, 4, 12, TRAINED + 1))).decision == "retrain"


def test_a_training_by_age_does_not_forget_the_alarm_that_one_before_it_answered() -> None:
    """Errors that grew a year before this training, were answered half a year before it, and stayed as they were."""
    grown = [2.0, -2.0, -2.0, 2.0] * 3
    forgotten = decide(evidence(grown[:8], before=grown))
    assert (forgotten.decision, forgotten.rule) == ("retrain", "growth")
    assert decide(evidence(grown[:8], before=grown, answered=TRAINED + (-6))).decision == "hold"


def test_a_market_that_the_training_saw_is_out_of_range_no_longer() -> None:
    outside = [{"is_out_of_range": True}] * 3
    before = drift_rows("price", outside, first=TRAINED + (-1))
    after = drift_rows("price", [{}, *outside], first=TRAINED + 1)
    assert decide(evidence(calm(1), drift=before)).decision == "hold"
    assert decide(evidence(calm(4), drift=after)).rule == "range"


def test_an_alarm_behind_a_fault_is_told_among_the_numbers() -> None:
    broken = drift_rows("price", [{}] * 3 + [{"is_frozen": True}])
    verdict = decide(evidence(GROWN, drift=broken))
    assert verdict.rule == "broken"
    assert "growth" in str(verdict.numbers["alarms"])
    assert decide(evidence(calm(4))).numbers["alarms"] == NO_ALARMS


def test_a_home_without_errors_of_its_own_is_judged_by_age() -> None:
    given = evidence(calm(4))
    bare = dataclasses.replace(given, record=given.record.head(0))
    verdict = decide(bare)
    assert verdict.decision == "hold"
    assert verdict.numbers["errors_judged"] == 0
    assert "growth" not in verdict.numbers


def test_the_same_evidence_gives_the_same_decision() -> None:
    assert decide(evidence(GROWN)) == decide(evidence(GROWN))
