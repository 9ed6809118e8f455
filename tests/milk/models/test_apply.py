"""A version, its issue and its application tell the same numbers."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from milk.errors import VersionRefused
from milk.forecasting.fit import recipe_of
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import issue_forecasts
from milk.forecasting.recipe import Recipe, Setting
from milk.forecasting.season import by_calendar
from milk.models.apply import apply_version, months_needed, months_used
from milk.models.version import ModelVersion
from milk.months import Availability, Month, horizons, issue_month_of
from tests.builders import RULE, histories_of, sample_features
from tests.milk.models.versions import SETTING, version_in

VERSIONS: dict[str, tuple[Setting | None, Availability]] = {
    "recipe": (SETTING, RULE),
    "recipe without pull": (Setting((24.0,), 1.0, 0.0, has_pull=False), RULE),
    "recipe that cuts much": (Setting(outlier_sd=1.0), RULE),
    "recipe that cuts nothing": (Setting(outlier_sd=None), RULE),
    "recipe, the price two months late": (Setting((48.0, 96.0)), RULE.later_by(2)),
    "last value": (None, RULE),
}
PROMOTED_AT = Month(2016, 8)
every_version = pytest.mark.parametrize(("setting", "rule"), VERSIONS.values(), ids=VERSIONS.keys())


def promoted(folder: Path, setting: Setting | None, rule: Availability) -> ModelVersion:
    """A version of the sample, promoted when nothing after `PROMOTED_AT` was known."""
    features = sample_features()
    known = features[features["month"] <= str(PROMOTED_AT.first_day)]
    return version_in(folder, histories=histories_of(known, rule=rule), setting=setting, steps=horizons(rule))


@every_version
def test_the_issue_at_the_promotion_origin_reproduces_fit_and_half_widths(
    tmp_path: Path, setting: Setting | None, rule: Availability
) -> None:
    version = promoted(tmp_path, setting, rule)
    assert version.model["fit"]["forecast_origin"] == str(PROMOTED_AT)
    forecaster, method = recipe_of(version.model["recipe"])
    histories = histories_of(sample_features(), rule=rule)  # ten further years are in the table by now
    issue = issue_forecasts(forecaster, histories, [issue_month_of(PROMOTED_AT, rule)], price_rule=rule, method=method)
    row = histories.row_of(PROMOTED_AT)
    fit = version.model["fit"]
    if isinstance(forecaster, Recipe):
        np.testing.assert_allclose(forecaster.weights_[:, row].T, fit["weights"], rtol=0, atol=1e-12)
        effects = [by_calendar(m.season.effects[[row]], np.array([PROMOTED_AT.month - 1])) for m in forecaster.members_]
        for refit, kept, month_effects in zip(forecaster.members_, fit["members"], effects, strict=True):
            assert refit.half_life_months == kept["half_life_months"]
            np.testing.assert_allclose(refit.season.drift[row], kept["drift"], rtol=0, atol=1e-12)
            np.testing.assert_allclose(month_effects[0], kept["month_effects"], rtol=0, atol=1e-12)
            np.testing.assert_allclose(refit.momentum[row], kept["momentum"], rtol=0, atol=1e-12)
            np.testing.assert_allclose(refit.pull[row], kept["pull"], rtol=0, atol=1e-12)
    widths = version.model["intervals"]["half_widths"]
    np.testing.assert_allclose(np.log(issue["upper_80"] / issue["price"]), [w["log_80"] for w in widths], atol=1e-12)
    np.testing.assert_allclose(np.log(issue["upper_95"] / issue["price"]), [w["log_95"] for w in widths], atol=1e-12)
    assert issue["interval_errors"].tolist() == [w["errors"] for w in widths]


@every_version
def test_plain_python_applies_a_version_like_the_issue(
    tmp_path: Path, setting: Setting | None, rule: Availability
) -> None:
    version = promoted(tmp_path, setting, rule)
    forecaster, method = recipe_of(version.model["recipe"])
    histories = histories_of(sample_features(), rule=rule)
    issue = issue_forecasts(forecaster, histories, [issue_month_of(PROMOTED_AT, rule)], price_rule=rule, method=method)
    row = histories.row_of(PROMOTED_AT)
    prices = np.exp(histories.log_price[row, : histories.origins[row] + 1]).tolist()
    used = months_used(version)
    for given in (prices, prices[-used:]):
        applied = apply_version(version, given, last_month=PROMOTED_AT)
        assert len(applied) == len(issue) == horizons(rule)
        for forecast, issued in zip(applied, issue.to_dict(orient="records"), strict=True):
            assert forecast.target_month == Month.of(issued["target_month"])
            assert forecast.horizon_months == issued["horizon_months"]
            for name in ("price", "lower_80", "upper_80", "lower_95", "upper_95"):
                assert getattr(forecast, name) == pytest.approx(issued[name], rel=1e-9)
            for cause, value in forecast.contributions.items():
                assert value == pytest.approx(issued[f"contribution_{cause}"], abs=1e-9)
            assert sum(forecast.contributions.values()) == pytest.approx(math.log(forecast.price), abs=1e-12)


def test_what_is_not_given_counts_as_no_surprise(tmp_path: Path) -> None:
    version = promoted(tmp_path, SETTING, RULE)
    fit = version.model["fit"]
    assert (months_needed(version), months_used(version)) == (3, 31)
    # Two changes of which the fit expected nothing: of the past all that counts is one surprise a month ago.
    applied = apply_version(version, [200.0, 210.0, 210.0], last_month=PROMOTED_AT, steps=1)
    members = zip(fit["members"], fit["weights"][0], strict=True)
    cycle = 0.0
    for member, weight in members:
        surprises = [
            cut_to_limit(fit["cut"], change, (PROMOTED_AT + (-lag)).month) - member["drift"]
            - member["month_effects"][(PROMOTED_AT + (-lag)).month - 1]
            for lag, change in enumerate([0.0, math.log(210 / 200)])
        ]  # fmt: skip
        cycle += weight * member["pull"] * sum(surprises)
    assert applied[0].contributions["cycle"] == pytest.approx(cycle, abs=1e-12)
    assert applied[0].contributions["cycle"] != 0


def cut_to_limit(cut: dict[str, Any], change: float, month: int) -> float:
    expected = cut["drift"] + cut["month_effects"][month - 1]
    return float(expected + np.clip(change - expected, -cut["limit"], cut["limit"]))


def test_the_last_value_repeats_the_price(tmp_path: Path) -> None:
    version = promoted(tmp_path, None, RULE)
    assert months_needed(version) == 1
    assert version.model["recipe"]["parameters"] == {}
    applied = apply_version(version, [300.0], last_month=Month(2026, 1))
    assert [f.price for f in applied] == pytest.approx([300.0] * 12)
    assert {(f.contributions["season"], f.contributions["momentum"]) for f in applied} == {(0.0, 0.0)}


def test_recipe_and_content_are_each_others_inverse(tmp_path: Path) -> None:
    forecaster, method = recipe_of(promoted(tmp_path, SETTING, RULE).model["recipe"])
    assert isinstance(forecaster, Recipe)
    assert forecaster.setting == SETTING
    assert method == IntervalMethod()


@pytest.mark.parametrize(
    "recipe",
    [
        {"name": "os.system", "parameters": {}, "interval": {"decay": 0.9, "memory_months": 10}},
        {"name": "combination", "parameters": {"x": 1}, "interval": {"decay": 0.9, "memory_months": 10}},
        {"name": "last_value", "parameters": {}, "interval": {"window": 3}},
        {"name": "last_value", "parameters": {}, "interval": {"name": "guess"}},
        {"name": "last_value"},
        {},
    ],
)
def test_an_unknown_recipe_is_refused(recipe: dict[str, object]) -> None:
    with pytest.raises(VersionRefused, match=r"recipe"):
        recipe_of(recipe)


@pytest.mark.parametrize(
    ("prices", "steps", "message"),
    [
        ([200.0, 201.0], None, "needs 3 positive prices"),
        ([200.0, -1.0, 201.0], None, "needs 3 positive prices"),
        ([200.0, math.nan, 201.0], None, "needs 3 positive prices"),
        ([200.0, math.inf, 201.0], None, "needs 3 positive prices"),
        ([200.0, 200.0, 201.0], 13, "reaches 1 to 12 months ahead, not 13"),
        ([200.0, 200.0, 201.0], 0, "reaches 1 to 12 months ahead, not 0"),
    ],
)
def test_input_that_cannot_be_applied_is_refused(
    tmp_path: Path, prices: list[float], steps: int | None, message: str
) -> None:
    version = promoted(tmp_path, SETTING, RULE)
    with pytest.raises(VersionRefused, match=message):
        apply_version(version, prices, last_month=Month(2026, 1), steps=steps)
