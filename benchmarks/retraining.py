"""How soon the decision to retrain notices a broken regime, and how often it cries wolf in calm years.

Monthly prices are simulated with month effects and autoregressive surprises of the size of the original file: effects
of up to 3.7 % a month, surprises of 2 % with normal tails or those of Student's t of 5. The recipe with its usual
setting is refitted at every origin; then month by month the decision is made from what was known in that month, a
training follows at once where it says retrain, and a year of nothing ends in the training that is due. The interval
record counts as published, and `input_drift` judges the price itself. No Dagster, no files.

A break comes after twenty years, at another point between two trainings for each seed. Noticed is a decision to
retrain by alarm, or to investigate, within twelve months. The second table has each monitor by itself, without the
trainings between, and as the alternative the coverage of the rolling intervals over twelve months.

Usage: .venv/bin/python benchmarks/retraining.py [--seeds 100]
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.binomial import binomial_band
from milk.evaluation.distribution import training_distribution
from milk.evaluation.drift import input_drift
from milk.evaluation.error_monitors import ALARMS, monitored_errors
from milk.evaluation.retraining import (
    ALARM_RULES,
    EVIDENCE_MONTHS,
    LIVE_TAIL,
    Evidence,
    LiveCoverage,
    Verdict,
    decide,
    evidence_start,
)
from milk.forecasting.features import changes_of
from milk.forecasting.histories import build_histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import one_step_record
from milk.forecasting.recipe import Setting
from milk.months import Month, data_cutoff, issue_month_of, month_range
from milk.steps.staging import described_until
from tests.builders import RULE, price_features

Floats = npt.NDArray[np.float64]

SEED = 20261126
FIRST = Month(1990, 1)
BEFORE = 240
NOTICE_MONTHS = 12
CALM_MONTHS = 120
EFFECT, SURPRISE, MEMORY = 0.037, 0.0205, 0.3
SHOCKS_OF = (0.06, 0.10, 0.15)
"""Log points: three, five and seven times the usual error."""
TAILS = {"normal": 0, "t5": 5}
NOTICED_AIM, CALM_AIM = 0.90, 1.0


@dataclass(frozen=True)
class Regime:
    """What happens to the prices from one month on.

    Attributes:
        name: as in the table.
        turn: factor of the month effects; -1 turns a sine by half a year.
        growth: factor of the surprises.
        shock: log points that the price jumps by in the first month.
        is_taken_back: whether the month after takes the jump back.
    """

    name: str
    turn: float = 1.0
    growth: float = 1.0
    shock: float = 0.0
    is_taken_back: bool = False


CALM = Regime("ten calm years")
BREAKS = (Regime("season turned by half a year", turn=-1.0), Regime("errors grown threefold", growth=3.0))
SHOCKS = tuple(
    Regime(
        f"a shock of {size:.0%} in one month, {'taken back' if is_taken_back else 'for good'}",
        1,
        1,
        size,
        is_taken_back,
    )
    for is_taken_back in (False, True)
    for size in SHOCKS_OF
)


def simulated_prices(regime: Regime, seed: int, *, start: int, months: int, tails: int = 0) -> Floats:
    """Prices in CLP/L whose regime begins at month `start`; the surprises of a seed are the same in every regime."""
    rng = np.random.default_rng([SEED, seed])
    phase = rng.uniform(0, 2 * np.pi)
    drawn = rng.standard_t(tails, months) / np.sqrt(tails / (tails - 2)) if tails else rng.normal(size=months)
    is_after = np.arange(months) >= start
    noise = drawn * SURPRISE * np.sqrt(1 - MEMORY**2) * np.where(is_after, regime.growth, 1.0)
    for month in range(1, months):
        noise[month] += MEMORY * noise[month - 1]
    season = EFFECT * np.sin(2 * np.pi * np.arange(months) / 12 + phase) * np.where(is_after, regime.turn, 1.0)
    level = np.cumsum(season + noise)
    level[start : start + 1 if regime.is_taken_back else None] += regime.shock
    return np.asarray(200 * np.exp(level))


def record_of(features: pd.DataFrame, last: Month) -> pd.DataFrame:
    """The errors of the usual recipe; each row rests on what was known at its origin, whatever came later."""
    histories = build_histories(features, price_rule=RULE, last_origin=last)
    return one_step_record(Setting().forecaster(), histories, method=IntervalMethod())


@dataclass(frozen=True)
class Training:
    """The last training: what it saw, the newest one that answered an alarm, and what the inputs looked like."""

    month: Month
    answered: Month | None
    drift: pd.DataFrame


def trained(features: pd.DataFrame, month: Month, *, until: Month, answered: Month | None) -> Training:
    """Train at a month; the inputs of the issues up to `until` are judged by its distribution, each at its cutoff."""
    changes = changes_of(features)
    distribution = training_distribution(changes, until=described_until(month, RULE))
    issues = [issue_month_of(origin, RULE) for origin in month_range(month, until)]
    drift = input_drift(
        changes, distribution, [(issue, data_cutoff(issue)) for issue in issues], expected={"price": RULE}
    )
    return Training(month, answered, drift)


def replay(features: pd.DataFrame, first: Month, last: Month) -> Iterator[tuple[Month, Verdict]]:
    """Train at `first`, then decide month by month, and train where the decision says so.

    Yields:
        Each month with its decision, which saw no later price.
    """
    record, training = record_of(features, last), trained(features, first, until=last, answered=None)
    for month in month_range(first + 1, last):
        verdict = decide(_evidence(record, training, month))
        yield month, verdict
        if verdict.decision == "retrain":
            answered = month if verdict.rule in ALARM_RULES else training.answered
            training = trained(features, month, until=last, answered=answered)


def _evidence(record: pd.DataFrame, training: Training, month: Month) -> Evidence:
    known = record[record["target_month"] <= pd.Timestamp(month.first_day)]
    issue = issue_month_of(month, RULE)
    drift = training.drift[training.drift["issue_month"] <= pd.Timestamp(issue.first_day)]
    start = evidence_start(training.month, answered=training.answered)
    return Evidence(
        as_of=month,
        due_month=month,
        trained=training.month,
        trained_issue=issue_month_of(training.month, RULE),
        record=known,
        drift=drift,
        answered=training.answered,
        live=_as_published(known[known["target_month"] > pd.Timestamp(start.first_day)]),
    )


def _as_published(record: pd.DataFrame) -> LiveCoverage:
    missed = record["error"].abs()
    inside = [int((missed <= record[f"half_width_{name}"]).sum()) for name in ("80", "95")]
    newest = Month.of(record["target_month"].max()) if len(record) else None
    return LiveCoverage(len(record), inside[0], inside[1], newest)


@dataclass(frozen=True)
class Outcome:
    """What became of one seed: the decisions that were no hold, and which monitors fire by themselves.

    Attributes:
        alarms: the month, counted from the break, and the rule of each alarm or investigation that began.
        due: trainings by age.
        alone: for each monitor the months, counted from the break, in which it began to fire.
    """

    alarms: list[tuple[int, str]]
    due: int
    alone: dict[str, list[int]]

    def is_noticed(self) -> bool:
        """Whether an alarm began within the months after the break."""
        return any(0 <= month < NOTICE_MONTHS for month, _rule in self.alarms)


def outcome_of(regime: Regime, seed: int, *, tails: int = 0) -> Outcome:
    """Simulate one seed of a regime and replay its decisions."""
    start = BEFORE + seed % 12
    months = BEFORE + CALM_MONTHS if regime == CALM else start + NOTICE_MONTHS
    # A break may come at any time between two trainings.
    first = BEFORE - 1 if regime == CALM else start - 1 - seed * 5 % 12
    features = price_features(simulated_prices(regime, seed, start=start, months=months, tails=tails), first=str(FIRST))
    alarms, due, is_standing = [], 0, False
    for month, verdict in replay(features, FIRST + first, FIRST + (months - 1)):
        is_alarm = verdict.decision != "hold" and verdict.rule != "age"
        if is_alarm and not is_standing:
            alarms.append((month - FIRST - start, verdict.rule))
        due += verdict.rule == "age"
        is_standing = is_alarm and verdict.decision == "investigate"
    record = record_of(features, FIRST + (months - 1))
    return Outcome(alarms, due, _alone(record, FIRST + first, FIRST + start))


def _alone(record: pd.DataFrame, training: Month, start: Month) -> dict[str, list[int]]:
    since = pd.Timestamp((training + (-EVIDENCE_MONTHS)).first_day)
    judged = monitored_errors(record, start=since)
    flags = {rule: judged[column] for rule, column in ALARMS.items()}
    after = record[record["target_month"] > since].reset_index(drop=True)
    inside = after["error"].abs().le(after["half_width_80"]).rolling(12).sum()
    low, high = binomial_band(12, 0.80, level=1 - 2 * LIVE_TAIL)
    flags["coverage of 12 months, in place of growth"] = (inside < low) | (inside > high)
    months = [Month.of(month) - start for month in judged["target_month"]]
    return {
        rule: [month for month, began in zip(months, fires & ~fires.shift(fill_value=False), strict=True) if began]
        for rule, fires in flags.items()
    }


def outcomes_of(regime: Regime, seeds: range, tails: int, spread: Callable[..., Iterator[Outcome]]) -> list[Outcome]:
    """The outcomes of all seeds; `spread` is a `map`."""
    return list(spread(partial(outcome_of, regime, tails=tails), seeds))


def _print_notice(regime: Regime, name: str, outcomes: list[Outcome], *, aim: str) -> None:
    soon = [min(month for month, _r in o.alarms if 0 <= month < NOTICE_MONTHS) for o in outcomes if o.is_noticed()]
    first = Counter(next(rule for month, rule in o.alarms if month >= 0) for o in outcomes if o.is_noticed())
    median = f"{1 + np.median(soon):.0f}" if soon else "-"
    rules = ", ".join(f"{rule} {count}" for rule, count in first.most_common())
    print(
        f"| {regime.name} | {name} | {len(soon)} of {len(outcomes)} | {median} | {rules or '-'} | {aim} |", flush=True
    )


def _print_calm(name: str, outcomes: list[Outcome]) -> None:
    needless = np.array([len(o.alarms) for o in outcomes])
    rules = Counter(rule for o in outcomes for _month, rule in o.alarms)
    counted = ", ".join(f"{rule} {count}" for rule, count in rules.most_common())
    shares = " | ".join(f"{np.mean(needless == k):.2f}" for k in (0, 1, 2))
    print(
        f"| {name} | {needless.mean():.2f} | {np.mean(needless <= 1):.2f} | {shares} | {np.mean(needless > 2):.2f} "
        f"| {np.mean([o.due for o in outcomes]):.1f} | {counted} |",
        flush=True,
    )


def _print_alone(found: dict[str, list[Outcome]], calm: list[Outcome]) -> None:
    print(f"\n| monitor by itself, normal tails | {' | '.join(found)} | false alarms in ten calm years |")
    print(f"|{'---|' * (len(found) + 2)}")
    for rule in calm[0].alone:
        shares = [
            np.mean([any(0 <= month < NOTICE_MONTHS for month in o.alone[rule]) for o in outcomes])
            for outcomes in found.values()
        ]
        false = np.mean([len(o.alone[rule]) for o in calm])
        print(f"| {rule} | {' | '.join(f'{share:.2f}' for share in shares)} | {false:.2f} |")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The decision to retrain on simulated breaks and calm years.")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first seed; another one for seeds nobody looked at")
    given = parser.parse_args()
    seeds = range(given.first, given.first + given.seeds)
    begun = time.perf_counter()
    with ProcessPoolExecutor() as pool:
        spread = partial(pool.map, chunksize=5)
        print("| what happens | tails | noticed within 12 months | month, median | first rule | aim |")
        print(f"|{'---|' * 6}")
        found = {}
        for regime in (*BREAKS, *SHOCKS):
            for name, tails in TAILS.items() if regime in BREAKS else [("normal", 0)]:
                outcomes = outcomes_of(regime, seeds, tails, spread)
                _print_notice(regime, name, outcomes, aim=_aim(regime, outcomes))
                if not tails and regime in BREAKS:
                    found[regime.name] = outcomes
        print("\n| ten calm years, tails | needless | at most one | none | one | two | more | due by age | rules |")
        print(f"|{'---|' * 9}")
        calm = {name: outcomes_of(CALM, seeds, tails, spread) for name, tails in TAILS.items()}
        for name, outcomes in calm.items():
            _print_calm(name, outcomes)
    _print_alone(found, calm["normal"])
    print(f"\nAims: {NOTICED_AIM:.0%} noticed; at most {CALM_AIM:g} needless in ten calm years, in the mean.")
    print(f"{time.perf_counter() - begun:.0f} s")


def _aim(regime: Regime, outcomes: list[Outcome]) -> str:
    if regime not in BREAKS:
        return "few"
    return "met" if np.mean([o.is_noticed() for o in outcomes]) >= NOTICED_AIM else "missed"


if __name__ == "__main__":
    main()
