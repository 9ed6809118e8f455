"""The ledger walked: promotions, refusals and rollbacks in every order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milk.publication.ledger import PromotionRow
from milk.series import SERIES_ID
from milk.steps.trail import BY_HAND, CHALLENGER, ROLLED_BACK, RULE, judged_versions, periods, production_trail
from tests.milk.steps.homes import NOW


def ledger(*steps: str) -> list[PromotionRow]:
    """Rows from short steps: `A` the gate promotes A, `-A` it keeps A out, `+A` a person promotes A, `<A` goes back."""
    rows: list[PromotionRow] = []
    for step in steps:
        kind, version = (step[0], step[1:]) if step[0] in "-+<" else ("", step)
        champion = rows[-1].champion_version_id if kind == "-" else version
        numbers = {"": {RULE: "better", CHALLENGER: version}, "-": {RULE: "worse", CHALLENGER: version}}
        by_person = {"+": {RULE: BY_HAND}, "<": {RULE: ROLLED_BACK}}
        rows.append(
            PromotionRow(
                series_id=SERIES_ID,
                version_id=version,
                sha256=version,
                decided_at=NOW,
                actor_kind="person" if kind in by_person else "run",
                actor="somebody",
                decision="kept" if kind == "-" else "promoted",
                reason="a test",
                numbers=(numbers | by_person)[kind],
                champion_version_id=champion,
                champion_sha256=champion,
                previous_version_id=rows[-1].champion_version_id if rows else None,
                data_cutoff=NOW,
                run_id=None,
            )
        )
    return rows


@pytest.mark.parametrize(
    ("steps", "trail"),
    [
        ("", ""),
        ("A", "A"),
        ("A B C", "ABC"),
        ("A -B", "A"),
        ("A B -C", "AB"),
        ("A B <A", "A"),
        ("A B C <B", "AB"),
        ("A B C <B <A", "A"),
        ("A B C <A", "A"),
        ("A B C <B D", "ABD"),
        ("A B C <B D <B", "AB"),
        ("A B C <B D <B <A", "A"),
        ("A B C <B <C", "ABC"),
        ("A B +A", "ABA"),
        ("A B +A <B", "AB"),
        ("A B +A C <A", "ABA"),
        ("A B <A -B", "A"),
    ],
)
def test_the_trail_goes_on_with_promotions_and_back_with_rollbacks(steps: str, trail: str) -> None:
    assert "".join(production_trail(ledger(*steps.split()))) == trail


@given(st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=12))
def test_rolling_back_as_often_as_possible_ends_at_the_first_version(versions: list[str]) -> None:
    steps = [versions[0]]
    for version in versions[1:]:
        if version != steps[-1]:
            steps.append(version)
    for _ in range(len(steps) - 1):
        trail = production_trail(ledger(*steps))
        steps.append(f"<{trail[-2]}")
        # One shorter each time: never to and fro.
        assert production_trail(ledger(*steps)) == trail[:-1]
    assert production_trail(ledger(*steps)) == [versions[0]]


@pytest.mark.parametrize(
    ("steps", "judged"),
    [
        ("", ""),
        ("A", "A"),
        ("A B", "B"),
        ("A -B", "AB"),
        ("A -B -C", "AC"),
        ("A B <A", "AB"),
        ("A B <A -C", "ABC"),
        ("A B <A C", "BC"),
        ("A B <A C D", "BD"),
        ("A B <A +B", "AB"),
        ("A B C <B <A", "ABC"),
        ("A +B", "AB"),
    ],
)
def test_what_a_person_took_out_of_production_counts_as_judged(steps: str, judged: str) -> None:
    assert judged_versions(ledger(*steps.split())) == set(judged)


def test_the_version_refused_in_a_fallback_stands_in_the_numbers() -> None:
    (row,) = ledger("A")
    fallback = replace(row, numbers={**row.numbers, CHALLENGER: "B"})
    assert judged_versions([fallback]) == {"A", "B"}


def test_periods_tell_since_when_and_until_when() -> None:
    rows = ledger("A", "-B", "B", "<A")
    found = periods(rows)
    assert [(p.begun, p.ended) for p in found["A"]] == [(rows[0], rows[2]), (rows[3], None)]
    assert [(p.begun, p.ended) for p in found["B"]] == [(rows[2], rows[3])]
