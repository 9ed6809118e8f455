"""`milk` on PostgreSQL and a bucket: the same forecasts as embedded, whatever is killed on the way."""

import datetime as dt
import json
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.killed_run import spurious_revisions
from milk.home.archive import verified_manifest
from milk.home.tables import read_table
from milk.publication.engine import open_store
from milk.settings import load_settings
from milk.steps.garbage import find_garbage, free
from milk.steps.place import home_of
from milk.steps.publication import unpublished_months
from tests.milk.cli.commands import PRICE_FILE, Told, command, environment, milk, price_folder, refused
from tests.milk.cli.conftest import Ran
from tests.ports import free_port
from tests.postgres import PostgresServer
from tests.s3 import S3Server

pytestmark = pytest.mark.slow(seconds=60)

KILLED_AFTER = "staging_model_beats_the_last_value"
LOCAL = {"dagster", "logs", "run.lock"}
"""What a home holds of this machine alone."""


@dataclass(frozen=True)
class Served:
    """A home on servers, the settings that name it, and what its second run said."""

    settings: dict[str, str]
    told: Told
    document: dict[str, Any]

    def home(self, name: str) -> dict[str, str]:
        """The settings of another machine, with a folder of its own."""
        return self.settings | {"MILK_HOME": str(Path(self.settings["MILK_HOME"]).parent / name)}


