"""The gate: may a version replace the one in production?

Both recipes are scored on the same rolling-origin rows. A challenger must beat the last value next month and over the
year, and must not be worse than the champion over the year; equal is good enough, for it was fitted to newer data.
"""

from dataclasses import dataclass
from typing import Literal

TOLERANCE = 1e-9
"""Two recipes that are the same differ by rounding only."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says: which version is in production from now on, in which words, by which numbers."""

    outcome: Literal["promoted", "kept", "fallback"]
    reason: str
    numbers: dict[str, float]


def beats_last_value(scores: dict[str, float]) -> bool:
    """Whether a recipe is better than repeating the last price, next month and over the year."""
    return scores["ratio_next_month"] < 1 and scores["ratio_year"] < 1


def decide_promotion(challenger: dict[str, float], champion: dict[str, float] | None, *, months: str) -> Decision:
    """Judge a challenger.

    Args:
        challenger: its scores: `ratio_next_month` and `ratio_year`, RMSE over that of the last value.
        champion: the scores of the recipe in production on the same rows; `None` where there is none.
        months: the target months of the comparison, for the reason.

    Returns:
        `promoted`, `kept` (the champion stays), or `fallback` (there is no champion, and the version that repeats the
        last value goes to production in place of the challenger).
    """
    numbers = {f"challenger_{name}": float(value) for name, value in challenger.items()}
    if champion is not None:
        numbers |= {f"champion_{name}": float(value) for name, value in champion.items()}
    said = (
        f"RMSE ratio to the last value {challenger['ratio_next_month']:.3f} next month, "
        f"{challenger['ratio_year']:.3f} over the year ({months})"
    )
    if not beats_last_value(challenger):
        if champion is None:
            reason = f"The recipe does not beat the last value: {said}. The last value itself goes to production."
            return Decision("fallback", reason, numbers)
        return Decision("kept", f"The recipe does not beat the last value: {said}. The champion stays.", numbers)
    if champion is None:
        return Decision("promoted", f"No champion to compare with, and it beats the last value: {said}.", numbers)
    against = f"against {champion['ratio_next_month']:.3f} and {champion['ratio_year']:.3f} of the champion"
    if any(challenger[name] > champion[name] + TOLERANCE for name in ("ratio_next_month", "ratio_year")):
        reason = f"The recipe is worse than the champion: {said}, {against}. The champion stays."
        return Decision("kept", reason, numbers)
    return Decision("promoted", f"Not worse than the champion, and newer: {said}, {against}.", numbers)
