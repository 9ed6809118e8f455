"""The panel of a day: nothing that was received or published later."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from milk.errors import BadInput, BadSetting, HomeRefused
from milk.home.layout import Home
from milk.home.tables import write_table
from milk.steps.panel import RESTORED_TABLE, panel_of_day, parse_day
from milk.steps.receive import table_of
from tests.builders import sample_observations, sample_restored


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = Home(tmp_path_factory.mktemp("home"))
    for source, observations in sample_observations().items():
        write_table(made, table_of(source), observations)
    restored = sample_restored()
    first = restored[(restored["series"] == "imacec_index") & (restored["month"] == pd.Timestamp("2014-06-01"))]
    revised = first.assign(
        value=1.5 * first["value"], known_since=pd.Timestamp("2015-02-03", tz="UTC").as_unit("us"), known_by="received"
    ).astype({"known_by": "str"})
    write_table(made, RESTORED_TABLE, pd.concat([restored, revised], ignore_index=True))
    return made


def value_of(panel: pd.DataFrame, month: str, column: str) -> float:
    return float(panel.loc[panel["month"] == pd.Timestamp(f"{month}-01"), column].iloc[0])


def test_nothing_was_known_before_its_rule_says_so(home: Home) -> None:
    panel = panel_of_day(home, dt.date(2014, 10, 1))
    assert panel["month"].max() == pd.Timestamp("2014-09-01")
    assert pd.isna(value_of(panel, "2014-09", "rain_maule_mm"))
    assert pd.notna(value_of(panel, "2014-08", "rain_maule_mm"))
    # The activity of a month is published at the beginning of the second month after.
    assert pd.isna(value_of(panel, "2014-08", "imacec_index"))
    assert pd.notna(value_of(panel, "2014-07", "imacec_index"))
    assert panel_of_day(home, dt.date(2014, 9, 30))["month"].max() == pd.Timestamp("2014-08-01")


def test_a_revision_counts_from_its_reception(home: Home) -> None:
    before, after = (panel_of_day(home, day) for day in (dt.date(2015, 2, 2), dt.date(2015, 2, 4)))
    assert value_of(after, "2014-06", "imacec_index") == 1.5 * value_of(before, "2014-06", "imacec_index")


def test_the_first_value_of_an_index_does_not_wait_for_its_proof(home: Home) -> None:
    """Powers of ten are restored on the whole file received, and so are known as of any day."""
    panel = panel_of_day(home, dt.date(2005, 1, 1))
    assert 40 < value_of(panel, "2004-06", "imacec_index") < 160


def test_a_day_without_a_price_and_a_home_without_anything(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no milk price"):
        panel_of_day(home, dt.date(1970, 1, 1))
    with pytest.raises(HomeRefused, match="has received no price yet"):
        panel_of_day(Home(tmp_path), dt.date(2014, 10, 1))


@pytest.mark.parametrize("text", ["2014-10", "2014-02-30", "yesterday", ""])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(BadSetting, match="YYYY-MM-DD"):
        parse_day(text)
