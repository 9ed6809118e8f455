"""Every rule of the gate, and a small dose of what `benchmarks/promotion.py` simulates."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.promotion import SCENES, Scene, first_months, rules_of, simulated
from milk.evaluation.evidence import Evidence, monthly_losses
from milk.evaluation.promotion import FEWEST_MONTHS, LEVEL, beats_last_value, compare, decide_promotion, tolerance
from milk.evaluation.significance import diebold_mariano
from tests.milk.evaluation.evidence_made import evidence


@pytest.mark.parametrize(
    ("challenger", "champion", "is_fresher", "outcome", "rule", "said"),
    [
        (evidence(), None, True, "promoted", "no champion", "No champion to compare with, and it beats the last value"),
        (
            evidence(error=1.0),
            None,
            True,
            "fallback",
            "loses to the last value",
            "The last value itself goes to production",
        ),
        (evidence(error=1.1, error_beyond=0.7), None, True, "fallback", "loses to the last value", "1.1"),
        (
            evidence(error=0.7, error_beyond=1.2),
            evidence(),
            True,
            "kept",
            "loses to the last value",
            "The champion stays",
        ),
        (evidence(inside_80=0.5), evidence(), True, "kept", "coverage outside its band", "held 50% of the prices"),
        (evidence(inside_80=0.5), None, True, "fallback", "coverage outside its band", "The last value itself"),
        (
            evidence(error=0.5),
            evidence(seed=2),
            False,
            "promoted",
            "better",
            "Better than the champion by more than chance",
        ),
        (evidence(error=0.5), evidence(seed=2), True, "promoted", "better", "one-sided p = 0.0"),
        (evidence(), evidence(), True, "promoted", "not worse and fresher", "Not worse than the champion, and newer"),
        (evidence(), evidence(), False, "kept", "not fresher", "and not newer"),
        (evidence(error=0.71), evidence(), True, "promoted", "not worse and fresher", "error 1.01"),
        (evidence(error=0.8), evidence(), True, "kept", "worse", "The recipe is worse than the champion"),
        (evidence(error=0.8), evidence(), False, "kept", "worse", "against 0.7"),
        (
            evidence(months=FEWEST_MONTHS - 1),
            evidence(months=FEWEST_MONTHS - 1),
            True,
            "kept",
            "too few months",
            "11 months",
        ),
        (evidence(months=0), evidence(months=0), True, "kept", "too few months", "no month that no search saw"),
        (evidence(months=5), None, True, "fallback", "too few months", "it takes 12"),
    ],
)
def test_the_gate(
    challenger: Evidence,
    champion: Evidence | None,
    is_fresher: bool,
    outcome: str,
    rule: str,
    said: str,
) -> None:
    decision = decide_promotion(challenger, champion, is_fresher=is_fresher)
    assert (decision.outcome, decision.rule, decision.numbers["rule"]) == (outcome, rule, rule)
    assert said in decision.reason
    assert decision.numbers["months"] == len(challenger.months)
    assert all(isinstance(value, str) or np.isfinite(value) for value in decision.numbers.values())


def test_the_reason_and_the_numbers_tell_the_comparison() -> None:
    decision = decide_promotion(evidence(), evidence(error=0.75, seed=2), is_fresher=True)
    for name in ("statistic", "p_value", "error_ratio", "challenger_ratio_year", "champion_coverage_next_month_80"):
        assert isinstance(decision.numbers[name], float), name
    assert decision.numbers["level"] == LEVEL
    assert f"p = {decision.numbers['p_value']:.3f}" in decision.reason
    assert f"t = {decision.numbers['statistic']:.2f}" in decision.reason
    assert "60 months, 2010-01 to 2014-12" in decision.reason


@pytest.mark.parametrize(
    ("factor", "rule"), [(1 + tolerance(60) - 1e-3, "not worse and fresher"), (1 + tolerance(60) + 1e-3, "worse")]
)
def test_the_tolerance_is_where_it_says(factor: float, rule: str) -> None:
    champion = evidence()
    # In log points, so that the ratio of the errors is the factor itself.
    log_error = np.log(champion.prediction / 100) * factor
    challenger = replace(champion, prediction=100 * np.exp(log_error))
    assert compare(challenger, champion).error_ratio == pytest.approx(factor)
    assert decide_promotion(challenger, champion, is_fresher=True).rule == rule


def test_the_tolerance_shrinks_with_the_months() -> None:
    assert tolerance(120) == pytest.approx(0.03)
    assert tolerance(30) == pytest.approx(0.06)


def test_other_rows_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="other rows"):
        compare(evidence(months=60), evidence(months=59))


@given(st.integers(0, 10_000), st.sampled_from([0.9, 1.0, 1.1]), st.integers(0, 60), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_holds_of_every_decision(
    seed: int, ratio: float, months: int, has_champion: bool, is_fresher: bool
) -> None:
    challenger, champion = (first_months(part, months) for part in simulated(seed, ratio, 60))
    decision = decide_promotion(challenger, champion if has_champion else None, is_fresher=is_fresher)
    assert decision.outcome in ({"promoted", "kept"} if has_champion else {"promoted", "fallback"})
    if decision.outcome == "promoted":
        assert float(decision.numbers["challenger_ratio_next_month"]) < 1
        assert float(decision.numbers["challenger_ratio_year"]) < 1
        assert months >= FEWEST_MONTHS
    if decision.rule == "better":
        assert float(decision.numbers["p_value"]) < LEVEL
    if has_champion and not is_fresher:
        assert decision.outcome == ("promoted" if decision.rule == "better" else "kept")
        fresher = decide_promotion(challenger, champion, is_fresher=True)
        assert fresher.outcome == "promoted" or decision.outcome == "kept", "being fresher never does harm"


def test_the_last_value_does_not_beat_itself() -> None:
    assert not beats_last_value({"ratio_next_month": 1.0, "ratio_year": 1.0})
    assert not beats_last_value({"ratio_next_month": float("nan"), "ratio_year": 0.5})
    assert beats_last_value({"ratio_next_month": 0.99, "ratio_year": 0.99})


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.ratio <= 1], ids=lambda scene: scene.name)
def test_equal_challengers_are_seldom_better_and_better_ones_come_in(scene: Scene) -> None:
    rules = rules_of(scene, 100)
    if scene.ratio == 1 and scene.is_fresher:
        assert rules["better"] <= 5
    if scene.ratio < 1 and scene.is_fresher:
        assert rules["better"] + rules["not worse and fresher"] >= 90
    if not scene.is_fresher:
        assert rules["not worse and fresher"] == 0


def test_months_taken_for_independent_would_find_equal_ones_better() -> None:
    """What the scenes are good for: a test that does not allow for overlapping horizons fails them."""
    found = 0
    for seed in range(100):
        challenger, champion = simulated(seed, 1.0, 60)
        naive = diebold_mariano(monthly_losses(challenger), monthly_losses(champion), horizon_months=1)
        found += naive.statistic < 0 and naive.p_value / 2 < LEVEL
    assert found > 10
