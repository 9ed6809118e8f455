"""The settings, all of them, read from the environment in one place: `MILK_<NAME>`.

Each is described here and nowhere else: `docs/settings.md` and `milk config show` are made from the fields below.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from milk.addresses import bucket_address, dagster_database, path_in_addresses, store_database
from milk.environment import PREFIX, file_variable, secrets_in_files, variable, variables, warn_of_unknown
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


class _SecretFiles(PydanticBaseSettingsSource):
    """The settings that `MILK_<NAME>_FILE` names a file for."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  # because the base asks
        # Required by the base class, which would ask for one at a time.
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        return dict(secrets_in_files(secret_settings()))


class Settings(BaseSettings):
    """What can be set from outside; an empty variable counts as not set.

    Of a field: the description, an example, the unit where it is a quantity, `about` where its default is made from
    others, and `is_secret` where its value may hold a password: it is never shown, and may be given as a file.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore")

    data: Path = Field(
        default=SAMPLE,
        description="Folder of the input files.",
        examples=["/srv/milk/data"],
        json_schema_extra={"about": "the synthetic sample, `data/sample`"},
    )
    home: Path | None = Field(
        default=None,
        description="Folder of everything that is written. It belongs to one dataset.",
        examples=["/var/lib/milk"],
        json_schema_extra={"about": "`storage/` for the sample, `storage/homes/<folder>` for other data"},
    )
    first_issue: MonthSetting = Field(
        default=Month(2010, 1),
        description="The first issue month wanted; the data may allow only a later one.",
        examples=["2014-10"],
        json_schema_extra={"unit": "YYYY-MM"},
    )
    evaluation_months: int = Field(
        default=120,
        ge=24,
        le=600,
        description="The newest months of the price, on which versions are compared and which no search sees.",
        examples=["60"],
        json_schema_extra={"unit": "months"},
    )
    executor: Literal["in_process", "multiprocess", "dask"] = Field(
        default="in_process",
        description="How Dagster runs the steps of a run: in one process, in two at a time, or on the workers of a "
        "Dask cluster (docs/operations/cluster.md).",
        examples=["dask"],
    )
    dask_address: str = Field(
        default="tcp://127.0.0.1:8786",
        description="Where the scheduler of that cluster listens.",
        examples=["tcp://scheduler:8786"],
    )
    series_workers: int = Field(
        default=1,
        ge=1,
        le=256,
        description="Processes over which the forecasts of the further series of `prices.toml` are spread.",
        examples=["4"],
        json_schema_extra={"unit": "processes"},
    )
    store_url: str | None = Field(
        default=None,
        repr=False,
        description="Database of ledger and publications: a SQLite file, or a PostgreSQL server, its driver named.",
        examples=["postgresql+psycopg://user:password@host:5432/milk"],
        json_schema_extra={"is_secret": True, "about": "`milk.db` in the home, SQLite"},
    )
    dagster_url: str | None = Field(
        default=None,
        repr=False,
        description="Database of Dagster's own records (runs, events, schedules) on a PostgreSQL server, its driver "
        "named; a database of its own, not that of `MILK_STORE_URL`. Records of before are not taken along.",
        examples=["postgresql+psycopg2://user:password@host:5432/dagster"],
        json_schema_extra={"is_secret": True, "about": "`dagster/` in the home, SQLite"},
    )
    files_url: str | None = Field(
        default=None,
        description="Where everything lies that is kept in files, in an S3-compatible bucket that several machines "
        "share (docs/operations/buckets.md). It needs a `MILK_STORE_URL` on PostgreSQL. Server and credentials are "
        "those of every program for S3: `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, "
        "`AWS_SECRET_ACCESS_KEY`.",
        examples=["s3://bucket/prefix"],
        json_schema_extra={"about": "the home"},
    )
    files_patience_seconds: int = Field(
        default=40,
        ge=1,
        le=600,
        description="For how long a request to the bucket that fails is tried again; one try may take half of it. Then "
        "the step or command ends with a message.",
        examples=["120"],
        json_schema_extra={"unit": "seconds"},
    )
    retraining: Literal["report", "act"] = Field(
        default="report",
        description="What follows where `retrain_decision` says retrain: `act` starts the job `training`, `report` "
        "says only what would have been started.",
        examples=["act"],
    )
    port: int = Field(
        default=3000, ge=1, le=65535, description="Port of the Dagster UI of `milk up`.", examples=["3100"]
    )
    reader_port: int = Field(
        default=8000, ge=1, le=65535, description="Port of the reader of `milk up` and `milk serve`.", examples=["8100"]
    )
    online_retention_days: int = Field(
        default=365,
        ge=0,
        le=36_500,
        description="For how long a request to the online route and its answer are kept; 0 keeps none.",
        examples=["30"],
        json_schema_extra={"unit": "days"},
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        default=(),
        description="Pages of which other addresses may read the reader in a browser, as origins with commas between "
        "them; `*` is any.",
        examples=["https://example.org,http://localhost:8080"],
        json_schema_extra={"about": "none"},
    )
    alert_url: str | None = Field(
        default=None,
        repr=False,
        description="Webhook that is told of a failed run, stale data, a month without an issue and coverage out of "
        "its band (docs/operations/alerts.md). All of the address counts as secret.",
        examples=["https://chat.example.org/hooks/..."],
        json_schema_extra={"is_secret": True, "about": "nobody is told"},
    )
    alert_secret: str | None = Field(
        default=None,
        repr=False,
        description="What the messages to `MILK_ALERT_URL` are signed with.",
        examples=["a long random text"],
        json_schema_extra={"is_secret": True, "about": "not signed"},
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # because it is not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # because it is not read
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in the program wins over the environment, and nothing else is read."""
        return init_settings, env_settings, _SecretFiles(settings_cls)

    @property
    def home_path(self) -> Path:
        """The folder of the home.

        Raises:
            BadSetting: its path cannot stand in an address.
        """
        if self.home is not None:
            return path_in_addresses(self.home.expanduser().resolve())
        data = self.data.expanduser().resolve()
        return STORAGE if data == SAMPLE.resolve() else path_in_addresses(STORAGE / "homes" / data.name)

    @property
    def store_address(self) -> str:
        """The database of ledger and publications; see `milk.addresses.store_database`."""
        return store_database(self.store_url, self.home_path)

    @property
    def files_address(self) -> str:
        """Where the files lie, `s3://bucket/prefix` without a slash at its end; empty for the home.

        Raises:
            BadSetting: see `milk.addresses.bucket_address`.
        """
        return "" if self.files_url is None else bucket_address(self.files_url, store=self.store_url)

    @property
    def dagster_address(self) -> str | None:
        """The database of Dagster's records, as an SQLAlchemy URL; `None` for SQLite in the home.

        Raises:
            BadSetting: see `milk.addresses.dagster_database`.
        """
        return None if self.dagster_url is None else dagster_database(self.dagster_url, store=self.store_url)


