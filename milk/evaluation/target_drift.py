"""Whether the recipe still hits: bias and cumulative sums of its one-step errors."""

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

BIAS_MONTHS = 12
"""A whole year, so that a season which the recipe gets wrong is no bias."""
BIAS_BAND = 3.0
"""Standard errors of the mean of `BIAS_MONTHS` errors."""
CUSUM_ALLOWANCE = 0.5
"""k, in training standard deviations: half of the shift that is to be found soonest."""
CUSUM_LIMIT = 5.0
"""h, in training standard deviations."""
LARGEST_ERROR = 3.0
"""Training standard deviations beyond which an error counts no further, so that a single shock raises no alarm."""
CALIBRATION_ERRORS = 59
"""As many as the first issue that the data can reach has behind it, so that none rests on a later error."""
SMALLEST_CALIBRATION = 24
_SMALLEST_WINDOW = 6
COLUMNS = [
    "target_month", "error", "bias", "bias_band", "cusum_up", "cusum_down", "cusum_limit", "is_bias_alarm",
    "is_cusum_alarm",
]  # fmt: skip


def target_drift(errors: pd.DataFrame, *, sd: float | None = None, limit: float = CUSUM_LIMIT) -> pd.DataFrame:
    """Running bias and two-sided CUSUM of the one-step errors of a recipe.

    The sums are those of E. S. Page, Continuous inspection schemes, Biometrika 41 (1954):
    `up = max(0, up + z - k)`, `down = max(0, down - z - k)`, with `z = error / sd` cut off at +-3; an alarm where one
    of them exceeds h, after which both begin at 0 again. With k = 0.5 and h = 5, simulated: undisturbed, an alarm every
    510 months with normal errors and every 620 with Student's t of 5 degrees of freedom, 375 where the sd is
    estimated from 60 errors; a lasting error of one standard deviation raises it after 9 months (median).

    Args:
        errors: `target_month` (first day, each once), `error` = log observed - log predicted, log points; rows without
            an error are left out.
        sd: standard deviation of the errors in training, log points. Without it the root mean square of the first 59
            errors; with fewer than 24 errors, or where all are zero, nothing is judged.
        limit: h, in training standard deviations.

    Returns:
        A row a month, oldest first: `target_month`; `error`; `bias`, the mean of the newest twelve errors (NaN below
        six); `bias_band`, three standard errors of it; `cusum_up`, `cusum_down`, `cusum_limit`, standard deviations;
        `is_bias_alarm`; `is_cusum_alarm`. NaN and no alarm where there is no sd.
    """
    known = errors[np.isfinite(errors["error"].to_numpy(dtype=np.float64))].sort_values("target_month")
    error = known["error"].to_numpy(dtype=np.float64)
    scale = _scale(error[:CALIBRATION_ERRORS]) if sd is None else sd if sd > 0 else np.nan
    running = known["error"].astype("float64").rolling(BIAS_MONTHS, min_periods=_SMALLEST_WINDOW)
    bias = running.mean().to_numpy(dtype=np.float64)
    band = BIAS_BAND * scale / np.sqrt(running.count().to_numpy(dtype=np.float64).clip(min=1.0))
    up, down = _cusum(error / scale, limit)
    return pd.DataFrame(
        {
            "target_month": known["target_month"].to_numpy(dtype="datetime64[us]"),
            "error": error,
            "bias": bias,
            "bias_band": np.where(np.isfinite(bias), band, np.nan),
            "cusum_up": up,
            "cusum_down": down,
            "cusum_limit": np.full(len(error), limit),
            "is_bias_alarm": np.abs(bias) > band,
            "is_cusum_alarm": np.maximum(up, down) > limit,
        }
    )[COLUMNS]


def _scale(error: Floats) -> float:
    """About zero, not about their mean: a bias that is there from the start belongs to the errors."""
    if len(error) < SMALLEST_CALIBRATION or not error.any():
        return np.nan
    return float(np.sqrt(np.mean(error**2)))


def _cusum(standardised: Floats, limit: float) -> tuple[Floats, Floats]:
    """Both sums of each month, as they stand before an alarm sets them back to zero; NaN stays NaN."""
    sums = np.full((2, len(standardised)), np.nan)
    up = down = 0.0
    for k, z in enumerate(standardised.clip(-LARGEST_ERROR, LARGEST_ERROR)):
        up, down = max(0.0, up + z - CUSUM_ALLOWANCE), max(0.0, down - z - CUSUM_ALLOWANCE)
        sums[:, k] = (up, down) if np.isfinite(z) else np.nan
        if max(up, down) > limit:
            up = down = 0.0
    return sums[0], sums[1]
