"""How often the bands of the scorecard cry wolf, what planted faults they find and how soon, and what it costs.

Monthly surprises of a price are drawn, normal or with the tails of Student's t of 4 degrees of freedom; a forecast h
months ahead misses by the sum of h of them, and its intervals have the width that fits. Faults: all forecasts too low
by half a standard deviation of a month, intervals six tenths as wide, surprises three times as large as the intervals
are made for. Each number is the share of seeds, in per cent, whose record is flagged after so many judged months.

Usage: .venv/bin/python benchmarks/scorecard.py [--quick]
"""

import argparse
import math
import time
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.bands import Shared, hit_band, mean_band, shared_surprises
from milk.evaluation.scorecard import judged_forecasts
from milk.evaluation.scorecard_summary import months_needed, running_statistics
from milk.months import Month, available_from, data_cutoff
from milk.series import series_register

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SEED = 20261126
YEAR = 12
MONTHS = (12, 24, 36, 60, 120)
HORIZONS = {"1": (1, 1), "2": (2, 2), "6": (6, 6), "12": (12, 12), "all": (1, 12)}
LEVELS = (0.80, 0.95)


@dataclass(frozen=True)
class Case:
    """What is simulated: tails (0: normal), a shift in monthly standard deviations, widths and surprises by factors."""

    name: str
    tails: int = 0
    shift: float = 0.0
    width: float = 1.0
    size: float = 1.0


CASES = (
    Case("sound, normal"),
    Case("sound, t(4)", tails=4),
    Case("too low by .5 sd", shift=0.5),
    Case("intervals .6 as wide", width=0.6),
    Case("surprises x 3", size=3.0),
)


def surprises(case: Case, months: int, seed: int) -> Floats:
    """Surprises of unit variance, but for the case."""
    rng = np.random.default_rng([SEED, case.tails, months, seed])
    if not case.tails:
        return rng.standard_normal(months) * case.size
    return rng.standard_t(case.tails, months) / math.sqrt(case.tails / (case.tails - 2)) * case.size


@cache
def half_width(tails: int, level: float, horizon: int) -> float:
    """Half the width that holds `level` of the sums; of heavy tails by simulation."""
    if not tails:
        return NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(horizon)
    draws = np.random.default_rng(SEED).standard_t(tails, (200_000, horizon)).sum(axis=1)
    return float(np.quantile(np.abs(draws / math.sqrt(tails / (tails - 2))), level))


@cache
def grid(months: int, first: int, last: int) -> tuple[Integers, Integers, Shared]:
    """Origins and horizons of all forecasts whose price has come, and what they share."""
    cells = [(origin, ahead) for ahead in range(first, last + 1) for origin in range(months + first - ahead)]
    origins, horizons = (np.array(values) for values in zip(*cells, strict=True))
    return origins, horizons, shared_surprises(origins, horizons)


def flags(case: Case, months: int, ends: tuple[int, int], seed: int) -> list[bool]:
    """Whether the bias and the coverages of one record lie outside their bands."""
    origins, horizons, shared = grid(months, *ends)
    level = np.concatenate([[0.0], np.cumsum(surprises(case, months + ends[0], seed))])
    errors = level[origins + horizons] - level[origins] + case.shift
    widths = np.array([[half_width(case.tails, share, h) for h in horizons] for share in LEVELS]) * case.width
    held = np.mean(np.abs(errors) <= widths, axis=1)
    bands = [hit_band(shared, share) for share in LEVELS]
    outside = [not low <= share <= high for share, (low, high) in zip(held, bands, strict=True)]
    return [abs(float(errors.mean())) > mean_band(errors, horizons, shared), *outside]


def print_bands(seeds: int) -> None:
    """Flags in per cent of the seeds: bias / 80 % / 95 %."""
    print(f"Flagged, % of {seeds} records: bias / coverage 80 / coverage 95; '-' where nothing is judged yet.\n")
    print(f"{'case':22}{'months':>7}" + "".join(f"{name:>16}" for name in HORIZONS))
    for case in CASES:
        for months in MONTHS:
            cells = []
            for ends in HORIZONS.values():
                if months < months_needed(ends[1]):
                    cells.append("-")
                    continue
                found = np.mean([flags(case, months, ends, seed) for seed in range(seeds)], axis=0) * 100
                cells.append(" / ".join(f"{share:.1f}" if share < 9.95 else f"{share:.0f}" for share in found))
            print(f"{case.name:22}{months:>7}" + "".join(f"{cell:>16}" for cell in cells))


def print_costs() -> None:
    """Seconds for the rows and for the statistics."""
    rule = series_register().price.availability
    first = Month(1980, 1)
    months = [first + k for k in range(560)]
    value = 200 * np.exp(np.cumsum(np.random.default_rng(SEED).normal(0, 0.03, len(months))))
    days = pd.Series([pd.Timestamp(m.first_day) for m in months], dtype="datetime64[us]")
    known = pd.Series([available_from(rule, m) for m in months], dtype="datetime64[us, UTC]")
    prices = pd.DataFrame({"month": days, "known_since": known, "value": value})
    print(f"\n{'issues':>7}{'rows':>7}{'rows, s':>9}{'statistics, s':>15}")
    for issues in (14, 60, 156, 400):
        forecasts = pd.concat([_issue(m, value[m - first - 1]) for m in months[-issues:]], ignore_index=True)
        start = time.perf_counter()
        rows = judged_forecasts(forecasts, prices)
        middle = time.perf_counter()
        running_statistics(rows)
        end = time.perf_counter()
        print(f"{issues:>7}{len(rows):>7}{middle - start:>9.3f}{end - middle:>15.3f}")


def _issue(month: Month, price: float) -> pd.DataFrame:
    cutoff = pd.Timestamp(data_cutoff(month)).as_unit("us")
    return pd.DataFrame(
        {
            "series_id": "s", "issue_month": pd.Timestamp(month.first_day).as_unit("us"), "revision": 1, "kind": "live",
            "issue_published_at": cutoff + pd.Timedelta(days=2),
            "target_month": [pd.Timestamp((month + k).first_day).as_unit("us") for k in range(YEAR)],
            "forecast_origin": pd.Timestamp((month + (-1)).first_day).as_unit("us"),
            "horizon_months": range(1, YEAR + 1), "price": price, "lower_80": price * 0.95, "upper_80": price / 0.95,
            "lower_95": price * 0.9, "upper_95": price / 0.9, "unit": "CLP/L", "model_version": "v",
            "data_cutoff": cutoff,
        }
    )  # fmt: skip


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="The bands of the scorecard and what it costs.")
    parser.add_argument("--quick", action="store_true", help="fewer seeds")
    print_bands(100 if parser.parse_args().quick else 500)
    print_costs()


if __name__ == "__main__":
    main()
