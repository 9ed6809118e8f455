"""`published_predictions`: what a run publishes, what a second adds (nothing), what is refused and how it is told."""

import datetime as dt
import shutil

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from milk.home.dataset import read_dataset
from milk.home.tables import write_table
from milk.months import Month
from milk.publication.engine import migrate, open_store, reading
from milk.publication.online import OnlinePrediction, keep_prediction, kept_prediction
from milk.publication.publish import claim_store
from milk.publication.read import IssueRecord, broken_issues, issue_records, newest_publication, series_record
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.publication.schema import ADD_ONLY, ISSUES, MODEL_CARDS, OBSERVED_PRICES, SCORES
from milk.series import SERIES_ID, series_register
from milk.steps.predictions import TABLE
from milk_assets.definitions import build_definitions
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import FIRST, LAST, NOW, Place, failure_of, outcomes
from tests.ports import free_port

PUBLISHED = "published_predictions"
DAY = dt.timedelta(days=1)
PUBLICATION = dg.AssetSelection.assets(PUBLISHED)


def records(place: Place) -> list[IssueRecord]:
    store = open_store(place.home.store_url)
    try:
        return issue_records(store, SERIES_ID)
    finally:
        store.dispose()


def _counts(place: Place) -> dict[str, int]:
    store = open_store(place.home.store_url)
    with reading(store) as connection:
        counts = {t.name: connection.scalar(sa.select(sa.func.count()).select_from(t)) or 0 for t in ADD_ONLY}
    store.dispose()
    return counts


def _months(result: dg.ExecuteInProcessResult) -> list[str | None]:
    events = result.get_asset_materialization_events()
    return [e.partition for e in events if e.asset_key == dg.AssetKey(PUBLISHED)]


def _with_price(place: Place, month: str, factor: float) -> None:
    """Forecasts of another content for one month, as a run with other data would have left them."""
    table = place.table()
    numbers = [name for name in table.columns if name in ("price", "lower_80", "upper_80", "lower_95", "upper_95")]
    rows = table["issue_month"] == pd.Timestamp(f"{month}-01")
    table.loc[rows, numbers] = table.loc[rows, numbers] * factor
    write_table(place.home, TABLE, table)


def test_one_run_publishes_every_month_it_made(made: Made) -> None:
    found = records(made.place)
    assert [str(r.issue_month) for r in found] == [str(Month.parse(LAST) + (-k)) for k in range(11)]
    assert {(r.revision, r.is_standing, r.forecasts) for r in found} == {(1, True, 12)}
    # Of the same clock as the promotion, which was published first.
    assert {r.published_at - dt.datetime.fromisoformat(NOW) for r in found} == {dt.timedelta(microseconds=1)}
    assert _months(made.result) == [str(Month.parse(FIRST) + k) for k in range(11)]
    store = open_store(made.place.home.store_url)
    with reading(store) as connection:
        transactions = connection.scalars(sa.select(ISSUES.c.publication_id).distinct()).all()
    store.dispose()
    assert len(transactions) == 1, "the issues of a run are one transaction"


def test_the_store_holds_what_the_table_holds(made: Made) -> None:
    store = open_store(made.place.home.store_url)
    newest = newest_publication(store).number
    rows = find_forecasts(store, ForecastQuestion(series_id=SERIES_ID, upto=newest)).rows
    store.dispose()
    table = made.place.table()
    of_newest = table[table["issue_month"] == table["issue_month"].max()].sort_values("target_month")
    for name in ("price", "lower_80", "upper_80", "lower_95", "upper_95", "horizon_months", "kind", "model_version"):
        assert [getattr(row, name) for row in rows] == of_newest[name].to_list(), name
    assert [row.target_month for row in rows] == [Month.of(month) for month in of_newest["target_month"]]


