"""What an issue is made from against the training of its version: quiet on the sample, loud on a planted fault."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from milk.forecasting.fit import recipe_of
from milk.home.layout import Home
from milk.home.tables import read_table, table_version
from milk.models.version import ModelVersion
from milk.months import Month, month_range
from milk.steps.drift import ERRORS, TABLE, assess, assess_inputs, distribution_of, findings, inputs_of
from milk.steps.predictions import Issuing
from milk.steps.staging import stage_version
from milk.tables import INPUT_DRIFT
from tests.builders import RULE, revise, sample_features
from tests.milk.steps.homes import NOW, sample_training

LAST = Month(2026, 11)
NEWEST = month_range(LAST + (-5), LAST)
MACRO = "imacec_index_log_change"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> ModelVersion:
    home = Home(tmp_path_factory.mktemp("home"))
    home.prepare()
    return stage_version(home, sample_training())


@pytest.fixture
def issuing(version: ModelVersion) -> Issuing:
    return Issuing(sample_features(), version, RULE, True, NOW)


def with_values(issuing: Issuing, feature: str, first: str, factor: float, *, is_repeated: bool = False) -> Issuing:
    """The newest values of a feature multiplied."""
    features = issuing.features.copy()
    rows = (features["feature"] == feature) & (features["month"] >= pd.Timestamp(f"{first}-01"))
    features.loc[rows, "value"] *= factor
    if is_repeated:
        features.loc[rows, "is_repeated"] = True
    return dataclasses.replace(issuing, features=features)


def drift_rows(issuing: Issuing, months: list[Month]) -> pd.DataFrame:
    return assess(issuing, months).rows


def finding_of(rows: pd.DataFrame, feature: str, issue_month: Month = LAST) -> str:
    row = rows[(rows["feature"] == feature) & (rows["issue_month"] == pd.Timestamp(issue_month.first_day))]
    assert len(row) == 1
    return str(row["finding"].iloc[0])


def test_the_sample_is_quiet_and_every_feature_has_its_row(issuing: Issuing) -> None:
    rows = drift_rows(issuing, NEWEST)
    INPUT_DRIFT.validate(rows, lazy=True)
    features = set(sample_features()["feature"]) | {ERRORS}
    assert rows.groupby("issue_month")["feature"].agg(set).tolist() == [features] * len(NEWEST)
    assert findings(rows, of_inputs=True).empty
    assert set(findings(rows, of_inputs=False)["feature"]) <= {"nominal_exchange_rate_index_log_change"}
    assert set(rows.loc[rows["is_input"], "feature"]) == {"price", ERRORS} == inputs_of(issuing.version)


def test_the_version_holds_the_distribution_of_every_feature(version: ModelVersion) -> None:
    kept = distribution_of(version)
    assert set(kept) == set(sample_features()["feature"])
    assert {"count", "mean", "sd", "quantiles", "share_missing", "group"} <= kept["price"].keys()
    assert kept[MACRO]["group"] == "activity"


def test_a_version_of_an_older_program_judges_nothing(issuing: Issuing) -> None:
    old = dataclasses.replace(
        issuing.version,
        model=issuing.version.model | {"training_distribution": {"months": 3, "log_return": {"q5": 1.0}}},
    )
    rows = drift_rows(dataclasses.replace(issuing, version=old), [LAST])
    INPUT_DRIFT.validate(rows, lazy=True)
    assert not rows[["is_drifted", "is_out_of_range", "is_unit_jump"]].any().any()


def test_a_unit_swapped_in_the_newest_month_is_found_at_once(issuing: Issuing) -> None:
    rows = drift_rows(with_values(issuing, "price", "2026-10", 1000.0), [LAST + (-1), LAST])
    assert "1000" in finding_of(rows, "price")
    assert finding_of(rows, "price", LAST + (-1)) == ""
    assert findings(rows, of_inputs=True)["is_unit_jump"].any()


def test_what_the_recipe_does_not_use_only_informs(issuing: Issuing) -> None:
    rows = drift_rows(with_values(issuing, MACRO, "2026-06", 30.0), [LAST])
    assert finding_of(rows, MACRO)
    assert findings(rows, of_inputs=True).empty
    assert MACRO in set(findings(rows, of_inputs=False)["feature"])


def test_a_frozen_price_is_found(issuing: Issuing) -> None:
    features = issuing.features.copy()
    rows = (features["feature"] == "price") & (features["month"] >= pd.Timestamp("2026-05-01"))
    features.loc[rows, "value"] = features.loc[rows, "value"].iloc[0]
    found = drift_rows(dataclasses.replace(issuing, features=features), [LAST])
    assert bool(found.loc[found["feature"] == "price", "is_frozen"].iloc[0])


def test_prices_that_keep_rising_beyond_the_forecasts_raise_the_alarm_of_the_errors(issuing: Issuing) -> None:
    features = issuing.features.copy()
    for k, month in enumerate(pd.date_range("2025-11-01", "2026-10-01", freq="MS")):
        rows = (features["feature"] == "price") & (features["month"] == month)
        features.loc[rows, "value"] *= 1.0 + 0.004 * (k + 1) ** 2
    found = drift_rows(dataclasses.replace(issuing, features=features), month_range(LAST + (-23), LAST))
    alarms = found[(found["feature"] == ERRORS) & found["is_drifted"]]
    assert len(alarms)
    assert alarms["finding"].str.contains("above the forecasts").all()
    # The first risen price is that of 2025-11: the sum needs some months, and knows nothing before.
    assert alarms["issue_month"].min() > pd.Timestamp("2025-12-01")


def test_what_became_known_later_changes_no_row(issuing: Issuing) -> None:
    month = Month(2020, 3)
    before = drift_rows(issuing, [month])
    revised = revise(issuing.features, "2019-12", 900.0, known_since="2020-03-05")
    after = drift_rows(dataclasses.replace(issuing, features=revised), [month])
    pd.testing.assert_frame_equal(after, before)
    later = drift_rows(dataclasses.replace(issuing, features=revised), [month + 1])
    assert finding_of(later, "price", month + 1)


def test_the_table_is_written_once_and_only_the_months_asked_for(tmp_path: Path, issuing: Issuing) -> None:
    home = Home(tmp_path)
    assess_inputs(home, issuing, NEWEST)
    assess_inputs(home, issuing, NEWEST[:2])
    assert table_version(home, TABLE) == 0
    other = with_values(issuing, "price", "2026-10", 1000.0)
    assess_inputs(home, other, [LAST, LAST + 1])
    stored = read_table(home, TABLE)
    assert table_version(home, TABLE) == 1
    assert stored["issue_month"].nunique() == len(NEWEST)
    assert "1000" in finding_of(stored, "price")
    INPUT_DRIFT.validate(stored, lazy=True)


def test_months_out_of_reach_are_left_out(tmp_path: Path, issuing: Issuing) -> None:
    assert assess_inputs(Home(tmp_path), issuing, [LAST + 1]).rows.empty


def test_the_errors_are_those_of_the_recipe_in_production(issuing: Issuing) -> None:
    assert recipe_of(issuing.version.model["recipe"])[0]
    rows = drift_rows(issuing, [LAST])
    error = rows[rows["feature"] == ERRORS].iloc[0]
    assert error["last_month"] == pd.Timestamp("2026-10-01")
    assert 0 <= error["statistic"] < error["threshold"]
