"""`scorecard`: made by each publication, never in its way; its page, and each of its checks with a planted fault."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from milk.home.tables import read_table, write_table
from milk.months import Month, data_cutoff
from milk.publication.engine import open_store
from milk.publication.publish import publish
from milk.publication.read_judged import held_scorecard
from milk.publication.rows import ForecastRow, Issue, Publication
from milk.series import SERIES_ID
from milk_assets.defs.scorecard_checks import scorecard_checks
from tests.milk_assets.conftest import Made
from tests.milk_assets.places import LAST, PRICE_FILE, RANGE_END, RANGE_START, Place, failure_of, outcomes

SCORECARD, PUBLISHED = "scorecard", "published_predictions"
LATER = "2026-12-03T12:00:00+00:00"
FIRST_LIVE, LIVE_MONTHS = Month(2024, 8), 27
"""Issues before the first that the sample's run published live; of all but the last four a year has come."""
CAUSES = [f"contribution_{cause}" for cause in ("base", "drift", "season", "momentum")]
HALF = {"80": 0.05, "95": 0.09}


def _metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (made,) = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(SCORECARD)]
    return {name: value.value for name, value in made.materialization.metadata.items()}


def _publish_job(place: Place, instance: dg.DagsterInstance, *, first: str, last: str) -> dg.ExecuteInProcessResult:
    """What the serving sensor asks for."""
    job = place.definitions().resolve_job_def("publish")
    tags = {RANGE_START: first, RANGE_END: last}
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def _next_month(place: Place) -> Place:
    """The price of November has come, and it is December."""
    with (place.data / PRICE_FILE).open("a", encoding="utf-8") as file:
        file.write("2026,Nov,345.67\n")
    later = Place(place.root, now=LATER)
    assert later.run(dg.AssetSelection.assets("raw_milk_price")).success
    return later


def _publish_live(place: Place, *, factor: float = 1.0, half: float = 1.0) -> None:
    """Years of live issues, each repeating the last price times a factor, with intervals of a half width."""
    prices = place.table("raw_milk_price").set_index("month")["value"].astype("float64")
    store = open_store(place.home.store_url)
    for month in (FIRST_LIVE + k for k in range(LIVE_MONTHS)):
        price = float(prices[pd.Timestamp((month + (-1)).first_day)]) * factor
        ends = {
            f"{side}_{level}": price * float(np.exp(sign * half * width))
            for level, width in HALF.items()
            for side, sign in (("lower", -1), ("upper", 1))
        }
        numbers: dict[str, Any] = ends | dict.fromkeys(CAUSES, 0.0)
        forecasts = tuple(
            ForecastRow(target_month=month + k, horizon_months=k + 1, price=price, interval_errors=60, **numbers)
            for k in range(12)
        )
        in_time = data_cutoff(month) + dt.timedelta(days=2)
        issue = Issue(
            series_id=SERIES_ID,
            issue_month=month,
            kind="live",
            issued_at=in_time,
            data_cutoff=data_cutoff(month),
            forecast_origin=month + (-1),
            unit="CLP/L",
            is_synthetic=True,
            model_version="v-1",
            data_versions={},
            forecasts=forecasts,
        )
        # The sample's run was before them: only a test publishes into the past.
        with mock.patch("milk.publication.publish._instant_after_all", lambda _connection, given: given):
            publish(store, Publication(published_at=in_time, run_id=None, software={}, issues=[issue]))
    store.dispose()


def _said(place: Place, check: str) -> tuple[bool, str]:
    evaluation = place.check(SCORECARD, check)
    return evaluation.passed, evaluation.description or ""


def _score(place: Place) -> dg.ExecuteInProcessResult:
    result = place.run(dg.AssetSelection.assets(SCORECARD).without_checks())
    assert result.success
    return result


def test_hindcasts_are_published_and_not_judged(made: Made) -> None:
    """Ten of the eleven issues of the sample's run are hindcasts, and the prices of their months are all there."""
    shown = _metadata(made.result)
    assert (shown["live_issues"], shown["months_judged"], shown["publication"]) == (1, 0, "nothing new")
    assert shown["state"] == "Nothing live is judged yet: 1 live issue waits for its prices."
    assert made.place.table(SCORECARD).empty
    for check in scorecard_checks():
        (spec,) = check.check_specs
        assert made.place.check(SCORECARD, spec.name).passed
    assert _said(made.place, "no_bias") == (True, "Nothing live is judged yet.")


def test_a_publication_of_a_range_judges_what_has_come(copied: Place) -> None:
    """One run over partitioned and unpartitioned assets, as the sensor asks for it."""
    later = _next_month(copied)
    with dg.DagsterInstance.ephemeral() as instance:
        result = _publish_job(later, instance, first="2026-09", last=LAST)
        assert result.success
        assert {name for name, end in outcomes(result).items() if end == "STEP_SUCCESS"} >= {SCORECARD, PUBLISHED}
        partitions = [e.partition for e in result.get_asset_materialization_events()]
        # The scorecard and the decision to retrain, once each.
        assert partitions == ["2026-09", "2026-10", LAST, None, None]
    (row,) = later.table(SCORECARD).itertuples()
    issued = later.table()[lambda t: (t["issue_month"] == row.issue_month) & (t["target_month"] == row.target_month)]
    assert (f"{row.issue_month:%Y-%m}", row.observed, row.price) == (LAST, 345.67, issued["price"].iloc[0])
    shown = _metadata(result)
    assert shown["state"] == "1 month is judged; bands and flags begin with 12."
    assert (shown["judgements_added"], shown["observed_prices_added"], shown["is_synthetic"]) == (1, 0, True)
    assert str(shown["scorecard"]).startswith("![Scorecard](data:image/png;base64,")
    assert "| all | 1 | +0.0" in str(shown["running_statistics"])
    store = open_store(later.home.store_url)
    assert [judged.observed for judged in held_scorecard(store, SERIES_ID).judged] == [345.67]
    store.dispose()