def test_what_belongs_to_an_issue_is_published_with_it(made: Made) -> None:
    counts = _counts(made.place)
    observations = made.place.table("raw_milk_price")
    store = open_store(made.place.home.store_url)
    with reading(store) as connection:
        prices = connection.execute(sa.select(OBSERVED_PRICES).order_by(OBSERVED_PRICES.c.month)).all()
        cards = connection.execute(sa.select(MODEL_CARDS)).all()
        models = set(connection.scalars(sa.select(SCORES.c.model)))
    series = series_record(store, SERIES_ID)
    store.dispose()
    assert counts["series"] == len(series_register().series)
    assert [row.price for row in prices] == [float(v) for v in observations.sort_values("month")["value"]]
    assert [card.version_id for card in cards] == [made.place.ledger()[0].champion_version_id]
    assert models == {"milk", "last_value", "seasonal_naive", "drift", "seasonal_drift"}
    assert counts["scores"] == 5 * 12
    assert counts["models"] == 1
    assert series is not None
    assert (series.unit, series.source, series.is_synthetic) == ("CLP/L", "milk_price", True)


def test_a_second_run_publishes_nothing_new(copied: Place) -> None:
    before = _counts(copied)
    assert Place(copied.root, now="2026-11-20T12:00:00+00:00").run().success
    assert _counts(copied) == before


def test_requests_to_the_online_route_are_deleted_when_they_are_old(copied: Place) -> None:
    now = dt.datetime.fromisoformat(copied.now)
    store = open_store(copied.home.store_url)
    asked = [
        keep_prediction(
            store,
            OnlinePrediction.of(
                {"days": days}, {}, series_id=SERIES_ID, model_version="v", created_at=now - days * DAY
            ),
        )
        for days in (366, 364)
    ]
    assert copied.run(PUBLICATION, months=("2026-04", "2026-04")).success
    assert [kept_prediction(store, one.id) is None for one in asked] == [True, False]
    store.dispose()


def test_other_content_is_a_revision_with_its_reason(copied: Place) -> None:
    _with_price(copied, "2026-05", 1.01)
    result = copied.run(PUBLICATION, months=("2026-04", "2026-06"))
    assert result.success
    changed = [r for r in records(copied) if str(r.issue_month) == "2026-05"]
    assert [(r.revision, r.is_standing) for r in changed] == [(2, True), (1, False)]
    assert changed[0].reason == "other numbers from the same data and model"
    shown = result.get_asset_materialization_events()[0].materialization.metadata
    assert (shown["added"].value, shown["unchanged"].value) == (1, 2)


def test_a_month_without_rows_stops_no_other(copied: Place) -> None:
    _with_price(copied, "2026-04", 1.01)
    table = copied.table()
    write_table(copied.home, TABLE, table[table["issue_month"] != pd.Timestamp("2026-05-01")])
    result = copied.run(PUBLICATION, months=("2026-04", "2026-06"))
    assert not result.success
    said = failure_of(result, PUBLISHED).description
    assert "2026-05: batch_predictions holds no forecasts of it: materialise batch_predictions" in said
    assert "2026-04" not in said
    assert _months(result) == ["2026-04", "2026-06"], "what was published is recorded, so that only the rest is behind"
    assert [r.revision for r in records(copied) if str(r.issue_month) == "2026-04"] == [2, 1]
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("served_as_forecast", False)


def test_rows_that_break_their_contract_are_not_published(copied: Place) -> None:
    table = copied.table()
    row = table["issue_month"] == pd.Timestamp("2026-05-01")
    table.loc[row, "lower_80"] = 1e6
    write_table(copied.home, TABLE, table)
    result = copied.run(PUBLICATION, months=("2026-05", "2026-06"))
    assert "2026-05: intervals must nest" in failure_of(result, PUBLISHED).description
    assert {r.revision for r in records(copied)} == {1}


