"""The servers that `milk up` runs, as subprocesses: started with a log each, watched, and ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from milk.cli.console import ERR
from milk.errors import BadSetting, HomeRefused, MilkError

HOST = "127.0.0.1"
START_SECONDS = 180
STOP_SECONDS = 8
LINES_SHOWN = 15
_DIES_WITH_ITS_PARENT = 1
"""PR_SET_PDEATHSIG of Linux."""


@dataclass(frozen=True)
class Part:
    """A running server.

    Attributes:
        name: what the user calls it.
        process: its process, the first of a group of its own.
        log: the file that holds what it says.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def start_part(name: str, command: list[str], *, environment: Mapping[str, str], folder: Path, log: Path) -> Part:
    """Start a server; what it says goes to its log, which begins anew and keeps the one before beside it.

    Raises:
        HomeRefused: the log cannot be written.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(log.with_suffix(".before.log"))
        with log.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603  # because the commands are ours
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches the parent alone, which then ends its parts in order.
                start_new_session=True,
                preexec_fn=_prepare,
            )
    except OSError as error:
        raise HomeRefused(f"{log} cannot be written: {error.strerror}. Choose another home with --home.") from error
    return Part(name, process, log)


def _prepare() -> None:
    """Run in the new process, before its command."""
    # A shell that starts a command in the background lets it ignore Ctrl-C, and what is ignored or blocked would be
    # inherited: a part must be able to end.
    for end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if sys.platform == "linux":
        # Where the parent is killed, its parts end too, and no port stays taken.
        ctypes.CDLL(None).prctl(_DIES_WITH_ITS_PARENT, signal.SIGTERM)


def wait_until(is_ready: Callable[[], bool], parts: list[Part], what: str) -> None:
    """Wait until a server answers.

    Raises:
        MilkError: a part ended, or it takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        refuse_ended(parts)
        with suppress(OSError):
            if is_ready():
                return
        time.sleep(0.25)
    raise MilkError(f"The {what} did not answer within {START_SECONDS} s.")


def refuse_ended(parts: list[Part]) -> None:
    """Raise where a part has ended by itself; what it said last is shown first.

    Raises:
        MilkError: one has.
    """
    for part in parts:
        code = part.process.poll()
        if code is not None:
            for line in part.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN:]:
                ERR.print(f"  {line}", markup=False, soft_wrap=True)
            raise MilkError(
                f"The {part.name} ended by itself ({_how(code)}), so everything was stopped. Its last lines stand "
                f"above, all of them in {part.log}. The same command starts it again."
            )


def _how(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"


def stop_parts(parts: list[Part]) -> None:
    """Ask each to end, wait, then end what is left of its group."""
    for part in parts:
        if part.process.poll() is None:
            part.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    for part in parts:
        with suppress(subprocess.TimeoutExpired):
            part.process.wait(max(0.1, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()


def refuse_taken(port: int, *, setting: str) -> None:
    """Raise where a port is taken.

    Args:
        port: the port.
        setting: what to write for another one, for the message.

    Raises:
        BadSetting: it is taken, or may not be used.
    """
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BadSetting(f"Port {port} is taken: {error.strerror}. Choose another with {setting}.") from error
