"""Models on their way to the store, and requests that grow old there."""

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from milk.home.layout import Home
from milk.models.apply import apply_version, months_used
from milk.models.online import basis_of
from milk.models.version import ModelVersion
from milk.months import Month
from milk.publication.ledger import append_promotion
from milk.publication.online import (
    AnsweringVersion,
    OnlinePrediction,
    answering_version,
    keep_prediction,
    kept_prediction,
    published_history,
    stored_version,
)
from milk.publication.publish import Published
from milk.publication.read import newest_publication
from milk.publication.read_forecasts import ForecastQuestion, find_forecasts
from milk.series import SERIES_ID
from milk.sources.files import DataFolder
from milk.steps.online import forget_old_requests
from milk.steps.predictions import Issuing, issue_months
from milk.steps.promotion import promote_staged
from milk.steps.publication import publish_months
from milk.steps.published_versions import publish_version
from milk.steps.receive import receive
from milk.steps.staging import stage_version
from milk.steps.store import home_store
from tests.builders import RULE, SAMPLE, sample_features
from tests.milk.models.versions import version_in
from tests.milk.publication.rows import promoted
from tests.milk.steps.homes import NOW, RUN, sample_training

MONTH = Month(2026, 11)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ModelVersion]:
    """A home with one issue month, nothing of it published."""
    home = Home(tmp_path_factory.mktemp("made") / "home")
    receive(home, DataFolder(SAMPLE), "milk_price", received_at=NOW)
    version = stage_version(home, sample_training())
    issue_months(home, Issuing(sample_features(), version, RULE, is_synthetic=True, issued_at=NOW), [MONTH])
    return home, version


@pytest.fixture
def home(made: tuple[Home, ModelVersion], tmp_path: Path) -> Home:
    shutil.copytree(made[0].path, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def version(made: tuple[Home, ModelVersion]) -> ModelVersion:
    return made[1]


@pytest.fixture
def store(home: Home) -> Iterator[sa.Engine]:
    with home_store(home, home.store_url) as engine:
        yield engine


def _publish(home: Home, store: sa.Engine) -> Published:
    done = publish_months(home, store, [MONTH], published_at=NOW, run_id=None).published
    assert done is not None
    return done


def test_an_issue_brings_the_model_behind_it(home: Home, store: sa.Engine, version: ModelVersion) -> None:
    assert _publish(home, store).models == 1
    assert stored_version(store, SERIES_ID, version.version_id) == version
    assert answering_version(store, SERIES_ID) == AnsweringVersion(version.version_id, is_in_production=False)
    assert (_publish(home, store).publication_id, _publish(home, store).models) == (None, 0)


def test_a_promotion_publishes_its_model_before_any_issue(home: Home, store: sa.Engine, version: ModelVersion) -> None:
    promotion = promote_staged(home, store, version, sample_training(), actor=RUN, decided_at=NOW)
    champion = promotion.champion.champion_version_id
    assert answering_version(store, SERIES_ID) == AnsweringVersion(champion, is_in_production=True)
    assert stored_version(store, SERIES_ID, champion).version_id == champion


def test_a_publication_brings_the_version_in_production_of_an_earlier_program(home: Home, store: sa.Engine) -> None:
    other = version_in(home.path / "models", setting=None)
    row = promoted(other.version_id, series=SERIES_ID)
    append_promotion(store, replace(row, sha256=other.sha256, champion_sha256=other.sha256))
    done = _publish(home, store)
    assert (done.models, done.cards) == (2, 2)
    assert answering_version(store, SERIES_ID) == AnsweringVersion(other.version_id, is_in_production=True)


def test_a_champion_that_the_home_does_not_hold_stops_no_publication(home: Home, store: sa.Engine) -> None:
    append_promotion(store, promoted("v-0123456789abcdef", series=SERIES_ID))
    assert _publish(home, store).models == 1


def test_a_version_alone_is_published_once(store: sa.Engine, version: ModelVersion) -> None:
    first = publish_version(store, version, published_at=NOW, run_id="run")
    assert (first.cards, first.models, first.issues) == (1, 1, ())
    assert publish_version(store, version, published_at=NOW, run_id="run-2").publication_id is None


def test_requests_are_deleted_after_their_days(store: sa.Engine) -> None:
    asked = OnlinePrediction.of({}, {}, series_id=SERIES_ID, model_version="v-1", created_at=NOW)
    keep_prediction(store, asked)
    for days, said in ((365, "0 older than 365 days deleted"), (0, "1 older than 0 days deleted")):
        assert forget_old_requests(store, days=days, now=NOW + dt.timedelta(days=300)) == said
    assert kept_prediction(store, asked.id) is None


def test_who_may_not_delete_is_told_and_no_publication_fails(store: sa.Engine) -> None:
    keep_prediction(store, OnlinePrediction.of({}, {}, series_id="s", model_version="v-1", created_at=NOW))
    sa.event.listen(store, "begin", lambda connection: connection.exec_driver_sql("PRAGMA query_only = ON"))
    said = forget_old_requests(store, days=0, now=NOW + dt.timedelta(days=1))
    assert "could not be deleted" in said
    assert "readonly" in said


def test_online_the_published_prices_give_the_published_forecast(
    home: Home, store: sa.Engine, version: ModelVersion
) -> None:
    """The issue whose origin is that of the promotion says the same: one model, in two programs, through the store."""
    _publish(home, store)
    newest = newest_publication(store).number
    issued = find_forecasts(store, ForecastQuestion(series_id=SERIES_ID, upto=newest)).rows
    origin, wanted = issued[0].forecast_origin, months_used(version)
    held = stored_version(store, SERIES_ID, version.version_id)
    history = published_history(store, SERIES_ID, first=origin + (-wanted), last=origin, known_at=NOW)
    sent = [history[origin + k] for k in (-2, -1, 0)]
    basis = basis_of(origin + (-2), sent, history, months_wanted=wanted)
    assert (len(basis.prices), basis.months_sent) == (wanted, 3)
    for row, applied in zip(issued, apply_version(held, basis.prices, last_month=origin), strict=True):
        for name in ("target_month", "horizon_months"):
            assert getattr(row, name) == getattr(applied, name)
        for name in ("price", "lower_80", "upper_80", "lower_95", "upper_95"):
            assert getattr(row, name) == pytest.approx(getattr(applied, name), rel=1e-9)
