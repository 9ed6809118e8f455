"""What the pages read, of one moment."""

import datetime as dt

import pytest
import sqlalchemy as sa

from milk.errors import NothingPublished
from milk.months import data_cutoff
from milk.publication.ledger import append_promotion
from milk.publication.publish_judged import publish_decision, publish_scorecard
from milk.publication.read_page import accuracy_record, models_record, newest_decision_number, year_ahead
from milk.series import SERIES_ID
from tests.milk.publication.issues import NOON
from tests.milk.publication.judged import stamp
from tests.milk_serving.pages.rows import (
    ISSUE,
    MODELS,
    card,
    decision,
    forecast,
    issue,
    judged,
    observed,
    promotion,
    publish_issue,
    statistics,
)


def test_the_newest_issue_that_stands(store: sa.Engine) -> None:
    changed = tuple(forecast(ahead, measured_80=0.5) for ahead in range(12))
    publish_issue(store, issue(), issue(ISSUE + (-1)))
    second, third = (NOON + dt.timedelta(days=days) for days in (1, 2))
    publish_issue(store, issue(forecasts=changed), published_at=second)
    publish_issue(store, issue(kind="hindcast"), published_at=third)
    record = year_ahead(store, SERIES_ID)
    # A hindcast of the same month is newer, and does not stand.
    assert (record.issue.issue_month, record.issue.revision, record.issue.kind) == (ISSUE, 2, "live")
    assert record.issue.published_at == second
    assert record.forecasts == list(changed)
    assert record.series is not None
    assert record.series.meaning == "Farm-gate milk price"


def test_a_revised_price_is_the_newest_value(store: sa.Engine) -> None:
    month = ISSUE + (-1)
    first, later = observed(month, 300.0), observed(month, 303.0)
    revised = type(later)(**{f: getattr(later, f) for f in later.__dataclass_fields__} | {"known_since": NOON})
    assert data_cutoff(ISSUE) < NOON
    publish_issue(store, observed=[revised, first, observed(ISSUE + (-2), 299.0)])
    assert [(one.month, one.price) for one in year_ahead(store, SERIES_ID).observed] == [
        (ISSUE + (-2), 299.0), (month, 303.0)]  # fmt: skip


def test_scores_are_those_of_the_model_of_the_issue(store: sa.Engine) -> None:
    publish_issue(store, issue(ISSUE + (-1)), issue(model_version="v-2"), cards=[card("v-1"), card("v-2")])
    record = accuracy_record(store, SERIES_ID)
    assert record.card is not None
    assert record.card.version_id == "v-2"
    assert len(record.scores) == 12 * len(MODELS)


def test_the_newest_judgement_of_each_forecast_the_nearest_issue_first(store: sa.Engine) -> None:
    publish_issue(store, issue(ISSUE + (-3)), issue(ISSUE + (-2)), issue())
    rows = [judged(3), judged(3, ahead=1), judged(2)]
    publish_scorecard(store, rows, [statistics(0), statistics(0, observed_as="latest", forecasts=9)], stamp())
    publish_scorecard(store, [judged(3, observed=1.0)], [statistics(0, forecasts=8)], stamp())
    record = accuracy_record(store, SERIES_ID)
    assert [(row.target_month, row.issue_month) for row in record.judged] == [
        (ISSUE + (-2), ISSUE + (-2)), (ISSUE + (-2), ISSUE + (-3)), (ISSUE + (-3), ISSUE + (-3))]  # fmt: skip
    assert record.judged[-1].observed == 1.0
    assert [(row.observed_as, row.forecasts) for row in record.statistics] == [("first", 8)]
    live = year_ahead(store, SERIES_ID).live
    assert live is not None
    assert live.forecasts == 8


def test_without_all_horizons_together_there_is_no_live_figure(store: sa.Engine) -> None:
    publish_issue(store)
    publish_scorecard(store, [judged(0)], [statistics(1)], stamp())
    assert year_ahead(store, SERIES_ID).live is None


def test_the_ledger_and_the_card_of_the_champion(store: sa.Engine) -> None:
    publish_issue(store, issue(ISSUE + (-1)), issue(model_version="v-2"), cards=[card("v-1"), card("v-2")])
    assert newest_decision_number(store, SERIES_ID) == 0
    append_promotion(store, promotion("v-1"))
    number = append_promotion(store, promotion("v-2", previous_version_id="v-1"))
    record = models_record(store, SERIES_ID)
    assert [row.version_id for row in record.ledger] == ["v-2", "v-1"]
    assert record.card is not None
    assert record.card.version_id == "v-2"
    assert record.decision is None
    assert newest_decision_number(store, SERIES_ID) == number


def test_the_newest_decision_to_retrain(store: sa.Engine) -> None:
    publish_issue(store)
    publish_decision(store, decision(), stamp())
    publish_decision(store, decision(decision="retrain"), stamp())
    found = models_record(store, SERIES_ID).decision
    assert found is not None
    assert found.decision == "retrain"


@pytest.mark.parametrize("read", [year_ahead, accuracy_record, models_record])
def test_a_series_of_which_nothing_is_published(store: sa.Engine, read: object) -> None:
    publish_issue(store)
    assert callable(read)
    with pytest.raises(NothingPublished, match="Nothing is published of the series cl_goat_milk"):
        read(store, "cl_goat_milk")
