"""Models and online predictions in the store, on both databases."""

import contextlib
import dataclasses
import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from milk.errors import HomeBusy, HomeRefused, NothingPublished
from milk.models.version import ModelVersion
from milk.months import Month
from milk.publication.engine import migrate, open_store, reading, writing
from milk.publication.ledger import append_promotion
from milk.publication.online import (
    MOST_WAITING_MS,
    AnsweringVersion,
    OnlinePrediction,
    answering_version,
    forget_predictions,
    keep_prediction,
    kept_prediction,
    published_history,
    stored_version,
)
from milk.publication.online_schema import MODELS, ONLINE_PREDICTIONS
from milk.publication.publish import publish
from milk.publication.read import broken_issues
from milk.publication.rows import ModelRow
from milk.steps.published_versions import card_of, model_of
from tests.milk.models.versions import SETTING, version_in
from tests.milk.publication.issues import NOON, NOVEMBER, OCTOBER, issue, observed, publication, published
from tests.milk.publication.rows import in_processes, promoted
from tests.milk.publication.test_migrations import _run

DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> ModelVersion:
    return version_in(tmp_path_factory.mktemp("models"), setting=SETTING)


def _asked(price: float = 300.0, *, created_at: dt.datetime = NOON) -> OnlinePrediction:
    return OnlinePrediction.of(
        {"series_id": "s", "prices": [{"month": "2026-10", "price": price}]},
        {"data": [{"price": price + 1 / 3}], "meta": {"model_version": "v-1"}},
        series_id="s",
        model_version="v-1",
        created_at=created_at,
    )


def _publish_model(store: sa.Engine, version_id: str = "v-1", **model: object) -> int:
    row = ModelRow(series_id="s", version_id=version_id, model=model)
    done = publish(store, publication([issue(OCTOBER, kind="live", model_version=version_id)], models=[row]))
    return done.models


def _count(store: sa.Engine, table: sa.Table) -> int:
    with reading(store) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_a_request_and_its_answer_come_back_as_they_were(store: sa.Engine) -> None:
    asked = _asked()
    assert keep_prediction(store, asked) == asked
    assert kept_prediction(store, asked.id) == asked
    assert kept_prediction(store, "0" * 32) is None
    assert len(asked.id) == 32


def test_the_same_again_is_the_same_row(store: sa.Engine) -> None:
    first = keep_prediction(store, _asked())
    again = _asked(created_at=NOON + DAY)
    assert again.id == first.id
    assert keep_prediction(store, again) == first
    assert keep_prediction(store, _asked(301.0)).id != first.id
    assert _count(store, ONLINE_PREDICTIONS) == 2


def test_another_answer_to_the_same_request_is_another_prediction() -> None:
    asked = _asked()
    other = OnlinePrediction.of(
        asked.request, {"data": [], "meta": {}}, series_id="s", model_version="v-2", created_at=NOON
    )
    assert other.request_sha256 == asked.request_sha256
    assert other.id != asked.id


def _keep(url: str) -> str:
    store = open_store(url, create=False)
    while True:
        # Four at once on a slow machine may wait longer than a request does.
        with contextlib.suppress(HomeBusy):
            kept = keep_prediction(store, _asked())
            store.dispose()
            return kept.id


def test_many_who_ask_the_same_at_once_leave_one_row(store: sa.Engine, migrated: str) -> None:
    assert in_processes(_keep, [(migrated,)] * 4) == [_asked().id] * 4
    assert _count(store, ONLINE_PREDICTIONS) == 1


