"""Whatever arrives: the parsers never raise, and what they do not use they name."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milk.months import Month
from milk.panel.observations import known_since
from milk.series import SourceName, series_register
from milk.sources.faults import errors_of
from milk.sources.files import SOURCE_FILES
from milk.sources.text import LONGEST_VALUE
from tests.milk.sources.texts import HEADERS, file_of, row_of

SOURCES: list[SourceName] = ["milk_price", "precipitation", "central_bank"]
CELLS = st.one_of(
    st.text(max_size=6),
    st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3}){0,2}", fullmatch=True),
    st.sampled_from(["", "a", "nan", "-1", "1e400", "٣", '"', "\x1f", "1" * 101]),
)
MONTHS = st.builds(Month, st.integers(1979, 1981), st.integers(1, 12))
DATES = st.sampled_from(["1979-13-01", "0000-01", "9999-12-01", "1979-02-01 00:00:00 UTC", "1979-02", "1979-02-99"])


@st.composite
def almost_files(draw: st.DrawFn, source: SourceName) -> bytes:
    """A right header above rows that are nearly right."""
    rows = []
    for _ in range(draw(st.integers(0, 8))):
        row = row_of(source, draw(MONTHS), draw(CELLS))
        if draw(st.integers(0, 9)) == 0:
            row = ",".join([draw(DATES), *row.split(",")[1:]])
        if draw(st.integers(0, 9)) == 0:
            row = draw(st.text(max_size=20))
        rows.append(row)
    content = file_of(source, rows)
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(content)))
        content = content[:place] + draw(st.binary(max_size=3)) + content[place:]
    return content


def check(source: SourceName, content: bytes) -> None:
    parsed = SOURCE_FILES[source].parse(content)
    assert len(parsed.observations) or parsed.faults or _all_cells_empty(source, content)
    for fault in parsed.faults:
        assert fault.file in str(fault)
        assert fault.problem
        assert fault.remedy or fault.severity == "warning"
    values, months = parsed.observations["value"], parsed.observations["month"]
    assert values.str.len().between(1, LONGEST_VALUE).all()
    assert not parsed.observations.duplicated(["series", "month"]).any()
    rules = {s.name: s.availability for s in series_register().of_source(source)}
    assert (known_since(parsed.observations, rules) > months.dt.tz_localize("UTC")).all()
    if source == "milk_price" and not errors_of(parsed.faults):
        prices = values.astype("float64")
        assert prices.between(0.1, 5000).all()
        assert len(prices)


def _all_cells_empty(source: SourceName, content: bytes) -> bool:
    """Rows with a month and nothing else say nothing, and are no fault; a price is always wanted."""
    lines = content.decode().splitlines()[1:]
    return source != "milk_price" and not any(line.partition(",")[2].replace(",", "").strip() for line in lines)


@pytest.mark.parametrize("source", SOURCES)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda t: t.encode())))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_arbitrary_bytes(source: SourceName, content: bytes) -> None:
    check(source, content)
    check(source, HEADERS[source].encode() + b"\n" + content)


@pytest.mark.parametrize("source", SOURCES)
@given(data=st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_files_that_are_nearly_right(source: SourceName, data: st.DataObject) -> None:
    check(source, data.draw(almost_files(source)))
