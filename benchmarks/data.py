"""How long it takes to restore the macro table, and to go from the raw bytes to the features.

The first table restores the sample, and invented tables of up to 1,000 columns of 600 months; its reference is
`pandas.to_numeric` on the texts of the same cells, measured in the same run, which reads each text once and restores
nothing. The cost of a cell should stay what it is. The second table goes from the bytes of the sample's three files to
the table `features` in one process, without a store; its reference is `pandas.read_csv` of the same bytes, as text.

Usage: .venv/bin/python benchmarks/data.py [--quick]
"""

import argparse
import datetime as dt
import io
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd

from milk.forecasting.features import build_features
from milk.panel.merge import merge_sources
from milk.panel.observations import new_observations
from milk.panel.restore import restore
from milk.panel.restored import drop_before_first_valid_month, restore_observations, wide_texts
from milk.series import Series, series_register
from milk.sources._damage import damaged
from milk.sources.files import SOURCE_FILES
from milk.sources.sample import MACRO_FILE, generate
from milk.steps.receive import empty_observations

SEED = 20261126
RECEIVED_AT = dt.datetime(2026, 11, 25, tzinfo=dt.UTC)
SHAPES = ((100, 600), (300, 600), (1000, 600), (1000, 150))
AIM_MS = 20
AIM_SECONDS = 5


def times(function: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of some calls, after one that warms up."""
    function()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return taken


def sample_table() -> tuple[pd.DataFrame, Sequence[Series]]:
    """The macro table of the sample as the restoration gets it."""
    register = series_register().of_source("central_bank")
    parsed = SOURCE_FILES["central_bank"].parse(generate().files[MACRO_FILE])
    return wide_texts(drop_before_first_valid_month(parsed.observations, register)[0], register), register


def invented_table(columns: int, months: int) -> tuple[pd.DataFrame, Sequence[Series]]:
    """A full table of seasonal random walks with nine digits, damaged as the file is."""
    rng = np.random.default_rng(SEED)
    like = series_register()["kerosene_usd_m3"]
    season = 0.2 * np.sin(2 * np.pi * np.arange(months) / 12)
    texts, series = {}, []
    for column in range(columns):
        values = 10 ** rng.uniform(0, 5) * np.exp(season + rng.normal(0, 0.03, months).cumsum())
        name = f"made_{column:04d}"
        texts[name] = [damaged(Decimal(f"{value:.9g}")) for value in values]
        series.append(replace(like, name=name, plausible=(float(values.min()) / 2, float(values.max()) * 2)))
    return pd.DataFrame(texts, index=pd.date_range("1970-01", periods=months, freq="MS"), dtype="str"), series


def report_restoration(name: str, texts: pd.DataFrame, series: Sequence[Series], repeats: int) -> str:
    """A row of the first table."""
    flat = pd.Series(texts.to_numpy(dtype=object)[texts.notna().to_numpy()])
    cells, columns = len(flat), texts.shape[1]
    taken = times(lambda: restore(texts, series), repeats)
    reference = statistics.median(times(lambda: pd.to_numeric(flat, errors="coerce"), repeats))
    median, low, high = (pick(taken) for pick in (statistics.median, min, max))
    per_column = " | ".join(f"{seconds * 1e3 / columns:.2f}" for seconds in (median, low, high))
    return (
        f"| {name} | {columns} x {len(texts)} | {cells} | {per_column} | {median * 1e6 / cells:.1f} "
        f"| {reference * 1e6 / cells:.2f} | {median / reference:.0f} |"
    )


def measure_pipeline(files: dict[str, bytes]) -> dict[str, float]:
    """Seconds of each step from the bytes to the features."""
    register, taken, received = series_register(), {}, {}
    start = time.perf_counter()
    parsed = {source: file.parse(files[file.file_name]).observations for source, file in SOURCE_FILES.items()}
    taken["parse three files"] = time.perf_counter() - start
    start = time.perf_counter()
    for source, observations in parsed.items():
        received[source] = new_observations(
            observations,
            empty_observations(),
            series=register.of_source(source),
            received_at=RECEIVED_AT,
            snapshot="0" * 64,
        )
    taken["new observations"] = time.perf_counter() - start
    start = time.perf_counter()
    restored = restore_observations(received["central_bank"], register.of_source("central_bank"))[0]
    taken["restore"] = time.perf_counter() - start
    start = time.perf_counter()
    merged, _repairs = merge_sources(received["milk_price"], received["precipitation"], restored, register)
    taken["merge"] = time.perf_counter() - start
    start = time.perf_counter()
    build_features(merged, received["milk_price"], received["precipitation"], restored)
    taken["features"] = time.perf_counter() - start
    return taken | {"bytes to features": sum(taken.values())}


def report_pipeline(repeats: int) -> None:
    """The second table."""
    files = generate().files
    names = [file.file_name for file in SOURCE_FILES.values()]
    measure_pipeline(files)
    runs = [measure_pipeline(files) for _ in range(repeats)]
    read = times(lambda: [pd.read_csv(io.BytesIO(files[name]), dtype="str") for name in names], repeats)
    reference = statistics.median(read)
    print(f"| step | median s | min | max | ratio to read_csv ({reference * 1e3:.0f} ms) |\n|{'---|' * 5}")
    for step in runs[0]:
        taken = [run[step] for run in runs]
        row = " | ".join(f"{pick(taken):.3f}" for pick in (statistics.median, min, max))
        print(f"| {step} | {row} | {statistics.median(taken) / reference:.0f} |")
    print(f"\nAim: bytes to features at most {AIM_SECONDS} s.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time of the restoration, and from raw bytes to features.")
    parser.add_argument("--quick", action="store_true", help="smaller tables, fewer repeats")
    is_quick = parser.parse_args().quick
    repeats = 3 if is_quick else 7
    print("| table | columns x months | cells | ms a column, median | min | max | us a cell | to_numeric us | ratio |")
    print(f"|{'---|' * 9}")
    print(report_restoration("sample", *sample_table(), repeats), flush=True)
    for columns, months in SHAPES[:2] if is_quick else SHAPES:
        print(report_restoration("invented", *invented_table(columns, months), repeats), flush=True)
    print(f"\nAim: at most {AIM_MS} ms a column.\n")
    report_pipeline(repeats)


if __name__ == "__main__":
    main()
