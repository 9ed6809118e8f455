"""Evidence with the figures that a test wants."""

import numpy as np

from milk.evaluation.evidence import Evidence, Flags
from milk.months import Month

FIRST = Month(2010, 1)
STEPS = 12


def evidence(
    months: int = 60,
    *,
    error: float = 0.7,
    error_beyond: float | None = None,
    noise: float = 0.2,
    seed: int = 1,
    inside_80: float = 0.8,
    inside_95: float = 0.95,
    inside_80_beyond: float | None = None,
    inside_95_beyond: float | None = None,
) -> Evidence:
    """Forecasts of a price of 100 whose errors are about `error` of the last value's.

    Args:
        months: target months.
        error: RMSE ratio to the last value next month.
        error_beyond: at the other horizons; by default the same.
        noise: how much the size of an error varies from month to month.
        seed: of that.
        inside_80: share of the 80 % intervals that held, next month.
        inside_95: likewise.
        inside_80_beyond: at the other horizons; by default the same.
        inside_95_beyond: likewise.
    """
    sign = np.where(np.arange(months) % 2, 1.0, -1.0)[:, None] * np.ones(STEPS)
    ratio = np.full(STEPS, error if error_beyond is None else error_beyond)
    ratio[0] = error
    size = 1 + noise * np.random.default_rng(seed).uniform(-1, 1, (months, 1))
    return Evidence(
        months=tuple(FIRST + k for k in range(months)),
        observed=np.full(months, 100.0),
        prediction=100 + 2 * ratio * sign * size,
        last_value=100 + 2 * sign,
        is_inside_80=_inside(months, inside_80, inside_80_beyond),
        is_inside_95=_inside(months, inside_95, inside_95_beyond),
    )


def _inside(months: int, next_month: float, beyond: float | None) -> Flags:
    """The first months are the ones held."""
    share = np.full(STEPS, next_month if beyond is None else beyond)
    share[0] = next_month
    return np.asarray(np.arange(months)[:, None] < np.round(share * months))
