"""Reading models, accuracy, series and causes, on both databases."""

import dataclasses
import datetime as dt
import math
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from milk.publication.engine import migrate, open_store
from milk.publication.explain import CAUSES, causes_of
from milk.publication.ledger import append_promotion, newest_decision_mark
from milk.publication.publish_judged import publish_decision, publish_scorecard
from milk.publication.read_forecasts import ForecastAnswer, ForecastQuestion, find_forecasts
from milk.publication.read_models import (
    backtest_accuracy,
    ledger_until,
    live_accuracy,
    model_card,
    model_records,
    newest_decision,
)
from milk.publication.read_series import input_records, price_record, series_extent
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, SERIES, issue, observed, published, series_row
from tests.milk.publication.judged import decision, stamp, statistics
from tests.milk.publication.rows import promoted


def test_models_as_they_were_known(store: sa.Engine) -> None:
    published(store, issue(OCTOBER, kind="live"))
    published(store, issue(NOVEMBER, kind="live", model_version="v-2"), issue(OCTOBER, kind="live", price=310.0))
    records = model_records(store, SERIES, upto=2)
    assert [(r.version_id, r.issues, r.first_issue_month, r.last_issue_month) for r in records] == [
        ("v-2", 1, NOVEMBER, NOVEMBER),
        ("v-1", 2, OCTOBER, OCTOBER),
    ]
    assert [(r.version_id, r.issues) for r in model_records(store, SERIES, upto=1)] == [("v-1", 1)]
    card = model_card(store, SERIES, "v-2", upto=2)
    assert card is not None
    assert card.card == {"scores": {"recipe": {"ratio_year": 0.8}}}
    assert model_card(store, SERIES, "v-2", upto=1) is None


def test_accuracy_by_both_ways(store: sa.Engine) -> None:
    published(store, issue(OCTOBER, kind="live"))
    (backtest,) = backtest_accuracy(store, SERIES, "v-1")
    assert (backtest.evaluation, backtest.model, backtest.rmse, backtest.bias) == ("backtest", "milk", 4.5, None)
    for rmse in (5.0, 6.0):
        publish_scorecard(store, [], [statistics(2, rmse=rmse), statistics(1)], stamp())
    assert [(row.horizon_months, row.rmse) for row in live_accuracy(store, SERIES, upto=3)] == [(1, 5.0), (2, 6.0)]
    assert [(row.horizon_months, row.rmse) for row in live_accuracy(store, SERIES, upto=2)] == [(1, 5.0), (2, 5.0)]
    assert live_accuracy(store, SERIES, upto=1) == []


def test_the_decision_that_was_the_newest(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    publish_decision(store, decision(), stamp())
    publish_decision(store, decision(decision="retrain"), stamp())
    found = [newest_decision(store, SERIES, upto=upto) for upto in (1, 2, 3)]
    assert [one and (one["number"], one["decision"]) for one in found] == [None, (1, "hold"), (2, "retrain")]


def test_the_ledger_until_an_instant(store: sa.Engine) -> None:
    assert newest_decision_mark(store) == (0, None)
    first = promoted("v-1")
    append_promotion(store, first)
    append_promotion(store, dataclasses.replace(promoted("v-2", previous="v-1"), decided_at=NOON))
    assert [row["version_id"] for row in ledger_until(store, "s", NOON)] == ["v-1", "v-2"]
    assert [row["version_id"] for row in ledger_until(store, "s", NOON - dt.timedelta(days=1))] == ["v-1"]
    assert newest_decision_mark(store) == (2, NOON)


def test_what_a_series_is_and_how_far_it_reaches(store: sa.Engine) -> None:
    rain = series_row(name="rain", block="rain")
    published(store, issue(OCTOBER, kind="live"), series=[series_row(), rain], observed=[observed(OCTOBER, 1.0)])
    published(store, issue(NOVEMBER, kind="live"), series=[series_row(note="revised"), rain])
    assert [(r.name, r.revision) for r in input_records(store, SERIES, upto=2)] == [("price", 2), ("rain", 1)]
    notes = [record and record.note for record in (price_record(store, SERIES, upto=upto) for upto in (1, 2))]
    assert notes == ["", "revised"]
    extent = series_extent(store, SERIES, upto=2)
    assert extent is not None
    assert (extent.first_month, extent.last_month) == (OCTOBER, OCTOBER)
    assert (extent.first_issue_month, extent.last_issue_month) == (OCTOBER, NOVEMBER)
    assert (extent.first_target_month, extent.last_target_month) == (OCTOBER, NOVEMBER + 11)
    assert extent.is_synthetic is True
    before = series_extent(store, SERIES, upto=1)
    assert before is not None
    assert before.last_target_month == OCTOBER + 11
    assert series_extent(store, "none", upto=2) is None


def test_the_causes_of_a_published_forecast(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    row = find_forecasts(store, ForecastQuestion(series_id=SERIES, upto=1)).rows[0]
    assert [cause.cause for cause in causes_of(row)] == list(CAUSES)


@pytest.fixture(scope="module")
def a_row(tmp_path_factory: pytest.TempPathFactory) -> ForecastAnswer:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('row') / 'store.db'}")
    migrate(store)
    published(store, issue(OCTOBER))
    row = find_forecasts(store, ForecastQuestion(series_id=SERIES, upto=1)).rows[0]
    store.dispose()
    return row


@given(st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6))
def test_causes_multiply_to_the_price(a_row: ForecastAnswer, points: list[float]) -> None:
    named: dict[str, Any] = {f"contribution_{cause}": value for cause, value in zip(CAUSES, points, strict=True)}
    causes = causes_of(dataclasses.replace(a_row, **named))
    price = math.prod(cause.factor or cause.price_after for cause in causes)
    assert price == pytest.approx(math.exp(sum(points)))
    assert causes[-1].price_after == pytest.approx(price)
