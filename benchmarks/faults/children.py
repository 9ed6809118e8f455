"""Processes of our own whose lines are read as they come."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 60.0
"""No child needs so long for one line."""


class ChildEndedError(Exception):
    """A child ended, or fell silent, before it said what was waited for."""


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without the settings of the person who soaks: their store is none of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MILK_", "DAGSTER_"))}
    return kept | {"DAGSTER_DISABLE_TELEMETRY": "1"} | more


class Child:
    """A module that runs as a process: lines go in, and lines come out, those of its errors among them.

    It is a context: at its end the process is gone.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self.trace: list[str] = []
        """The lines that were read so far."""
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", module, *arguments],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        # A pipe that nobody empties would stop the child, and move the moment at which it is killed.
        for line in self._process.stdout or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def tell(self, lines: Sequence[str], *, last: bool = False) -> None:
        """Give the child some lines; after the last it finds the end of its input.

        Raises:
            ChildEndedError: it takes none any more.
        """
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            raise ChildEndedError("The input of the child is closed.")
        try:
            pipe.write("".join(f"{line}\n" for line in lines))
            pipe.flush()
            if last:
                pipe.close()
        except BrokenPipeError as error:
            raise ChildEndedError(f"The child has ended; it said last: {self._last()}") from error

    def wait_for(self, start: str, *, seconds: float = LONGEST_SECONDS) -> str:
        """The next line that starts so.

        Raises:
            ChildEndedError: it did not come.
        """
        while (line := self._next(seconds)) is not None:
            if line.startswith(start):
                return line
        raise ChildEndedError(f"No line '{start}' came; the child said last: {self._last()}")

    def _next(self, seconds: float) -> str | None:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if line is not None:
            self.trace.append(line)
        return line

    def _last(self) -> str:
        return " / ".join(self.trace[-3:])

    def kill(self) -> bool:
        """End it with SIGKILL, and read what it said until then; whether it was this that ended it."""
        self._process.kill()
        return self.finish() == -signal.SIGKILL

    def ended_within(self, seconds: float) -> bool:
        """Whether it ends by itself in a time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def finish(self) -> int:
        """Read all that it says until it ends; its exit code."""
        while self._next(LONGEST_SECONDS) is not None:
            pass
        return self._process.wait(LONGEST_SECONDS)
