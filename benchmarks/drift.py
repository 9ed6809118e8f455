"""How often the drift checks cry wolf, what planted changes they find and how soon, and what they cost.

Each group of series is simulated after its shapes in the sample, or after the size and tails of the original file:
training months, then 20 undisturbed years, each seed anew. Changes are planted in one series of the group, or in all of
them. The first table is what `milk.evaluation.drift` finds by default; the second compares its statistic with others,
each with the constant of its threshold tuned on these very seeds to one false alarm in 20 years.

Usage: .venv/bin/python benchmarks/drift.py [--quick]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from milk.evaluation.distribution import training_distribution
from milk.evaluation.drift import BROKEN, MOVED, group_alarms, input_drift
from milk.months import Availability, Month, available_from, data_cutoff
from milk.sources._sample_shapes import ACCOUNTS, EMPLOYMENT, MARKETS, PRODUCTION, SEASONS, Shape

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
Distribution = dict[str, dict[str, Any]]

SEED = 20261125
FIRST = Month(1980, 1)
TEST_MONTHS = 240
LOOK_MONTHS = 12
SOON_MONTHS = 6
RULE = Availability("month_end")
WINDOW = 6


@dataclass(frozen=True)
class Group:
    """Series that are simulated together, after `training` months.

    Innovations are Student's t of `tails` degrees of freedom (0: normal) and share `common` of their variance. An
    anomaly is a level itself, not a change of one.
    """

    name: str
    shapes: tuple[Shape, ...]
    training: int
    tails: int
    common: float
    is_anomaly: bool = False

    def draw(self, seed: int) -> Floats:
        """Values of one seed, series x months, January first."""
        rng = np.random.default_rng([SEED, len(self.name), len(self.shapes), seed])
        months, burn = self.training + TEST_MONTHS + 1, 120
        size = (len(self.shapes) + 1, months + burn)
        noise = rng.standard_t(self.tails, size) / np.sqrt(self.tails / (self.tails - 2)) if self.tails else None
        noise = rng.normal(size=size) if noise is None else noise
        noise = np.sqrt(1.0 - self.common) * noise[1:] + np.sqrt(self.common) * noise[:1]
        memory = np.array([shape.memory for shape in self.shapes])
        for t in range(1, size[1]):
            noise[:, t] += memory * noise[:, t - 1]
        level = noise[:, burn:] * np.array([[shape.noise] for shape in self.shapes])
        season = np.array([[shape.swing * effect for effect in SEASONS[shape.season]] for shape in self.shapes])
        level += season[:, (np.arange(months) - 1) % 12]
        return level[:, 1:] if self.is_anomaly else np.diff(level, axis=1)


def _chosen(shapes: dict[str, Shape], *names: str) -> tuple[Shape, ...]:
    return tuple(shape for name, shape in shapes.items() if not names or any(part in name for part in names))


RATES = (*_chosen(MARKETS, "usd_clp", "exchange_rate"), *_chosen(PRODUCTION, "real_exchange"))
GROUPS = (
    Group("price", (Shape(1, 0, 0.028, "winter", 0.06, 0.97),), 240, 5, 0.0),
    Group("rain", tuple(Shape(1, 0, 1.1 - 0.07 * k, memory=0.1) for k in range(8)), 350, 8, 0.7, is_anomaly=True),
    Group("activity", _chosen(ACCOUNTS)[13:22], 264, 0, 0.4),
    Group("gdp", (*_chosen(ACCOUNTS), *_chosen(ACCOUNTS)[-4:]), 150, 0, 0.2),
    Group("employment", (*_chosen(EMPLOYMENT), *_chosen(EMPLOYMENT)[:3]), 150, 0, 0.05),
    Group("commodities", _chosen(MARKETS, "_usd_", "uscents"), 400, 5, 0.35),
    Group("exchange_rate", RATES, 380, 5, 0.3),
    Group("production", _chosen(PRODUCTION, "industrial", "electricity"), 230, 0, 0.2),
    Group("trade", _chosen(PRODUCTION, "retail", "new_cars"), 107, 5, 0.2),
)


@dataclass(frozen=True)
class Plant:
    """A change from one month on, in one series that the seed chooses or in all; to be found within `months`.

    `factor` multiplies the level, `spread` the distance of the changes from their mean or, where the season stays as
    it was, from that of their calendar month; spread 0 freezes the level.
    """

    name: str
    factor: float = 1.0
    spread: float = 1.0
    in_all: bool = False
    keeps_season: bool = False
    months: int = SOON_MONTHS

    def put(self, group: Group, values: Floats, start: int) -> Floats:
        """The values with the change in them, one or more series."""
        mean = np.zeros_like(values)
        step = 12 if self.keeps_season else 1
        for month in range(step if self.spread > 0 else 0):
            mean[:, month::step] = values[:, month : group.training : step].mean(axis=1, keepdims=True)
        changed = values.copy()
        # A repeated rain does not show in its anomaly: `is_repeated` says it.
        if self.spread > 0 or not group.is_anomaly:
            changed[:, start:] = (mean + self.spread * (values - mean))[:, start:]
        # A level that is multiplied for good is one jump among changes.
        changed[:, start : None if group.is_anomaly else start + 1] += np.log(self.factor)
        return changed


PLANTS = (
    Plant("level x1.5", factor=1.5),
    Plant("level x1.5, all", factor=1.5, in_all=True),
    Plant("sd x3", spread=3.0),
    Plant("sd x3, season kept", spread=3.0, keeps_season=True),
    Plant("sd x3, all, season kept", spread=3.0, in_all=True, keeps_season=True),
    Plant("frozen", spread=0.0, months=1),
    Plant("x10", factor=10, months=1),
    Plant("x1000", factor=1000, months=1),
    Plant("/10", factor=0.1, months=1),
)
COMPARED = tuple(plant for plant in PLANTS if plant.name in ("level x1.5", "sd x3, season kept"))


@cache
def known_since(months: int) -> pd.DatetimeIndex:
    """When each of the months from `FIRST` on is known."""
    return pd.to_datetime([available_from(RULE, FIRST + k) for k in range(months)]).as_unit("us")


def frame_of(values: Floats, is_repeated: Booleans, names: list[str]) -> pd.DataFrame:
    """The long frame that the checks take."""
    count = values.shape[1]
    days = (np.arange(count) + (FIRST.year - 1970) * 12).astype("datetime64[M]").astype("datetime64[us]")
    return pd.DataFrame(
        {
            "feature": np.repeat(names, count),
            "month": np.tile(days, len(values)),
            "value": values.ravel(),
            "known_since": known_since(count).take(np.tile(np.arange(count), len(values))),
            "is_repeated": is_repeated.ravel(),
        }
    )


def try_seed(group: Group, seed: int) -> tuple[int, list[int | None]]:
    """The checks themselves: false alarms of the group in 20 years, and how soon each of `PLANTS` was found."""
    values = group.draw(seed)
    names = [f"series_{k:02d}" for k in range(len(values))]
    frame = frame_of(values, np.zeros(values.shape, dtype=np.bool_), names)
    last, expected = FIRST + group.training, dict.fromkeys(names, RULE)
    distribution = training_distribution(frame, until=data_cutoff(last), groups=dict.fromkeys(names, group.name))
    issues = [(month, data_cutoff(month)) for month in (last + k for k in range(1, TEST_MONTHS + 1))]
    alarms = group_alarms(input_drift(frame, distribution, issues, expected=expected), distribution)
    is_alarm = (alarms["features_found"] > 0).to_numpy(dtype=np.bool_)
    return episodes(is_alarm), [_month_found(group, values, seed, plant, distribution) for plant in PLANTS]


def _month_found(group: Group, values: Floats, seed: int, plant: Plant, distribution: Distribution) -> int | None:
    """Months from a planted change to the first row with a finding, 1 for at once; None beyond `LOOK_MONTHS`."""
    start, row = _place(group, seed)
    stop, rows = start + LOOK_MONTHS, slice(None) if plant.in_all else slice(row, row + 1)
    names = sorted(distribution)[rows]
    changed = plant.put(group, values[rows, :stop], start)
    is_repeated = np.broadcast_to((np.arange(stop) >= start) & (plant.spread == 0), changed.shape)
    issues = [(month, data_cutoff(month)) for month in (FIRST + k for k in range(start + 1, stop + 1))]
    drift = input_drift(
        frame_of(changed, is_repeated, names),
        {name: distribution[name] for name in names},
        issues,
        expected=dict.fromkeys(names, RULE),
    )
    hits = drift[[*MOVED, *BROKEN]].any(axis=1).groupby(drift["issue_month"]).any().to_numpy(dtype=np.bool_)
    return int(hits.argmax()) + 1 if hits.any() else None


def _place(group: Group, seed: int) -> tuple[int, int]:
    """Month and series of the planted changes."""
    rng = np.random.default_rng([SEED, seed])
    return group.training + int(rng.integers(12, 36)), int(rng.integers(len(group.shapes)))


def episodes(is_alarm: Booleans) -> int:
    """Alarms of consecutive months are one."""
    return int(np.diff(is_alarm.astype(np.int8), prepend=0).clip(min=0).sum())


def kolmogorov_smirnov(windows: Floats, training: Floats) -> Floats:
    """Largest distance of the two distribution functions."""
    rank, step = np.searchsorted(training, np.sort(windows, axis=-1)) / len(training), np.arange(WINDOW) / WINDOW
    return np.asarray(np.maximum(rank - step, step + 1 / WINDOW - rank).max(axis=-1))


def wasserstein(windows: Floats, training: Floats) -> Floats:
    """Mean distance of the quantiles."""
    quantiles = np.quantile(training, (np.arange(WINDOW) + 0.5) / WINDOW)
    return np.asarray(np.abs(np.sort(windows, axis=-1) - quantiles).mean(axis=-1))


def energy(windows: Floats, training: Floats) -> Floats:
    """Energy distance, less the part of the training with itself, which is the same for every window."""
    grid = np.linspace(-30.0, 30.0, 601)
    to_training = np.abs(grid[:, None] - training).mean(axis=1)
    between = np.interp(windows, grid, to_training).mean(axis=-1)
    within = np.abs(windows[..., :, None] - windows[..., None, :]).mean(axis=(-1, -2))
    return np.asarray(2.0 * between - within)


def location_and_scale(windows: Floats, _training: Floats) -> Floats:
    """The larger of the shift of the mean and the log ratio of the standard deviations, each in its standard error."""
    shift = np.abs(windows.mean(axis=-1)) * np.sqrt(WINDOW)
    ratio = np.abs(np.log(windows.std(axis=-1) + 1e-9)) * np.sqrt(2.0 * WINDOW)
    return np.asarray(np.maximum(shift, ratio))


def root_mean_square(windows: Floats, _training: Floats) -> Floats:
    """The statistic that was chosen."""
    return np.asarray(np.sqrt((windows**2).mean(axis=-1)))


STATISTICS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "root mean square": root_mean_square,
    "Wasserstein": wasserstein,
    "energy": energy,
    "Kolmogorov-Smirnov": kolmogorov_smirnov,
    "location and scale": location_and_scale,
}


def try_statistics(group: Group, seed: int) -> dict[str, tuple[Floats, ...]]:
    """Every statistic on the same seed, in units of its threshold before tuning.

    Returns:
        By name: the largest of the group in each undisturbed month, then for each of `COMPARED`, planted in one series,
        the values of the six months after it.
    """
    values, (start, row) = group.draw(seed), _place(group, seed)
    stop, first = start + SOON_MONTHS, group.training - WINDOW + 1
    undisturbed, own = standardised(values, group.training), values[row : row + 1, :stop]
    planted = [standardised(plant.put(group, own, start), group.training) for plant in COMPARED]
    trials = {}
    for name, statistic in STATISTICS.items():
        rolled = rolling(statistic, undisturbed, group.training)
        largest = rolled[:, :first].max(axis=1)
        unit = largest.max() ** 0.75 * largest**0.25
        found = [rolling(statistic, series, group.training)[0, -SOON_MONTHS:] / unit[row] for series in planted]
        trials[name] = ((rolled[:, first:] / unit[:, None]).max(axis=0), *found)
    return trials


def standardised(values: Floats, training: int) -> Floats:
    """As in `milk.evaluation.distribution`, for series without gaps."""
    result = np.empty_like(values)
    for month in range(12):
        seen = values[:, month:training:12]
        mean, years = seen.mean(axis=1, keepdims=True), seen.shape[1]
        result[:, month::12] = values[:, month::12] - mean
        result[:, month:training:12] *= years / (years - 1)
    return np.asarray(result / np.sqrt((result[:, :training] ** 2).mean(axis=1, keepdims=True)))


def rolling(statistic: Callable[[Floats, Floats], Floats], values: Floats, training: int) -> Floats:
    """A statistic of every trailing window of every series."""
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis=-1)
    return np.array([statistic(own, np.sort(row[:training])) for own, row in zip(windows, values, strict=True)])


def tuned(quiet: list[Floats]) -> float:
    """The lowest threshold, from above, that leaves one false alarm in 20 years, mean over the seeds."""
    # Not by bisection: far below, every month is an alarm, and all of them one episode.
    steps = np.geomspace(4.0, 0.2, 400)
    too_low = next(k for k, step in enumerate(steps) if statistics.mean(episodes(own > step) for own in quiet) > 1)
    return float(steps[too_low - 1])


def report_checks(group: Group, outcomes: list[tuple[int, list[int | None]]]) -> str:
    """A row of the first table."""
    alarms = [false_alarms for false_alarms, _found in outcomes]
    few = f"{sum(count <= 2 for count in alarms) * 100 // len(alarms)} %"
    cells = [group.name, str(len(group.shapes)), f"{statistics.mean(alarms):.2f}", str(max(alarms)), few]
    for k, plant in enumerate(PLANTS):
        found = [months[k] for _false_alarms, months in outcomes]
        soon = sum(month is not None and month <= plant.months for month in found) * 100 // len(found)
        median = statistics.median(LOOK_MONTHS + 1 if month is None else month for month in found)
        cells.append(f"{soon} ({median:.0f})" if plant.months > 1 and median <= LOOK_MONTHS else f"{soon}")
    return f"| {' | '.join(cells)} |"


def report_statistics(group: Group, trials: list[dict[str, tuple[Floats, ...]]]) -> str:
    """A row of the second table."""
    cells = [group.name]
    for name in STATISTICS:
        own = [trial[name] for trial in trials]
        limit = tuned([quiet for quiet, *_found in own])
        found = [sum(bool((trial[k] > limit).any()) for trial in own) for k in range(1, 1 + len(COMPARED))]
        cells.append(" / ".join(str(count * 100 // len(own)) for count in found))
    return f"| {' | '.join(cells)} |"


def report_times() -> None:
    """Seconds for 100 series of 480 months, some of them revised."""
    rng = np.random.default_rng(SEED)
    names = [f"series_{k:02d}" for k in range(100)]
    frame = frame_of(rng.normal(size=(100, 480)), np.zeros((100, 480), dtype=np.bool_), names)
    late = frame[::240].assign(known_since=frame["known_since"][::240] + pd.Timedelta(days=40))
    frame, last = pd.concat([frame, late], ignore_index=True), FIRST + 480
    start = time.perf_counter()
    distribution = training_distribution(frame, until=data_cutoff(last), groups={name: name[:8] for name in names})
    print(f"\n- training distribution of 100 series x 480 months: {time.perf_counter() - start:.3f} s")
    for count in (1, 300):
        issues = [(last + (-k), data_cutoff(last + (-k))) for k in range(count)]
        start = time.perf_counter()
        for _ in range(5):
            input_drift(frame, distribution, issues, expected=dict.fromkeys(names, RULE))
        print(f"- input drift of {count} issue months: {(time.perf_counter() - start) / 5:.3f} s (mean of 5)")


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description="False alarms, power and cost of the drift checks.")
    parser.add_argument("--quick", action="store_true", help="10 seeds instead of 100")
    seeds = 10 if parser.parse_args().quick else 100
    print(f"Planted changes found, % of {seeds} seeds: within 6 months (median month), the last four in the first.\n")
    print(f"| group | series | false alarms | worst | at most 2 | {' | '.join(plant.name for plant in PLANTS)} |")
    print(f"|{'---|' * (5 + len(PLANTS))}")
    with ProcessPoolExecutor(2) as pool:
        for group in GROUPS:
            print(report_checks(group, list(pool.map(partial(try_seed, group), range(seeds), chunksize=5))), flush=True)
        print(f"\nFound within 6 months, in %: {' / '.join(plant.name for plant in COMPARED)}, in one series.\n")
        print(f"| group | {' | '.join(STATISTICS)} |\n|{'---|' * (1 + len(STATISTICS))}")
        for group in GROUPS:
            trials = list(pool.map(partial(try_statistics, group), range(seeds), chunksize=5))
            print(report_statistics(group, trials), flush=True)
    report_times()


if __name__ == "__main__":
    main()
