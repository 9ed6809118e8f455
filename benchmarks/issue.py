"""What the forecasts of an issue month cost in own computation, beside one fit of one regression.

From the features in memory to the frame of the rows: what was known at each origin, the recipe refitted there, weights
and intervals from the errors made before. A month alone refits every earlier origin, for its weights and intervals rest
on their errors; months made together share that. The reference is one scikit-learn `Ridge` of the newest twenty years
of returns on their month and two lags: a single origin, without intervals.

Usage: .venv/bin/python benchmarks/issue.py [DIR] [--repeats 40]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.linear_model import Ridge

from milk.cli.backtest import features_of_folder
from milk.evaluation.backtest import choose_recipe, evaluation_window, price_months
from milk.forecasting.histories import Histories, build_histories
from milk.forecasting.issue import issue_forecasts
from milk.forecasting.season import WINDOW_MONTHS
from milk.months import forecast_origin
from milk.series import series_register
from milk.settings import SAMPLE
from milk.sources.files import DataFolder

TOGETHER = (1, 12, 120)
EVALUATION_MONTHS = 120


def milliseconds(action: Callable[[], object], repeats: int) -> float:
    """The median of wall times."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def one_ridge(histories: Histories) -> Callable[[], object]:
    """The fit of the reference, its inputs made."""
    returns = np.diff(histories.log_price[-1, : histories.origins[-1] + 1])[-WINDOW_MONTHS:]
    months = np.eye(12)[np.arange(len(returns) - 2) % 12]
    inputs = np.column_stack([months, returns[1:-1], returns[:-2]])
    return lambda: Ridge(alpha=0.01).fit(inputs, returns[2:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What an issue month costs in own computation.")
    parser.add_argument("folder", type=Path, nargs="?", default=SAMPLE, metavar="DIR", help="a folder of input files")
    parser.add_argument("--repeats", type=int, default=40)
    given = parser.parse_args()
    rule = series_register().price.availability
    features = features_of_folder(DataFolder(given.folder), rule)
    first, last = price_months(features)
    choice = choose_recipe(features, evaluation_window(first, last, months=EVALUATION_MONTHS), price_rule=rule)
    histories = build_histories(features, price_rule=rule, last_origin=last)
    newest = last + 1
    while forecast_origin(newest, rule) > last:
        newest = newest + (-1)
    reference = milliseconds(one_ridge(histories), given.repeats)
    print(
        f"{len(histories)} origins, members of {choice.setting.half_lives_months} months; one ridge {reference:.2f} ms."
    )
    print("| issue months | ms, median | ms a month | in fits of one ridge |\n|---|---|---|---|")
    known = milliseconds(lambda: build_histories(features, price_rule=rule, last_origin=last), given.repeats)
    print(f"| what was known at each origin | {known:.1f} | - | {known / reference:.0f} |")
    for number in TOGETHER:
        months = [newest + (-k) for k in reversed(range(number))]
        issue = partial(
            issue_forecasts, choice.setting.forecaster(), histories, months, price_rule=rule, method=choice.method
        )
        taken = milliseconds(issue, given.repeats)
        print(f"| {number} | {taken:.1f} | {taken / number:.2f} | {taken / reference:.0f} |")


if __name__ == "__main__":
    main()
