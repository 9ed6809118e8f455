"""Three series through the real graph: received, forecast, published, judged, and read."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from milk.months import Month
from milk.series import SERIES_ID
from milk.sources.milk_price import FILE_NAME, SPANISH_MONTHS
from milk.steps.publish_series import FurtherPublished
from milk_assets.defs.series import publication_of_series
from milk_serving.app import create_app
from tests.builders import random_walk
from tests.milk_assets.places import LAST, Place
from tests.milk_serving.client import serving

pytestmark = pytest.mark.slow(seconds=40)

NEWEST = Month(2026, 10)
ASSETS = ("raw_milk_price", "batch_predictions", "published_predictions", "scorecard")
"""What is looked at; the two between them keep their order."""
BETWEEN = ("merged_table", "features")
WEEKS_LATER = "2026-12-02T12:00:00+00:00"


def _write(place: Place, name: str, prices: np.ndarray, last: Month = NEWEST) -> None:
    months = [last + (k + 1 - len(prices)) for k in range(len(prices))]
    rows = [f"{m.year},{SPANISH_MONTHS[m.month - 1]},{p:.2f}" for m, p in zip(months, prices, strict=True)]
    (place.data / f"{name}.csv").write_text("\n".join(["Anio,Mes,Precio_leche", *rows, ""]))


@pytest.fixture
def many(copied: Place) -> Place:
    """The sample with two sound series and a bad one, listed after a run without them."""
    for seed, name in enumerate(["north", "south", "bad"]):
        _write(copied, name, random_walk(120, seed=seed))
    (copied.data / "bad.csv").write_text("Anio,Mes,Precio_leche\n2026,Oct,-1\n")
    files = {SERIES_ID: FILE_NAME, "north": "north.csv", "south": "south.csv", "bad": "bad.csv"}
    entries = [f'[[series]]\nseries_id = "{name}"\nfile = "{file}"\n' for name, file in files.items()]
    (copied.data / "prices.toml").write_text("\n".join(entries))
    return copied


def _run(place: Place) -> dg.ExecuteInProcessResult:
    result = place.run(dg.AssetSelection.assets(*ASSETS, *BETWEEN), months=(LAST, LAST))
    assert result.success
    return result


def _metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(asset)]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_three_series_through_the_real_graph_and_the_reader(many: Place) -> None:
    before = many.table()
    result = _run(many)
    shown = {asset: _metadata(result, asset) for asset in ASSETS}
    assert (shown["raw_milk_price"]["further_series"], shown["raw_milk_price"]["further_refused"]) == (3, 1)
    assert "negative" in shown["raw_milk_price"]["further_refused_list"]
    (reception,) = [
        e for e in result.get_asset_check_evaluations()
        if (e.check_name, e.asset_key) == ("received_without_faults", dg.AssetKey("raw_milk_price"))
    ]  # fmt: skip
    assert not reception.passed
    assert (shown["batch_predictions"]["series"], shown["batch_predictions"]["series_left_out"]) == (3, 1)
    assert shown["batch_predictions"]["rows"].count("\n") == 13
    assert (shown["published_predictions"]["further_series"], shown["published_predictions"]["further_added"]) == (2, 2)
    rows = many.table()
    reference = rows[rows["series_id"] == SERIES_ID]
    order = ["issue_month", "target_month"]
    pd.testing.assert_frame_equal(
        reference.sort_values(order, ignore_index=True), before.sort_values(order, ignore_index=True)
    )
    with serving(create_app(many.settings)) as client:
        listed = client.get("/v1/series").json()["data"]
        assert [(one["series_id"], one["inputs"]) for one in listed] == [(SERIES_ID, 93), ("north", 1), ("south", 1)]
        answer = client.get("/v1/predictions/latest?series_id=north").json()
        wanted = rows[(rows["series_id"] == "north")].sort_values("target_month")["price"]
        assert [row["price"] for row in answer["data"]] == pytest.approx([*wanted])
        assert client.get("/v1/observations?series_id=south&last=1").json()["data"][0]["month"] == "2026-10"
        assert client.get("/predictions/latest").json()["data"][0]["series_id"] == SERIES_ID
        assert client.get("/v1/predictions?series_id=bad").status_code == 404


def test_the_price_that_comes_judges_each(many: Place) -> None:
    _run(many)
    _write(many, "north", np.append(random_walk(120, seed=0), 210.0), NEWEST + 1)
    later = Place(many.root, WEEKS_LATER)
    result = later.run(dg.AssetSelection.assets(*ASSETS, *BETWEEN), months=(LAST, LAST))
    assert result.success
    shown = _metadata(result, "scorecard")
    assert (shown["further_series_judged"], shown["further_judgements_added"]) == (1, 1)
    assert "north" in shown["worst_further_series"]
    # The same month again: what was issued in time stays, and nothing is published twice.
    assert _metadata(result, "published_predictions")["further_added"] == 0


def test_the_page_names_the_series_that_were_not_published() -> None:
    shown = publication_of_series(FurtherPublished(refused={"south": "the version is missing"}))
    assert (shown["further_series"], shown["further_refused"]) == (0, 1)
    assert "the version is missing" in shown["further_refused_list"].value
    assert publication_of_series(FurtherPublished()) == {}
