"""Vintages: what a file adds, and what was known when."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milk.months import Month, available_from, data_cutoff
from milk.panel.observations import as_of, known_since, latest, new_observations, revisions
from milk.series import SourceName, series_register
from milk.tables import OBSERVATIONS
from tests.milk.panel.vintages import NOON, parsed_of, receive_next, received, values_of
from tests.milk.sources.texts import START

DAY = dt.timedelta(days=1)
RULE = series_register().price.availability
FILES = st.lists(
    st.dictionaries(st.integers(0, 5), st.sampled_from(["1", "2", "3", "3.0"]), min_size=1), min_size=1, max_size=5
)


def frame_of(values: dict[int, str]) -> pd.DataFrame:
    """What a file says whose months are given as steps from the first."""
    rows = [(START + step, value) for step, value in sorted(values.items())]
    frame = pd.DataFrame(
        {
            "series": "price",
            "month": pd.Series([pd.Timestamp(m.first_day) for m, _v in rows], dtype="datetime64[us]"),
            "value": [value for _m, value in rows],
            "row": range(2, len(rows) + 2),
        }
    )
    return frame.astype({"series": "str", "value": "str"})


def named(values: dict[int, str]) -> dict[str, str]:
    return {str(START + step): value for step, value in values.items()}


def test_first_file_is_known_by_the_rule() -> None:
    observations = received(parsed_of(["3.85", "4.58", "4.6"]))
    OBSERVATIONS.validate(observations)
    assert observations["known_by"].tolist() == ["rule"] * 3
    assert observations["known_since"].tolist() == [available_from(RULE, START + k) for k in range(3)]
    assert observations["received_at"].tolist() == [NOON] * 3
    assert observations["row"].tolist() == [2, 3, 4]
    assert observations["snapshot"].unique().tolist() == ["ab" * 32]


def test_same_file_twice_adds_nothing() -> None:
    parsed = parsed_of(["3.85", "4.58"])
    once, twice = received(parsed), received(parsed, parsed)
    assert twice.equals(once)
    nothing = new_observations(
        parsed, once, series=series_register().of_source("milk_price"), received_at=NOON, snapshot="cd" * 32
    )
    OBSERVATIONS.validate(nothing)
    assert nothing.empty


def test_longer_file_adds_the_new_months_by_the_rule() -> None:
    observations = received(parsed_of(["3.85", "4.58"]), parsed_of(["3.85", "4.58", "4.6"]))
    added = observations.iloc[2:]
    assert values_of(added) == {"1979-03": "4.6"}
    assert added["known_by"].tolist() == ["rule"]
    assert added["known_since"].tolist() == [available_from(RULE, Month(1979, 3))]
    assert added["received_at"].tolist() == [NOON + DAY]


def test_revised_value_is_a_row_known_from_its_reception() -> None:
    observations = received(parsed_of(["3.85", "4.58"]), parsed_of(["3.85", "4.59"]))
    OBSERVATIONS.validate(observations)
    added = observations.iloc[2:]
    assert values_of(added) == {"1979-02": "4.59"}
    assert added["known_by"].tolist() == ["received"]
    assert added["known_since"].tolist() == [NOON + DAY]
    assert values_of(observations.head(2)) == {"1979-01": "3.85", "1979-02": "4.58"}


def test_value_that_comes_back_is_a_third_row() -> None:
    files = [parsed_of([value]) for value in ("3.85", "4", "3.85")]
    observations = received(*files)
    assert observations["value"].tolist() == ["3.85", "4", "3.85"]
    assert values_of(latest(observations)) == {"1979-01": "3.85"}


def test_month_that_a_later_file_lacks_stays() -> None:
    observations = received(parsed_of(["3.85", "4.58"]), parsed_of(["3.85"]))
    assert values_of(latest(observations)) == {"1979-01": "3.85", "1979-02": "4.58"}


def test_former_state_is_rebuilt() -> None:
    observations = received(parsed_of(["3.85", "4.58"]), parsed_of(["3.85", "4.59", "4.6"]))
    moment = dt.timedelta(microseconds=1)
    assert values_of(as_of(observations, NOON + DAY - moment)) == {
        "1979-01": "3.85",
        "1979-02": "4.58",
        "1979-03": "4.6",
    }
    assert values_of(as_of(observations, NOON + DAY))["1979-02"] == "4.59"
    assert values_of(as_of(observations, data_cutoff(Month(1979, 2)))) == {"1979-01": "3.85"}
    assert as_of(observations, data_cutoff(Month(1979, 1))).empty


@given(FILES)
@settings(max_examples=15, deadline=None)
def test_every_reception_can_be_rebuilt(files: list[dict[int, str]]) -> None:
    observations = received(*[frame_of(values) for values in files])
    standing: dict[str, str] = {}
    for number, values in enumerate(files):
        standing |= named(values)
        found = values_of(as_of(observations, NOON + number * DAY))
        assert {month: found[month] for month in named(values)} == named(values)
        # What only a later file brought is known by its rule, and so it is part of this past.
        assert {month: found[month] for month in standing} == standing
    assert values_of(latest(observations)) == standing
    assert not observations.duplicated(["series", "month", "known_since"]).any()


@given(FILES, st.lists(st.integers(-200, 200), min_size=5, max_size=5))
@settings(max_examples=15, deadline=None)
def test_last_file_stands_whenever_it_came(files: list[dict[int, str]], days: list[int]) -> None:
    """Files that run ahead of their rule, and clocks that were set back."""
    observations, standing = received(frame_of({0: "9"}), at=NOON.replace(year=1979)), {0: "9"}
    for values, day in zip(files, days, strict=False):
        at = NOON.replace(year=1979, month=4) + day * DAY
        observations = receive_next(observations, frame_of(values), at=at)
        standing |= values
        assert values_of(latest(observations)) == named(standing)
        assert len(receive_next(observations, frame_of(values), at=at)) == len(observations)
    assert not observations.duplicated(["series", "month", "known_since"]).any()


def test_revision_ahead_of_the_rule_replaces_the_value_once_the_rule_lets_it() -> None:
    early = dt.datetime(1979, 1, 20, 12, tzinfo=dt.UTC)
    observations = received(parsed_of(["3.85"]), parsed_of(["3.9"]), at=early)
    by_rule = available_from(RULE, START)
    assert as_of(observations, early + 2 * DAY).empty
    assert values_of(as_of(observations, by_rule + DAY)) == {"1979-01": "3.9"}
    assert observations["known_since"].tolist() == [by_rule, by_rule + dt.timedelta(microseconds=1)]


def test_instants_are_kept_in_utc_whatever_the_clock_says() -> None:
    chile = dt.timezone(dt.timedelta(hours=-3))
    parsed = parsed_of(["3.85"])
    observations = received(parsed, at=NOON.astimezone(chile))
    assert observations.equals(received(parsed, at=NOON))


def test_each_series_has_its_own_rule() -> None:
    months = pd.Series([pd.Timestamp(1979, 1, 1)] * 3, dtype="datetime64[us]")
    frame = pd.DataFrame({"series": ["imacec_index", "gdp_clp_bn", "imacec_index"], "month": months})
    rules = {s.name: s.availability for s in series_register().series}
    found = known_since(frame, rules)
    assert [str(instant) for instant in found] == [
        f"1979-{day} 0{hour}:00:00+00:00" for day, hour in (("03-02", 3), ("05-19", 4), ("03-02", 3))
    ]


def test_month_twice_in_one_file_is_a_bug_and_raises() -> None:
    parsed = parsed_of(["3.85"])
    with pytest.raises(pd.errors.MergeError):
        received(pd.concat([parsed, parsed], ignore_index=True), pd.concat([parsed, parsed], ignore_index=True))


def revised(before: str, after: str, *, source: SourceName = "milk_price") -> float:
    """The relative change of one value from one file to the next."""
    standing = received(parsed_of([before], source=source), source=source)
    added = receive_next(standing, parsed_of([after], source=source), at=NOON + DAY, source=source).tail(1)
    return float(revisions(added, standing, is_point_lost=source == "central_bank")["relative_change"].iloc[0])


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [("200", "210", 0.05), ("200", "190", -0.05), ("4.5", "4.50", 0.0), ("2", "2000", 999.0), ("0.1", "0.3", 2.0)],
)
def test_a_revised_price_tells_its_change(before: str, after: str, change: float) -> None:
    assert revised(before, after) == pytest.approx(change, abs=1e-9)


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("104.317.562", "104.317.56", 0.0),
        ("104.317.562", "104.317.562.3", 2.9e-9),
        ("104.3", "10.43", 0.0),
        ("738", "0.738", 0.0),
        ("999.5", "100.05", 0.001),
        ("100.05", "999.5", -0.001),
        ("-3.5", "3.5", -2.0),
    ],
)
def test_a_text_without_its_point_is_compared_by_its_digits(before: str, after: str, change: float) -> None:
    assert revised(before, after, source="central_bank") == pytest.approx(change, abs=1e-6)


def test_a_lost_zero_at_the_end_is_no_change_at_all() -> None:
    assert revised("104.317.560", "104.317.56", source="central_bank") == 0.0


def test_rain_from_nothing_is_an_infinite_change_and_comes_first() -> None:
    assert revised("0", "0.0", source="precipitation") == 0.0
    assert revised("0", "1.5", source="precipitation") == np.inf


def test_revisions_are_told_largest_first_and_first_values_are_none() -> None:
    standing = received(parsed_of(["100", "200", "300"]))
    added = receive_next(standing, parsed_of(["101", "190", "300", "400"]), at=NOON + DAY).iloc[len(standing) :]
    told = revisions(added, standing)
    assert list(told.columns) == ["series", "month", "before", "after", "relative_change"]
    assert told[["before", "after"]].to_numpy().tolist() == [["200", "190"], ["100", "101"]]
    assert told["relative_change"].tolist() == pytest.approx([-0.05, 0.01])
    assert revisions(standing, standing.iloc[:0]).empty


def test_a_revision_of_a_revision_is_told_from_the_one_that_stood() -> None:
    standing = received(parsed_of(["100"]), parsed_of(["110"]))
    added = receive_next(standing, parsed_of(["121"]), at=NOON + 5 * DAY).tail(1)
    assert revisions(added, standing)[["before", "relative_change"]].to_numpy().tolist() == [
        ["110", pytest.approx(0.1)]
    ]
