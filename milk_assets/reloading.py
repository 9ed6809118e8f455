"""Loads the definitions of a code server anew when the input files reach another month.

The partitions are made when the definitions are loaded. `milk up` does that again each minute; a code server in a
container of its own keeps them until it is told. `python -m milk_assets.reloading HOST PORT` looks and tells it.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.client import DagsterGrpcClient

from milk.months import IssueMonths
from milk.settings import load_settings
from milk_assets.defs.partitions import issue_months_of

INTERVAL_SECONDS = 30
RELOAD_SECONDS = 180
LOOKED = Path("/tmp/looked")  # noqa: S108  # because a container has its own, and nothing is read from it
"""Touched at each look, for who watches over this process."""


def reloads(months: Callable[[], IssueMonths | None], reload: Callable[[], object]) -> Iterator[str]:
    """Look once at each step, and say what was done; empty where nothing was.

    The first look reloads: what the server has loaded is not known. A server that does not answer is asked again.

    Args:
        months: what the data reach.
        reload: loads the definitions anew.
    """
    loaded: IssueMonths | None = None
    is_loaded = False
    while True:
        reached = months()
        if is_loaded and reached == loaded:
            yield ""
            continue
        try:
            reload()
        except DagsterUserCodeUnreachableError as error:
            yield f"The code server does not answer: {str(error).splitlines()[0]}"
            continue
        loaded, is_loaded = reached, True
        yield f"Loaded: {reached.first} to {reached.last}" if reached else "Loaded: the data reach no month"


def main() -> None:
    """Look twice a minute, for ever."""
    # The first process of a container is not ended by a signal that it does not expect.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host, port = sys.argv[1:]
    settings = load_settings()
    client = DagsterGrpcClient(host=host, port=int(port))
    # The server has just loaded them, most often.
    LOOKED.touch()
    time.sleep(INTERVAL_SECONDS)
    for said in reloads(lambda: issue_months_of(settings), lambda: client.reload_code(timeout=RELOAD_SECONDS)):
        if said:
            sys.stdout.write(f"{said}\n")
            sys.stdout.flush()
        LOOKED.touch()
        time.sleep(INTERVAL_SECONDS)


if __name__ == "__main__":
    main()