def test_nobody_waits_long_for_a_request_to_be_kept(store: sa.Engine) -> None:
    asked = "PRAGMA busy_timeout" if store.dialect.name == "sqlite" else "SHOW lock_timeout"
    patience = []

    def remember(connection: sa.Connection, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("INSERT INTO online_predictions"):
            patience.append(str(connection.exec_driver_sql(asked).scalar()))

    sa.event.listen(store, "before_cursor_execute", remember)
    keep_prediction(store, _asked())
    assert [said.removesuffix("ms") for said in patience] == [str(MOST_WAITING_MS)]
    # The next one to have the connection publishes, and waits as ever.
    with writing(store) as connection:
        assert connection.exec_driver_sql(asked).scalar() in (5000, "5s")


def test_a_request_is_not_kept_while_another_writes(embedded: sa.Engine) -> None:
    with writing(embedded), pytest.raises(HomeBusy):
        keep_prediction(embedded, _asked())
    assert keep_prediction(embedded, _asked()) == _asked()


def test_what_is_old_is_deleted_and_may_be_asked_again(store: sa.Engine) -> None:
    old, young = keep_prediction(store, _asked()), keep_prediction(store, _asked(301.0, created_at=NOON + 2 * DAY))
    assert forget_predictions(store, created_before=NOON) == 0
    assert forget_predictions(store, created_before=NOON + DAY) == 1
    assert (kept_prediction(store, old.id), kept_prediction(store, young.id)) == (None, young)
    again = keep_prediction(store, _asked(created_at=NOON + 3 * DAY))
    assert (again.id, again.created_at) == (old.id, NOON + 3 * DAY)


def test_a_row_is_never_changed(store: sa.Engine) -> None:
    keep_prediction(store, _asked())
    with pytest.raises(sa.exc.DBAPIError, match="a row of online_predictions is never changed"), writing(store) as c:
        c.execute(sa.update(ONLINE_PREDICTIONS).values(model_version="v-2"))
    assert kept_prediction(store, _asked().id) == _asked()


def test_a_model_is_neither_changed_nor_deleted(store: sa.Engine) -> None:
    assert _publish_model(store) == 1
    for statement in (sa.update(MODELS).values(model={}), sa.delete(MODELS)):
        with pytest.raises(sa.exc.DBAPIError, match="models is append-only"), writing(store) as connection:
            connection.execute(statement)


def test_a_model_is_published_once_and_not_without_its_card(store: sa.Engine) -> None:
    assert (_publish_model(store), _publish_model(store)) == (1, 0)
    alone = publication([], models=[ModelRow(series_id="s", version_id="v-9", model={})])
    with pytest.raises(sa.exc.IntegrityError):
        publish(store, alone)
    assert _count(store, MODELS) == 1
    assert broken_issues(store) == []


def test_a_model_joins_a_card_that_was_there_before_it(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    done = publish(store, publication([issue(OCTOBER)], models=[ModelRow(series_id="s", version_id="v-1", model={})]))
    assert (done.models, done.cards, done.issues[0].outcome) == (1, 0, "unchanged")
    assert done.publication_id == 2


def test_the_version_in_production_answers_and_a_rollback_acts_at_once(store: sa.Engine) -> None:
    with pytest.raises(NothingPublished, match="No model of s is in the store"):
        answering_version(store, "s")
    _publish_model(store, "v-1")
    assert answering_version(store, "s") == AnsweringVersion("v-1", is_in_production=False)
    append_promotion(store, promoted("v-1"))
    _publish_model(store, "v-2")
    assert answering_version(store, "s") == AnsweringVersion("v-1", is_in_production=True)
    append_promotion(store, promoted("v-2", previous="v-1"))
    assert answering_version(store, "s").version_id == "v-2"
    append_promotion(store, promoted("v-1", previous="v-2"))
    assert answering_version(store, "s") == AnsweringVersion("v-1", is_in_production=True)


def test_where_the_champion_is_not_in_the_store_the_newest_issue_speaks(store: sa.Engine) -> None:
    _publish_model(store, "v-1")
    published(store, issue(NOVEMBER, kind="live", model_version="v-2"))
    append_promotion(store, promoted("v-3"))
    # Of v-2, which made the newest issue, there is a card and no model.
    assert answering_version(store, "s") == AnsweringVersion("v-1", is_in_production=False)
    with pytest.raises(NothingPublished):
        answering_version(store, "another")


def test_a_version_comes_back_whole(store: sa.Engine, version: ModelVersion) -> None:
    series_id = version.model["series_id"]
    publish(store, publication([], cards=[card_of(version)], models=[model_of(version)], series=[]))
    assert stored_version(store, series_id, version.version_id) == version
    with pytest.raises(HomeRefused, match="is not in the store"):
        stored_version(store, series_id, "v-2")


def test_a_model_that_is_not_what_its_name_says_is_refused(store: sa.Engine, version: ModelVersion) -> None:
    fit = version.model["fit"] | {"drift_share": 0.9}
    changed = dataclasses.replace(model_of(version), model=version.model | {"fit": fit})
    publish(store, publication([], cards=[card_of(version)], models=[changed], series=[]))
    with pytest.raises(HomeRefused, match="does not hold what its name says"):
        stored_version(store, version.model["series_id"], version.version_id)


def test_a_model_of_an_earlier_program_is_refused(store: sa.Engine, version: ModelVersion) -> None:
    older = dataclasses.replace(model_of(version), model=version.model | {"schema": 1})
    publish(store, publication([], cards=[card_of(version)], models=[older], series=[]))
    with pytest.raises(HomeRefused, match="which an earlier program wrote"):
        stored_version(store, version.model["series_id"], version.version_id)


def test_the_history_is_that_of_the_instant(store: sa.Engine) -> None:
    later = NOON + 30 * DAY
    rows = [observed(Month(2026, 8), 298.0), observed(Month(2026, 9), 299.0), observed(Month(2026, 7), 297.0)]
    revised = observed(Month(2026, 9), 310.0, known_since=later)
    publish(store, publication([], observed=[*rows, revised]))
    first, last = Month(2026, 8), Month(2026, 9)
    known = published_history(store, "s", first=first, last=last, known_at=NOON)
    assert known == {Month(2026, 8): 298.0, Month(2026, 9): 299.0}
    assert published_history(store, "s", first=first, last=last, known_at=later)[last] == 310.0
    assert published_history(store, "another", first=first, last=last, known_at=later) == {}


def test_a_store_of_before_takes_models_and_requests(store: sa.Engine) -> None:
    published(store, issue(OCTOBER))
    _run(store, command.downgrade, "0005")
    assert not {"models", "online_predictions"} & {*sa.inspect(store).get_table_names()}
    migrate(store)
    assert broken_issues(store) == []
    assert _publish_model(store) == 1
    assert keep_prediction(store, _asked()) == _asked()


def test_it_survives_a_restart(store_url: str) -> None:
    first = open_store(store_url)
    migrate(first)
    keep_prediction(first, _asked())
    first.dispose()
    second = open_store(store_url, create=False)
    assert kept_prediction(second, _asked().id) == _asked()
    second.dispose()
    assert Path(store_url.removeprefix("sqlite:///")).exists()
