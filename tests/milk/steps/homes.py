"""What the tests of training, promotion and predictions start from."""

import datetime as dt
from functools import cache

import pandas as pd

from milk.steps.promotion import Actor
from milk.steps.training import Params, Training, backtest_params, choose_params, own_backtest
from tests.builders import RULE, sample_features

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
RUN = Actor("run", "a test", None)
PERSON = Actor("person", "somebody", None)


def train(features: pd.DataFrame, params: Params | None = None) -> Training:
    """Search and backtest, as the pipeline does them."""
    chosen = params or choose_params(features, price_rule=RULE, evaluation_months=60)
    backtest = backtest_params(features, chosen, price_rule=RULE)
    return Training(features, chosen, own_backtest(backtest, RULE), RULE, is_synthetic=True, created_at=NOW)


@cache
def sample_training() -> Training:
    """The training on the sample; shared, so nobody changes it."""
    return train(sample_features())
