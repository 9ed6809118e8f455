"""The reader for a server of its own: `uvicorn --factory milk_serving.main:app`."""

from fastapi import FastAPI

from milk.settings import load_settings
from milk_serving.app import create_app
from milk_serving.watching import write_line


def app() -> FastAPI:
    """The reader of the store that the environment names; it writes a line for each request."""
    return create_app(load_settings(), log=write_line)