def test_forecasts_of_a_damaged_version_are_not_published(copied: Place) -> None:
    (card,) = (copied.home.path / "models").glob("v-*/card.json")
    card.write_bytes(card.read_bytes().replace(b'"notes"', b'"Notes"'))
    _with_price(copied, "2026-05", 1.01)
    result = copied.run(PUBLICATION, months=("2026-05", "2026-05"))
    assert "was changed after it was promoted" in failure_of(result, PUBLISHED).description
    assert {r.revision for r in records(copied)} == {1}


def test_nothing_to_publish_is_told(copied: Place) -> None:
    shutil.rmtree(copied.home.path / "tables" / TABLE)
    result = copied.run(PUBLICATION, months=("2026-05", "2026-05"))
    assert "holds no forecasts of it" in failure_of(result, PUBLISHED).description


def test_a_store_that_does_not_answer_is_told_by_its_kind(copied: Place) -> None:
    address = f"postgresql+psycopg://ana:secret@127.0.0.1:{free_port()}/store"
    settings = copied.settings.model_copy(update={"store_url": address})
    result = copied.run(PUBLICATION, months=("2026-05", "2026-05"), definitions=build_definitions(settings))
    failed = failure_of(result, PUBLISHED)
    assert failed.kind == "StoreUnavailable"
    assert "does not answer" in failed.description
    assert "secret" not in failed.description


def test_the_store_of_another_dataset_is_refused(copied: Place) -> None:
    dataset = read_dataset(copied.home)
    assert dataset is not None
    address = f"sqlite:///{copied.root}/other.db"
    store = open_store(address)
    migrate(store)
    claim_store(store, SERIES_ID, dataset_id="somebody's", is_synthetic=False)
    store.dispose()
    settings = copied.settings.model_copy(update={"store_url": address})
    result = copied.run(PUBLICATION, months=("2026-05", "2026-05"), definitions=build_definitions(settings))
    said = failure_of(result, PUBLISHED).description
    assert f"another dataset of {SERIES_ID}: somebody's (real), not {dataset.dataset_id} (synthetic)" in said


def test_a_month_made_again_leaves_the_store_whole(copied: Place) -> None:
    _with_price(copied, LAST, 0.99)
    assert copied.run(PUBLICATION, months=(LAST, LAST)).success
    store = open_store(copied.home.store_url)
    assert broken_issues(store) == []
    store.dispose()


def test_unreachable_months_in_a_run_leave_the_publication_to_the_sensor(copied: Place) -> None:
    """The forecasts yield no output then, so Dagster skips what hangs below them in that run."""
    shutil.rmtree(copied.home.path / "tables" / TABLE)
    dataset = copied.home.path / "dataset.json"
    dataset.write_text(dataset.read_text(encoding="utf-8").replace('"2026-10"', '"2026-11"'), encoding="utf-8")
    both = dg.AssetSelection.assets(TABLE, PUBLISHED)
    result = copied.run(both, months=("2026-11", "2026-12"))
    assert result.success
    assert outcomes(result)[PUBLISHED] == "STEP_SKIPPED"
    assert _months(result) == []


def test_a_run_of_one_month(copied: Place) -> None:
    job = copied.definitions().resolve_job_def("publish")
    result = job.execute_in_process(partition_key="2026-05", raise_on_error=False)
    assert result.success
    assert _months(result) == ["2026-05"]


def test_a_live_forecast_stands_before_a_hindcast(copied: Place) -> None:
    table = copied.table()
    november = table["issue_month"] == pd.Timestamp("2026-11-01")
    assert set(table.loc[november, "kind"]) == {"live"}
    table["kind"] = table["kind"].where(~november, "hindcast").astype("str")
    write_table(copied.home, TABLE, table)
    result = copied.run(PUBLICATION, months=(LAST, LAST))
    assert result.success
    newest = [r for r in records(copied) if str(r.issue_month) == LAST]
    assert [(r.revision, r.kind, r.is_standing) for r in newest] == [(2, "hindcast", False), (1, "live", True)]
