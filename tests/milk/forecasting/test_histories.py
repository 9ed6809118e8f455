"""What was known at each origin."""

import numpy as np
import pandas as pd
import pytest

from milk.errors import NotEnoughHistory
from milk.forecasting.baselines import LastValue
from milk.forecasting.histories import FIT_MONTHS, build_histories
from milk.forecasting.intervals import IntervalMethod
from milk.forecasting.issue import issue_forecasts
from milk.forecasting.rolling import rolling_forecast
from milk.months import Month
from tests.builders import RULE, histories_of, price_features, random_walk, revise

PRICES = random_walk(130, seed=1)


def test_a_row_holds_the_prices_up_to_its_origin_and_nothing_after() -> None:
    histories = histories_of(price_features(PRICES))
    assert len(histories) == len(PRICES) - FIT_MONTHS
    for row in (0, 30, len(histories) - 1):
        origin = int(histories.origins[row])
        assert origin == FIT_MONTHS + row
        assert histories.row_of(histories.origin_month(row)) == row
        np.testing.assert_allclose(histories.log_price[row, : origin + 1], np.log(PRICES[: origin + 1]))
        assert np.isnan(histories.log_price[row, origin + 1 :]).all()


def test_log_returns_say_where_they_are_known() -> None:
    histories = histories_of(price_features(PRICES))
    returns, is_known = histories.log_returns()
    np.testing.assert_array_equal(is_known.sum(axis=1), histories.origins)
    assert not is_known[:, 0].any()
    assert (returns[~is_known] == 0).all()


def test_a_revision_counts_from_the_first_cutoff_after_it_and_the_last_one_stands() -> None:
    features = revise(price_features(PRICES), "1996-01", 1.0, known_since="1997-03-31 23:59")
    histories = histories_of(revise(features, "1996-01", 2.0, known_since="1999-01-15 00:00"))
    column = Month(1996, 1) - histories.first
    seen = {str(histories.origin_month(row)): value for row, value in enumerate(np.exp(histories.log_price[:, column]))}
    assert seen["1997-02"] == pytest.approx(PRICES[column])
    assert seen["1997-03"] == pytest.approx(1.0)
    assert seen["1998-12"] == pytest.approx(1.0)
    assert seen["1999-01"] == pytest.approx(2.0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    features = revise(price_features(PRICES), "1996-01", 1.0, known_since="1997-03-31 23:59")
    shuffled = features.sample(frac=1, random_state=2)
    np.testing.assert_array_equal(histories_of(shuffled).log_price, histories_of(features).log_price)


def test_too_few_prices_are_named() -> None:
    with pytest.raises(NotEnoughHistory, match=r"begin in 1990-01: an origin needs 36 months.*longer price file"):
        histories_of(price_features(PRICES[:36]))


def test_an_origin_after_the_last_price_is_refused() -> None:
    with pytest.raises(NotEnoughHistory, match=r"no price of 2000-12: the last one is that of 2000-10"):
        build_histories(price_features(PRICES), price_rule=RULE, last_origin=Month(2000, 12))


def test_a_price_that_came_too_late_for_its_origin_is_named() -> None:
    features = price_features(PRICES)
    late = features["month"] == pd.Timestamp("1996-07-01")
    features.loc[late, "known_since"] = pd.Timestamp("1996-09-10", tz="UTC")
    with pytest.raises(
        NotEnoughHistory, match=r"price of 1996-07 was not known at the cutoff of a forecast from 1996-07"
    ):
        histories_of(features)


def test_an_issue_before_the_first_origin_is_refused_and_not_counted_from_the_end() -> None:
    histories = histories_of(price_features(PRICES))
    with pytest.raises(NotEnoughHistory, match=r"no forecast from 1992-01: the origins run from 1993-01 to 2000-10"):
        issue_forecasts(LastValue(), histories, [Month(1992, 2)], price_rule=RULE, method=IntervalMethod())


def test_an_origin_without_earlier_errors_is_refused() -> None:
    rolling = rolling_forecast(LastValue(), histories_of(price_features(PRICES)), steps=12, method=IntervalMethod())
    with pytest.raises(NotEnoughHistory, match="no earlier errors for the intervals of a forecast from 1994-12"):
        rolling.frame([23])
    assert len(rolling.frame([24])) == 12
