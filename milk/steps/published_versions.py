"""Model versions on their way to the store: the card that people ask for, the model that the online route applies."""

import datetime as dt
import json
from importlib.metadata import version as library_version

import pandas as pd
import sqlalchemy as sa

from milk.errors import VersionRefused
from milk.home.layout import Home
from milk.models.version import ModelVersion, read_version
from milk.publication.publish import Published, publish
from milk.publication.rows import ModelCard, ModelRow, Publication, Score
from milk.steps.training import libraries


def publish_version(
    store: sa.Engine, version: ModelVersion, *, published_at: dt.datetime, run_id: str | None
) -> Published:
    """Publish a version without an issue; one that the store holds already is not written again.

    For a promotion: what the ledger says is in production must be there for the online route. So this comes first; a
    version that is published and then not promoted does no harm.

    Raises:
        HomeRefused: the store does not answer, or cannot be written.
        HomeBusy: another process held the store for more than five seconds.
    """
    return publish(
        store,
        Publication(
            published_at=published_at,
            run_id=run_id,
            software=software_versions(),
            cards=[card_of(version)],
            models=[model_of(version)],
        ),
    )


def sound_versions(home: Home, rows: pd.DataFrame) -> tuple[dict[str, ModelVersion], dict[str, str]]:
    """The verified versions behind some rows of forecasts, and why others are missing, damaged or other ones by now.

    Args:
        home: the home.
        rows: rows of `batch_predictions`.

    Returns:
        The sound versions and the reasons against the others, each by the name of the version.
    """
    versions: dict[str, ModelVersion] = {}
    refused: dict[str, str] = {}
    for name, part in rows.groupby("model_version"):
        sha256 = json.loads(part["data_versions"].iloc[0])["model"]["sha256"]
        try:
            versions[str(name)] = read_version(home.models, str(name), expected_sha256=sha256)
        except VersionRefused as error:
            refused[str(name)] = str(error)
    return versions, refused


def software_versions() -> dict[str, str]:
    """The versions of this program and of the libraries that a forecast depends on."""
    return {"milk": library_version("milk"), **libraries()}


def model_of(version: ModelVersion) -> ModelRow:
    """The model of a version as the store takes it."""
    return ModelRow(series_id=str(version.model["series_id"]), version_id=version.version_id, model=version.model)


def card_of(version: ModelVersion) -> ModelCard:
    """The card of a version with its scores, by model and horizon."""
    scores = [
        Score(**({"model": model} | row))
        for model, rows in version.card["scores"].get("by_horizon", {}).items()
        for row in rows
    ]
    return ModelCard(
        series_id=str(version.model["series_id"]),
        version_id=version.version_id,
        sha256=version.sha256,
        recipe=version.recipe_name,
        created_at=dt.datetime.fromisoformat(version.card["created_at"]),
        card=version.card,
        scores=tuple(scores),
    )
