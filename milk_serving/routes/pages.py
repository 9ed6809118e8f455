"""The pages for people, and the files beside them."""

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from milk_serving.pages.answers import answer_page, answer_static
from milk_serving.pages.rendering import ACCURACY_PAGE, MODELS_PAGE, YEAR_AHEAD_PAGE, static_files

# Not in the description of the service: that is for programs.
router = APIRouter(include_in_schema=False)


@router.get("/")
async def year_ahead_page(request: Request) -> Response:
    """The year ahead."""
    return await answer_page(request, YEAR_AHEAD_PAGE)


@router.get("/accuracy")
async def accuracy_page(request: Request) -> Response:
    """How good the forecasts were."""
    return await answer_page(request, ACCURACY_PAGE)


@router.get("/models")
async def models_page(request: Request) -> Response:
    """What is in production."""
    return await answer_page(request, MODELS_PAGE)


@router.get("/static/{digest}/{name}")
async def static_file(digest: str, name: str) -> Response:
    """Style, script and sign of the pages; an older hash gets the file of now, for a page of another worker."""
    file = static_files().get(name)
    if file is None:
        raise HTTPException(404)
    return answer_static(file, digest)
