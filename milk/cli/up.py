"""`milk up`: the Dagster UI and its daemon on one home, as two subprocesses that end together."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from milk.cli.console import say, say_progress
from milk.cli.dagster_home import create_dagster_storage, dagster_environment, prepare_dagster_home
from milk.errors import BadSetting, MilkError
from milk.home.dataset import judged_dataset
from milk.home.layout import Home
from milk.settings import PROJECT, Settings, load_settings
from milk.sources.files import DataFolder
from milk.steps.receive import dataset_of

HOST = "127.0.0.1"
START_SECONDS = 180
STOP_SECONDS = 8
LOCATIONS = """
{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""


def serve_dagster(*, data: Path | None, home: Path | None, port: int | None) -> None:
    """Start UI and daemon, wait until the UI answers, say where it is, and stop both on Ctrl-C.

    Raises:
        MilkError: the data or the home cannot be used, or one of the processes ended.
    """
    settings = load_settings(data=data, home=home, port=port)
    place = Home(settings.home_path)
    # A UI whose data the home would refuse is of no use: say so before it starts.
    judged_dataset(place, dataset_of(DataFolder(settings.data)))
    place.prepare()
    _refuse_taken(settings.port)
    say_progress(f"Data {settings.data}, home {place.path}; starting the Dagster UI and its daemon ...")
    prepare_dagster_home(place)
    create_dagster_storage(place)
    # A service manager ends this process so; the parts, in groups of their own, would live on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parts = _start(settings, place)
    try:
        _wait_until_ready(parts, settings.port)
        say(f"Dagster UI: http://{HOST}:{settings.port}   (Ctrl-C stops it)")
        _watch(parts)
    except KeyboardInterrupt:
        say_progress("Stopping ...")
    finally:
        _stop(parts)


def _refuse_taken(port: int) -> None:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BadSetting(
                f"Port {port} is taken: {error.strerror}. Choose another with --port or MILK_PORT."
            ) from error


def _start(settings: Settings, home: Home) -> dict[str, subprocess.Popen[bytes]]:
    workspace = ["-w", str(PROJECT / "workspace.yaml")]
    commands = {
        "UI": ["dagster-webserver", *workspace, "-h", HOST, "-p", str(settings.port)],
        "daemon": ["dagster-daemon", "run", *workspace],
    }
    environment = dagster_environment(settings, home)
    binaries = Path(sys.executable).parent
    return {
        # A group of their own: Ctrl-C reaches this process alone, which then ends them in order.
        name: subprocess.Popen(  # noqa: S603  # because the commands are ours
            [str(binaries / command[0]), *command[1:]], cwd=PROJECT, env=environment, start_new_session=True
        )
        for name, command in commands.items()
    }


def _wait_until_ready(parts: dict[str, subprocess.Popen[bytes]], port: int) -> None:
    """Wait until the UI answers and knows the assets: it starts even where their code cannot be loaded.

    Raises:
        MilkError: a part ended, the code location cannot be loaded, or it takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        _refuse_ended(parts)
        try:
            if _is_loaded(port):
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise MilkError(f"The Dagster UI did not answer within {START_SECONDS} s.")


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


def _watch(parts: dict[str, subprocess.Popen[bytes]]) -> None:
    while True:
        _refuse_ended(parts)
        time.sleep(1)


def _refuse_ended(parts: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, part in parts.items():
        if part.poll() is not None:
            raise MilkError(f"The {name} ended by itself with code {part.returncode}; its last lines stand above.")


def _stop(parts: dict[str, subprocess.Popen[bytes]]) -> None:
    """Ask each to end, wait, then end what is left of its group."""
    import os

    for part in parts.values():
        if part.poll() is None:
            part.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for part in parts.values():
        try:
            part.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            part.kill()
        try:
            os.killpg(part.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
