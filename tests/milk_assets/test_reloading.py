"""When the definitions of a code server are loaded anew."""

from collections.abc import Iterator

from dagster._core.errors import DagsterUserCodeUnreachableError

from milk.months import IssueMonths, Month
from milk_assets.reloading import reloads

OCTOBER = IssueMonths(Month(2010, 1), Month(2026, 10))
NOVEMBER = IssueMonths(Month(2010, 1), Month(2026, 11))


class _Server:
    """Counts what it is told; does not answer as often as it is made to."""

    def __init__(self, silent: int = 0) -> None:
        self.loaded = 0
        self.silent = silent

    def reload(self) -> None:
        if self.silent:
            self.silent -= 1
            raise DagsterUserCodeUnreachableError("nobody there\nfar behind")
        self.loaded += 1


def _said(*months: IssueMonths | None, server: _Server) -> list[str]:
    reached: Iterator[IssueMonths | None] = iter(months)
    looks = reloads(lambda: next(reached), server.reload)
    return [next(looks) for _ in months]


def test_the_first_look_and_each_other_month_load_them() -> None:
    server = _Server()
    said = _said(OCTOBER, OCTOBER, NOVEMBER, NOVEMBER, server=server)
    assert said == ["Loaded: 2010-01 to 2026-10", "", "Loaded: 2010-01 to 2026-11", ""]
    assert server.loaded == 2


def test_data_that_cannot_be_used_any_more_are_a_change_like_another() -> None:
    server = _Server()
    assert _said(OCTOBER, None, None, server=server)[1:] == ["Loaded: the data reach no month", ""]
    assert server.loaded == 2


def test_a_server_that_does_not_answer_is_told_at_the_next_look() -> None:
    server = _Server(silent=2)
    said = _said(OCTOBER, OCTOBER, OCTOBER, OCTOBER, server=server)
    assert said[:2] == ["The code server does not answer: nobody there"] * 2
    assert said[2:] == ["Loaded: 2010-01 to 2026-10", ""]
