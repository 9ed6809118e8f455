"""A real PostgreSQL server of our own: a new cluster in a temporary folder, on a free port of loopback."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.ports import free_port

USER = "milk"
DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`; `None` where the server is not installed, or cannot be run by this user."""
    if os.geteuid() == 0 and "postgres" not in {entry.pw_name for entry in pwd.getpwall()}:
        # It refuses to run as root.
        return None
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]), reverse=True)
    if found:
        return found[0].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


@dataclass
class PostgresServer:
    """A cluster that can be stopped and started; its databases outlive both."""

    folder: Path
    programs: Path
    port: int
    password: str
    is_durable: bool = False
    _made: int = field(default=0, init=False)

    def start(self) -> None:
        # What a crash of the machine would lose matters to no test; who measures wants it as it is in life.
        fsync = "on" if self.is_durable else "off"
        address = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        options = f"-p {self.port} {address} -c fsync={fsync}"
        # The log of the server must not be a pipe of ours: who reads it to its end would wait for the server.
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", "immediate", "stop")

    def new_database(self, driver: str = "psycopg", template: str = "/template1") -> str:
        """The address of a new database with a driver named in it: empty, or a copy of the one at an address."""
        self._made += 1
        name = f"milk_{os.getpid()}_{self._made}"
        with psycopg.connect(self._address("postgresql", "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2]}".encode())
        return self._address(f"postgresql+{driver}", name)

    def _address(self, scheme: str, database: str) -> str:
        return f"{scheme}://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, cwd="/")


@contextmanager
def postgres_server(*, is_durable: bool = False) -> Iterator[PostgresServer]:
    """A running server; gone with its data afterwards.

    Args:
        is_durable: whether a commit waits for the disk, as it does in life.

    Raises:
        FileNotFoundError: PostgreSQL is not installed here.
    """
    programs = binaries()
    if programs is None:
        raise FileNotFoundError("PostgreSQL is not installed (Debian: postgresql)")
    # Not below pytest's own folder, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="milk-postgres-"))
    password = secrets.token_hex(8)
    (folder / "password").write_text(password, encoding="ascii")
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    server = PostgresServer(folder, programs, free_port(), password, is_durable)
    login = ["-U", USER, f"--pwfile={folder}/password", "--auth-host=scram-sha-256", "--auth-local=trust"]
    try:
        server._run("initdb", "-D", f"{folder}/data", *login, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        server.start()
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
