"""What holds for all rows of an answer, and the way to the rows after them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from milk.publication.read_series import InputRecord, price_record
from milk_serving.deps import Desk, State
from milk_serving.queries import ListQuery
from milk_serving.responses import Meta


def meta_of(
    desk: Desk,
    state: State,
    series_id: str,
    rows: Sequence[Any],
    *,
    total: int | None = None,
    query: ListQuery | None = None,
) -> Meta:
    """What holds for some rows.

    Args:
        desk: where the question is answered.
        state: as of when.
        series_id: the series asked for.
        rows: those shown; what the rows of one issue have in common is told.
        total: how many there are; as many as are shown where not given.
        query: the question about a list, which may go on.
    """
    series = price_record(desk.store, series_id, upto=state.publication)
    following = _next(desk, state, query, len(rows), total or len(rows))
    if following:
        desk.response.headers["Link"] = f'<{following}>; rel="next"'
    return Meta(
        series_id=series_id,
        unit=_of_rows(rows, "unit") or (series.unit if series else None),
        is_synthetic=_is_synthetic(desk, state, series_id, rows),
        **_issue(rows),
        **_registered(series),
        generated_at=state.published_at,
        count=len(rows),
        total=len(rows) if total is None else total,
        publication=state.publication,
        as_of=state.published_at,
        next=following,
        warnings=_warnings(len(rows), total, query),
    )


def _registered(series: InputRecord | None) -> dict[str, str | None]:
    return {"source": series.source if series else None, "licence": series.licence if series else None}


def _of_rows(rows: Sequence[Any], name: str) -> Any:  # noqa: ANN401  # because a row has fields of any type
    """What the first row says; every row of a series says the same."""
    return getattr(rows[0], name, None) if rows else None


def _is_synthetic(desk: Desk, state: State, series_id: str, rows: Sequence[Any]) -> bool | None:
    said = _of_rows(rows, "is_synthetic")
    return bool(said) if said is not None else desk.is_synthetic(series_id, state)


def _issue(rows: Sequence[Any]) -> dict[str, Any]:
    """The issue, its revision and its model where all rows are of one."""
    names = ("issue_month", "revision", "model_version")
    found = {tuple(getattr(row, name, None) for name in names) for row in rows}
    month, revision, model = found.pop() if len(found) == 1 else (None, None, None)
    return {"issue_month": None if month is None else str(month), "revision": revision, "model_version": model}


def _next(desk: Desk, state: State, query: ListQuery | None, shown: int, total: int) -> str | None:
    """The address that goes on after these rows: the same question with a cursor."""
    if query is None:
        return None
    reached = (query.place[1] if query.place else 0) + shown
    if not shown or reached >= total:
        return None
    asked = parse_qsl(desk.request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    kept = [(name, value) for name, value in asked if name != "cursor"]
    return f"{desk.request.scope['path']}?{urlencode([*kept, ('cursor', f'{state.publication}.{reached}')])}"


def _warnings(shown: int, total: int | None, query: ListQuery | None) -> list[str]:
    if query is None or total is None or "limit" in query.model_fields_set or query.place or shown >= total:
        return []
    return [f"Only the first {shown} of {total} rows are here, as many as an answer may have: `next` leads on."]
