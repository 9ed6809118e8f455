"""The gate: may a version replace the one in production?

Both recipes are judged on the same rolling-origin rows, of months that neither's search saw. A challenger must beat the
last value next month and over the year, and its intervals must hold what they say. Then it replaces the champion where
it is better by more than chance, or where it is not worse within a tolerance and knows newer data: a fit that has seen
the last months is worth having even where the recipe is only as good.
"""

import math
from dataclasses import dataclass
from typing import Literal

from milk.evaluation.evidence import Evidence, coverage_problem, evidence_scores, monthly_losses
from milk.evaluation.significance import CosineTest, better_than

LEVEL = 0.025
"""One-sided. At .05 a hundred equal challengers would bring more than five in every third time by chance alone."""
TOLERANCE_OF_TEN_YEARS = 0.03
"""Share of the champion's error by which a fresher challenger may be worse; see `tolerance`."""
FEWEST_MONTHS = 12
"""Below them nothing is judged: each calendar month has to be there."""

Outcome = Literal["promoted", "kept", "fallback"]
Rule = Literal[
    "no champion",
    "better",
    "not worse and fresher",
    "too few months",
    "loses to the last value",
    "coverage outside its band",
    "worse",
    "not fresher",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says: which version is in production from now on, by which rule, in which words and numbers."""

    outcome: Outcome
    rule: Rule
    reason: str
    numbers: dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A challenger against the champion on the same months.

    Attributes:
        error_ratio: root of the mean loss over that of the champion; below 1 the challenger is better.
        test: whether it is better by more than chance.
    """

    error_ratio: float
    test: CosineTest

    @property
    def said(self) -> str:
        """The numbers, for a sentence."""
        return (
            f"error {self.error_ratio:.3f} of the champion's, half next month and half the year, "
            f"t = {self.test.statistic:.2f}, one-sided p = {self.test.p_value:.3f}"
        )


def beats_last_value(scores: dict[str, float]) -> bool:
    """Whether a recipe is better than repeating the last price, next month and over the year."""
    return scores["ratio_next_month"] < 1 and scores["ratio_year"] < 1


def tolerance(months: int) -> float:
    """By how much of the champion's error a fresher challenger may be worse, judged on so many months.

    `0.03 sqrt(120 / months)`: about half a standard deviation of the ratio of two equal recipes, which is 7 % over ten
    years and 16 % over two (simulated). Less could not be told, and the same share for any length would hold up a
    better recipe where there is little to judge by.
    """
    return TOLERANCE_OF_TEN_YEARS * math.sqrt(120 / months)


def compare(challenger: Evidence, champion: Evidence) -> Comparison:
    """Compare two recipes month by month.

    Raises:
        ValueError: they were not forecast on the same rows, or there are too few months for the test.
    """
    if challenger.months != champion.months or challenger.prediction.shape != champion.prediction.shape:
        raise ValueError(f"Challenger and champion have other rows: {challenger.said}, and {champion.said}.")
    own, other = monthly_losses(challenger), monthly_losses(champion)
    mean, reference = float(own.mean()), float(other.mean())
    ratio = math.sqrt(mean / reference) if reference > 0 else float(mean > 0) + 1.0
    return Comparison(ratio, better_than(own, other, horizon_months=challenger.prediction.shape[1]))


def decide_promotion(challenger: Evidence, champion: Evidence | None, *, is_fresher: bool) -> Decision:
    """Judge a challenger.

    Args:
        challenger: its forecasts of the months that are judged.
        champion: those of the recipe in production, of the same months; `None` where there is none.
        is_fresher: whether the challenger was chosen and fitted with newer data than the version in production.

    Returns:
        `promoted`, `kept` (the champion stays), or `fallback` (there is no champion, and the version that repeats the
        last value goes to production in place of the challenger). The numbers name the rule and hold every figure that
        it rests on.
    """
    refused = _refusal(challenger)
    if refused is not None:
        rule, said = refused
        outcome: Outcome = "fallback" if champion is None else "kept"
        then = "The last value itself goes to production." if champion is None else "The champion stays."
        return Decision(outcome, rule, f"{said} {then}", _numbers(rule, challenger, champion, None))
    if champion is None:
        reason = f"No champion to compare with, and it beats the last value: {_ratios(challenger)}."
        return Decision("promoted", "no champion", reason, _numbers("no champion", challenger, None, None))
    comparison = compare(challenger, champion)
    rule, said = _verdict(comparison, is_fresher=is_fresher)
    theirs = evidence_scores(champion)
    against = f"against {theirs['ratio_next_month']:.3f} and {theirs['ratio_year']:.3f} of the champion"
    is_promoted = rule in ("better", "not worse and fresher")
    reason = f"{said}: {comparison.said}; {_ratios(challenger)}, {against}."
    return Decision(
        "promoted" if is_promoted else "kept",
        rule,
        reason if is_promoted else f"{reason} The champion stays.",
        _numbers(rule, challenger, champion, comparison),
    )


def _refusal(challenger: Evidence) -> tuple[Rule, str] | None:
    """Why a recipe may not reach production, whatever stands there."""
    if len(challenger.months) < FEWEST_MONTHS:
        return "too few months", (
            f"There is too little to judge by: {challenger.said} that no search saw, and it takes {FEWEST_MONTHS}."
        )
    if not beats_last_value(evidence_scores(challenger)):
        return "loses to the last value", f"The recipe does not beat the last value: {_ratios(challenger)}."
    if problem := coverage_problem(challenger):
        return "coverage outside its band", f"The intervals do not hold what they say: {problem} ({challenger.said})."
    return None


def _verdict(comparison: Comparison, *, is_fresher: bool) -> tuple[Rule, str]:
    if comparison.test.p_value < LEVEL and comparison.error_ratio < 1:
        return "better", "Better than the champion by more than chance"
    if comparison.error_ratio > 1 + tolerance(comparison.test.months):
        return "worse", "The recipe is worse than the champion"
    if is_fresher:
        return "not worse and fresher", "Not worse than the champion, and newer"
    return "not fresher", "Not better than the champion by more than chance, and not newer"


def _ratios(evidence: Evidence) -> str:
    scores = evidence_scores(evidence)
    return (
        f"RMSE ratio to the last value {scores['ratio_next_month']:.3f} next month, "
        f"{scores['ratio_year']:.3f} over the year ({evidence.said})"
    )


def _numbers(
    rule: Rule, challenger: Evidence, champion: Evidence | None, comparison: Comparison | None
) -> dict[str, float | str]:
    """Every figure behind a decision, as the ledger keeps it: finite numbers and texts."""
    numbers: dict[str, float | str] = {"rule": rule, "months": len(challenger.months)}
    if not challenger.months:
        return numbers
    numbers |= {"first_month": str(challenger.months[0]), "last_month": str(challenger.months[-1])}
    numbers |= {f"challenger_{name}": value for name, value in evidence_scores(challenger).items()}
    if champion is not None:
        numbers |= {f"champion_{name}": value for name, value in evidence_scores(champion).items()}
    if comparison is not None:
        numbers |= {"error_ratio": comparison.error_ratio, "tolerance": tolerance(comparison.test.months)}
        numbers |= {"statistic": comparison.test.statistic, "p_value": comparison.test.p_value, "level": LEVEL}
    return numbers
