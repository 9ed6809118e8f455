"""How time and memory grow with the number of series and of months: from price files to forecasts that are published.

A home of the sample with a trained version is made once. Then, for each size, in a process of its own: a folder with so
many price files of so many months is received, the newest issue month is forecast for all of them, published to SQLite,
and published again with nothing new. Seconds are processor time of the process and its workers, so that what else runs
on the machine counts for little; wall time stands beside them. Memory is the most that one process held.

Usage: .venv/bin/python benchmarks/scale.py [--series 1 10 100 1000 10000] [--months 10 120 600] [--workers 1 2]
"""

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from milk.evaluation.backtest import price_months
from milk.home.layout import Home
from milk.models.version import read_version
from milk.months import Month, month_range
from milk.series import SERIES_ID, series_register
from milk.settings import SAMPLE
from milk.sources.files import DataFolder
from milk.sources.milk_price import FILE_NAME, SPANISH_MONTHS
from milk.steps.predictions import Issuing, issue_months
from milk.steps.publication import publish_months
from milk.steps.receive import receive
from milk.steps.staging import stage_version
from milk.steps.store import home_store
from milk.steps.training import Training, backtest_params, choose_params, own_backtest

NOW = dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)
RULE = series_register().price.availability
STEPS = ("receive", "forecast", "publish", "publish again")


def make_base(folder: Path) -> str:
    """A home with the reference series and a version; returns the name of the version."""
    from milk.cli.backtest import features_of_folder

    home = Home(folder / "home")
    receive(home, DataFolder(SAMPLE), "milk_price", received_at=NOW)
    features = features_of_folder(DataFolder(SAMPLE), RULE)
    params = choose_params(features, price_rule=RULE, evaluation_months=60)
    backtest = own_backtest(backtest_params(features, params, price_rule=RULE), RULE)
    training = Training(features, params, backtest, RULE, is_synthetic=True, created_at=NOW)
    features.to_parquet(folder / "features.parquet")
    return stage_version(home, training).version_id


def write_folder(folder: Path, series: int, months: int, last: Month) -> None:
    """The price file of the sample as the reference, and so many further ones that end in the same month."""
    (folder / "prices").mkdir(parents=True)
    for file in SAMPLE.iterdir():
        shutil.copy(file, folder / file.name)
    noise = np.random.default_rng(7)
    span = month_range(last + (1 - months), last)
    lines = [f"{month.year},{SPANISH_MONTHS[month.month - 1]},%.2f" for month in span]
    form = "Anio,Mes,Precio_leche\n" + "\n".join(lines) + "\n"
    season = 0.04 * np.sin(np.arange(months) * np.pi / 6)
    entries = [f'[[series]]\nseries_id = "{SERIES_ID}"\nfile = "{FILE_NAME}"\n']
    for number in range(series - 1):
        price = 200 * np.exp(0.02 * noise.standard_normal(months).cumsum() + season)
        (folder / f"prices/{number}.csv").write_text(form % tuple(np.clip(price, 1, 4900)))
        entries.append(f'[[series]]\nseries_id = "region_{number:05d}"\nfile = "prices/{number}.csv"\n')
    (folder / "prices.toml").write_text("\n".join(entries))


def measured(action: Callable[[], object]) -> dict[str, float]:
    """Processor seconds of this process and its workers, and wall time."""
    before, start = os.times(), time.perf_counter()
    action()
    after = os.times()
    return {"cpu": sum(after[:4]) - sum(before[:4]), "wall": time.perf_counter() - start}


def one_size(base: Path, version_id: str, series: int, months: int, workers: int) -> dict[str, Any]:
    """Measure one size in this process."""
    import pandas as pd

    features = pd.read_parquet(base / "features.parquet")
    last = price_months(features)[1]
    with tempfile.TemporaryDirectory(dir=base) as name:
        work = Path(name)
        shutil.copytree(base / "home", work / "home")
        home, issue = Home(work / "home"), last + 1
        write_folder(work / "data", series, months, last)
        issuing = Issuing(features, read_version(home.models, version_id), RULE, True, NOW, workers)
        made: list[Any] = []
        with home_store(home, home.store_url) as store:
            actions: dict[str, Callable[[], object]] = {
                "receive": lambda: receive(home, DataFolder(work / "data"), "milk_price", received_at=NOW),
                "forecast": lambda: made.append(issue_months(home, issuing, [issue])),
                "publish": lambda: publish_months(home, store, [issue], published_at=NOW, run_id=None),
            }
            actions["publish again"] = actions["publish"]
            result: dict[str, Any] = {step: measured(actions[step]) for step in STEPS}
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return result | {"forecasts": int(made[0].rows["series_id"].nunique()), "mb": peak / 1024}


def report_size(base: Path, version_id: str, size: tuple[int, int, int]) -> None:
    """Measure one size in a process of its own and print its row."""
    given = [str(part) for part in (base, version_id, *size)]
    done = subprocess.run([sys.executable, __file__, "--one", *given], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    whole = sum(found[step]["cpu"] for step in ("forecast", "publish"))
    cells = [*size, found["forecasts"], *(f"{found[step]['cpu']:.2f} ({found[step]['wall']:.2f})" for step in STEPS)]
    cells += [f"{1000 * whole / size[0]:.1f}", f"{found['mb']:.0f}"]
    print(f"| {' | '.join(map(str, cells))} |")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time and memory by the number of series and months.")
    parser.add_argument("--series", type=int, nargs="+", default=[1, 10, 100, 1000, 10000])
    parser.add_argument("--months", type=int, nargs="+", default=[10, 120, 600])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--one", nargs=5, metavar=("BASE", "VERSION", "SERIES", "MONTHS", "WORKERS"))
    given = parser.parse_args()
    if given.one:
        base, version_id, *size = given.one
        print(json.dumps(one_size(Path(base), version_id, *map(int, size))))
        return
    print(f"| series | months | processes | issued | {' | '.join(STEPS)} | ms a series | MB |")
    print("|" + "---|" * (7 + len(STEPS)))
    with tempfile.TemporaryDirectory() as name:
        version_id = make_base(Path(name))
        for months in given.months:
            for series in given.series:
                for workers in given.workers:
                    report_size(Path(name), version_id, (series, months, workers))


if __name__ == "__main__":
    main()
