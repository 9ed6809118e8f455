"""What changed since the last issue: news and change of recipe, which add up."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from milk.forecasting.recipe import Setting
from milk.home.layout import Home
from milk.models.version import ModelVersion
from milk.months import Month
from milk.steps.changes import COLUMNS, what_changed
from milk.steps.predictions import Issuing, forecast_rows, issue_months
from milk.steps.staging import write_recipe
from tests.builders import RULE, revise, sample_features
from tests.milk.steps.homes import NOW, sample_training

BEFORE, NOW_MONTH = Month(2020, 4), Month(2020, 5)
SETTING, OTHER = Setting((48.0,), 0.5), Setting((24.0,), 0.0, has_pull=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def version(home: Home, setting: Setting) -> ModelVersion:
    return write_recipe(home, sample_training(), setting)


def issuing(home: Home, setting: Setting) -> Issuing:
    return Issuing(sample_features(), version(home, setting), RULE, is_synthetic=True, issued_at=NOW)


def test_with_one_recipe_all_is_news(home: Home) -> None:
    own = issuing(home, SETTING)
    rows = issue_months(home, own, [BEFORE, NOW_MONTH]).rows
    now, before = (rows[rows["issue_month"] == str(month.first_day)] for month in (NOW_MONTH, BEFORE))
    changed = what_changed(home, own, now)
    assert list(changed.columns) == COLUMNS
    assert len(changed) == 11, "the last target month is new"
    np.testing.assert_array_equal(changed["recipe"], 0.0)
    np.testing.assert_allclose(changed["news"], now["price"].to_numpy()[:-1] - before["price"].to_numpy()[1:])
    assert changed["news"].abs().min() > 0


def test_another_recipe_is_told_from_news(home: Home) -> None:
    issue_months(home, issuing(home, SETTING), [BEFORE])
    present = issuing(home, OTHER)
    now = issue_months(home, present, [NOW_MONTH]).rows
    changed = what_changed(home, present, now)
    by_former = forecast_rows(home, issuing(home, SETTING), [NOW_MONTH])["price"].to_numpy()[:-1]
    np.testing.assert_allclose(changed["recipe"], now["price"].to_numpy()[:-1] - by_former, atol=1e-9)
    np.testing.assert_allclose(changed["news"] + changed["recipe"], changed["change"], atol=1e-9)
    assert changed["recipe"].abs().max() > 0.1


def test_a_former_issue_that_was_never_made_is_made_up_by_the_present_recipe(home: Home) -> None:
    own = issuing(home, SETTING)
    now = forecast_rows(home, own, [NOW_MONTH])
    changed = what_changed(home, own, now)
    expected = forecast_rows(home, own, [BEFORE])["price"].to_numpy()[1:]
    np.testing.assert_allclose(changed["previous_price"], expected)


def test_a_former_version_that_is_gone_leaves_the_split_open(home: Home) -> None:
    former = issuing(home, SETTING)
    issue_months(home, former, [BEFORE])
    for file in (home.path / "models" / former.version.version_id).iterdir():
        file.unlink()
    present = issuing(home, OTHER)
    changed = what_changed(home, present, forecast_rows(home, present, [NOW_MONTH]))
    assert changed[["news", "recipe"]].isna().all(axis=None)
    assert changed["change"].notna().all()


def test_the_first_month_of_all_has_nothing_before_it(home: Home) -> None:
    own = issuing(home, SETTING)
    features = own.features
    recent = features[features["month"] >= "2014-01-01"]
    late = dataclasses.replace(own, features=recent)
    first = Month(2014, 1) + 76
    assert what_changed(home, late, forecast_rows(home, late, [first])).empty


def test_a_revised_price_is_news(home: Home) -> None:
    own = issuing(home, SETTING)
    issue_months(home, own, [BEFORE])
    plain = what_changed(home, own, forecast_rows(home, own, [NOW_MONTH]))
    revised = dataclasses.replace(own, features=revise(own.features, "2020-03", 400.0, known_since="2020-04-15"))
    changed = what_changed(home, revised, forecast_rows(home, revised, [NOW_MONTH]))
    np.testing.assert_array_equal(changed["previous_price"], plain["previous_price"])
    assert (changed["news"] != plain["news"]).all()
    np.testing.assert_array_equal(changed["recipe"], 0.0)
