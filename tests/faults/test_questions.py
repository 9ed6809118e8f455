"""What the reader makes of questions that its description allows or not, in a small dose; `make soak` asks 20,000."""

from pathlib import Path

from fastapi import FastAPI, Query
from pydantic import BaseModel

from benchmarks.faults.questions import ask_described, described_reader


def test_no_question_is_answered_otherwise_than_described(tmp_path: Path) -> None:
    tally = ask_described(described_reader(tmp_path), 200, seed=1)
    assert tally.is_sound, tally.faults
    assert tally.done["operations"] == 24
    assert tally.done["questions"] >= 150


class _Answer(BaseModel):
    number: int


def _failing(number: int = Query(ge=0, le=9)) -> _Answer:
    if number == 7:
        raise ZeroDivisionError
    return _Answer(number=number)


def _refusing(number: int = Query(ge=0, le=9)) -> _Answer:
    return _Answer(number=number) if number < 5 else _Answer.model_construct(number="many")  # type: ignore[arg-type]  # because it is planted


def test_a_planted_fault_is_found() -> None:
    for planted in (_failing, _refusing):
        app = FastAPI()
        app.add_api_route("/planted", planted)
        assert not ask_described(app, 60, seed=1).is_sound
