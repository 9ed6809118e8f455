"""The decision in the graph: its page, its checks with a fault planted for each, and the sensor that acts on it."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator

import dagster as dg
import pandas as pd
import pytest

from milk.home.tables import write_table
from milk.months import Month
from milk.publication.engine import open_store
from milk.publication.ledger import append_promotion
from milk.steps.retraining import TABLE, RetrainDecision, decisions, frame_of
from milk.steps.trail import CHALLENGER
from milk_assets.definitions import build_definitions
from milk_assets.defs.retraining_checks import PATIENCE_MONTHS, RETRAINING_CHECKS
from milk_assets.defs.retraining_sensor import TAG, name_of, training_request
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import Place

pytestmark = pytest.mark.slow(seconds=45)

NAME = "retrain_decision"
DAY = dt.timedelta(days=1)
Fault = Callable[[Place], None]


def decided(place: Place, *changes: dict[str, object]) -> list[RetrainDecision]:
    """Decisions in place of those of the home: its own with these changes, one after the other."""
    own = decisions(place.home)[-1]
    rows = [dataclasses.replace(own, number=k + 1, **change) for k, change in enumerate(changes)]  # type: ignore[arg-type]  # because a test names the fields it changes
    write_table(place.home, TABLE, frame_of(rows))
    return rows


def retrain(place: Place, months: int = 1) -> RetrainDecision:
    """Decisions to retrain, one a month, the last of them as of the newest price."""
    newest = decisions(place.home)[-1].as_of
    said = {"decision": "retrain", "rule": "growth", "sentence": "Retrain: the errors have grown."}
    moments = [{"as_of": newest + (k + 1 - months)} for k in range(months)]
    return decided(place, *({**said, **moment} for moment in moments))[-1]


def test_the_page_tells_the_decision_and_shows_it(made: Made) -> None:
    (event,) = [e for e in made.result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(NAME)]
    shown = event.step_materialization_data.materialization.metadata
    assert shown["decision"].value == "hold"
    assert str(shown["sentence"].value).startswith("Hold: ")
    assert "data:image/png;base64" in str(shown["monitors"].value)
    assert "growth_limit" in str(shown["numbers"].value)
    assert [row.decision for row in decisions(made.place.home)] == ["hold"]


def test_the_same_again_is_the_same_row_and_the_same_data_version(copied: Place) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        versions = []
        for _run in range(2):
            assert copied.run(dg.AssetSelection.assets(NAME).without_checks(), instance=instance).success
            record = instance.get_latest_data_version_record(dg.AssetKey(NAME))
            assert record is not None
            assert record.asset_materialization is not None
            versions.append((record.asset_materialization.tags or {})["dagster/data_version"])
    assert versions[0] == versions[1]
    assert len(decisions(copied.home)) == 1


def test_without_a_model_in_production_there_is_nothing_to_decide(copied: Place) -> None:
    moved = copied.settings.model_copy(update={"store_url": f"sqlite:///{copied.home.path}/moved.db"})
    result = copied.run(dg.AssetSelection.assets(NAME).without_checks(), definitions=build_definitions(moved))
    assert result.success
    assert not result.get_asset_materialization_events()


def _changed_by_hand(place: Place) -> None:
    write_table(place.home, TABLE, place.table(TABLE).assign(decision="investigate"))


def _unknown_rule(place: Place) -> None:
    write_table(place.home, TABLE, place.table(TABLE).assign(rule="whim"))


def _out_of_date(place: Place) -> None:
    decided(place, {"as_of": Month(2026, 8)})


def _of_another_version(place: Place) -> None:
    decided(place, {"model_version": "v-other"})


def _investigate(place: Place) -> None:
    decided(place, {"decision": "investigate", "rule": "late", "sentence": "Investigate: the price is late."})


def _waiting(place: Place) -> None:
    retrain(place, PATIENCE_MONTHS + 2)


PLANTED: dict[str, tuple[str, Fault, str]] = {
    "changed by hand": ("decisions_are_whole", _changed_by_hand, "another hash"),
    "an unknown rule": ("decisions_are_whole", _unknown_rule, "rule"),
    "out of date": ("decision_is_of_today", _out_of_date, "as of 2026-08, and the newest price is that of 2026-10"),
    "of another version": ("decision_is_of_today", _of_another_version, "it is about v-other"),
    "to investigate": ("nothing_to_investigate", _investigate, "the price is late"),
    "waiting": ("decision_is_acted_upon", _waiting, "4 months ago"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_turns_its_check_red(copied: Place, fault: str) -> None:
    name, plant, said = PLANTED[fault]
    plant(copied)
    evaluation = copied.check(NAME, name)
    assert not evaluation.passed
    assert said in (evaluation.description or "")
    is_error = name == "decisions_are_whole"
    assert (evaluation.severity == dg.AssetCheckSeverity.ERROR) == is_error


def test_every_check_has_a_planted_fault_and_is_green_without(made: Made) -> None:
    names = {key.name for check in RETRAINING_CHECKS for key in check.check_keys}
    assert {name for name, _plant, _said in PLANTED.values()} == names
    evaluations = [e for e in made.result.get_asset_check_evaluations() if e.asset_key == dg.AssetKey(NAME)]
    assert {e.check_name for e in evaluations} == names
    assert all(e.passed for e in evaluations)


def test_a_decision_that_waits_no_longer_than_it_may_is_green(copied: Place) -> None:
    retrain(copied, PATIENCE_MONTHS + 1)
    assert copied.check(NAME, "decision_is_acted_upon").passed


@dataclasses.dataclass
class Desk:
    """A place and Dagster's records of it, as the sensor sees them."""

    place: Place
    instance: dg.DagsterInstance

    def tick(self, *, is_acting: bool = True) -> dg.RunRequest | dg.SkipReason:
        workplace = dict(self.place.definitions().resources or {})["workplace"]
        return training_request(self.instance, workplace, is_acting=is_acting)

    def skipped(self, *, is_acting: bool = True) -> str:
        asked = self.tick(is_acting=is_acting)
        assert isinstance(asked, dg.SkipReason), asked
        return str(asked.skip_message)

    def request(self) -> dg.RunRequest:
        asked = self.tick()
        assert isinstance(asked, dg.RunRequest), asked
        return asked

    def run(self, status: dg.DagsterRunStatus, tags: dict[str, str] | None = None) -> dg.DagsterRun:
        job = self.place.definitions().resolve_job_def("training")
        return self.instance.create_run_for_job(job, status=status, tags=tags or {})