def test_a_price_that_came_without_an_issue_is_judged_by_hand(copied: Place) -> None:
    later = _next_month(copied)
    assert later.table(SCORECARD).empty
    shown = _metadata(_score(later))
    assert (shown["judgements_added"], shown["observed_prices_added"]) == (1, 1)
    again = _metadata(_score(Place(copied.root, now="2026-12-04T12:00:00+00:00")))
    assert (again["publication"], again["table_version"]) == ("nothing new", shown["table_version"])


@pytest.fixture
def without_scorecard(copied: Place) -> Iterator[tuple[Place, dg.DagsterInstance]]:
    """A place in which the table of the scorecard is damaged."""
    _publish_live(copied)
    _score(copied)
    for file in (copied.home.path / "tables" / SCORECARD).glob("*.parquet"):
        file.unlink()
    with dg.DagsterInstance.ephemeral() as instance:
        yield copied, instance


def test_a_scorecard_that_fails_takes_no_publication_back(
    without_scorecard: tuple[Place, dg.DagsterInstance],
) -> None:
    place, instance = without_scorecard
    table = place.table()
    write_table(place.home, "batch_predictions", table.assign(price=table["price"] * 1.0001))
    instance.report_runless_asset_event(dg.AssetMaterialization("batch_predictions", partition="2026-05"))
    result = _publish_job(place, instance, first="2026-05", last="2026-05")
    assert outcomes(result)[PUBLISHED] == "STEP_SUCCESS"
    assert "The table scorecard in" in failure_of(result, SCORECARD).description
    assert instance.get_latest_materialization_event(dg.AssetKey(PUBLISHED)) is not None
    sensor = place.definitions().get_repository_def().get_sensor_def("serving_sensor")
    workplace = dict(place.definitions().resources or {})["workplace"]
    with dg.build_sensor_context(instance=instance, resources={"workplace": workplace}) as context:
        assert sensor.evaluate_tick(context).skip_message == "Everything that was made is published."


def test_years_of_issues_make_the_page(copied: Place) -> None:
    _publish_live(copied)
    shown = _metadata(_score(copied))
    assert (shown["live_issues"], shown["months_judged"]) == (LIVE_MONTHS + 1, 27)
    assert "27 months are judged; " in str(shown["state"])
    assert "| all | 27 | " in str(shown["running_statistics"])
    assert str(shown["running_statistics"]).count("\n") == 14
    assert "1 of the 12" not in str(shown["against_revised_prices"])
    assert _said(copied, "only_live_is_judged") == (True, "Every judged forecast is a live one.")
    assert _said(copied, "judged_as_published") == (True, "Every judged forecast is the one that was published.")
    assert _said(copied, "not_worse_than_last_value") == (True, "Inside its band, by 27 months.")


@pytest.mark.parametrize(
    ("check", "factor", "half", "said"),
    [
        ("no_bias", 0.85, 1.0, "prices came above the forecasts"),
        ("coverage_in_band", 1.0, 0.02, "the 80 % intervals held"),
        ("not_worse_than_last_value", 1.4, 1.0, "of the last value's"),
    ],
)
def test_forecasts_that_miss_turn_their_check_red(
    copied: Place, check: str, factor: float, half: float, said: str
) -> None:
    _publish_live(copied, factor=factor, half=half)
    _score(copied)
    evaluation = copied.check(SCORECARD, check)
    assert not evaluation.passed
    assert evaluation.severity == dg.AssetCheckSeverity.WARN
    assert said in (evaluation.description or "")
    assert not evaluation.blocking


def test_a_judged_hindcast_turns_its_check_red(copied: Place) -> None:
    _publish_live(copied)
    _score(copied)
    rows = read_table(copied.home, SCORECARD)
    write_table(copied.home, SCORECARD, rows.assign(issue_month=pd.Timestamp("2026-05-01").as_unit("us"), revision=1))
    # May was published as a hindcast first; its live forecast is the second revision.
    assert _said(copied, "only_live_is_judged") == (False, "2026-05 revision 1: hindcast")


def test_another_price_turns_its_check_red(copied: Place) -> None:
    _publish_live(copied)
    _score(copied)
    rows = read_table(copied.home, SCORECARD)
    write_table(copied.home, SCORECARD, rows.assign(price=rows["price"].where(rows.index > 0, rows["price"] + 0.01)))
    is_passed, said = _said(copied, "judged_as_published")
    assert not is_passed
    assert said == "2024-08 for 2024-08: price not as published"


def test_the_checks_of_a_store_that_is_gone_say_so(copied: Place) -> None:
    Path(copied.home.store_url.removeprefix("sqlite:///")).write_text("no database", encoding="utf-8")
    for check in ("only_live_is_judged", "judged_as_published"):
        is_passed, said = _said(copied, check)
        assert not is_passed
        assert "cannot be used" in said
