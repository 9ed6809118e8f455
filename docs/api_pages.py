"""Writes docs/api.md and docs/api.es.md: each point with its question and the answer of a real reader.

Usage: .venv/bin/python docs/api_pages.py HOME, a home that `make run` has filled with the sample.
"""

import asyncio
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx

from milk.settings import Settings
from milk_serving.app import create_app

POINTS_FILE = Path(__file__).with_name("api_points.toml")
PAGES = {"en": Path(__file__).with_name("api.md"), "es": Path(__file__).with_name("api.es.md")}
ADDRESS = "http://127.0.0.1:8000"
HEADS = {
    "en": """# The reader, question by question

<!-- Made from docs/api_points.toml by `.venv/bin/python docs/api_pages.py HOME`; change that, not this page. -->

*[En español](api.es.md).* `make up` starts the reader at {address}. The answers here are those of a reader of the
sample, whose data are **synthetic**; long ones are cut at `...`. The numbers are those of the list of requirements.
Inside `/v1` answers only gain fields and routes. Forecasts from your own prices have a page of their own,
[online.md](online.md).
""",
    "es": """# El lector, pregunta por pregunta

<!-- Hecha de docs/api_points.toml por `.venv/bin/python docs/api_pages.py HOME`; cambie aquello, no esta página. -->

*[In English](api.md).* `make up` inicia el lector en {address}. Las respuestas son las de un lector de la muestra,
cuyos datos son **sintéticos**; las largas se cortan en `...`. Los números son los de la lista de requisitos. Dentro de
`/v1` las respuestas sólo ganan campos y rutas. Los pronósticos con precios propios tienen su página,
[online.es.md](online.es.md).
""",
}
SHOWN_ROWS = 1
SHOWN_LINES = 80
LONGEST_TEXT = 60
LONGEST_LINE = 160
HEADERS = ("content-type", "etag", "last-modified", "cache-control", "content-encoding", "vary", "link", "retry-after")


def points() -> list[dict[str, Any]]:
    """What the pages show."""
    return list(tomllib.loads(POINTS_FILE.read_text(encoding="utf-8"))["point"])


def curl_line(point: dict[str, Any]) -> str:
    """The question as it is typed."""
    flags = {"body": "-s", "head": "-sI", "both": "-si"}[point["show"]]
    headers = "".join(f" -H '{header}'" for header in point.get("headers", []))
    return f"curl {flags}{headers} '{ADDRESS}{point['path']}'"


def answer_text(point: dict[str, Any], answer: httpx.Response) -> str:
    """The answer as it is shown: status and headers, or what it says, or both."""
    lines = []
    if point["show"] != "body":
        lines = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"]
        lines += [f"{name}: {answer.headers[name]}" for name in HEADERS if name in answer.headers]
    if point["show"] != "head":
        lines += [""] if lines else []
        lines += _body_lines(answer)
    return "\n".join(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..." for line in lines)


def _body_lines(answer: httpx.Response) -> list[str]:
    if "json" in answer.headers["content-type"]:
        lines = json.dumps(_cut(answer.json()), indent=1, ensure_ascii=False).splitlines()
    else:
        lines = [line for line in answer.text.splitlines() if "_created" not in line and "_bucket" not in line]
    return lines if len(lines) <= SHOWN_LINES else [*lines[:SHOWN_LINES], "..."]


def _cut(value: Any) -> Any:  # noqa: ANN401  # because JSON holds anything
    """The same with fewer rows and shorter texts."""
    if isinstance(value, list):
        kept = [_cut(part) for part in value[:SHOWN_ROWS]]
        return [*kept, "..."] if len(value) > SHOWN_ROWS else kept
    if isinstance(value, dict):
        return {name: _cut(part) for name, part in value.items()}
    if isinstance(value, str) and len(value) > LONGEST_TEXT and " " not in value:
        return f"{value[:12]}..."
    return value


async def answers(home: Path) -> list[httpx.Response]:
    """What a reader of a home answers, in the order of the points."""
    transport = httpx.ASGITransport(create_app(Settings(home=home)))
    async with httpx.AsyncClient(
        transport=transport, base_url=ADDRESS, headers={"Accept-Encoding": "identity"}
    ) as http:
        found = []
        for point in points():
            given = dict(header.split(": ", 1) for header in point.get("headers", []))
            found.append(await http.get(point["path"], headers=given))
        return found


def page(language: str, given: list[httpx.Response]) -> str:
    """A page."""
    parts = [HEADS[language].format(address=ADDRESS)]
    for point, answer in zip(points(), given, strict=True):
        parts.append(f"## {point['number']}: `{point['path'].split('?')[0]}`\n\n{point[language]}\n")
        parts.append(f"```console\n$ {curl_line(point)}\n{answer_text(point, answer)}\n```\n")
    return "\n".join(parts)


def main() -> None:
    """Write both."""
    given = asyncio.run(answers(Path(sys.argv[1])))
    for language, file in PAGES.items():
        file.write_text(page(language, given), encoding="utf-8")


if __name__ == "__main__":
    main()
