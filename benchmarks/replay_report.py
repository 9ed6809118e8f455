"""What a replay found, as tables: accuracy, history and time, each beside what it is held against."""

import statistics
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from milk.evaluation.backtest import RECIPE, TargetWindow, choose_recipe, price_months, run_backtest
from milk.home.layout import Home
from milk.home.tables import read_table
from milk.months import Month
from milk.publication.engine import open_store
from milk.publication.ledger import promotions
from milk.series import SERIES_ID, series_register
from milk.settings import Settings

REFERENCE = "last_value"
NEAR, MOST_RATIO, CONSTANT = 0.03, 2.0, 0.20
"""The aims."""


@dataclass
class Log:
    """What happened.

    Attributes:
        seconds: of each issue month, its training apart.
        training_seconds: of each issue month in which one ran.
        empty_seconds: of each issue month, in the graph that does nothing.
        added: the names of what each month added to the store.
        chain: the hash of everything published, after each month.
    """

    seconds: dict[Month, float] = field(default_factory=dict)
    training_seconds: dict[Month, float] = field(default_factory=dict)
    empty_seconds: dict[Month, float] = field(default_factory=dict)
    added: list[list[str]] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)


def _ratio(rows: pd.DataFrame) -> float:
    reference = np.sqrt(((rows["observed"] - rows[REFERENCE]) ** 2).mean())
    return float(np.sqrt((rows["error"] ** 2).mean()) / reference) if reference > 0 else float("nan")


def _line(name: object, rows: pd.DataFrame) -> str:
    rmse = float(np.sqrt((rows["error"] ** 2).mean()))
    return (
        f"| {name} | {len(rows)} | {rmse:.2f} | {_ratio(rows):.3f} | {rows['log_error'].mean():+.4f} | "
        f"{rows['is_inside_80'].mean():.2f} | {rows['is_inside_95'].mean():.2f} |"
    )


def report_scores(card: pd.DataFrame) -> None:
    """Accuracy of what was published, by year of the target and by horizon."""
    head = "| judged | RMSE | ratio to the last value | bias, log | in 80 % | in 95 % |"
    for title, keys in (("year of the target, next month", None), ("horizon", "horizon_months")):
        print(f"\n| {title} {head}\n|{'---|' * 7}")
        rows = card[card["horizon_months"] == 1] if keys is None else card
        by = rows["target_month"].dt.year if keys is None else rows[keys]
        for name, group in rows.groupby(by):
            print(_line(name, group))
        print(_line("all", rows))


def report_backtest(card: pd.DataFrame, settings: Settings) -> None:
    """The live ratios beside those of one backtest on the very same rows; its search ends before the first of them."""
    features = read_table(Home(settings.home_path), "features")
    rule = series_register().price.availability
    window = TargetWindow(Month.of(card["target_month"].min()), price_months(features)[1])
    choice = choose_recipe(features, window, price_rule=rule)
    table = run_backtest(
        features, window, price_rule=rule, method=choice.method, setting=choice.setting, blocks=choice.blocks
    )
    keys = ["forecast_origin", "target_month", "horizon_months"]
    own = table[table["model"] == RECIPE][[*keys, "prediction"]]
    both = card.merge(own, on=keys, how="inner", validate="1:1")
    both = both.assign(backtest_error=both["observed"] - both["prediction"])
    print(f"\nLive and backtest on the same {len(both)} rows, RMSE ratio to the last value:\n")
    print("| horizon | live | backtest | difference |\n|---|---|---|---|")
    pairs = []
    for horizon, rows in both.groupby("horizon_months"):
        pairs.append((_ratio(rows), _ratio(rows.assign(error=rows["backtest_error"]))))
        print(f"| {horizon} | {pairs[-1][0]:.3f} | {pairs[-1][1]:.3f} | {pairs[-1][0] - pairs[-1][1]:+.3f} |")
    live, tested = (float(np.mean(side)) for side in zip(*pairs, strict=True))
    print(f"| mean | {live:.3f} | {tested:.3f} | {live - tested:+.3f} |")
    is_near = max(abs(pairs[0][0] - pairs[0][1]), abs(live - tested)) <= NEAR
    print(f"Aim: within {NEAR} next month and in the mean: {'met' if is_near else 'missed'}.")


def report_time(log: Log) -> None:
    """The time of a month by year, beside the empty graph."""
    print("\n| year | s a month, median | empty graph | ratio | trainings | s each |\n|---|---|---|---|---|---|")
    years = sorted({month.year for month in log.seconds})
    for year in years:
        own, empty = ([s for m, s in of.items() if m.year == year] for of in (log.seconds, log.empty_seconds))
        trained = [s for m, s in log.training_seconds.items() if m.year == year]
        each = f"{statistics.median(trained):.1f}" if trained else "-"
        median, base = statistics.median(own), statistics.median(empty)
        print(f"| {year} | {median:.2f} | {base:.2f} | {median / base:.2f} | {len(trained)} | {each} |")
    total, base = sum(log.seconds.values()), sum(log.empty_seconds.values())
    first, last = (statistics.median(s for m, s in log.seconds.items() if m.year == y) for y in (years[0], years[-1]))
    drift = last / first
    print(f"\nAll months: {total:.0f} s, the empty graph {base:.0f} s, ratio {total / base:.2f}.")
    print(f"Last year against first: {drift:.2f}. Trainings: {sum(log.training_seconds.values()):.0f} s.")
    met = ["met" if is_met else "missed" for is_met in (total / base <= MOST_RATIO, abs(drift - 1) <= CONSTANT)]
    print(f"Aims: a ratio of at most {MOST_RATIO:g}: {met[0]}; a constant month within {CONSTANT:.0%}: {met[1]}.")


def report_history(settings: Settings, log: Log) -> None:
    """Promotions and decisions."""
    store = open_store(settings.store_address)
    ledger = promotions(store, SERIES_ID)
    store.dispose()
    print("\n| decided | decision | version | by | why |\n|---|---|---|---|---|")
    for row in ledger:
        print(f"| {row.decided_at:%Y-%m} | {row.decision} | {row.version_id} | {row.actor_kind} | {row.reason} |")
    decisions = read_table(Home(settings.home_path), "retrain_decisions")
    print(f"\nDecisions: {dict(Counter(decisions['decision'].tolist()))}; rules: {dict(Counter(decisions['rule']))}.")
    rows = sum(map(len, log.added))
    print(f"{rows} issues, judgements, decisions and promotions; none changed in {len(log.chain)} months.")
