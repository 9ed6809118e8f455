"""A store whose model answers online, and what is asked of it."""

import datetime as dt
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from milk.models.version import ModelVersion
from milk.months import Month, month_range
from milk.publication.ledger import append_promotion
from milk.publication.publish import publish
from milk.publication.rows import ObservedPrice, Publication
from milk.series import SERIES_ID, series_register
from milk.steps.published_versions import card_of, model_of
from tests.milk.models.versions import SETTING, version_in
from tests.milk.publication import issues as store_rows
from tests.milk.publication.rows import promoted
from tests.milk_serving.rows import issue

NOW = dt.datetime(2014, 12, 5, 12, tzinfo=dt.UTC)
FIRST, AUGUST, LAST = Month(2012, 1), Month(2014, 8), Month(2014, 10)
PATH = "/v1/predictions/online"
PREDECESSOR = "/api/v1/get_online_prediction"


@cache
def a_version(*, is_other: bool = False) -> ModelVersion:
    """A fitted version; another one on request."""
    with tempfile.TemporaryDirectory() as folder:
        return version_in(Path(folder), setting=None if is_other else SETTING)


def published_price(month: Month) -> float:
    return 200.0 + (month - FIRST) + 3 * (month.month % 4)


def observed_rows() -> list[ObservedPrice]:
    return [
        store_rows.observed(month, published_price(month), known_since=NOW - dt.timedelta(days=30))
        for month in month_range(FIRST, LAST)
    ]


def of_series(row: ObservedPrice) -> ObservedPrice:
    values = {name: getattr(row, name) for name in ObservedPrice.__dataclass_fields__}
    return ObservedPrice(**values | {"series_id": SERIES_ID})


def publish_model(store: sa.Engine, version: ModelVersion, *, is_promoted: bool = True) -> None:
    """An issue, the observed prices, a version with its model; in production where so asked."""
    publish(
        store,
        Publication(
            published_at=NOW,
            run_id="run",
            software={},
            issues=[issue("2014-10", model=version.version_id)],
            observed=[of_series(row) for row in observed_rows()],
            cards=[card_of(version)],
            models=[model_of(version)],
            series=[store_rows.series_row(series_id=SERIES_ID)],
        ),
    )
    if is_promoted:
        append_promotion(store, promoted(version.version_id, series=SERIES_ID))


def months_body(first: Month = AUGUST, *prices: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # because any field may be planted
    """The prices of consecutive months; those that are published where none are given."""
    values = prices or tuple(published_price(first + k) for k in range(3))
    rows = [{"month": str(first + k), "price": price} for k, price in enumerate(values)]
    return {"series_id": SERIES_ID, "prices": rows, **more}


def columns_body(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  # because any column may be planted
    """The body of the predecessor, every column of it."""
    months = month_range(AUGUST, LAST)
    data: dict[str, Any] = {
        "anio": [2014.0, 2014.0, 2014.0],
        "mes": [8.0, 9.0, 10.0],
        "Precio_leche": [published_price(month) for month in months],
    }
    rain = ("Coquimbo", "Valparaiso", "Metropolitana_de_Santiago", "Libertador_Gral__Bernardo_O_Higgins", "Maule",
            "Biobio", "La_Araucania", "Los_Rios")  # fmt: skip
    data |= {name: [0.0, 12, 103.25] for name in rain}
    data |= {name: ["102.796.218", "03.04", None] for name in macro_columns()}
    return {"data": {name: cells for name, cells in (data | changed).items() if cells is not ...}}


def macro_columns() -> list[str]:
    names = [series.column for series in series_register().of_source("central_bank")]
    wanted = [name for name in names if name.startswith(("PIB", "Imacec"))]
    return [*wanted, "Indice_de_ventas_comercio_real_no_durables_IVCM"]


def text_of(body: object) -> bytes:
    return json.dumps(body).encode()
