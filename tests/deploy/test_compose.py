"""deploy/compose.yaml: what holds for every service, and that the files it names are there."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.trial.compose import read_services
from tests.deploy.programs import program

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILE = DEPLOY / "compose.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = ("prepare", "roles", "first-forecast")
SECRETS_MADE = {
    "api_keys", "dagster_url", "owner_store_url", "pipeline_store_url", "postgres_password", "postgres_users.sql",
    "reader_store_url", "ui_passwords",
}  # fmt: skip


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program("openssl", "openssl")
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    subprocess.run(["sh", str(DEPLOY / "new-secrets.sh"), str(folder)], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root_or_can_write_to_its_root(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_can_be_asked_how_it_is_or_ends_by_itself(name: str) -> None:
    service = SERVICES[name]
    if name in ONCE:
        assert service["restart"] == "no"
        assert service.get("healthcheck", {"disable": True}) == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


def test_only_nginx_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["back"]["internal"] is COMPOSE["networks"]["front"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == ["back"]
    assert set(SERVICES["reader"]["networks"]) == {"back", "front"}


def test_nginx_reaches_what_it_asks_and_nobody_else() -> None:
    shared = {name: set(SERVICES["nginx"]["networks"]) & set(service["networks"]) for name, service in SERVICES.items()}
    del shared["nginx"]
    assert {name: networks for name, networks in shared.items() if networks} == {
        "reader": {"front"},
        "webserver": {"front"},
    }
    assert set().union(*(service["networks"] for service in SERVICES.values())) == set(COMPOSE["networks"])


def test_who_comes_without_tls_is_led_to_a_port_where_somebody_listens() -> None:
    overlay = yaml.safe_load((DEPLOY / "compose.tls.yaml").read_text(encoding="utf-8"))
    (port,) = overlay["services"]["nginx"]["ports"]
    tls = (DEPLOY / "nginx" / "tls.conf").read_text(encoding="utf-8")
    assert "return 308 https://$host$request_uri;" in tls, "without a port: 443"
    assert port == "${HTTPS_PORT:-443}:8443"
    assert "listen 8443 ssl" in tls


def test_no_secret_stands_in_the_file(secrets: Path) -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|URL|SECRET|KEY", name):
                assert name.endswith("_FILE"), name
                assert str(value).startswith("/run/secrets/"), name
    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} == SECRETS_MADE
    assert {file.name for file in secrets.iterdir()} == SECRETS_MADE


def test_each_service_gets_the_secrets_that_it_reads_and_no_others() -> None:
    for name, service in SERVICES.items():
        given = {secret if isinstance(secret, str) else secret["source"] for secret in service.get("secrets", [])}
        read = {
            Path(str(value)).name for value in service.get("environment", {}).values() if "/run/secrets/" in str(value)
        }
        used = {"postgres": {"postgres_users"}, "roles": {"postgres_password"}, "nginx": {"ui_passwords", "api_keys"}}
        assert given == read | used.get(name, set()), name
    owners = [name for name, service in SERVICES.items() if "owner_store_url" in service.get("secrets", [])]
    assert owners == ["prepare"]


def test_made_secrets_are_closed_to_others_and_never_made_twice(secrets: Path) -> None:
    assert secrets.stat().st_mode & 0o077 == 0
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    again = subprocess.run(["sh", str(DEPLOY / "new-secrets.sh"), str(secrets)], capture_output=True, text=True)
    assert again.returncode == 0
    assert "left as they are" in again.stderr
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before


def test_a_folder_that_was_open_is_closed_when_it_gets_secrets(tmp_path: Path) -> None:
    program("openssl", "openssl")
    tmp_path.chmod(0o755)
    subprocess.run(["sh", str(DEPLOY / "new-secrets.sh"), str(tmp_path)], check=True, capture_output=True)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_the_pip_configuration_of_the_trial_is_closed_to_others(tmp_path: Path) -> None:
    script = (DEPLOY / "try-containers.sh").read_text(encoding="utf-8")
    lines = re.search(r"^certificates=.*?(?=^secrets\+=)", script, re.MULTILINE | re.DOTALL)
    assert lines
    command = ["bash", "-euo", "pipefail", "-c", f'umask 022; work="$1"; {lines[0]} umask', "sh", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert (tmp_path / "pip.conf").read_text(encoding="utf-8").startswith("[global]\n")
    assert (tmp_path / "pip.conf").stat().st_mode & 0o777 == 0o600
    assert done.stdout == "0022\n", "what is made after it is as it was"


def test_what_is_mounted_from_here_is_here(secrets: Path) -> None:
    for service in read_services(FILE, {"SECRETS": str(secrets)}).values():
        for mount in service.mounts:
            assert mount.is_volume or Path(mount.source).exists(), mount
    tls = yaml.safe_load((DEPLOY / "compose.tls.yaml").read_text(encoding="utf-8"))["services"]["nginx"]
    for volume in tls["volumes"]:
        assert (DEPLOY / volume.split(":")[0]).is_file()
    replaced = {volume.split(":")[1] for volume in tls["volumes"]}
    assert replaced <= {volume.split(":")[1] for volume in SERVICES["nginx"]["volumes"]}, "else both would be mounted"


def test_the_names_that_nginx_looks_up_have_addresses_that_stay() -> None:
    named = re.findall(r"server ([a-z-]+):\d+", (DEPLOY / "nginx" / "upstreams.conf").read_text(encoding="utf-8"))
    services = read_services(FILE, {"SUBNET": "10.9.8"})
    addresses = [services[name].address for name in named]
    assert named == ["reader", "webserver"]
    assert all(address and address.startswith("10.9.8.") for address in addresses)
    assert len(set(addresses)) == len(addresses)
    assert services["reader"].environment["FORWARDED_ALLOW_IPS"] == "10.9.8.0/24"


def test_the_trial_reads_the_file_as_compose_does(secrets: Path) -> None:
    services = read_services(FILE, {"SECRETS": str(secrets)})
    assert list(services) == list(SERVICES)
    assert services["prepare"].command == ["milk", "prepare"]
    assert services["roles"].command is not None
    assert "$(cat /run/secrets/postgres_password)" in services["roles"].command[2]
    assert services["prepare"].waits_for == {"postgres": "service_healthy"}
    home = next(mount for mount in services["daemon"].mounts if mount.target == "/var/lib/milk")
    assert (home.source, home.is_volume, home.is_writable) == ("home", True, True)
    data = next(mount for mount in services["daemon"].mounts if mount.target == "/data")
    assert (Path(data.source), data.is_writable) == (DEPLOY.parent / "data" / "sample", False)


def test_the_trial_refuses_what_it_would_not_do(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(FILE.read_text(encoding="utf-8").replace("read_only: true", "read_only: false"), encoding="utf-8")
    with pytest.raises(ValueError, match="only roots that nobody writes to"):
        read_services(file, {})
