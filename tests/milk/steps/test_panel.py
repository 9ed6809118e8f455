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
    with pytest.raises(BadInput, match=r"No milk price was known when 1970-01-01 began .*") as said:
        panel_of_day(home, dt.date(1970, 1, 1))
    words = str(said.value)
    first = dt.date.fromisoformat(words.split("known on ")[1].split(":")[0])
    assert len(panel_of_day(home, first)) >= 1
    with pytest.raises(BadInput, match=f"known on {first}:"):
        panel_of_day(home, first - dt.timedelta(days=1))
    with pytest.raises(HomeRefused, match="has received no price yet"):
        panel_of_day(Home(tmp_path), dt.date(2014, 10, 1))


def test_the_first_price_within_a_day_is_known_when_the_next_one_begins(tmp_path: Path) -> None:
    noon = pd.Timestamp("2014-05-06T16:00", tz="UTC").as_unit("us")
    price = sample_observations()["milk_price"].head(1).assign(known_since=noon)
    write_table(Home(tmp_path), table_of("milk_price"), price)
    with pytest.raises(BadInput, match="known on 2014-05-07:"):
        panel_of_day(Home(tmp_path), dt.date(2014, 5, 6))
    assert len(panel_of_day(Home(tmp_path), dt.date(2014, 5, 7))) == 1


def test_macro_values_that_were_never_restored_are_no_empty_part(tmp_path: Path) -> None:
    home = Home(tmp_path)
    observations = sample_observations()
    write_table(home, table_of("milk_price"), observations["milk_price"])
    write_table(home, table_of("central_bank"), observations["central_bank"].head(0))
    assert len(panel_of_day(home, dt.date(2014, 10, 1)))
    write_table(home, table_of("central_bank"), observations["central_bank"].head(5))
    with pytest.raises(HomeRefused, match=r"never restored.*`milk run` on it first"):
        panel_of_day(home, dt.date(2014, 10, 1))


TODAY = dt.date(2026, 11, 25)


@pytest.mark.parametrize(
    "text", ["2014-10", "2014-02-30", "yesterday", "", "20141001", "2014-W40-1", "2014-10-01 ", "\uff12014-10-01"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(BadSetting, match="YYYY-MM-DD"):
        parse_day(text, today=TODAY)


def test_a_day_to_come_is_refused() -> None:
    assert parse_day("2026-11-25", today=TODAY) == TODAY
    with pytest.raises(BadSetting, match="2026-11-26 is still to come"):
        parse_day("2026-11-26", today=TODAY)