@pytest.fixture
def desk(copied: Place) -> Iterator[Desk]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Desk(copied, instance)


def test_hold_starts_nothing_and_says_why(desk: Desk) -> None:
    said = desk.skipped()
    assert said.startswith("The newest decision, as of 2026-10, starts nothing. Hold: ")


def test_investigate_starts_nothing(desk: Desk) -> None:
    _investigate(desk.place)
    assert "Investigate: the price is late." in desk.skipped()


def test_no_decision_is_said(desk: Desk) -> None:
    write_table(desk.place.home, TABLE, desk.place.table(TABLE).head(0))
    assert desk.skipped().startswith("Nothing was decided yet")


def test_retrain_asks_for_one_training_under_one_key(desk: Desk) -> None:
    row = retrain(desk.place)
    request = desk.request()
    assert request.run_key == name_of(row) == request.tags[TAG]
    assert desk.request().run_key == request.run_key, "whatever became of an earlier tick"


def test_with_report_it_says_what_it_would_have_done(desk: Desk) -> None:
    retrain(desk.place)
    said = desk.skipped(is_acting=False)
    assert said.startswith("MILK_RETRAINING is report: with act, the job training would start for decision 1")
    assert "the errors have grown" in said


def test_it_waits_for_a_training_under_way(desk: Desk) -> None:
    retrain(desk.place)
    run = desk.run(dg.DagsterRunStatus.STARTED)
    assert desk.skipped() == f"A training is under way: run {run.run_id}."
    desk.instance.report_run_canceled(run)
    assert desk.request()


@pytest.mark.parametrize(
    ("status", "said"),
    [(dg.DagsterRunStatus.SUCCESS, "was answered by run"), (dg.DagsterRunStatus.FAILURE, "did not succeed")],
    ids=str,
)
def test_a_decision_starts_one_training_whatever_becomes_of_it(
    desk: Desk, status: dg.DagsterRunStatus, said: str
) -> None:
    row = retrain(desk.place)
    run = desk.run(status, {TAG: name_of(row)})
    assert said in desk.skipped()
    assert run.run_id in desk.skipped()


def test_a_training_by_hand_answers_a_decision(desk: Desk) -> None:
    row = retrain(desk.place)
    (promoted,) = desk.place.ledger()
    store = open_store(desk.place.home.store_url)
    later = dataclasses.replace(promoted, decided_at=row.decided_at + DAY, run_id="by hand")
    append_promotion(store, dataclasses.replace(later, numbers={CHALLENGER: promoted.version_id}))
    store.dispose()
    assert desk.skipped() == "There was a training after decision 1; the next decision knows of it."


@pytest.mark.parametrize("setting", ["report", "act"])
def test_the_sensor_is_on_and_does_what_the_setting_says(desk: Desk, setting: str) -> None:
    retrain(desk.place)
    definitions = build_definitions(desk.place.settings.model_copy(update={"retraining": setting}))
    sensor = definitions.get_repository_def().get_sensor_def("retraining_sensor")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.job_name == "training"
    resources = {"workplace": dict(definitions.resources or {})["workplace"]}
    with dg.build_sensor_context(instance=desk.instance, resources=resources) as context:
        data = sensor.evaluate_tick(context)
    assert len(data.run_requests or []) == (setting == "act")
    assert bool(data.skip_message) == (setting == "report")


def test_a_damaged_table_is_a_reason_and_no_crash(desk: Desk) -> None:
    (file,) = (desk.place.home.path / "tables" / TABLE).glob("*.parquet")
    file.unlink()
    sensor = desk.place.definitions().get_repository_def().get_sensor_def("retraining_sensor")
    resources = {"workplace": dict(desk.place.definitions().resources or {})["workplace"]}
    with dg.build_sensor_context(instance=desk.instance, resources=resources) as context:
        data = sensor.evaluate_tick(context)
    assert "damaged" in str(data.skip_message)


def test_it_is_decided_with_the_publication(made: Made) -> None:
    job = made.place.definitions().resolve_job_def("publish")
    assert {key.to_user_string() for key in job.asset_layer.selected_asset_keys} == {
        "published_predictions",
        "scorecard",
        NAME,
    }
    assert pd.Timestamp("2026-10-01") == made.place.table(TABLE)["as_of"].iloc[0]
