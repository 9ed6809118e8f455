"""What a run tells its user: forecasts, accuracy, provenance, where things lie, what to type next."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from milk.cli.console import OUT, banner, command, say
from milk.cli.output import write_output
from milk.forecasting.fit import LAST_VALUE
from milk.home.layout import Home
from milk.home.tables import Months, read_table
from milk.models.version import ModelVersion, read_version
from milk.months import Month
from milk.publication.engine import shown_address
from milk.series import SERIES_ID
from milk.settings import SAMPLE, Settings
from milk.steps.predictions import TABLE
from milk.steps.receive_series import price_series


def forecasts_of(home: Home, month: Month, series_id: str = SERIES_ID) -> pd.DataFrame:
    """The rows of one series and issue month."""
    rows = read_table(home, TABLE, months=_only(month), series_id=series_id)
    return rows.sort_values("target_month").reset_index(drop=True)


def _only(month: Month) -> Months:
    day = pd.Timestamp(month.first_day)
    return Months("issue_month", day, day)


def print_report(settings: Settings, home: Home, month: Month) -> None:
    """Print the forecasts of an issue month and how far to trust them."""
    rows = forecasts_of(home, month)
    is_synthetic = bool(rows["is_synthetic"].iloc[0])
    OUT.print(banner(is_synthetic=is_synthetic), soft_wrap=True)
    say(f"Milk price in {rows['unit'].iloc[0]}, nominal, as issued for {month}:")
    OUT.print(forecast_table(rows))
    version = read_version(home.models, str(rows["model_version"].iloc[0]))
    say(accuracy_line(version))
    if further := len(price_series(home)):
        made = read_table(home, TABLE, months=_only(month), columns=["series_id"])["series_id"].nunique() - 1
        say(f"Of {further} further series {made} have this issue, by the same recipe: {command()} status --series NAME")
    missing = [name for name in ("precipitation", "central_bank") if read_table(home, f"raw_{name}").empty]
    if missing:
        say(f"Without {' and '.join(missing)}: the forecast rests on the price alone, as it does with them.")
    say(f"Model {version.version_id} ({version.recipe_name}), {rows['kind'].iloc[0]}. Written to {home.address}")
    say(f"Published to {shown_address(settings.store_address)}")
    say(f"Next: {_next_command(settings)}   (the Dagster UI, and the reader that serves it)")


def _next_command(settings: Settings) -> str:
    is_sample = settings.data.resolve() == SAMPLE.resolve()
    if settings.home is None:
        return "make up" if is_sample else f'make up DATA="{settings.data}"'
    data = "" if is_sample else f' --data "{settings.data}"'
    return f'{command()} up{data} --home "{settings.home}"'


def accuracy_line(version: ModelVersion) -> str:
    """How the recipe that made the forecasts did in the backtest it was judged by, in one or two sentences."""
    scores, windows = version.card["scores"]["recipe"], version.card["windows"]
    said = (
        f"Backtest {windows['evaluation_first']} to {windows['evaluation_last']}, rolling origin, "
        f"{scores['forecasts']} forecasts a horizon: RMSE is {scores['ratio_next_month']:.2f} of the last value's next "
        f"month and {scores['ratio_year']:.2f} on average over the year; "
        f"80 % intervals held {100 * scores['coverage_80']:.0f} %."
    )
    if version.recipe_name == LAST_VALUE:
        return f"The last value itself is in production: no recipe has beaten it yet. {said}"
    return said


def write_json(settings: Settings, home: Home, month: Month, file: Path) -> None:
    """Write the forecasts of an issue month with their provenance.

    Raises:
        HomeRefused: the file cannot be written, is one of the input files or lies in the home.
    """
    content = json.dumps(_document(settings, home, month), indent=2, ensure_ascii=False).encode() + b"\n"
    write_output(file, content, option="--json", data=settings.data, home=home.path)
    say(f"Forecasts and provenance written to {file}.")


def _document(settings: Settings, home: Home, month: Month) -> dict[str, Any]:
    rows = forecasts_of(home, month)
    first = rows.iloc[0]
    version = read_version(home.models, str(first["model_version"]))
    forecasts = rows.drop(
        columns=["data_versions", "is_synthetic", "model_version", "issued_at", "data_cutoff", "unit"]
    )
    for column in ("issue_month", "target_month", "forecast_origin"):
        forecasts[column] = forecasts[column].dt.strftime("%Y-%m")
    return {
        "is_synthetic": bool(first["is_synthetic"]),
        "unit": first["unit"],
        "issue_month": str(month),
        "issued_at": first["issued_at"].isoformat(),
        "data_cutoff": first["data_cutoff"].isoformat(),
        "model_version": first["model_version"],
        "data_versions": json.loads(first["data_versions"]),
        "recipe": version.model["recipe"],
        "backtest": {"windows": version.card["windows"], "scores": version.card["scores"]},
        "data": str(settings.data),
        "home": home.address,
        "forecasts": forecasts.to_dict(orient="records"),
    }


def forecast_table(rows: pd.DataFrame) -> Table:
    """The forecasts of an issue for the terminal."""
    table = Table()
    for name in ("month", "price", "80 % interval"):
        table.add_column(name, justify="right")
    for row in rows.itertuples():
        table.add_row(f"{row.target_month:%Y-%m}", f"{row.price:.1f}", f"{row.lower_80:.1f} to {row.upper_80:.1f}")
    return table
