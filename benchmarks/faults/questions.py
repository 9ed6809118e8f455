"""Questions that a description allows, and questions that it does not: what the reader makes of them (schemathesis).

Every check of schemathesis judges every answer: never a failure of the server, only the statuses, media types, headers
and shapes that are described, what is allowed is not refused and what is not is, and so on. Two rules stand between
several parameters (`from` before `to`, `target_month` not beside them) and a cursor is of its store: no description can
say so, so 422 is an answer to a question that is allowed by itself.
"""

import dataclasses
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.modes import GenerationMode

from benchmarks.faults.tally import Tally
from milk.publication.engine import migrate, open_store
from milk.publication.rows import QualityDocument
from milk.series import SERIES_ID
from milk.settings import Settings
from milk_serving.app import create_app
from tests.milk.publication import issues as store_rows
from tests.milk_serving.online import a_version, publish_model
from tests.milk_serving.rows import issue, observed, publish_issues

POSITIVE = ["2xx", "304", "404", "422"]
SHOWN = 5

_CONFIG = {
    "checks": {"positive_data_acceptance": {"expected-statuses": POSITIVE}},
    "generation": {"mode": "all"},
}


def described_reader(home: Path) -> FastAPI:
    """A reader of a new store in a folder, with two issues, a price, a model, its scores and something of the data."""
    settings = Settings(home=home)
    store = open_store(settings.store_address)
    migrate(store)
    prices = [observed("2014-09", 205.0), observed("2014-10", 206.0)]
    card = dataclasses.replace(store_rows.card(), series_id=SERIES_ID)
    quality = QualityDocument(series_id=SERIES_ID, part="drift", content={"rows": []})
    publish_issues(store, issue("2014-09"), issue("2014-10"), observed=prices, cards=[card], quality=[quality])
    publish_issues(store, issue("2014-10", price=210))
    publish_model(store, a_version())
    store.dispose()
    return create_app(settings)


def ask_described(app: FastAPI, cases: int, *, seed: int) -> Tally:
    """Ask an application that many questions, as many of each operation.

    Args:
        app: a reader with something to read.
        cases: how many questions there are at least.
        seed: makes them the same again.
    """
    load_all_checks()
    tally = Tally("described questions", done=("operations", "questions"), faults=("answers",))
    config = schemathesis.Config.from_dict(_CONFIG)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    operations: list[Any] = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    tally.did("operations", len(operations))
    # Of what takes no parameter there is one question; the others are asked so many more.
    open_ones = [operation for operation in operations if operation.query or operation.path_parameters]
    for operation in operations:
        _ask_operation(operation, -(-cases // len(open_ones)), seed, tally)
    return tally


def _ask_operation(operation: Any, questions: int, seed: int, tally: Tally) -> None:  # noqa: ANN401  # because the library hides its types
    found: list[str] = []
    for mode in GenerationMode:
        # What takes no parameter cannot be asked wrongly.
        with suppress(Unsatisfiable):
            _asking(operation, mode, -(-questions // len(GenerationMode)), seed, tally, found)()
    tally.found("answers", found[:SHOWN])


def _asking(
    operation: Any,  # noqa: ANN401  # likewise
    mode: GenerationMode,
    questions: int,
    seed: int,
    tally: Tally,
    found: list[str],
) -> Callable[[], None]:
    settings = hypothesis.settings(
        max_examples=questions,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @hypothesis.seed(seed)
    @settings
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:  # noqa: ANN401  # likewise
        tally.did("questions")
        try:
            case.validate_response(case.call())
        except FailureGroup as failures:
            found.append(f"{operation.label}: {failures}")
        except Exception as bug:  # noqa: BLE001  # because any error of the application is a fault, and none ends the count
            found.append(f"{operation.label}: {bug!r}")

    return ask
