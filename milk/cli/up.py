"""`milk up`: the Dagster UI, its daemon and the reader on one home; they start, are watched, and end together."""

import json
import signal
import sys
import time
import urllib.request
from pathlib import Path

from milk.cli.console import say, say_progress
from milk.cli.dagster_home import create_dagster_storage, environment_of_parts, prepare_dagster_home
from milk.cli.parts import HOST, Part, refuse_ended, refuse_taken, start_part, stop_parts, wait_until
from milk.cli.serve import is_reader_alive, reader_command
from milk.errors import BadSetting, MilkError, StoreUnavailable
from milk.home.dataset import judged_dataset
from milk.home.layout import Home
from milk.settings import PROJECT, Settings, load_settings
from milk.sources.files import DataFolder
from milk.steps.place import home_of
from milk.steps.receive import dataset_of
from milk.steps.store import home_store

LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""


def run_servers(*, data: Path | None, home: Path | None, port: int | None, reader_port: int | None) -> None:
    """Start UI, daemon and reader, wait until they answer, say where they are, and stop them on Ctrl-C.

    Raises:
        MilkError: the data or the home cannot be used, or one of the processes ended.
    """
    settings = load_settings(data=data, home=home, port=port, reader_port=reader_port)
    place = home_of(settings)
    # A UI whose data the home would refuse is of no use: say so before it starts.
    judged_dataset(place, dataset_of(DataFolder(settings.data)))
    place.prepare()
    with place.served():
        _refuse_taken_ports(settings)
        _look_at_store(settings, place)
        say_progress(
            f"Data {settings.data}, home {place.address}; starting the Dagster UI, its daemon and the reader ..."
        )
        prepare_dagster_home(place, settings)
        create_dagster_storage(place)
        # A service manager ends this process so; the parts, in groups of their own, would live on.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        parts: list[Part] = []
        try:
            _start(settings, place, parts)
            _say_where(settings, place)
            while True:
                refuse_ended(parts)
                time.sleep(1)
        except KeyboardInterrupt:
            say_progress("Stopping ...")
        finally:
            stop_parts(parts)


def _refuse_taken_ports(settings: Settings) -> None:
    if settings.port == settings.reader_port:
        raise BadSetting(f"The Dagster UI and the reader cannot both have port {settings.port}: change one of them.")
    refuse_taken(settings.port, setting="--port or MILK_PORT")
    refuse_taken(settings.reader_port, setting="--reader-port or MILK_READER_PORT")


def _look_at_store(settings: Settings, home: Home) -> None:
    """Refuse a store that can never work; one that does not answer at this moment is the sensor's to wait for."""
    try:
        with home_store(home, settings.store_address):
            pass
    except StoreUnavailable as error:
        say_progress(f"{error} What was made is published when it is back; until then no forecast can be made.")


def _start(settings: Settings, home: Home, parts: list[Part]) -> None:
    """Start the parts one by one into the list, so that whatever goes wrong, those that run are known."""
    workspace, binaries = ["-w", str(PROJECT / "workspace.yaml")], Path(sys.executable).parent
    quiet = ["--log-level", "warning", "--code-server-log-level", "warning"]
    ui = [str(binaries / "dagster-webserver"), *workspace, "-h", HOST, "-p", str(settings.port), *quiet]
    commands = {
        "reader": reader_command(settings.reader_port, log_level="warning", access_log=False),
        "UI": [*ui, "--dagster-log-level", "warning"],
        "daemon": [str(binaries / "dagster-daemon"), "run", *workspace, *quiet],
    }
    environment = environment_of_parts(settings, home)
    for name, command in commands.items():
        log = home.logs / f"{name.lower()}.log"
        parts.append(start_part(name, command, environment=environment, folder=PROJECT, log=log))
    wait_until(lambda: is_reader_alive(settings.reader_port), parts, "reader")
    # The UI starts even where the code of the assets cannot be loaded.
    wait_until(lambda: _is_loaded(settings.port), parts, "Dagster UI")


def _is_loaded(port: int) -> bool:
    body = json.dumps({"query": LOCATIONS}).encode()
    request = urllib.request.Request(
        f"http://{HOST}:{port}/graphql", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # because the address is ours
        entries = json.load(answer)["data"]["workspaceOrError"].get("locationEntries", [])
    for entry in entries:
        if entry["loadStatus"] == "LOADED" and entry["locationOrLoadError"]["__typename"] == "PythonError":
            raise MilkError(f"The assets cannot be loaded: {entry['locationOrLoadError']['message'].strip()}")
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


def _say_where(settings: Settings, home: Home) -> None:
    say(f"Dagster UI: http://{HOST}:{settings.port}")
    say(f"Reader:     http://{HOST}:{settings.reader_port}   (the page; /docs for programs)")
    say(f"Logs:       {home.logs}")
    say("Ctrl-C stops all of them.")
