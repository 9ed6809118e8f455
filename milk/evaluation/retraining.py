"""The decision to retrain: hold, retrain or investigate, by stated rules, from what was known in a month.

To retrain means to search, to backtest and to put the result to the gate; every issue refits its recipe anyway. The
rules, the first that applies decides:

    investigate   late         the price is more than two months late
                  broken       an input is frozen, missing, or off by a factor of 10, 100 ...
                  range        an input was beyond its range in three of six issues: a shock and its way back are two
                  recurring    an alarm within half a year of a training that answered one: training did not mend it
    retrain       growth, season, cusum, bias    a monitor of the errors fired (`milk.evaluation.error_monitors`)
                  coverage     what was published held too few or too many prices
                  inputs       an input that the recipe uses moved: drifted in eight issues in a row
                  age          a year since the last training: it is due, and no alarm
    hold          none

An alarm stands until a training saw its month; evidence of a training that answered none goes on, so that a training
by age does not wipe out half a finding. Data at fault come first: to train on them would make their fault the rule.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import pandas as pd

from milk.evaluation.binomial import binomial_band
from milk.evaluation.distribution import WINDOW_MONTHS
from milk.evaluation.drift import BROKEN
from milk.evaluation.error_monitors import ALARMS, monitored_errors
from milk.months import Month

DecisionKind = Literal["hold", "retrain", "investigate"]
Number = float | int | str

DUE_MONTHS = 12
"""A search sees a whole new year of seasons; sooner, it would choose among almost the same errors again."""
EVIDENCE_MONTHS = 12
"""Months before a training that answered no alarm which are still evidence."""
RECURRENCE_MONTHS = 6
"""Half of what an alarm may take; an alarm later than that is news."""
LATE_MONTHS = 2
"""Later than the official price, which comes in the second month after its own, ever is."""
RANGE_ISSUES, RANGE_WINDOW = 3, 6
MOVED_ISSUES = WINDOW_MONTHS + 2
"""One more than a shock and its way back can be seen in the statistic of drift."""
FEWEST_LIVE = 12
LIVE_TAIL = 0.005
"""Chance, on each side, that right intervals hold so few or so many of independent prices."""
LEVELS: Final = (0.80, 0.95)
ALARM_RULES = (*ALARMS, "coverage", "inputs")
"""Rules by which something changed; `recurring` is one of these, met soon after a training."""
NO_ALARMS = "none"
"""Under `alarms` among the numbers of a decision, where no alarm stood."""
RECURRING = "recurring"
SHOWN = (
    "error_size", "bias", "bias_band", "cusum_up", "cusum_down", "cusum_limit", "growth", "growth_limit",
    "season_statistic", "season_limit",
)  # fmt: skip
"""The monitors among the numbers of a decision."""


@dataclass(frozen=True, slots=True)
class LiveCoverage:
    """How many published forecasts of the next month were judged, and how many prices their intervals held.

    `newest` is the newest month judged; none where there is none.
    """

    judged: int
    inside_80: int
    inside_95: int
    newest: Month | None


@dataclass(frozen=True)
class Evidence:
    """What was known when it was decided.

    Attributes:
        as_of: month of the newest price.
        due_month: the month whose price is due by now.
        trained: month of the newest price that the last training saw.
        trained_issue: the issue month that belongs to it.
        record: errors of the recipe in production (see `milk.forecasting.issue.one_step_record`), up to `as_of`.
        drift: rows of `input_drift` of inputs of the recipe, without its own errors, up to the issue month of `as_of`.
        answered: `trained` of the newest training that answered an alarm, this one or an earlier one; none where none
            did.
        live: the record of what was really published since the evidence begins; none where none is at hand.
    """

    as_of: Month
    due_month: Month
    trained: Month
    trained_issue: Month
    record: pd.DataFrame
    drift: pd.DataFrame
    answered: Month | None = None
    live: LiveCoverage | None = None

    @property
    def start(self) -> Month:
        """The month after which the errors are evidence."""
        return evidence_start(self.trained, answered=self.answered)


@dataclass(frozen=True)
class Verdict:
    """What was decided.

    Attributes:
        decision: hold, retrain or investigate.
        rule: the rule that decided, `none` for hold.
        sentence: why, for a person.
        numbers: what it rests on; finite numbers and texts.
        errors: the monitors month by month (see `monitored_errors`).
    """

    decision: DecisionKind
    rule: str
    sentence: str
    numbers: dict[str, Number]
    errors: pd.DataFrame = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Finding:
    rule: str
    month: Month
    said: str


def evidence_start(trained: Month, *, answered: Month | None) -> Month:
    """The month after which errors are evidence: a year before the training, but none that answered an alarm."""
    before = trained + (-EVIDENCE_MONTHS)
    return before if answered is None else max(before, answered)


def decide(evidence: Evidence) -> Verdict:
    """Apply the rules.

    Args:
        evidence: what was known; nothing else takes part.

    Returns:
        The decision with its sentence. `numbers` hold the newest state of every monitor with its limit, also of those
        that did not fire.
    """
    judged = monitored_errors(
        evidence.record,
        start=pd.Timestamp(evidence.start.first_day),
        answered=None if evidence.answered is None else pd.Timestamp(evidence.answered.first_day),
    )
    faults = [*_late(evidence), *_faults_of_inputs(evidence)]
    alarms = [*_error_alarms(evidence, judged), *_coverage(evidence), *_moved_inputs(evidence)]
    age = evidence.as_of - evidence.trained
    decision, rule = _decided(faults, alarms, evidence, age)
    said = "; ".join(finding.said for finding in [*faults, *alarms])
    sentence = _sentence(decision, rule, said, evidence, age)
    stood = {"alarms": ", ".join(dict.fromkeys(alarm.rule for alarm in alarms)) or NO_ALARMS}
    return Verdict(decision, rule, sentence, {**_numbers(evidence, judged, age), **stood}, judged)


def _decided(faults: list[_Finding], alarms: list[_Finding], evidence: Evidence, age: int) -> tuple[DecisionKind, str]:
    if faults:
        return "investigate", faults[0].rule
    if alarms:
        soon = min(alarm.month for alarm in alarms) - evidence.trained <= RECURRENCE_MONTHS
        # After a year a training is due, whatever the one before could not mend.
        if evidence.answered == evidence.trained and soon and age < DUE_MONTHS:
            return "investigate", RECURRING
        return "retrain", alarms[0].rule
    return ("retrain", "age") if age >= DUE_MONTHS else ("hold", "none")


def _sentence(decision: DecisionKind, rule: str, said: str, evidence: Evidence, age: int) -> str:
    since = f"the last training saw prices up to {evidence.trained}, {age} months before {evidence.as_of}"
    if decision == "hold":
        return f"Hold: inputs, errors and intervals are as they were in training; {since}."
    if rule == "age":
        return f"Retrain: it is due, and nothing is wrong; {since}."
    if rule == RECURRING:
        return f"Investigate: {said}. The last training answered an alarm and did not mend it; {since}."
    if decision == "investigate":
        return f"Investigate before anything is trained: {said}; {since}."
    return f"Retrain: {said}; {since}."


def _late(evidence: Evidence) -> Iterator[_Finding]:
    late = evidence.due_month - evidence.as_of
    if late > LATE_MONTHS:
        said = f"the newest price is that of {evidence.as_of}, {late} months behind that of {evidence.due_month}"
        yield _Finding("late", evidence.as_of, said)


def _faults_of_inputs(evidence: Evidence) -> Iterator[_Finding]:
    """Inputs that no training can mend: broken in the newest issue, or out of range again and again."""
    drift = evidence.drift
    if drift.empty:
        return
    newest = drift["issue_month"].max()
    for row in drift[drift["issue_month"].eq(newest) & drift[BROKEN].any(axis=1)].itertuples():
        yield _Finding("broken", evidence.as_of, f"{row.feature}: {row.finding}")
    # A training by hand is what answers a market that really moved.
    after = drift[drift["issue_month"] > pd.Timestamp(evidence.trained_issue.first_day)]
    window = after[after["issue_month"] > newest - pd.DateOffset(months=RANGE_WINDOW)]
    times = window.groupby("feature")["is_out_of_range"].sum()
    for feature, count in times[times >= RANGE_ISSUES].items():
        said = f"{feature} was beyond the range of its training in {count} of the last {RANGE_WINDOW} issues"
        yield _Finding("range", evidence.as_of, said)


def _moved_inputs(evidence: Evidence) -> Iterator[_Finding]:
    """Inputs that drifted in each of the newest issues since the training."""
    after = evidence.drift[evidence.drift["issue_month"] > pd.Timestamp(evidence.trained_issue.first_day)]
    if after.empty:
        return
    window = after[after["issue_month"] > after["issue_month"].max() - pd.DateOffset(months=MOVED_ISSUES)]
    times = window.groupby("feature")["is_drifted"].sum()
    for feature in times[times >= MOVED_ISSUES].index:
        yield _Finding("inputs", evidence.as_of, f"{feature} has moved against its training for {MOVED_ISSUES} issues")


def _error_alarms(evidence: Evidence, judged: pd.DataFrame) -> Iterator[_Finding]:
    """The monitors that fired after the training, the first of them first."""
    after = judged[judged["target_month"] > pd.Timestamp(evidence.trained.first_day)]
    fired = {rule: after[after[column]] for rule, column in ALARMS.items()}
    first = [(rows["target_month"].iloc[0], rule) for rule, rows in fired.items() if len(rows)]
    for month, rule in sorted(first):
        row = fired[rule].iloc[0]
        yield _Finding(rule, Month.of(month), f"{_alarm_words(rule, row)} in {month:%Y-%m}")


def _alarm_words(rule: str, row: pd.Series) -> str:
    if rule == "growth":
        return f"the errors have grown: sum of their squares {row['growth']:.1f}, limit {row['growth_limit']:g},"
    if rule == "season":
        return (
            f"the errors undo the season: {row['season_statistic']:.1f} standard errors, limit {row['season_limit']:g},"
        )
    if rule == "cusum":
        side = "above" if row["cusum_up"] > row["cusum_down"] else "below"
        total = max(row["cusum_up"], row["cusum_down"])
        return f"prices keep coming {side} the forecasts: CUSUM {total:.1f}, limit {row['cusum_limit']:g},"
    side = "above" if row["bias"] > 0 else "below"
    return f"the mean error of a year lies {side} zero: {row['bias']:+.3f} log points, band {row['bias_band']:.3f},"


def _coverage(evidence: Evidence) -> Iterator[_Finding]:
    live = evidence.live
    if live is None or live.judged < FEWEST_LIVE or live.newest is None or live.newest <= evidence.trained:
        # What the training saw it has answered.
        return
    for level, inside in zip(LEVELS, (live.inside_80, live.inside_95), strict=True):
        low, high = binomial_band(live.judged, level, level=1 - 2 * LIVE_TAIL)
        if not low <= inside <= high:
            said = (
                f"{inside} of {live.judged} prices lay in the published {level:.0%} intervals, {low} to {high} should"
            )
            yield _Finding("coverage", evidence.as_of, said)


def _numbers(evidence: Evidence, judged: pd.DataFrame, age: int) -> dict[str, Number]:
    """Everything that the rules looked at; what is not known is left out."""
    standing = judged[~judged["is_set_aside"]].tail(1)
    states = [(name, float(value)) for name in SHOWN for value in standing[name]]
    since = evidence.record[evidence.record["target_month"] > pd.Timestamp(evidence.start.first_day)]
    inside = {
        f"rolling_inside_{name}": int(since["error"].abs().le(since[f"half_width_{name}"]).sum())
        for name in ("80", "95")
    }
    live = evidence.live
    published = {} if live is None else {
        "live_judged": live.judged, "live_inside_80": live.inside_80, "live_inside_95": live.inside_95,
    }  # fmt: skip
    return {
        "months_since_training": age,
        "due_after_months": DUE_MONTHS,
        "trained": str(evidence.trained),
        "months_late": max(0, evidence.due_month - evidence.as_of),
        "errors_judged": len(since),
        "set_aside": int(judged["is_set_aside"].sum()),
        **{name: value for name, value in states if math.isfinite(value)},
        **inside,
        **published,
    }
