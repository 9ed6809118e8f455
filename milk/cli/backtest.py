"""`milk backtest`: a folder in, a CSV of rolling-origin forecasts out. Nothing of a home is read or written."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import pandas as pd

from milk.accuracy_report.page import accuracy_page
from milk.accuracy_report.words import Language
from milk.cli.console import OUT, banner, say, say_progress
from milk.cli.output import write_output
from milk.errors import BadSetting
from milk.evaluation.backtest import COLUMNS, Choice, TargetWindow, choose_recipe, run_backtest
from milk.evaluation.scores import scores_by_horizon, summary
from milk.forecasting.features import build_features
from milk.months import Availability, Month
from milk.panel.merge import merge_sources
from milk.panel.observations import new_observations
from milk.series import series_register
from milk.sources.faults import refuse_unusable
from milk.sources.files import SOURCE_FILES, DataFolder
from milk.steps.receive import empty_observations
from milk.steps.training import LATE_MONTHS
from milk.tables import RESTORED, empty_table

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def backtest_folder(
    data: Path, *, first: str, last: str, output: Path, price_lag: int, report: Path | None, language: str
) -> None:
    """Backtest the prices of a folder and write the table, and a page on the accuracy where one is asked for.

    Raises:
        BadInput: the folder or its price file cannot be used.
        BadSetting: a month is not one, or there is no page in that language.
        NotEnoughHistory: the months cannot be evaluated with these prices.
        HomeRefused: the output cannot be written, or is one of the input files.
    """
    window = TargetWindow(Month.parse(first), Month.parse(last))
    spoken = _language(language)
    say_progress(f"Backtest of {window.first} to {window.last}, the price known {price_lag} months late.")
    table, choice = _backtest(data, window, price_lag)
    _write(output, table, data)
    if report is not None:
        # The page has both: the availability asked for, and that of the original file or of the official publication.
        other = 0 if price_lag else LATE_MONTHS
        page = accuracy_page(
            {price_lag: table, other: _backtest(data, window, other)[0]},
            language=spoken,
            unit=series_register().price.unit,
            is_synthetic=DataFolder(data).is_synthetic,
            command=f"milk backtest --from {first} --to {last} --report",
        )
        write_output(report, page.encode(), option="--report", data=data)
    OUT.print(banner(is_synthetic=DataFolder(data).is_synthetic), soft_wrap=True)
    _report(table, choice, output)
    if report is not None:
        say(f"The page on the accuracy is {report}.")


def _language(language: str) -> Language:
    if language not in get_args(Language):
        raise BadSetting(f"There is no page in '{language}': --language is one of {', '.join(get_args(Language))}.")
    return cast(Language, language)


def _backtest(data: Path, window: TargetWindow, price_lag: int) -> tuple[pd.DataFrame, Choice]:
    price_rule = series_register().price.availability.later_by(price_lag)
    features = features_of_folder(DataFolder(data), price_rule)
    choice = choose_recipe(features, window, price_rule=price_rule)
    table = run_backtest(
        features,
        window,
        price_rule=price_rule,
        method=choice.method,
        setting=choice.setting,
        blocks=choice.blocks,
    )
    return table, choice


def features_of_folder(folder: DataFolder, price_rule: Availability) -> pd.DataFrame:
    """The features that the price of a folder alone gives; the recipe of today uses nothing else.

    Raises:
        BadInput: the folder or its price file cannot be used.
    """
    register = series_register()
    parsed = SOURCE_FILES["milk_price"].parse(folder.fetch("milk_price") or b"")
    refuse_unusable(parsed.faults)
    price = new_observations(
        parsed.observations,
        empty_observations(),
        series=(replace(register.price, availability=price_rule),),
        received_at=_EPOCH,
        snapshot="",
    )
    no_rain, no_macro = empty_observations(), empty_table(RESTORED)
    merged, _repairs = merge_sources(price, no_rain, no_macro, register)
    return build_features(merged, price, no_rain, no_macro)


def _write(output: Path, table: pd.DataFrame, data: Path) -> None:
    written = table[COLUMNS].assign(
        forecast_origin=table["forecast_origin"].dt.strftime("%Y-%m"),
        target_month=table["target_month"].dt.strftime("%Y-%m"),
    )
    content = written.to_csv(index=False, lineterminator="\n").encode("ascii")
    write_output(output, content, option="--output", data=data)


def _report(table: pd.DataFrame, choice: Choice, output: Path) -> None:
    scores = scores_by_horizon(table)
    say(f"{'model':<16}{'RMSE h=1':>10}{'ratio h=1':>11}{'mean ratio':>12}{'80 %':>7}{'95 %':>7}")
    for model in scores["model"].unique():
        s = summary(scores, model)
        say(
            f"{model:<16}{s['rmse_next_month']:>10.2f}{s['ratio_next_month']:>11.3f}{s['ratio_year']:>12.3f}"
            f"{s['coverage_80']:>7.2f}{s['coverage_95']:>7.2f}"
        )
    say("Ratios are RMSE over that of last_value; coverage is the mean over all horizons.")
    say(str(choice.setting))
    say(str(choice.method))
    say(f"{len(table)} rows written to {output}.")
