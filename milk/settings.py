"""The settings, all of them, read from the environment in one place: `MILK_<NAME>`."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from milk.errors import BadSetting
from milk.months import Month

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT / "data" / "sample"
STORAGE = PROJECT / "storage"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def _month(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return Month.parse(value)
    except BadSetting as error:
        raise ValueError(str(error)) from error


def _origins(value: object) -> object:
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip() for part in value.split(",") if part.strip())
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"'{origin}' is no origin: write it like https://example.org, without a path")
    return origins


# `NoDecode`: a variable that holds a dataclass would be taken for JSON.
MonthSetting = Annotated[Month, NoDecode, BeforeValidator(_month), PlainSerializer(str)]


class Settings(BaseSettings):
    """What can be set from outside; an empty variable counts as not set.

    Attributes:
        data: folder of the input files.
        home: folder of everything that is written; where it is not set, `storage/` for the sample, and for other data
            a folder of their own below `storage/homes/`.
        first_issue: the first issue month wanted; the data may allow only a later one.
        evaluation_months: the newest months of the price, on which versions are compared and which no search sees.
        executor: how Dagster runs the steps of a run.
        store_url: database of ledger and publications; where it is not set, a SQLite file in the home.
        retraining: what follows where `retrain_decision` says retrain: `act` starts the job `training`, `report` says
            only what would have been started.
        port: port of the Dagster UI.
        reader_port: port of the reader.
        online_retention_days: for how long a request to the online route and its answer are kept; 0 keeps none.
        cors_origins: pages of which other addresses may read the reader in a browser, as origins with commas between
            them; `*` is any.
    """

    model_config = SettingsConfigDict(env_prefix="MILK_", env_ignore_empty=True, frozen=True, extra="ignore")

    data: Path = SAMPLE
    home: Path | None = None
    first_issue: MonthSetting = Month(2010, 1)
    evaluation_months: int = Field(default=120, ge=24, le=600)
    executor: Literal["in_process", "multiprocess", "dask"] = "in_process"
    dask_address: str = "tcp://127.0.0.1:8786"
    store_url: str | None = None
    retraining: Literal["report", "act"] = "report"
    port: int = Field(default=3000, ge=1, le=65535)
    reader_port: int = Field(default=8000, ge=1, le=65535)
    online_retention_days: int = Field(default=365, ge=0, le=36_500)
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()

    @property
    def home_path(self) -> Path:
        """The folder of the home.

        Raises:
            BadSetting: its path cannot stand in an address.
        """
        if self.home is not None:
            return _addressable(self.home.expanduser().resolve())
        data = self.data.expanduser().resolve()
        return STORAGE if data == SAMPLE.resolve() else _addressable(STORAGE / "homes" / data.name)

    @property
    def store_address(self) -> str:
        """The database of ledger and publications, as an SQLAlchemy URL that means the same from any folder.

        Raises:
            BadSetting: what would be published there would be lost at the end of the process.
        """
        if self.store_url is None:
            return embedded_store(self.home_path)
        scheme, _, place = self.store_url.partition("://")
        if not scheme.startswith("sqlite"):
            return self.store_url
        path = place.removeprefix("/")
        if path in ("", ":memory:"):
            raise BadSetting(f"MILK_STORE_URL: {self.store_url} names no file, and what is published must last.")
        return f"{scheme}:///{Path.cwd() / path}"


def _addressable(home: Path) -> Path:
    """Tables, runs and store are opened by addresses, in which these characters mean something else."""
    if odd := sorted(set("?%#") & set(str(home))):
        raise BadSetting(f"MILK_HOME: the path {home} holds '{odd[0]}', which no home may. Choose another folder.")
    return home


def embedded_store(home: Path) -> str:
    """The address of the database that lies in a home."""
    return f"sqlite:///{home / 'milk.db'}"


def load_settings(**overrides: object) -> Settings:
    """Read the settings; values given here win over the environment, `None` means not given.

    Raises:
        BadSetting: a value cannot be used; the message names the variable.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # because the values are checked by the model itself
    except ValidationError as error:
        raise BadSetting("\n".join(_explained(e) for e in error.errors())) from error


def _explained(error: ErrorDetails) -> str:
    problem = error["msg"].removeprefix("Value error, ").rstrip(".")
    return f"MILK_{str(error['loc'][0]).upper()}: {problem} (it is '{error['input']}')."
