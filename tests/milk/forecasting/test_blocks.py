"""What a block says at an origin, and the correction learnt from it: nothing from after the cutoff."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from milk.forecasting.baselines import SeasonalDrift
from milk.forecasting.blocks import (
    STALE_MONTHS,
    WINDOWS,
    CorrectionMethod,
    Corrections,
    block_design,
    corrections,
    declared_blocks,
    design_columns,
    fitted_block,
)
from milk.forecasting.histories import Floats, Histories, build_histories, observed, vintages
from milk.months import data_cutoff, issue_month_of
from milk.series import series_register
from tests.builders import RULE, histories_of, revise
from tests.milk.evaluation.simulated_blocks import FIRST, Block, simulated

PLANTED = (Block("planted", size=2, share=0.25),)
NAMES = ["planted_0", "planted_1"]


@pytest.fixture(scope="module")
def features() -> pd.DataFrame:
    """A planted block whose price was revised twice, and whose first feature was."""
    table = simulated(1, PLANTED)[0]
    table = revise(table, "1990-05", 90.0, known_since="1991-02-03")
    table = revise(table, "1996-11", 150.0, known_since="1997-07-20")
    row = table[(table["feature"] == "planted_0") & (table["month"] == pd.Timestamp("1995-03-01"))]
    revised = row.assign(value=4.0, known_since=pd.Timestamp("1995-06-10", tz="UTC").as_unit("us"))
    return pd.concat([table, revised], ignore_index=True)


def base_of(histories: Histories) -> Floats:
    return SeasonalDrift().fit(histories).forecast(12).log_price


def corrected(features: pd.DataFrame, method: CorrectionMethod | None = None) -> Corrections:
    histories = histories_of(features)
    return corrections(block_design(features, histories, RULE, NAMES), base_of(histories), histories, method)


def without_plant(features: pd.DataFrame, months: list[str]) -> pd.DataFrame:
    is_out = (features["feature"] == "planted_0") & features["month"].isin(pd.to_datetime([f"{m}-01" for m in months]))
    return features[~is_out].reset_index(drop=True)


def design_at(features: pd.DataFrame, origin: str) -> dict[str, float]:
    histories = histories_of(features)
    design = block_design(features, histories, RULE, NAMES)
    row = [str(histories.origin_month(k)) for k in range(len(histories))].index(origin)
    return dict(zip(design_columns(NAMES), design[row].tolist(), strict=True))


def values_of(features: pd.DataFrame, first: str, last: str) -> list[float]:
    own = features[(features["feature"] == "planted_0") & features["month"].between(f"{first}-01", f"{last}-01")]
    return own.sort_values(["month", "known_since"])["value"].tolist()


def test_a_column_is_the_mean_of_the_newest_months_known_at_the_cutoff(features: pd.DataFrame) -> None:
    seen = design_at(features, "1996-05")
    for window, first in zip(WINDOWS, ("1996-05", "1996-04", "1996-03"), strict=True):
        assert seen[f"planted_0_mean_{window}"] == pytest.approx(
            np.mean(values_of(features, first, "1996-05")[-window:])
        )


def test_a_revision_counts_from_the_first_cutoff_after_it(features: pd.DataFrame) -> None:
    first_value = values_of(features, "1995-03", "1995-03")[0]
    assert design_at(features, "1995-03")["planted_0_mean_1"] == pytest.approx(first_value)
    later = without_plant(features, ["1995-04", "1995-05", "1995-06"])
    assert design_at(later, "1995-05")["planted_0_mean_1"] == pytest.approx(first_value)
    assert design_at(later, "1995-06")["planted_0_mean_1"] == 4.0


def test_a_missing_month_is_left_out_and_too_many_leave_nothing(features: pd.DataFrame) -> None:
    gap = without_plant(features, ["1999-04"])
    newest, oldest = values_of(features, "1999-05", "1999-05")[0], values_of(features, "1999-03", "1999-03")[0]
    seen = design_at(gap, "1999-05")
    assert seen["planted_0_mean_3"] == pytest.approx((newest + oldest) / 2)
    assert np.isnan(seen["planted_0_mean_2"])
    assert np.isnan(design_at(without_plant(features, ["1999-03", "1999-04"]), "1999-05")["planted_0_mean_3"])


def test_a_feature_that_no_longer_arrives_becomes_stale(features: pd.DataFrame) -> None:
    ended = features[(features["feature"] != "planted_0") | (features["month"] <= "1999-01-01")]
    histories = histories_of(ended)
    design = block_design(ended, histories, RULE, NAMES)
    last = int(np.flatnonzero(np.isfinite(design[:, 0]))[-1])
    assert histories.origin_month(last) - (FIRST + 19 * 12) == STALE_MONTHS
    assert np.isfinite(design[-1, len(WINDOWS) :]).all()


def test_a_feature_that_the_table_lacks_was_never_known_and_changes_nothing(features: pd.DataFrame) -> None:
    histories = histories_of(features)
    with_absent = block_design(features, histories, RULE, [*NAMES, "absent"])
    assert np.isnan(with_absent[:, -len(WINDOWS) :]).all()
    np.testing.assert_allclose(
        corrections(with_absent, base_of(histories), histories).log_points, corrected(features).log_points, atol=1e-12
    )
    nothing = corrections(with_absent[:, -len(WINDOWS) :], base_of(histories), histories)
    assert not nothing.log_points.any()
    assert not nothing.errors.any()


@pytest.mark.parametrize("half_life", [None, 60.0])
def test_no_bit_changes_when_all_that_became_known_later_is_corrupted(
    features: pd.DataFrame, half_life: float | None
) -> None:
    whole = histories_of(features)
    rng = np.random.default_rng(3)
    for row in (100, 133, 170, 203, 230):
        histories = build_histories(features, price_rule=RULE, last_origin=whole.origin_month(row))
        method = CorrectionMethod(half_life_months=half_life)
        cutoff = pd.Timestamp(data_cutoff(issue_month_of(whole.origin_month(row), RULE)))
        is_later = features["known_since"] > cutoff
        dirty = features.assign(value=features["value"].where(~is_later, features["value"] * rng.uniform(2, 9)))
        assert is_later.any()
        found = [
            corrections(block_design(table, histories, RULE, NAMES), base_of(made), made, method)
            for table in (features, dirty)
            for made in [build_histories(table, price_rule=RULE, last_origin=histories.origin_month(row))]
        ]
        assert found[0].log_points[row].any()
        np.testing.assert_array_equal(found[1].log_points, found[0].log_points)
        longer = corrected(dirty, method)
        if half_life is None:
            np.testing.assert_array_equal(longer.log_points[: row + 1], found[0].log_points)
        else:  # weights are counted from another last row
            np.testing.assert_allclose(longer.log_points[: row + 1], found[0].log_points, atol=1e-12)
        np.testing.assert_array_equal(longer.errors[: row + 1], found[0].errors)


def slow_weight(log_price: Floats, histories: Histories, row: int, method: CorrectionMethod, *, newest: int) -> float:
    errors = [abs(histories.log_price[k + 1, histories.origins[k + 1]] - log_price[k, 0]) for k in range(row)]
    size = np.average(errors, weights=method.decay ** np.arange(row)[::-1])
    return float(
        (1 if method.half_life_months is None else 0.5 ** ((newest - row) / method.half_life_months)) / size**2
    )


def slow_correction(design: Floats, histories: Histories, row: int, step: int, method: CorrectionMethod) -> float:
    """The formulas of the module for one origin and step, one origin at a time."""
    log_price = base_of(histories)
    scaled, is_known = np.zeros((row + 1, design.shape[1])), np.zeros(row + 1, dtype=bool)
    for k in range(row + 1):
        for column in range(design.shape[1]):
            past = design[: k + 1, column][np.isfinite(design[: k + 1, column])]
            if len(past) >= 36 and np.isfinite(design[k, column]):
                scaled[k, column] = np.clip((design[k, column] - past.mean()) / past.std(), -3, 3)
                is_known[k] = True
    came = observed(histories, row, step)[:, step - 1]
    rows = [k for k in range(row - step + 1) if is_known[k]]
    weight = np.array([slow_weight(log_price, histories, k, method, newest=row - step) for k in rows])
    seen, missed = scaled[rows], (came - log_price[:, step - 1])[rows]
    seen = seen - np.average(seen, axis=0, weights=weight)
    missed = missed - np.average(missed, weights=weight)
    penalty = method.ridge * design.shape[1] * (weight**2).sum() / weight.sum()
    gram = (seen * weight[:, None]).T @ seen + penalty * np.eye(design.shape[1])
    return float(scaled[row] @ np.linalg.solve(gram, (seen * weight[:, None]).T @ missed))


@pytest.mark.parametrize("method", [CorrectionMethod(), CorrectionMethod(ridge=1.0, half_life_months=48.0)])
def test_the_corrections_are_those_of_the_formulas_written_out(
    features: pd.DataFrame, method: CorrectionMethod
) -> None:
    gap = without_plant(features, ["1993-04", "1993-05"])
    histories = histories_of(gap)
    design = block_design(gap, histories, RULE, NAMES)
    made = corrections(design, base_of(histories), histories, method).log_points
    for row, step in ((110, 1), (133, 3), (134, 12), (239, 6)):
        expected = slow_correction(design, histories, row, step, method)
        assert made[row, step - 1] == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_a_revised_price_changes_what_is_learnt_only_after_its_revision(features: pd.DataFrame) -> None:
    unrevised = features.drop_duplicates(["feature", "month"], keep="first").sort_values(["feature", "month"])
    late = revise(unrevised.reset_index(drop=True), "1995-01", 900.0, known_since="1999-01-15")
    histories = histories_of(late)
    design = block_design(late, histories, RULE, NAMES)
    base = base_of(histories_of(unrevised))
    with_revision = corrections(design, base, histories).log_points
    without = corrections(design, base, histories_of(unrevised)).log_points
    (_before, first), _after = vintages(histories)
    assert str(histories.origin_month(first)) == "1999-01"
    np.testing.assert_array_equal(with_revision[:first], without[:first])
    assert (np.abs(with_revision - without)[first:, 0] > 0).all()


def test_neither_scale_nor_origin_of_a_feature_matters(features: pd.DataFrame) -> None:
    is_first = features["feature"] == "planted_0"
    other = features.assign(value=features["value"].where(~is_first, 1e6 - 1000 * features["value"]))
    np.testing.assert_allclose(corrected(other).log_points, corrected(features).log_points, atol=1e-7)


def test_a_constant_feature_and_a_constant_price_give_no_correction(features: pd.DataFrame) -> None:
    is_price = features["feature"] == "price"
    still = features.assign(value=features["value"].where(~is_price, 200.0))
    assert not np.abs(corrected(still).log_points).max() > 1e-12
    fixed = features.assign(value=features["value"].where(is_price, 0.1))
    assert not corrected(fixed).log_points.any()


def test_too_few_errors_make_no_correction(features: pd.DataFrame) -> None:
    made = corrected(features, CorrectionMethod(smallest_sample=70))
    assert (made.log_points[made.errors == 0] == 0).all()
    assert made.errors[made.errors > 0].min() == 70
    # 35 origins before a column has its first deviation, 69 more before the 70th error, and the step till it is known.
    assert [int(np.argmax(made.errors[:, step - 1] > 0)) for step in (1, 12)] == [35 + 69 + 1, 35 + 69 + 12]


def applied(fitted: dict[str, Any], values: list[float | None]) -> list[float]:
    """A fitted block in plain Python, as a reader would apply it."""
    scaled = [
        0.0 if value is None or sd == 0 else max(-fitted["largest"], min(fitted["largest"], (value - mean) / sd))
        for value, mean, sd in zip(values, fitted["means"], fitted["deviations"], strict=True)
    ]
    return [sum(c * z for c, z in zip(row, scaled, strict=True)) for row in fitted["coefficients"]]


@pytest.mark.parametrize("half_life", [None, 60.0])
def test_a_fitted_block_is_plain_numbers_that_give_the_last_correction(
    features: pd.DataFrame, half_life: float | None
) -> None:
    histories, names = histories_of(features), [*NAMES, "absent"]
    design, method = block_design(features, histories, RULE, names), CorrectionMethod(half_life_months=half_life)
    fitted = json.loads(json.dumps(fitted_block(names, design, base_of(histories), histories, method), allow_nan=False))
    made = corrections(design, base_of(histories), histories, method)
    last = [value if np.isfinite(value) else None for value in design[-1].tolist()]
    np.testing.assert_allclose(applied(fitted, last), made.log_points[-1], rtol=1e-12)
    assert fitted["errors"] == made.errors[-1].tolist()
    assert fitted["columns"] == design_columns(names)


def test_a_fitted_block_of_too_few_origins_corrects_nothing(features: pd.DataFrame) -> None:
    histories = histories_of(features).rows(0, 40)
    design = block_design(features, histories, RULE, NAMES)
    fitted = fitted_block(NAMES, design, base_of(histories), histories)
    assert not np.any(fitted["coefficients"])
    assert fitted["errors"] == [0] * 12


def test_every_series_but_the_price_belongs_to_a_block() -> None:
    blocks = declared_blocks(series_register())
    assert "price" not in blocks
    assert sum(len(names) for names in blocks.values()) == len(series_register().series) - 1
    assert {"rain", "exchange_rate", "activity", "employment", "trade"} <= set(blocks)


def test_the_simulation_has_the_origins_of_a_search(features: pd.DataFrame) -> None:
    assert len(histories_of(features)) == 240
