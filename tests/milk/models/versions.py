"""Versions fitted to simulated prices and to the sample, for the tests of this room."""

from pathlib import Path
from typing import Any

from milk.files.local import LocalFolder
from milk.forecasting.fit import fitted_model
from milk.forecasting.histories import Histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.recipe import Setting
from milk.models.version import ModelVersion, write_version
from tests.builders import histories_of, price_features, random_walk

SETTING = Setting((24.0, 60.0), 0.5)


def model_content(
    histories: Histories | None = None, setting: Setting | None = SETTING, *, steps: int = 12
) -> dict[str, Any]:
    """The content of `model.json`."""
    known = histories or histories_of(price_features(random_walk(140, seed=1)))
    return fitted_model(
        known,
        setting,
        steps=steps,
        method=IntervalMethod(),
        unit="CLP/L",
        data={"features": "0" * 64},
        distribution={"price": {"count": 139, "sd": 0.03}},
    )


def card_content() -> dict[str, Any]:
    """The content of `card.json`, as small as it may be."""
    scores = {"ratio_next_month": 0.8, "ratio_year": 0.9}
    return {
        "created_at": "2026-11-23T12:00:00+00:00",
        "is_synthetic": True,
        "data": {"data_cutoff": "2001-09-01T04:00:00+00:00"},
        "windows": {},
        "search": {},
        "scores": {"recipe": scores, "last_value": {"ratio_next_month": 1.0, "ratio_year": 1.0}},
        "software": {},
        "notes": [],
    }


def version_in(folder: Path, **changes: Any) -> ModelVersion:  # noqa: ANN401 because any content may be planted
    """A version kept in a folder."""
    return write_version(LocalFolder(folder), model_content(**changes), card_content())
