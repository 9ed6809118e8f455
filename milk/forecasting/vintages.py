"""Changes from one month to the next, in every state of knowledge.

A change is known when both of its months are, and is another one when either is revised: so each value that became
known makes up to two changes, that of its own month and that of the month after.
"""

import numpy as np
import pandas as pd

_KEY = ["feature", "month", "known_since"]
_MONTH = pd.DateOffset(months=1)


def log_changes(values: pd.DataFrame) -> pd.DataFrame:
    """Log of each value less log of the value of the month before, as known at each instant at which either changed.

    Args:
        values: `feature, month, value, known_since`, values above zero; a revision is a further row.

    Returns:
        The same columns and `is_repeated`, whether the two values are equal; months without the month before are left
        out.
    """
    if values.empty:
        return values.assign(is_repeated=pd.Series(dtype="bool"))[
            ["feature", "month", "value", "known_since", "is_repeated"]
        ]
    pairs = _pairs(values)
    change = np.log(pairs["value"].to_numpy()) - np.log(pairs["before"].to_numpy())
    made = pairs[_KEY].assign(value=change, is_repeated=(pairs["value"] == pairs["before"]).to_numpy())
    return made[["feature", "month", "value", "known_since", "is_repeated"]].sort_values(_KEY, ignore_index=True)


def repeats(values: pd.DataFrame) -> pd.Series:
    """Whether each value is that of the month before, as that stood when the value became known."""
    if values.empty:
        return pd.Series(index=values.index, dtype="bool")
    ordered = values.assign(place=np.arange(len(values))).sort_values("known_since", kind="stable")
    joined = pd.merge_asof(ordered, _of_month_before(values), on="known_since", by=["feature", "month"])
    is_repeated = (joined["value"] == joined["before"]).to_numpy()[np.argsort(joined["place"].to_numpy())]
    return pd.Series(is_repeated, index=values.index, dtype="bool")


def _pairs(values: pd.DataFrame) -> pd.DataFrame:
    """`feature, month, known_since, value, before` at each instant at which a pair became known or changed."""
    current = values[[*_KEY, "value"]].sort_values("known_since", kind="stable")
    before = _of_month_before(values)
    of_month = pd.merge_asof(current, before, on="known_since", by=["feature", "month"])
    of_next = pd.merge_asof(before, current, on="known_since", by=["feature", "month"])
    return pd.concat([of_month, of_next[of_month.columns]]).dropna(subset=["value", "before"]).drop_duplicates(_KEY)


def _of_month_before(values: pd.DataFrame) -> pd.DataFrame:
    """Each value as that of the month before, dated with the month after it."""
    before = values[[*_KEY, "value"]].rename(columns={"value": "before"})
    shifted = before.assign(month=(before["month"] + _MONTH).astype("datetime64[us]"))
    return shifted.sort_values("known_since", kind="stable")