def extra_of(name: str, key: str) -> Any:  # noqa: ANN401  # because it is text or truth, as the field says
    """What a field says of itself beside its description; `None` where it does not."""
    extra = Settings.model_fields[name].json_schema_extra
    return extra.get(key) if isinstance(extra, dict) else None


def secret_settings() -> tuple[str, ...]:
    """The settings whose value may hold a password."""
    return tuple(name for name in Settings.model_fields if extra_of(name, "is_secret"))


def known_variables() -> set[str]:
    """Every variable that is read."""
    return {*map(variable, Settings.model_fields), *map(file_variable, secret_settings())}


def origins(options: set[str]) -> dict[str, str]:
    """Where each setting comes from: `option`, `environment`, `file` or `default`.

    Args:
        options: the settings that were given by an option of the command.
    """
    given = variables()

    def of(name: str) -> str:
        if name in options:
            return "option"
        if variable(name) in given:
            return "environment"
        return "file" if name in secret_settings() and file_variable(name) in given else "default"

    return {name: of(name) for name in Settings.model_fields}


def load_settings(**overrides: object) -> Settings:
    """Read the settings; values given here win over the environment, `None` means not given.

    A variable that looks like a setting and is none is said on standard error, once in a process.

    Raises:
        BadSetting: a value cannot be used; the message names the variable.
    """
    warn_of_unknown(known_variables())
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # because the values are checked by the model itself
    except ValidationError as error:
        raise BadSetting("\n".join(_explained(e) for e in error.errors())) from error


def _explained(error: ErrorDetails) -> str:
    problem, name = error["msg"].removeprefix("Value error, ").rstrip("."), str(error["loc"][0])
    shown = "" if name in secret_settings() else f" (it is '{error['input']}')"
    return f"{variable(name)}: {problem}{shown}."
