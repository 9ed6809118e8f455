"""What a replay found, as tables: accuracy, history and time, each beside what it is held against."""

import statistics
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

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


class Spent(NamedTuple):
    """Seconds on the clock and seconds of the processor: of this process, which does all the work of a replay."""

    wall: float
    processor: float

    @classmethod
    def so_far(cls) -> "Spent":
        """Up to now."""
        return cls(time.perf_counter(), time.process_time())

    def since(self) -> "Spent":
        """From this on up to now."""
        now = Spent.so_far()
        return Spent(now.wall - self.wall, now.processor - self.processor)


@dataclass
class Log:
    """What happened.

    Attributes:
        months: of each issue month, its training apart.
        training_seconds: of each issue month in which one ran.
        empty_months: of each issue month, in the graph that does nothing.
        added: the names of what each month added to the store.
        chain: the hash of everything published, after each month.
    """

    months: dict[Month, Spent] = field(default_factory=dict)
    training_seconds: dict[Month, float] = field(default_factory=dict)
    empty_months: dict[Month, Spent] = field(default_factory=dict)
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
    """The time of a month by year, beside the empty graph: on the clock, and of the processor."""
    head = "s a month, median | empty graph | ratio"
    print(f"\n| year | {head} | processor {head} | trainings | s each |\n|{'---|' * 9}")
    years = sorted({month.year for month in log.months})
    cost = {}
    for year in years:
        own, empty = (_medians(of[m] for m in of if m.year == year) for of in (log.months, log.empty_months))
        cost[year] = own, empty
        trained = [s for m, s in log.training_seconds.items() if m.year == year]
        each = f"{statistics.median(trained):.1f}" if trained else "-"
        both = " | ".join(f"{o:.2f} | {e:.2f} | {o / e:.2f}" for o, e in zip(own, empty, strict=True))
        print(f"| {year} | {both} | {len(trained)} | {each} |")
    (first, first_empty), (last, last_empty) = cost[years[0]], cost[years[-1]]
    print("\n| all months | s | empty graph | ratio | last year / first | the same beside the empty graph |")
    print(f"|{'---|' * 6}")
    ratios, drifts = [], []
    for k, name in enumerate(("clock", "processor")):
        total, base = (sum(spent[k] for spent in of.values()) for of in (log.months, log.empty_months))
        ratios.append(total / base)
        drifts.append(last[k] / first[k])
        beside = drifts[k] / (last_empty[k] / first_empty[k])
        print(f"| {name} | {total:.0f} | {base:.0f} | {ratios[k]:.2f} | {drifts[k]:.2f} | {beside:.2f} |")
    print(f"\nTrainings: {sum(log.training_seconds.values()):.0f} s.")
    met = ["met" if is_met else "missed" for is_met in (ratios[0] <= MOST_RATIO, abs(drifts[0] - 1) <= CONSTANT)]
    print(f"Aims: a ratio of at most {MOST_RATIO:g}: {met[0]}; a constant month within {CONSTANT:.0%}: {met[1]}.")


def _medians(spent: Iterable[Spent]) -> Spent:
    return Spent(*(statistics.median(seconds) for seconds in zip(*spent, strict=True)))


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
