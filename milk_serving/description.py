"""What FastAPI cannot say of our answers by itself: media types of problems, CSV, headers, the answer 304."""

from typing import Any

from fastapi import FastAPI

from milk_serving import problems

_CSV = {
    "schema": {"type": "string"},
    "example": "series_id,target_month,...\r\ncl_farmgate_milk,2014-10,...\r\n",
}
_HEADERS = {
    "ETag": "Names this answer, strongly: of its publication, its address, format and coding.",
    "Last-Modified": "When what it rests on changed last.",
    "Cache-Control": "How long it may be used without asking; `immutable` where it never changes.",
    "X-Request-ID": "The id of the request, given or made.",
}
_UNCHANGED = {"description": "The client holds this answer already (`If-None-Match`)."}


def describe_in_full(app: FastAPI) -> None:
    """Let the description of an application say it."""
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        for methods in schema["paths"].values():
            for method, operation in methods.items():
                _name_problems(operation)
                # Only what is kept may be in no format that the client takes.
                if method == "get" and "406" in operation["responses"]:
                    _name_answer(operation)
        return schema

    app.openapi = described  # type: ignore[method-assign]  # because this is how FastAPI wants to be extended


def _name_problems(operation: dict[str, Any]) -> None:
    """FastAPI knows only one media type for all answers of a route."""
    for status, answer in operation["responses"].items():
        if status >= "400" and "application/json" in answer["content"]:
            answer["content"][problems.MEDIA_TYPE] = answer["content"].pop("application/json")


def _name_answer(operation: dict[str, Any]) -> None:
    """The headers of a kept answer, its other format, and that it may be held already."""
    answer = operation["responses"]["200"]
    answer["headers"] = {name: {"description": said, "schema": {"type": "string"}} for name, said in _HEADERS.items()}
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", [])):
        answer["content"]["text/csv"] = _CSV
    operation["responses"]["304"] = _UNCHANGED
