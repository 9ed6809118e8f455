"""Bodies in the description of the API: these are read by hand, so FastAPI does not know of them."""

from typing import Any

from pydantic import BaseModel


def body_schema(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """What an operation says of its body: the schema of a model, its parts written out where they stand."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})
    content = {"schema": _written_out(schema, parts), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _written_out(schema: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401  # because a schema nests lists and objects
    if isinstance(schema, list):
        return [_written_out(part, parts) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _written_out(parts[schema["$ref"].rsplit("/", 1)[1]], parts)
    return {name: _written_out(part, parts) for name, part in schema.items()}
