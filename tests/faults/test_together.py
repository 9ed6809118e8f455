from benchmarks.faults.together import publish_together

ROUNDS = 4


def test_the_same_content_at_once_is_one_revision_and_others_are_numbered_without_a_gap(address: str) -> None:
    tally = publish_together(address, ROUNDS, seed=1)
    assert tally.is_sound, tally.faults
    assert tally.done["meetings"] == 2 * ROUNDS
    assert tally.done["meetings of four"] == 2
    # In each round one of the same content, and one of each of its own.
    assert tally.done["publications"] == ROUNDS + 2 * (ROUNDS - 1) + 4
    assert tally.done["meetings that overlapped"] > 0
