"""The description of the reader, against a committed file; `MILK_UPDATE_SNAPSHOT=1` accepts a change."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from milk.months import Month
from milk_serving import responses, responses_models, responses_prices
from milk_serving.online_body import read_columns, read_months
from milk_serving.online_responses import (
    COLUMNS_EXAMPLE,
    MONTHS_EXAMPLE,
    OnlineAnswer,
    OnlineForecast,
    OnlineMeta,
    OnlineRecord,
)
from tests.milk_serving.client import Client

SNAPSHOT = Path(__file__).with_name("openapi.json")
ROOT = Path(__file__).parents[2]
HEAVY = ("pandas", "numpy", "pyarrow", "sklearn", "dagster", "deltalake", "matplotlib", "pandera")


@pytest.fixture
def description(client: Client) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json())


def _operations(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in description["paths"].values() for operation in path.values()]


def test_the_description_is_the_one_agreed_upon(description: dict[str, Any]) -> None:
    if os.environ.get("MILK_UPDATE_SNAPSHOT") == "1":
        SNAPSHOT.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    agreed = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert description == agreed, "The API has changed: see the difference, and accept it with MILK_UPDATE_SNAPSHOT=1."


def test_every_operation_is_described(description: dict[str, Any]) -> None:
    operations = _operations(description)
    assert len(operations) == 24
    posted = {path for path, methods in description["paths"].items() if list(methods) != ["get"]}
    assert posted == {"/v1/predictions/online", "/api/v1/get_online_prediction"}
    for path in posted:
        (content,) = description["paths"][path]["post"]["requestBody"]["content"].values()
        assert content["example"]
        assert all(part["description"] for part in content["schema"]["properties"].values())
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert all(operation[part] for part in ("tags", "summary", "description")), operation["operationId"]
        assert all(parameter["description"] for parameter in operation.get("parameters", []))


def test_every_problem_is_described_with_an_example(description: dict[str, Any]) -> None:
    found = [
        (answer["content"], status)
        for operation in _operations(description)
        for status, answer in operation["responses"].items()
        if status not in ("200", "304")
    ]
    assert {status for _content, status in found} == {"400", "404", "406", "413", "422", "500", "503"}
    for content, _status in found:
        assert list(content) == ["application/problem+json"]
        problem = content["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert problem["examples"]


def test_every_answer_has_an_example_of_its_own_shape(description: dict[str, Any]) -> None:
    for operation in _operations(description):
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rsplit("/", 1)[1]
        assert description["components"]["schemas"][name]["examples"], name


ANSWERS = [responses.Predictions, responses.Issues, responses.Alive, responses.Ready, OnlineAnswer, OnlineRecord, *(
    getattr(module, name)
    for module, names in (
        (responses_prices, ("Observations", "Means", "Explained", "SeriesList")),
        (responses_models, ("Models", "Model", "Accuracy", "DataQuality", "ConfigAnswer")),
    )
    for name in names
)]  # fmt: skip


@pytest.mark.parametrize("model", ANSWERS)
def test_an_example_is_an_answer(model: type[BaseModel]) -> None:
    (example,) = model.model_json_schema()["examples"]
    assert json.loads(model.model_validate(example).model_dump_json()) == example


@pytest.mark.parametrize("example", [MONTHS_EXAMPLE, COLUMNS_EXAMPLE])
def test_an_example_of_a_body_is_taken(example: dict[str, Any]) -> None:
    read = read_months if "prices" in example else read_columns
    assert len(read(example, current=Month(2026, 10)).prices) == 3


@pytest.mark.parametrize("model", [responses.Prediction, responses.Issue, OnlineForecast, OnlineMeta])
def test_every_column_says_what_it_is(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
    prices = ("price", "lower_80", "upper_80", "lower_95", "upper_95")
    for name in prices:
        if name in model.model_fields:
            assert "in `unit`, nominal, rounded to 4 decimals" in str(model.model_fields[name].description)


def test_the_reader_loads_no_frame_library() -> None:
    wanted = (*HEAVY, "fastapi")
    code = f"import sys, milk_serving.main\nprint(*(name for name in {wanted!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["fastapi"]


def test_what_is_kept_says_its_headers_and_formats(description: dict[str, Any]) -> None:
    kept = {
        path: path_item["get"]["responses"]
        for path, path_item in description["paths"].items()
        if "304" in path_item.get("get", {}).get("responses", {})
    }
    assert len(kept) == 16
    assert all("ETag" in answers["200"]["headers"] for answers in kept.values())
    in_json_alone = {path for path, answers in kept.items() if "text/csv" not in answers["200"]["content"]}
    assert in_json_alone == {"/v1/explain/{target_month}", "/v1/models/{version}", "/v1/data-quality"}
