"""What holds roughly among restored columns."""

import numpy as np
import pandas as pd

from milk.panel.relations import RELATIONS, relation_errors
from tests.milk.panel.series_made import economy

MAY = pd.Timestamp("2014-05-01")
COLUMNS = ["relation", "month", "relative_error", "tolerance", "holds"]


def values_of(seed: int = 3) -> pd.DataFrame:
    months = pd.date_range("2013-01", periods=36, freq="MS")
    return pd.DataFrame(
        {name: np.array(column, dtype=float) for name, column in economy(36, seed).items()}, index=months
    )


def test_sums_drift_by_less_than_the_tolerance_and_a_tenfold_error_by_more() -> None:
    values = values_of()
    errors = relation_errors(values)
    assert list(errors.columns) == COLUMNS
    assert errors["holds"].all()
    assert errors["relative_error"].max() > 0.004
    values["gdp_mining_clp_bn"] *= np.where(values.index == MAY, 10, 1)
    broken = relation_errors(values)
    assert set(broken.loc[~broken["holds"], "month"].dt.strftime("%Y-%m")) == {"2014-05"}
    assert len(broken[~broken["holds"]]) == 2


def test_a_constant_ratio_is_compared_with_its_middle() -> None:
    values = values_of()
    values["imacec_index"] = values["gdp_clp_bn"] * np.where(values.index == MAY, 0.1, 0.01)
    errors = relation_errors(values)
    broken = errors[(errors["relation"] == RELATIONS[0].name) & ~errors["holds"]]
    assert broken["month"].dt.strftime("%Y-%m").tolist() == ["2014-05"]


def test_series_that_are_not_there_or_empty_give_no_row() -> None:
    values = values_of()
    assert set(relation_errors(values[["gdp_clp_bn"]])["relation"]) == set()
    values["gdp_mining_clp_bn"] = np.nan
    assert not relation_errors(values)["relation"].str.contains("mining").any()
    nothing = relation_errors(pd.DataFrame(index=pd.DatetimeIndex([])))
    assert nothing.empty
    assert list(nothing.columns) == COLUMNS
