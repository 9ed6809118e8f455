"""`python -m deploy.trial WORK IMAGE=ROOT=CONFIG ...`: the whole trial; see deploy/try-containers.sh."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx

from deploy.trial import steps
from deploy.trial.browser import chromium, materialize_all, see_page
from deploy.trial.client import SITE, Visitor, until
from deploy.trial.container import Image, TrialFailed
from deploy.trial.rows import all_rows, count, missing
from deploy.trial.stack import Stack, refuse_shared_network, running

DEPLOY = Path(__file__).resolve().parent.parent
SAMPLE = DEPLOY.parent / "data" / "sample"
MOST_MB = {"milk-reader": 250, "milk-pipeline": 1200}
MOST_SECONDS = 180
Table = list[tuple[str, str, str]]
"""What was looked at, what was found, what is wanted."""


def main() -> int:
    """Run the trial, print what was found, and say by the exit code whether all is as it must be."""
    work = Path(sys.argv[1])
    images = dict(_image(argument) for argument in sys.argv[2:])
    try:
        refuse_shared_network()
        sizes = {name: _megabytes(image.root) for name, image in images.items()}
        visitor_of, data = _secrets(work), _data(work)
        with running(images, work, {"DATA": str(data), "SECRETS": str(work / "secrets")}) as stack:
            try:
                table = _drive(stack, visitor_of, work)
            except (TrialFailed, httpx.HTTPError):
                _show_logs(stack)
                raise
    except (TrialFailed, httpx.HTTPError) as failed:
        print(f"FAILED: {failed}", file=sys.stderr)
        return 1
    table = [(f"image {name}", f"{size} MB", f"at most {MOST_MB[name]} MB") for name, size in sizes.items()] + table
    for what, found, wanted in table:
        print(f"{what:<45} {found:>10}   {wanted}")
    if any(size > MOST_MB[name] for name, size in sizes.items()):
        print("FAILED: an image is too large", file=sys.stderr)
        return 1
    return 0


def _drive(stack: Stack, visitor: Visitor, work: Path) -> Table:
    steps.look_at_images(stack)
    table = _start(stack, visitor)
    for container in stack.containers.values():
        if not container.service.ends:
            steps.look_inside(container)
    _say("each container: its own user, no capability, a root that nobody writes to")
    for said in steps.knock(visitor):
        _say(said)
    stack["first-forecast"].wait_end(240)
    _look_again(stack, work)
    month = steps.bring_month(stack, visitor, work / "data", (SAMPLE / "precio_leche.csv").read_bytes())
    _say(f"the price file grew: {month} is a partition without a restart, its run is green, the sensor published it")
    before = all_rows(work / "secrets")
    _materialize(visitor, work)
    steps.lose_run(stack, visitor, month)
    _say("a run whose container was killed is recorded as failed, and the next one is green")
    table += _restart(stack, visitor, work / "secrets")
    lost = missing(before, all_rows(work / "secrets"))
    steps.demand(not lost, f"{lost} rows are lost or changed")
    steps.demand(visitor.newest_issue() == month, "Another issue is served at the end")
    return [*table, (f"rows lost or changed of {count(before)} in all", str(lost), "0")]


def _start(stack: Stack, visitor: Visitor) -> Table:
    began = time.monotonic()
    stack.up()
    until(visitor.newest_issue, seconds=3 * MOST_SECONDS, what="a forecast through nginx")
    first, worked = time.monotonic() - began, _processor_seconds()
    _say(f"from nothing to the first forecast through nginx: {first:.0f} s ({visitor.newest_issue()})")
    return [
        ("nothing to first forecast through nginx", f"{first:.0f} s", f"at most {MOST_SECONDS} s on two free cores"),
        ("processor time of that", f"{worked:.0f} s", ""),
    ]


def _restart(stack: Stack, visitor: Visitor, secrets: Path) -> Table:
    table = []
    for name, seconds, lost in steps.restart_each(stack, visitor, secrets):
        _say(f"{name} ended by force and started: all answer again after {seconds:.0f} s, {lost} rows lost or changed")
        table.append((f"{name} restarted, rows lost or changed", str(lost), "0"))
    return table


def _look_again(stack: Stack, work: Path) -> None:
    """The page, and the preparation once more while all runs: nothing happens."""
    with chromium() as browser:
        see_page(browser, work / "page.png")
    _say(f"the page in the browser: {work / 'page.png'}")
    before = all_rows(work / "secrets")
    for name in ("prepare", "first-forecast"):
        stack[name].start()
        stack[name].wait_end(120)
    steps.demand(all_rows(work / "secrets") == before, "`up` once more changed what is published")
    _say("the services that run once were run again beside the others: nothing changed")


def _materialize(visitor: Visitor, work: Path) -> None:
    before = len(visitor.backfills())
    with chromium() as browser:
        materialize_all(browser, visitor.password, len(visitor.months()), work / "graph.png")
    until(lambda: len(visitor.backfills()) > before, seconds=60, what="a backfill after *Materialize all*")
    until(
        lambda: visitor.backfills()[0] not in ("REQUESTED", "IN_PROGRESS"), seconds=400, what="the end of the backfill"
    )
    steps.demand(visitor.backfills()[0] == "COMPLETED_SUCCESS", f"*Materialize all*: {visitor.backfills()[0]}")
    _say(f"*Materialize all* in the browser, behind the password: green ({work / 'graph.png'})")


def _image(argument: str) -> tuple[str, Image]:
    name, root, inspected = argument.split("=")
    said = json.loads(Path(inspected).read_text(encoding="utf-8"))
    return name, Image.of_config(Path(root), said["Docker"]["config"])


def _megabytes(root: Path) -> int:
    """What the files of an image take, each once."""
    seen: set[int] = set()
    size = 0
    for folder, _, files in os.walk(root):
        for file in files:
            known = os.lstat(os.path.join(folder, file))  # noqa: PTH118  # because there are tens of thousands
            if known.st_ino not in seen:
                seen.add(known.st_ino)
                size += known.st_size
    return round(size / 1e6)


def _processor_seconds() -> float:
    """What all processes of the trial have worked until now; it sees no others."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        # A process may end between being found and being read.
        with suppress(OSError):
            ticks += sum(map(int, file.read_text(encoding="utf-8").rpartition(")")[2].split()[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _secrets(work: Path) -> Visitor:
    """New secrets as deploy/new-secrets.sh makes them, where compose.yaml looks for them; and who was told them."""
    folder = work / "secrets"
    made = subprocess.run(
        ["sh", str(DEPLOY / "new-secrets.sh"), str(folder)], check=True, capture_output=True, text=True
    ).stdout
    words = made.replace(",", " ").split()
    user, password = words[words.index("user") + 1], words[words.index("password") + 1]
    return Visitor(httpx.Client(base_url=SITE, timeout=30), words[-1], (user, password))


def _data(work: Path) -> Path:
    """The sample without its newest month."""
    folder = work / "data"
    shutil.copytree(SAMPLE, folder)
    lines = (SAMPLE / "precio_leche.csv").read_bytes().splitlines(keepends=True)
    (folder / "precio_leche.csv").write_bytes(b"".join(lines[:-1]))
    return folder


def _say(said: str) -> None:
    print(f"  {said}", flush=True)


def _show_logs(stack: Stack) -> None:
    for name, container in stack.containers.items():
        print(f"--- {name}\n{container.last_words()}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
