"""All services together: started in their order, found by their names, ended."""

import pwd
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from deploy.trial.compose import Service, read_services
from deploy.trial.container import Container, Image, TrialFailed

COMPOSE = Path(__file__).resolve().parent.parent / "compose.yaml"
ONCE_SECONDS = 300
POSTGRES_DATA = "/var/lib/postgresql/data"
# What the entry of the image does: make the cluster where there is none, with what lies in a folder; then the server.
POSTGRES_ENTRY = f"""
if [ ! -s {POSTGRES_DATA}/PG_VERSION ]; then
  initdb --pgdata={POSTGRES_DATA} --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust \\
    --encoding=UTF8 --locale=C.UTF-8 $POSTGRES_INITDB_ARGS
  echo "host all all all scram-sha-256" >> {POSTGRES_DATA}/pg_hba.conf
  pg_ctl --pgdata={POSTGRES_DATA} --wait --options="-c listen_addresses='' -k /tmp" start
  for file in /docker-entrypoint-initdb.d/*.sql; do
    psql --host=/tmp --username=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --file="$file"
  done
  pg_ctl --pgdata={POSTGRES_DATA} --wait stop
fi
exec postgres -D {POSTGRES_DATA} -c listen_addresses='*' -k /tmp
"""


def own_images() -> dict[str, Image]:
    """What stands for the images that are not built here: the programs of this machine.

    Raises:
        TrialFailed: one is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda file: int(file.parts[-3]))
    if not programs:
        raise TrialFailed("PostgreSQL is not installed here (Debian: postgresql)")
    path = f"{programs[-1].parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    postgres = pwd.getpwnam("postgres")
    return {
        "postgres:17": Image(
            Path("/"),
            {"PATH": path, "LC_ALL": "C.UTF-8"},
            ("sh", "-ec", POSTGRES_ENTRY),
            stop_signal=signal.SIGINT,
            user=f"{postgres.pw_uid}:{postgres.pw_gid}",
        ),
        "nginx:stable": Image(Path("/"), {"PATH": path}, stop_signal=signal.SIGQUIT),
    }


class Stack:
    """The services of deploy/compose.yaml as containers."""

    def __init__(self, services: Mapping[str, Service], images: Mapping[str, Image], work: Path) -> None:
        hosts = {"localhost": "127.0.0.1"} | {name: one.address or "127.0.0.1" for name, one in services.items()}
        self.containers = {
            name: Container(service, images[service.image], work, hosts) for name, service in services.items()
        }
        self.addresses = [service.address for service in services.values() if service.address]

    def __getitem__(self, name: str) -> Container:
        return self.containers[name]

    def up(self) -> None:
        """Start each as soon as those that it waits for are as it wants them, and wait until all are well.

        Raises:
            TrialFailed: one does not become well, or fails.
        """
        started = {name: threading.Event() for name in self.containers}
        with ThreadPoolExecutor(len(self.containers)) as waiting:
            ups = [waiting.submit(self._start_in_turn, name, started) for name in self.containers]
            try:
                for up in as_completed(ups):
                    up.result()
            except BaseException:
                # The others wait for what will not come.
                for event in started.values():
                    event.set()
                raise

    def _start_in_turn(self, name: str, started: Mapping[str, threading.Event]) -> None:
        container = self[name]
        for other, condition in container.service.waits_for.items():
            started[other].wait()
            if condition == "service_healthy":
                self[other].wait_well()
            elif condition == "service_completed_successfully":
                self[other].wait_end(ONCE_SECONDS)
            else:
                raise TrialFailed(f"{other}: nobody can wait for {condition} here")
        container.start()
        started[name].set()
        if not container.service.ends:
            container.wait_well()

    def restart(self, name: str, *, kill: bool = False) -> None:
        """End one and start it again; waits until it is well."""
        self[name].stop(kill=kill)
        self[name].start()
        self[name].wait_well()

    def down(self) -> None:
        """End all, PostgreSQL after those that use it."""
        with ThreadPoolExecutor(len(self.containers)) as stopping:
            list(
                stopping.map(
                    lambda one: one.stop(), [one for name, one in self.containers.items() if name != "postgres"]
                )
            )
        self["postgres"].stop()
        for container in self.containers.values():
            container.remove()


@contextmanager
def running(images: Mapping[str, Image], work: Path, variables: Mapping[str, str]) -> Iterator[Stack]:
    """The stack, not started yet; nothing of it is left afterwards."""
    stack = Stack(read_services(COMPOSE, variables), {**own_images(), **images}, work)
    for address in stack.addresses:
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    try:
        yield stack
    finally:
        stack.down()


def refuse_shared_network() -> None:
    """Refuse to run where the network is that of the machine.

    Raises:
        TrialFailed: it is.
    """
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        raise TrialFailed("This is run by deploy/try-containers.sh, in a network of its own")
