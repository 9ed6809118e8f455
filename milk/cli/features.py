"""`milk features export`: the feature table of a home for a feature store."""

from pathlib import Path

from milk.cli.console import OUT, banner, say
from milk.cli.output import write_output
from milk.cli.panel import refuse_home_of_others
from milk.settings import load_settings
from milk.steps.export import export_features
from milk.steps.place import home_of


def export(*, data: Path | None, home: Path | None, parquet: Path) -> None:
    """Write the features of a home to a file.

    Raises:
        HomeRefused: the home holds no features or belongs to other data, or the file cannot be written.
        BadInput: the data given cannot be used.
    """
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    refuse_home_of_others(place, data)
    exported = export_features(place)
    write_output(parquet, exported.content, option="--parquet", data=settings.data, home=place.path)
    OUT.print(banner(is_synthetic=exported.is_synthetic), soft_wrap=True)
    say(f"{exported.rows} rows written to {parquet}: version {exported.version} of the table features.")
    say("Join by series_id, feature and month, at a time of your own: event_timestamp is when a value became known.")
