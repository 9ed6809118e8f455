"""What the reader allows."""

from typing import get_args

from fastapi import APIRouter

from milk.months import Kind
from milk_serving.bodies import MOST_BODY_BYTES
from milk_serving.guards import ANSWER_SECONDS
from milk_serving.queries import MOST_ROWS
from milk_serving.rendering import FORMATS
from milk_serving.responses_models import Config, ConfigAnswer

API_VERSION = "1"
"""Within it answers only gain fields and routes."""

router = APIRouter(tags=["health"])


@router.get("/config", summary="Limits, formats and languages")
async def show_config() -> ConfigAnswer:
    """What a client may ask for and how much; rests on no store. The server in front may allow less."""
    return ConfigAnswer(
        data=Config(
            api_version=API_VERSION,
            formats=list(FORMATS),
            languages=["en", "es"],
            kinds=list(get_args(Kind)),
            levels=[80, 95],
            most_rows=MOST_ROWS,
            most_body_bytes=MOST_BODY_BYTES,
            answer_seconds=ANSWER_SECONDS,
            fresh_seconds=1.0,
            rate_limit=None,
        )
    )
