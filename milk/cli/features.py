"""`milk features export`: the feature table of a home for a feature store."""

from pathlib import Path

from milk.cli.console import OUT, banner, say
from milk.home.layout import Home
from milk.settings import load_settings
from milk.steps.export import export_features


def export(*, data: Path | None, home: Path | None, parquet: Path) -> None:
    """Write the features of a home to a file.

    Raises:
        HomeRefused: the home holds no features, or the file cannot be written.
    """
    settings = load_settings(data=data, home=home)
    exported = export_features(Home(settings.home_path), parquet)
    OUT.print(banner(is_synthetic=exported.is_synthetic), soft_wrap=True)
    say(f"{exported.rows} rows written to {parquet}: version {exported.version} of the table features.")
    say("Join by series_id, feature and month, at a time of your own: event_timestamp is when a value became known.")
