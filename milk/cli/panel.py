"""`milk data panel`: the merged table as it was known on a day."""

from pathlib import Path

from milk.cli.console import OUT, banner, say
from milk.cli.output import write_output
from milk.home.layout import Home
from milk.settings import load_settings
from milk.steps.panel import panel_of_day, parse_day
from milk.steps.provenance import is_synthetic


def write_panel(*, data: Path | None, home: Path | None, as_of: str, output: Path) -> None:
    """Write the panel of a day as CSV.

    Raises:
        BadSetting: the day is none.
        HomeRefused: the home holds nothing, or the file cannot be written.
        BadInput: no price was known by then.
    """
    day = parse_day(as_of)
    place = Home(load_settings(data=data, home=home).home_path)
    panel = panel_of_day(place, day)
    written = panel.assign(month=panel["month"].dt.strftime("%Y-%m"))
    write_output(output, written.to_csv(index=False, lineterminator="\n").encode(), option="--output")
    OUT.print(banner(is_synthetic=is_synthetic(place)), soft_wrap=True)
    first, last = written["month"].iloc[0], written["month"].iloc[-1]
    say(f"{len(written)} months, {first} to {last}, as known when {day} began in Chile, written to {output}.")
