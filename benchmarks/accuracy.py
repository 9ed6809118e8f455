"""How good the recipe is on the prices of a folder, and what each of its parts is worth.

Four tables, all of RMSE in rolling origin, every method on the same rows:

1. the recipe as the search picks it (which sees nothing of the months compared), with its usual setting, each baseline,
   and three methods of `statsforecast`, refitted on the log price at every origin;
2. the same by five-year windows of target months, the search before each of them;
3. the recipe with one part changed, beside the whole one;
4. the recipe with and without its outlier cut, after a shock of 13 % was planted in the price.

`statsforecast` is no dependency of the project; without it its rows are left out. AutoARIMA is run with
`approximation=True`, which compares models by conditional sums of squares: the exact search takes ten times as long.
Season and error of Theta and ETS are additive, as it befits logarithms.

Usage: .venv/bin/python benchmarks/accuracy.py DIR [--from 2003-01] [--to 2017-12] [--price-lag 0]
    [--statsforecast-months 120] [--without-statsforecast]
"""

import argparse
import importlib
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.recipe_variants import VARIANTS, Variant, forecast_variant
from milk.cli.backtest import features_of_folder
from milk.evaluation.backtest import EARLIEST_TARGET, TargetWindow, origins_for_search, refuse_window
from milk.forecasting.baselines import BASELINES
from milk.forecasting.histories import Floats, Histories, build_histories, observed
from milk.forecasting.model import Forecaster, last_log_price
from milk.forecasting.recipe import Setting
from milk.forecasting.search import best_setting, search_settings
from milk.months import Month, horizons
from milk.series import series_register
from milk.sources.files import DataFolder

SHOWN_HORIZONS = (1, 3, 6, 12)
WINDOW_MONTHS = 60
SEASON_MONTHS = 12
SHOCK = float(np.log(1.13))
PLACES = 20
DELAYS = (0, 1, 6, 12)
"""Months from a planted shock to the origin."""
SHOCK_STEPS = 12
SAME = 1e-9
"""Log points: what a variant that changes nothing may differ by."""


class StatsModel(Protocol):
    """A model of `statsforecast`."""

    def forecast(self, y: Floats, h: int) -> dict[str, Floats]:
        """`mean` holds the next `h` values."""
        ...


@dataclass(frozen=True)
class Scene:
    """Histories up to the last month compared, and which target months are compared, all of them first."""

    histories: Histories
    steps: int
    windows: list[TargetWindow]


@dataclass(frozen=True)
class Measured:
    """A method: for each window of the scene its RMSE ratios by horizon, and the seconds it took for all origins."""

    name: str
    ratios: list[Floats]
    seconds: float


def read_scene(folder: Path, window: TargetWindow, price_lag: int) -> Scene:
    """The scene of a folder; nothing after the window is looked at."""
    rule = series_register().price.availability.later_by(price_lag)
    features = features_of_folder(DataFolder(folder), rule)
    price = features[features["feature"] == "price"]
    first, last = Month.of(price["month"].min()), Month.of(price["month"].max())
    refuse_window(window, first, last)
    histories = build_histories(features, price_rule=rule, last_origin=window.last)
    windows = [window, *sorted(_five_years(first, window.last), key=lambda w: w.first)]
    return Scene(histories, horizons(rule), windows)


def _five_years(first_price: Month, last: Month) -> Iterator[TargetWindow]:
    """Windows of five years, from the last one back to the first that can be evaluated."""
    while last + (1 - WINDOW_MONTHS) >= first_price + EARLIEST_TARGET:
        yield TargetWindow(last + (1 - WINDOW_MONTHS), last)
        last = last + (-WINDOW_MONTHS)


def rmse_ratios(log_price: Floats, scene: Scene, window: TargetWindow) -> Floats:
    """RMSE over that of the last value, by horizon, over the target months of a window."""
    histories, steps = scene.histories, scene.steps
    came = observed(histories, len(histories) - 1, steps)
    target = histories.first.ordinal + histories.origins[:, None] + np.arange(1, steps + 1)
    is_inside = (target >= window.first.ordinal) & (target <= window.last.ordinal)

    def squares(forecast: Floats) -> Floats:
        return np.asarray((np.where(is_inside, np.exp(forecast) - np.exp(came), 0.0) ** 2).sum(axis=0))

    return np.asarray(np.sqrt(squares(log_price) / squares(last_log_price(histories)[:, None])))


