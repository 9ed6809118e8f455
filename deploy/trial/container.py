"""A service as processes that see what a container would: its own root, mounts, process numbers and name.

Its root cannot be written to, its user is that of compose.yaml, it has no capability and can gain none.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.trial.compose import Mount, Service

STOP_SECONDS = 40


class TrialFailed(Exception):  # noqa: N818  # because it is named by what happened
    """Something is not as it must be; the message says what."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image: where its files are, and what it says of itself."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()
    folder: str = "/"
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    """In place of that of compose.yaml, where the files are this machine's and belong to a user of its own."""

    @classmethod
    def of_config(cls, root: Path, config: Mapping[str, object]) -> "Image":
        """An image by the `config` that it carries."""
        said = json.loads(json.dumps(config))
        pairs = (entry.partition("=") for entry in said.get("Env", []))
        return cls(root, {name: value for name, _, value in pairs}, said.get("Cmd", []), said.get("WorkingDir") or "/")


@dataclass
class Container:
    """A service and its processes; `start` after `stop` is what a restart is."""

    service: Service
    image: Image
    work: Path
    hosts: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it said, over all its starts."""
        return self.work / "logs" / f"{self.service.name}.log"

    @property
    def user(self) -> str:
        """Its user and group, as numbers."""
        return self.image.user or self.service.user

    def start(self) -> None:
        """Start it."""
        folder = self.work / "containers" / self.service.name
        folder.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            # A program may open what it writes to once more, by its name below /dev.
            os.fchown(log.fileno(), *map(int, self.user.split(":")))
            # Its first process is number 1 in there: when that ends, the kernel ends the others.
            command = [
                "unshare",
                "--mount",
                "--pid",
                "--uts",
                "--ipc",
                "--fork",
                "--kill-child",
                "sh",
                "-ec",
                self._script(folder),
            ]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )

    def _script(self, folder: Path) -> str:
        root = folder / "root"
        layers = f"lowerdir={self.image.root},upperdir={folder}/new/upper,workdir={folder}/new/work"
        lines = [
            f"hostname {self.service.hostname}",
            f"mkdir -p {folder}/new {root}",
            f"mount -t tmpfs tmpfs {folder}/new",
            f"mkdir {folder}/new/upper {folder}/new/work",
            f"mount -t overlay -o {layers} overlay {root}",
            f"mkdir -p {root}/proc {root}/dev",
            f"mount -t proc proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            *(f"echo {address} {name} >> {folder}/new/hosts" for name, address in self.hosts.items()),
            f"mount --bind {folder}/new/hosts {root}/etc/hosts",
        ]
        for place in self.service.tmpfs:
            target, _, options = place.partition(":")
            lines += [f"mkdir -p {root}{target}", f"mount -t tmpfs -o {self._owned(options)} tmpfs {root}{target}"]
        for mount in self.service.mounts:
            lines += self._mounting(mount, root)
        lines += [f"mount -o remount,ro {root}", f"exec chroot {root} {shlex.join(self._inside(self.command()))}"]
        return "\n".join(lines)

    def _owned(self, options: str) -> str:
        if options and self.image.user:
            user, group = self.image.user.split(":")
            return f"uid={user},gid={group}"
        return options or "mode=1777"

    def _mounting(self, mount: Mount, root: Path) -> list[str]:
        source = Path(mount.source)
        if mount.is_volume:
            source = self.work / "volumes" / mount.source
            self._make_volume(source, mount.target)
        make = "mkdir -p" if source.is_dir() else "touch"
        target = shlex.quote(f"{root}{mount.target}")
        lines = [f"mkdir -p {Path(f'{root}{mount.target}').parent}", f"[ -e {target} ] || {make} {target}"]
        lines.append(f"mount --bind {shlex.quote(str(source))} {target}")
        return lines if mount.is_writable else [*lines, f"mount -o remount,ro,bind {target}"]

    def _make_volume(self, folder: Path, target: str) -> None:
        """A volume belongs to whom the folder of the image belongs that it stands for."""
        if folder.exists():
            return
        folder.mkdir(parents=True)
        there = self.image.root / target.lstrip("/")
        if self.image.user is None and there.is_dir():
            os.chown(folder, there.stat().st_uid, there.stat().st_gid)
        else:
            os.chown(folder, *map(int, self.user.split(":")))
        folder.chmod(0o700)

    def command(self) -> Sequence[str]:
        """What it runs: compose.yaml says it, or its image."""
        return self.service.command or self.image.command

    def _inside(self, command: Sequence[str]) -> list[str]:
        """A command as its user, without any capability, in its environment and folder."""
        user, group = self.user.split(":")
        guarded = [
            "setpriv",
            f"--reuid={user}",
            f"--regid={group}",
            "--clear-groups",
            "--no-new-privs",
            "--bounding-set=-all",
        ]
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin", **self.image.environment, **self.service.environment}
        told = [f"{name}={value}" for name, value in variables.items()]
        return [*guarded, "env", "--ignore-environment", f"--chdir={self.image.folder}", *told, *command]

    def run(self, command: Sequence[str], *, seconds: float = 60) -> subprocess.CompletedProcess[bytes]:
        """Run something beside it, inside."""
        enter = ["nsenter", f"--target={self.first_process()}", "--mount", "--pid", "--uts", "--ipc", "--root", "--wd"]
        return subprocess.run([*enter, *self._inside(command)], capture_output=True, timeout=seconds, check=False)

    def first_process(self) -> int:
        """The number, out here, of what is number 1 in there.

        Raises:
            TrialFailed: it has ended.
        """
        outer = self.process.pid if self.process else 0
        try:
            children = Path(f"/proc/{outer}/task/{outer}/children").read_text(encoding="ascii").split()
        except OSError:
            children = []
        if not children:
            raise TrialFailed(f"{self.service.name} has ended: {self.last_words()}")
        return int(children[0])

    def is_well(self) -> bool:
        """What its health check says."""
        if self.service.health is None:
            raise TrialFailed(f"{self.service.name} has no health check")
        try:
            return self.run(self.service.health.command).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def wait_well(self) -> None:
        """Wait until it is well.

        Raises:
            TrialFailed: it ended, or is not well in the time that its check gives it.
        """
        health = self.service.health
        assert health is not None, self.service.name
        deadline = time.monotonic() + health.start_seconds + 60
        time.sleep(0.3)
        while not self.is_well():
            self.first_process()
            if time.monotonic() > deadline:
                raise TrialFailed(f"{self.service.name} is not well: {self.last_words()}")
            time.sleep(health.pause_seconds)

    def wait_end(self, seconds: float) -> None:
        """Wait until it has done its work.

        Raises:
            TrialFailed: it failed.
        """
        assert self.process is not None, self.service.name
        if self.process.wait(seconds) != 0:
            raise TrialFailed(f"{self.service.name} failed: {self.last_words()}")

    def stop(self, *, kill: bool = False) -> None:
        """End it, as its image wants to be ended, or by force."""
        if self.process is None or self.process.poll() is not None:
            return
        with contextlib.suppress(TrialFailed, ProcessLookupError):
            os.kill(self.first_process(), signal.SIGKILL if kill else self.image.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(self.first_process(), signal.SIGKILL)
            self.process.wait(STOP_SECONDS)

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else ""

    def remove(self) -> None:
        """Remove its folder; what was mounted in it went with its processes."""
        shutil.rmtree(self.work / "containers" / self.service.name, ignore_errors=True)
