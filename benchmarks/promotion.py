"""What the gate does with challengers of which the truth is known: equal to the champion, better, or worse.

Errors of the log price h months ahead are sums of h monthly surprises, those of all recipes largely the same: what
happens in a month surprises everybody. Each recipe adds errors of its own, which overlap alike; their size makes it
as good as the champion, 10 % better or 10 % worse in RMSE. The last value has larger ones, and misses the season: the
champion beats it by as much, horizon for horizon, as the recipe does on the original prices. In the rows `no season`
all of that is errors of its own instead, of which two years hold few: a good recipe then loses to it by chance more
often than any price with a season lets it. Intervals are right.

Evidence arrives month by month. A challenger is put to the gate in every month from the first in which it can be
judged, until it is promoted; it is fresher than the champion, as a staged version is. `no news` asks the same of one
that is not, so that only `better` can promote it: then the gate is asked up to thirteen times with the same evidence,
which no test at a fixed level survives unharmed.

Usage: .venv/bin/python benchmarks/promotion.py [--seeds 100] [--first 0]
"""

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from milk.evaluation.evidence import Evidence
from milk.evaluation.promotion import FEWEST_MONTHS, Decision, decide_promotion
from milk.forecasting.histories import Floats
from milk.months import Month

HORIZONS = 12
SURPRISE = 0.03
"""Size of a month's surprise, log points."""
OWN = 0.5
"""Errors of the champion's own, as a share of the surprises that everybody has."""
LAST_VALUE_OWN = 0.75
"""Likewise of the last value."""
SEASON = (0.04, 0.03)
"""Amplitudes of the year and of the half year, log points. With the errors of its own: ratios of .74, .67, .76, .80 and
.90 at 1, 3, 6, 9 and 12 months, where .72, .67, .73, .84 and .90 were measured."""
NO_SEASON_RATIO = 0.77
"""RMSE of the champion over that of the last value in the rows `no season`: the mean of what was measured."""
PRICE = 300.0
FIRST = Month(2010, 1)
Z_80, Z_95 = 1.2815515655446004, 1.959963984540054
AIM_EQUAL, AIM_BETTER = 5, 90
"""Of a hundred: at most so many equal ones promoted as `better`, at least so many better ones promoted at all."""


@dataclass(frozen=True)
class Scene:
    """A truth, and how long there is evidence of it.

    Attributes:
        name: for the table.
        ratio: true RMSE over that of the champion.
        first: months of evidence at the first look.
        last: at the last one.
        is_fresher: whether the challenger knows newer data.
        has_season: whether the last value misses a season.
    """

    name: str
    ratio: float
    first: int
    last: int
    is_fresher: bool = True
    has_season: bool = True


SCENES = (
    Scene("equal, 24 months once", 1.0, 24, 24),
    Scene("equal, 60 months once", 1.0, 60, 60),
    Scene("equal, 120 months once", 1.0, 120, 120),
    Scene("equal, month by month", 1.0, FEWEST_MONTHS, 24),
    Scene("equal, month by month, no news", 1.0, FEWEST_MONTHS, 24, is_fresher=False),
    Scene("10 % better, month by month", 0.9, FEWEST_MONTHS, 24),
    Scene("10 % better, month by month, no season", 0.9, FEWEST_MONTHS, 24, has_season=False),
    Scene("10 % better, 120 months once, no news", 0.9, 120, 120, is_fresher=False),
    Scene("10 % worse, month by month", 1.1, FEWEST_MONTHS, 24),
    Scene("10 % worse, 120 months once", 1.1, 120, 120),
)


def own_share(ratio: float) -> float:
    """The own errors of a recipe with that RMSE over the champion's, as a share of the common surprises."""
    return math.sqrt(ratio**2 * (1 + OWN**2) - 1)


def horizon_errors(surprises: Floats) -> Floats:
    """Errors of every target month from every horizon: months x horizons, each the sum of its newest surprises."""
    sums = np.concatenate([[0.0], np.cumsum(surprises)])
    target = np.arange(HORIZONS, len(surprises)) + 1
    return np.stack([sums[target] - sums[target - h] for h in range(1, HORIZONS + 1)], axis=1)


def seasonal_misses(months: int) -> Floats:
    """What the last value misses of the season: months x horizons."""
    month = np.arange(-HORIZONS, months)
    level = sum(size * np.sin(2 * np.pi * k * month / 12) for k, size in enumerate(SEASON, start=1))
    target = np.arange(months) + HORIZONS
    return np.stack([np.asarray(level)[target - h] - np.asarray(level)[target] for h in range(1, HORIZONS + 1)], axis=1)