def measured(name: str, forecast: Callable[[Scene], Floats], scene: Scene) -> Measured:
    """A method that forecasts all windows alike."""
    start = time.perf_counter()
    log_price = forecast(scene)
    seconds = time.perf_counter() - start
    return Measured(name, [rmse_ratios(log_price, scene, window) for window in scene.windows], seconds)


def searched(scene: Scene) -> Measured:
    """The recipe with the setting that the search picks before each window; the seconds are those of the first."""
    ratios, seconds = [], []
    for window in scene.windows:
        start = time.perf_counter()
        before = origins_for_search(scene.histories, window, steps=scene.steps)
        setting = best_setting(search_settings(before))
        log_price = _forecast(setting.forecaster, scene)
        seconds.append(time.perf_counter() - start)
        ratios.append(rmse_ratios(log_price, scene, window))
        print(f"The search picks for {window.first} to {window.last}: {setting}", flush=True)
    return Measured("recipe, searched", ratios, seconds[0])


def _forecast(make: Callable[[], Forecaster], scene: Scene) -> Floats:
    return make().fit(scene.histories).forecast(scene.steps).log_price


def statsforecast_rows(scene: Scene, months: int | None) -> list[Measured]:
    """AutoARIMA, Theta and ETS on the newest months of the log price, or all; none where `statsforecast` is missing."""
    try:
        models = importlib.import_module("statsforecast.models")
    except ImportError:
        print("statsforecast is missing, its rows are left out; to have them: pip install statsforecast", flush=True)
        return []
    made = {
        "AutoARIMA": models.AutoARIMA(season_length=SEASON_MONTHS, approximation=True),
        "OptimizedTheta": models.OptimizedTheta(season_length=SEASON_MONTHS, decomposition_type="additive"),
        "AutoETS": models.AutoETS(season_length=SEASON_MONTHS, model="AZA"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [measured(name, partial(_refitted, model, months), scene) for name, model in made.items()]


def _refitted(model: StatsModel, months: int | None, scene: Scene) -> Floats:
    """The forecasts of a model of `statsforecast` from the origins that a window needs, NaN from the others."""
    histories, steps = scene.histories, scene.steps
    first = histories.row_of(min(window.first for window in scene.windows) + (-steps))
    log_price = np.full((len(histories), steps), np.nan)
    for row in range(first, len(histories)):
        known = histories.log_price[row, : histories.origins[row] + 1]
        log_price[row] = model.forecast(y=known[-months:] if months else known, h=steps)["mean"]
    return log_price


def print_scores(rows: Sequence[Measured], scene: Scene) -> None:
    """The first two tables."""
    whole = scene.windows[0]
    shown = " | ".join(f"h={horizon}" for horizon in SHOWN_HORIZONS)
    print(f"\nTargets {whole.first} to {whole.last}, RMSE ratio to the last value; seconds for all origins.\n")
    print(f"| method | {shown} | mean of h=1..{scene.steps} | seconds |\n|{'---|' * (len(SHOWN_HORIZONS) + 3)}")
    for row in rows:
        ratios = row.ratios[0]
        figures = [*(ratios[horizon - 1] for horizon in SHOWN_HORIZONS), ratios.mean()]
        print(f"| {row.name} | {' | '.join(f'{figure:.3f}' for figure in figures)} | {row.seconds:.2f} |")
    for title, of in (("mean over all horizons", np.mean), ("h=1", lambda ratios: ratios[0])):
        print(f"\nBy five-year windows of targets, {title}.\n")
        _print_windows([(row.name, [float(of(ratios)) for ratios in row.ratios[1:]]) for row in rows], scene)


def _print_windows(rows: Sequence[tuple[str, list[float]]], scene: Scene, *, more: Sequence[str] = ()) -> None:
    years = [f"{str(window.first)[:4]}-{str(window.last)[:4]}" for window in scene.windows[1:]]
    titles = [*more, *years]
    print(f"| method | {' | '.join(titles)} |\n|{'---|' * (len(titles) + 1)}")
    for name, figures in rows:
        print(f"| {name} | {' | '.join(f'{figure:.3f}' for figure in figures)} |", flush=True)


def _varied(variant: Variant, scene: Scene) -> Floats:
    return forecast_variant(variant, scene.histories, scene.steps)


def print_ablations(scene: Scene) -> None:
    """The third table.

    Raises:
        RuntimeError: the variant that changes nothing is not the recipe, so that none of them can be trusted.
    """
    difference = _varied(Variant(), scene) - _forecast(Setting().forecaster, scene)
    if np.abs(difference).max() > SAME:
        raise RuntimeError(f"The variant that changes nothing differs from the recipe by {np.abs(difference).max()}.")
    rows = [
        measured(name, partial(_varied, variant), scene)
        for name, variant in ({"whole recipe": Variant()} | VARIANTS).items()
    ]
    whole = scene.windows[0]
    print(f"\nOne part changed. h=1, h=12 and mean: {whole.first} to {whole.last}; by five-year windows: the mean.\n")
    figures = [
        (row.name, [row.ratios[0][0], row.ratios[0][11], row.ratios[0].mean(), *(r.mean() for r in row.ratios[1:])])
        for row in rows
    ]
    _print_windows(figures, scene, more=["h=1", "h=12", "mean"])


def shocked(histories: Histories, column: int, *, is_lasting: bool) -> Histories:
    """The same prices with one month, or all from it on, 13 % dearer."""
    columns = np.arange(histories.log_price.shape[1])
    is_hit = columns >= column if is_lasting else columns == column
    return replace(histories, log_price=histories.log_price + np.where(is_hit, SHOCK, 0.0))


def shock_errors(histories: Histories, column: int, setting: Setting) -> Floats:
    """Squared errors, CLP/L, of the year after a month: `DELAYS` x horizons."""
    rows = [column + delay - int(histories.origins[0]) for delay in DELAYS]
    past = histories.rows(0, rows[-1] + 1)
    log_price = setting.forecaster().fit(past).forecast(SHOCK_STEPS).log_price[rows]
    came = observed(histories, len(histories) - 1, SHOCK_STEPS)[rows]
    return np.asarray((np.exp(log_price) - np.exp(came)) ** 2)


def print_shocks(scene: Scene) -> None:
    """The fourth table."""
    histories, window = scene.histories, scene.windows[0]
    latest = window.last + (-SHOCK_STEPS - DELAYS[-1])
    places = np.linspace(window.first - histories.first, latest - histories.first, PLACES).astype(int).tolist()
    with_cut, without_cut = Setting(), Setting(outlier_sd=None)
    print(f"\nA shock of 13 % at {PLACES} places; RMSE in CLP/L over the twelve months after the origin.\n")
    print(
        "| shock | origin, months after it | undisturbed | cut | not cut | cut / not cut |\n|---|---|---|---|---|---|"
    )
    still = _rmse([shock_errors(histories, place, with_cut) for place in places])
    for name, is_lasting in (("one month", False), ("lasting", True)):
        disturbed = [shocked(histories, place, is_lasting=is_lasting) for place in places]
        cut, uncut = (
            _rmse([shock_errors(own, place, setting) for own, place in zip(disturbed, places, strict=True)])
            for setting in (with_cut, without_cut)
        )
        for number, delay in enumerate(DELAYS):
            figures = f"{still[number]:.2f} | {cut[number]:.2f} | {uncut[number]:.2f}"
            print(f"| {name} | {delay} | {figures} | {cut[number] / uncut[number]:.3f} |", flush=True)


def _rmse(squared: list[Floats]) -> Floats:
    """By delay, over places and horizons."""
    return np.asarray(np.sqrt(np.mean(squared, axis=(0, 2))))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The accuracy of the recipe and what its parts are worth.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder with the price file")
    parser.add_argument("--from", dest="first", default="2003-01", metavar="YYYY-MM")
    parser.add_argument("--to", dest="last", default="2017-12", metavar="YYYY-MM")
    parser.add_argument("--price-lag", type=int, default=0, help="months by which prices come late")
    parser.add_argument("--without-statsforecast", action="store_true")
    parser.add_argument("--statsforecast-months", type=int, help="how many of the newest months they see; else all")
    given = parser.parse_args()
    scene = read_scene(given.folder, TargetWindow(Month.parse(given.first), Month.parse(given.last)), given.price_lag)
    rows = [searched(scene), measured("recipe, usual setting", partial(_forecast, Setting().forecaster), scene)]
    rows += [measured(name, partial(_forecast, make), scene) for name, make in BASELINES.items()]
    if not given.without_statsforecast:
        rows += statsforecast_rows(scene, given.statsforecast_months)
    print_scores(rows, scene)
    print_ablations(scene)
    print_shocks(scene)


if __name__ == "__main__":
    main()
