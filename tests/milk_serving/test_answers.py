"""The cache of finished answers, by itself."""

from milk_serving.answers import MOST_ANSWERS, MOST_BYTES, AnswerCache
from milk_serving.rendering import Kept, Rendering
from milk_serving.store import Edition

FIRST, SECOND = Edition(1, 1), Edition(1, 2)
REOPENED = Edition(2, 1)


def _key(number: int) -> tuple[str, bytes, str]:
    return "/predictions", f"limit={number}".encode(), "json"


def _answer(body: bytes) -> Kept:
    rendering = Rendering(b'"tag"', body, (), ())
    return Kept("/predictions", 1, rendering, rendering, b"", 0.0)


def _body(answer: Kept | None) -> bytes | None:
    return None if answer is None else answer.plain.body


def _cache(*numbers: int) -> AnswerCache:
    cache = AnswerCache()
    assert cache.get(FIRST, _key(0)) is None
    for number in numbers:
        cache.keep(FIRST, _key(number), _answer(f"answer {number}".encode()))
    return cache


def test_what_is_kept_is_found_under_its_own_question() -> None:
    cache = _cache(1, 2)
    assert (_body(cache.get(FIRST, _key(1))), _body(cache.get(FIRST, _key(2)))) == (b"answer 1", b"answer 2")
    assert cache.get(FIRST, _key(3)) is None


def test_another_edition_drops_everything() -> None:
    for other in (SECOND, REOPENED):
        cache = _cache(1, 2)
        assert cache.get(other, _key(1)) is None
        assert len(cache) == 0
        assert cache.get(FIRST, _key(1)) is None


def test_an_answer_of_an_edition_that_stands_no_more_is_not_kept() -> None:
    cache = _cache()
    assert cache.get(SECOND, _key(1)) is None
    cache.keep(FIRST, _key(1), _answer(b"late"))
    assert cache.get(SECOND, _key(1)) is None
    assert len(cache) == 0


def test_the_oldest_answer_gives_way_when_there_are_too_many() -> None:
    cache = _cache(*range(MOST_ANSWERS + 3))
    assert len(cache) == MOST_ANSWERS
    assert [cache.get(FIRST, _key(number)) is None for number in range(5)] == [True, True, True, False, False]


def test_the_oldest_answer_gives_way_when_they_are_too_large() -> None:
    cache = _cache()
    for number in range(4):
        cache.keep(FIRST, _key(number), _answer(bytes(MOST_BYTES // 3)))
    assert [cache.get(FIRST, _key(number)) is None for number in range(4)] == [True, False, False, False]
    cache.keep(FIRST, _key(9), _answer(bytes(MOST_BYTES + 1)))
    assert len(cache) == 0


def test_the_same_answer_twice_counts_once() -> None:
    cache = _cache()
    for _ in range(10):
        cache.keep(FIRST, _key(1), _answer(bytes(MOST_BYTES // 2)))
    cache.keep(FIRST, _key(2), _answer(bytes(MOST_BYTES // 2)))
    assert len(cache) == 2


def test_what_is_packed_counts_too() -> None:
    cache = _cache()
    plain, packed = (Rendering(b'"tag"', bytes(MOST_BYTES // 2), (), ()) for _ in range(2))
    cache.keep(FIRST, _key(1), Kept("/predictions", 1, plain, packed, b"", 0.0))
    cache.keep(FIRST, _key(2), _answer(b"one byte more"))
    assert _key(1) not in cache
    assert _key(2) in cache
