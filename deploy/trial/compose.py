"""What deploy/compose.yaml says of each service, as far as it can be done without Docker."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::-([^}]*))?\})")


@dataclass(frozen=True, slots=True)
class Mount:
    """Something of outside that a service finds at a path: a folder, a file, or a volume by its name."""

    source: str
    target: str
    is_volume: bool = False
    is_writable: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """How to ask a service whether it is well."""

    command: Sequence[str]
    start_seconds: float
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Service:
    """A service; `command` and `health` are `None` where its image says them."""

    name: str
    image: str
    user: str
    hostname: str
    command: Sequence[str] | None
    environment: Mapping[str, str]
    mounts: Sequence[Mount]
    tmpfs: Sequence[str]
    health: Health | None
    waits_for: Mapping[str, str]
    address: str | None

    @property
    def ends(self) -> bool:
        """Whether it is there to end, as others wait for its end or nobody does."""
        return self.health is None


def read_services(file: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """The services of a compose file, in its order.

    Args:
        file: the compose file.
        variables: what stands for the `${...}` in it; else their defaults do.

    Raises:
        ValueError: it asks for something that is not done here.
    """
    content = yaml.safe_load(_VARIABLE.sub(lambda found: _value(found, variables), file.read_text(encoding="utf-8")))
    return {name: _service(name, said, content, file.parent) for name, said in content["services"].items()}


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    return "$" if found[1] is None else variables.get(found[1], found[2] or "")


def _service(name: str, said: Mapping[str, Any], content: Mapping[str, Any], folder: Path) -> Service:
    if not said["read_only"]:
        raise ValueError(f"{name}: only roots that nobody writes to are tried here.")
    networks = said["networks"]
    addresses = [net.get("ipv4_address") for net in networks.values() if net] if isinstance(networks, dict) else []
    return Service(
        name=name,
        image=said["image"],
        user=said["user"],
        hostname=said.get("hostname", name),
        command=said.get("command"),
        environment={key: str(value) for key, value in said.get("environment", {}).items()},
        mounts=[
            *(_mount(volume, content, folder) for volume in said.get("volumes", [])),
            *(_secret(secret, content, folder) for secret in said.get("secrets", [])),
        ],
        tmpfs=said.get("tmpfs", []),
        health=_health(said["healthcheck"]) if "healthcheck" in said else None,
        waits_for={other: how["condition"] for other, how in said.get("depends_on", {}).items()},
        address=next((address for address in addresses if address), None),
    )


def _mount(volume: str, content: Mapping[str, Any], folder: Path) -> Mount:
    source, target, *options = volume.split(":")
    if source in content["volumes"]:
        return Mount(source, target, is_volume=True, is_writable="ro" not in options)
    return Mount(str((folder / source).resolve()), target, is_writable="ro" not in options)


def _secret(secret: str | Mapping[str, str], content: Mapping[str, Any], folder: Path) -> Mount:
    named: Mapping[str, str] = {"source": secret} if isinstance(secret, str) else secret
    file = folder / content["secrets"][named["source"]]["file"]
    return Mount(str(file), named.get("target", f"/run/secrets/{named['source']}"))


def _health(said: Mapping[str, Any]) -> Health | None:
    if said.get("disable"):
        return None
    return Health(
        [str(word) for word in said["test"][1:]], _seconds(said["start_period"]), _seconds(said["start_interval"])
    )


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
