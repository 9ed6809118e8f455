"""What the stack is put through, step by step; each raises `TrialFailed` where something is not as it must be."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.trial.client import Visitor, until
from deploy.trial.container import Container, TrialFailed
from deploy.trial.rows import all_rows, missing
from deploy.trial.stack import Stack

ONLINE = "/v1/predictions/online"
NOT_IN_READER = ("dagster", "deltalake", "matplotlib", "numpy", "pandas", "pip", "pyarrow", "scipy", "sklearn")
SECONDS = 180


def demand(is_so: object, what: str) -> None:
    """Go on only where something is so.

    Raises:
        TrialFailed: it is not.
    """
    if not is_so:
        raise TrialFailed(what)


def look_at_images(stack: Stack) -> None:
    """What the images must not hold."""
    for name in ("reader", "code-location"):
        root = stack[name].image.root
        demand(not (root / "etc/pip.conf").exists(), f"{name}: a pip configuration is left in the image")
        demand(not list(root.glob("run/secrets/*")), f"{name}: a secret of the build is left in the image")
        demand(not list(root.glob("root/.cache/*")), f"{name}: a cache is left in the image")
    packages = stack["reader"].image.root.glob("srv/milk/.venv/lib/python3*/site-packages/*")
    found = sorted({package.name for package in packages} & set(NOT_IN_READER))
    demand(not found, f"The image of the reader holds {', '.join(found)}")


def look_inside(container: Container) -> None:
    """A process in a container is no root, has no capability, and can write to what is its own alone."""
    name = container.service.name
    asked = container.run(["sh", "-c", "id -u; grep CapEff /proc/self/status; touch /tried /usr/tried /srv/tried"])
    said = (asked.stdout + asked.stderr).decode()
    demand(said.startswith(container.user.split(":")[0] + "\n"), f"{name} is not its user: {said}")
    demand("0000000000000000" in said, f"{name} has capabilities: {said}")
    demand(said.count("Read-only file system") + said.count("Permission denied") == 3, f"{name} writes: {said}")
    demand("Read-only file system" in said, f"{name}: its root can be written: {said}")


def knock(visitor: Visitor) -> Iterator[str]:
    """The doors, those that are closed and those that are open."""
    http, key = visitor.http, {"X-API-Key": visitor.key}
    demand(http.get("/dagster/").status_code == 401, "The UI is open to everybody")
    demand(http.get("/dagster/", auth=visitor.password).status_code == 200, "The UI does not take its password")
    yield "the UI asks for its password"
    demand(http.get("/metrics").status_code == 403, "/metrics is open")
    yield "/metrics is closed"
    newest = http.get("/v1/observations").json()["data"][-3:]
    body = {"prices": [{"month": row["month"], "price": row["price"]} for row in newest]}
    for wrong in ({}, {"X-API-Key": "wrong"}):
        refused = http.post(ONLINE, json=body, headers=wrong)
        demand(refused.status_code == 401, f"Without a key: {refused.status_code}")
        demand(refused.headers["content-type"] == "application/problem+json", "The refusal is no problem")
    answer = http.post(ONLINE, json=body, headers=key)
    demand(answer.status_code == 200, f"With a key: {answer.status_code} {answer.text}")
    kept = http.get(answer.headers["location"], headers=key)
    demand(kept.status_code == 200, f"An online prediction is not found again: {kept.status_code}")
    yield "online: 401 without a key and with a wrong one, 200 with one, kept and found again"
    packed = http.get("/v1/issues", headers={"Accept-Encoding": "gzip"})
    demand(packed.headers.get("content-encoding") == "gzip", "Nothing is packed")
    yield "answers are packed"
    # Nothing published is old enough yet; a file beside the page has its content in its address.
    file = re.search(r"static/[^/\"]+/page\.css", http.get("/").text)
    demand(file, "The page names no file beside it")
    answers = [http.get(f"/{file[0]}" if file else "/") for _ in range(2)]
    states = [answer.headers["x-cache-status"] for answer in answers]
    demand(states == ["MISS", "HIT"], f"What can never change is not kept: {states}")
    yield "what can never change is answered from the cache"
    statuses = [http.get("/livez").status_code for _ in range(120)]
    demand(429 in statuses, "Nobody is held back")
    yield f"of 120 requests at once {statuses.count(429)} are told to come later"
    time.sleep(3)


def bring_month(stack: Stack, visitor: Visitor, data: Path, whole: bytes) -> str:
    """A price file that has grown: the month is there without a hand, its forecast published by the sensor.

    Returns:
        The month.
    """
    before, months = visitor.newest_issue(), visitor.months()
    demand(months and months[-1] == before, f"The newest of {months[-3:]} is not what is served: {before}")
    (data / "precio_leche.csv").write_bytes(whole)
    until(lambda: visitor.months()[-1:] != months[-1:], seconds=SECONDS, what="a new month in the UI")
    month = visitor.months()[-1]
    run = visitor.launch("monthly_forecast", month)
    status = visitor.wait_end(run)
    demand(status == "SUCCESS", f"The run of {month}: {status}; {stack['code-location'].last_words()}")
    until(lambda: visitor.newest_issue() == month, seconds=SECONDS, what=f"{month} published by the sensor and served")
    return month


def lose_run(stack: Stack, visitor: Visitor, month: str) -> None:
    """The code location is killed while a run is under way: it is recorded as lost, and another one can be made."""
    lost = visitor.launch("monthly_forecast", month)
    until(lambda: visitor.status(lost) == "STARTED", seconds=SECONDS, what="the start of a run")
    stack.restart("code-location", kill=True)
    status = visitor.wait_end(lost)
    demand(status == "FAILURE", f"A run whose process was killed: {status}")
    again = visitor.wait_end(visitor.launch("monthly_forecast", month))
    demand(again == "SUCCESS", f"The run after one that was killed: {again}")


def restart_each(stack: Stack, visitor: Visitor, secrets: Path) -> Iterator[tuple[str, float, int]]:
    """Each part is killed and started once; afterwards all is as it was.

    Yields:
        The part, how many seconds passed until all answered again, and how many rows are lost or changed.
    """
    recovered = {
        "postgres": lambda: visitor.newest_issue() and visitor.months(),
        "code-location": visitor.months,
        "webserver": visitor.months,
        "daemon": stack["daemon"].is_well,
        "reader": visitor.newest_issue,
        "nginx": lambda: visitor.newest_issue() and visitor.months(),
    }
    for name, answers in recovered.items():
        before, began = all_rows(secrets), time.monotonic()
        stack.restart(name, kill=True)
        until(answers, seconds=SECONDS, what=f"all answering after {name} was restarted")
        yield name, time.monotonic() - began, missing(before, all_rows(secrets))