def run_and_kill(settings: dict[str, str]) -> list[str]:
    """Start a run and kill it once it has said that a step is done; what it said until then."""
    said = []
    with subprocess.Popen(command("run"), env=environment(**settings), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if KILLED_AFTER in line:
                process.kill()
    assert process.returncode == -signal.SIGKILL, said
    return said


@pytest.fixture(scope="module")
def served(postgres: PostgresServer, s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("machines")
    settings = {
        "MILK_HOME": str(folder / "one"),
        "MILK_STORE_URL": postgres.new_database(),
        "MILK_FILES_URL": f"s3://{s3.new_bucket()}/milk",
        **s3.environment(),
    }
    run_and_kill(settings)
    # Another machine goes on: nothing that counts lay on the disk of the first.
    second = settings | {"MILK_HOME": str(folder / "two")}
    told = milk("run", "--json", folder / "run.json", **second)
    assert told.code == 0, told.err
    return Served(second, told, json.loads((folder / "run.json").read_bytes()))


def test_the_forecasts_are_those_of_an_embedded_run(served: Served, ran: Ran) -> None:
    assert served.document["forecasts"] == ran.document["forecasts"]
    assert served.document["backtest"]["scores"] == ran.document["backtest"]["scores"]
    assert served.document["home"] == served.settings["MILK_FILES_URL"]


def test_nothing_was_lost_or_published_twice(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in served.settings.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    store = open_store(settings.store_address)
    assert unpublished_months(home_of(settings), store) == []
    assert spurious_revisions(store) == []
    store.dispose()


def test_the_folder_of_a_machine_holds_what_is_its_own(served: Served) -> None:
    for name in ("one", "two"):
        home = Path(served.settings["MILK_HOME"]).parent / name
        assert {file.name for file in home.iterdir()} <= LOCAL


def test_every_command_works_from_a_machine_that_ran_nothing(served: Served, tmp_path: Path) -> None:
    third, version = served.home("three"), served.document["model_version"]
    said = milk("status", **third)
    assert said.code == 0, said.err
    assert served.settings["MILK_FILES_URL"] in said.out
    assert f"model     {version}" in said.out
    assert version in milk("models", "list", **third).out
    assert f"# Model version {version}" in milk("models", "show", **third).out
    assert "the same to the last digit" in milk("models", "remake", **third).out
    for words in (("features", "export", "--parquet"), ("data", "panel", "--as-of", "2020-05-05", "--output")):
        told = milk(*words, tmp_path / words[0], **third)
        assert told.code == 0, told.err
        assert (tmp_path / words[0]).stat().st_size > 1000


def test_the_check_of_the_settings_tries_the_bucket(served: Served) -> None:
    told = milk("config", "check", **served.settings)
    assert told.code == 0, told.out
    assert f"ok     files    {served.settings['MILK_FILES_URL']}: dataset " in told.out
    told = milk("config", "check", **served.settings | {"MILK_FILES_URL": "s3://nobody-made-it/x"})
    assert told.code == 1
    assert "wrong  files    There is no bucket nobody-made-it" in told.out


def test_other_data_are_refused_with_what_to_set(served: Served, tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data")
    head, *lines = (data / PRICE_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    (data / PRICE_FILE).write_text("".join([head, *lines[12:]]), encoding="utf-8")
    told = milk("run", "--data", data, **served.settings)
    refused(told, "belongs to another dataset", f"MILK_FILES_URL={served.settings['MILK_FILES_URL']}-", code=3)


@pytest.mark.parametrize("words", [("run",), ("status",), ("models", "list")])
def test_a_bucket_that_does_not_answer_is_one_message(s3: S3Server, tmp_path: Path, words: tuple[str, ...]) -> None:
    nowhere = {
        "MILK_HOME": str(tmp_path),
        "MILK_STORE_URL": "postgresql+psycopg://milk:not-asked@127.0.0.1:1/milk",
        "MILK_FILES_URL": "s3://some-bucket/x",
        "MILK_FILES_PATIENCE_SECONDS": "1",
        **s3.environment(f"http://127.0.0.1:{free_port()}"),
    }
    refused(milk(*words, **nowhere), "(MILK_FILES_URL) do not answer", "Check AWS_ENDPOINT_URL", code=3)


def test_a_backup_moves_from_servers_to_one_folder_and_back(
    served: Served, postgres: PostgresServer, s3: S3Server, tmp_path: Path
) -> None:
    told = milk("backup", tmp_path / "b", "--json", **served.home("three"))
    assert told.code == 0, told.err
    assert json.loads(told.out)["tables"]["features"] >= 0
    assert milk("restore", tmp_path / "b", "--home", tmp_path / "embedded").code == 0
    assert milk("backup", tmp_path / "embedded.tar.gz", "--home", tmp_path / "embedded").code == 0
    other = served.home("four") | {
        "MILK_STORE_URL": postgres.new_database(),
        "MILK_FILES_URL": f"s3://{s3.new_bucket()}/other",
    }
    back = milk("restore", tmp_path / "embedded.tar.gz", "--home", other["MILK_HOME"], **other)
    assert back.code == 0, back.err
    assert other["MILK_FILES_URL"] in back.out
    assert milk("backup", tmp_path / "again", **other).code == 0
    backups = [verified_manifest(tmp_path / name)["members"] for name in ("b", "embedded.tar.gz", "again")]
    files = [{name: said for name, said in members.items() if name.startswith("files/")} for members in backups]
    assert files[0] == files[1] == files[2]
    assert backups[0].keys() == backups[2].keys()
    assert {entry.name for entry in Path(other["MILK_HOME"]).iterdir()} <= LOCAL
    # Neither is written over.
    again = milk("restore", tmp_path / "b", "--home", other["MILK_HOME"], **other)
    refused(again, "holds something already", "MILK_FILES_URL", code=3)


def test_what_nothing_refers_to_is_freed_in_a_bucket(served: Served) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in served.home("five").items():
            patch.setenv(name, value)
        settings = load_settings()
        home = home_of(settings)
        home.prepare()
        home.files.write("tables/features/part-00000-orphan.parquet", b"12345")
        store = open_store(settings.store_address)
        before = find_garbage(home, store, before=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
        found = find_garbage(home, store, before=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
        with home.locked():
            free(home, found)
        store.dispose()
        assert before == []
        assert "tables/features/part-00000-orphan.parquet" in {part.path for part in found}
        assert not home.files.has("tables/features/part-00000-orphan.parquet")
        assert read_table(home, "features").shape[0] > 0
    assert milk("gc", **served.home("five")).out.startswith("Nothing to free")
    assert milk("alerts", **served.home("five")).code == 0