def simulated(seed: int, ratio: float, months: int, *, has_season: bool = True) -> tuple[Evidence, Evidence]:
    """The forecasts of a challenger and of the champion over as many months."""
    rng = np.random.default_rng(seed)
    common, *own = SURPRISE * rng.standard_normal((4, months + HORIZONS))
    shares = (own_share(ratio), OWN, LAST_VALUE_OWN if has_season else own_share(1 / NO_SEASON_RATIO))
    errors = [horizon_errors(common + share * part) for share, part in zip(shares, own, strict=True)]
    challenger, champion, last_value = errors
    if has_season:
        last_value = last_value + seasonal_misses(months)
    return _evidence(challenger, last_value, shares[0]), _evidence(champion, last_value, shares[1])


def _evidence(error: Floats, last_value: Floats, share: float) -> Evidence:
    size = SURPRISE * np.sqrt((1 + share**2) * np.arange(1, HORIZONS + 1))
    return Evidence(
        months=tuple(FIRST + k for k in range(len(error))),
        observed=np.full(len(error), PRICE),
        prediction=PRICE * np.exp(error),
        last_value=PRICE * np.exp(last_value),
        is_inside_80=np.abs(error) <= Z_80 * size,
        is_inside_95=np.abs(error) <= Z_95 * size,
    )


def first_months(evidence: Evidence, count: int) -> Evidence:
    """What was there after as many months."""
    return Evidence(
        evidence.months[:count],
        evidence.observed[:count],
        evidence.prediction[:count],
        evidence.last_value[:count],
        evidence.is_inside_80[:count],
        evidence.is_inside_95[:count],
    )


def decisions(scene: Scene, seed: int) -> Iterator[Decision]:
    """What the gate says month by month, until it promotes."""
    challenger, champion = simulated(seed, scene.ratio, scene.last, has_season=scene.has_season)
    for count in range(scene.first, scene.last + 1):
        known = first_months(challenger, count), first_months(champion, count)
        decision = decide_promotion(*known, is_fresher=scene.is_fresher)
        yield decision
        if decision.outcome == "promoted":
            return


def rules_of(scene: Scene, seeds: int, *, first: int = 0) -> Counter[str]:
    """By which rule a challenger was promoted, or kept out at the last look, and how often."""
    return Counter(list(decisions(scene, seed))[-1].rule for seed in range(first, first + seeds))


def independent_share(months: int, seeds: int) -> float:
    """How many independent months a mean coverage over all horizons is worth, as a share of the months."""
    coverage = [float(simulated(seed, 1.0, months)[0].is_inside_80.mean()) for seed in range(seeds)]
    return float(0.8 * 0.2 / np.var(coverage) / months)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the gate does with equal, better and worse challengers.")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    arguments = parser.parse_args()
    seeds = arguments.seeds
    start = time.perf_counter()
    print(f"Of {seeds} challengers.\n")
    print("| challenger | better | not worse and fresher | promoted | kept: worse | kept: other | aim |")
    print(f"|{'---|' * 7}")
    for scene in SCENES:
        rules = rules_of(scene, seeds, first=arguments.first)
        promoted = rules["better"] + rules["not worse and fresher"]
        others = seeds - promoted - rules["worse"]
        print(
            f"| {scene.name} | {rules['better']} | {rules['not worse and fresher']} | {promoted} | {rules['worse']} | "
            f"{others} | {_aim(scene, rules['better'], promoted, seeds)} |",
            flush=True,
        )
    print("\n| months | a mean coverage over all horizons is worth so many independent months |\n|---|---|")
    for months in (24, 60, 120):
        print(f"| {months} | {months * independent_share(months, max(seeds, 400)):.0f} |")
    print(f"\n{time.perf_counter() - start:.0f} s")


def _aim(scene: Scene, better: int, promoted: int, seeds: int) -> str:
    if scene.ratio == 1 and scene.is_fresher:
        return "met" if better * 100 <= AIM_EQUAL * seeds else "missed"
    if scene.ratio < 1 and scene.is_fresher:
        return "met" if promoted * 100 >= AIM_BETTER * seeds else "missed"
    return "-"


if __name__ == "__main__":
    main()
