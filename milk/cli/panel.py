"""`milk data panel`: the merged table as it was known on a day."""

import datetime as dt
from pathlib import Path

import pandas as pd

from milk.cli.console import OUT, banner, say
from milk.cli.output import write_output
from milk.home.dataset import judged_dataset
from milk.home.layout import Home
from milk.months import SANTIAGO
from milk.settings import load_settings
from milk.sources.files import DataFolder
from milk.steps.panel import panel_of_day, parse_day
from milk.steps.place import home_of
from milk.steps.provenance import is_synthetic
from milk.steps.receive import dataset_of

INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Always with microseconds: left to itself, one value that has some changes the format of its whole column."""


def write_panel(*, data: Path | None, home: Path | None, as_of: str, output: Path) -> None:
    """Write the panel of a day as CSV.

    Raises:
        BadSetting: the day is none, or is still to come.
        HomeRefused: the home holds nothing or belongs to other data, or the file cannot be written.
        BadInput: no price was known by then, or the data given cannot be used.
    """
    day = parse_day(as_of, today=dt.datetime.now(SANTIAGO).date())
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    refuse_home_of_others(place, data)
    panel = panel_of_day(place, day)
    write_output(output, panel_csv(panel), option="--output", data=settings.data, home=place.path)
    OUT.print(banner(is_synthetic=is_synthetic(place)), soft_wrap=True)
    first, last = (f"{month:%Y-%m}" for month in panel["month"].iloc[[0, -1]])
    say(f"{len(panel)} months, {first} to {last}, as known when {day} began in Chile, written to {output}.")


def refuse_home_of_others(home: Home, data: Path | None) -> None:
    """See that a home is that of the data given: nothing else is taken of them, so other data would go unnoticed.

    Raises:
        BadInput: the price file given is missing or unusable.
        HomeRefused: the home belongs to another dataset.
    """
    if data is not None:
        judged_dataset(home, dataset_of(DataFolder(data)))


def panel_csv(panel: pd.DataFrame) -> bytes:
    """The panel as CSV: months as `YYYY-MM`, instants in UTC."""
    instants = [name for name in panel.columns if name.endswith("_known_since")]
    written = panel.assign(
        month=panel["month"].dt.strftime("%Y-%m"),
        **{name: panel[name].dt.tz_convert("UTC").dt.strftime(INSTANT) for name in instants},
    )
    return written.to_csv(index=False, lineterminator="\n").encode()
