"""The servers of `milk up` as subprocesses: watched, named when they end, ended together, never left behind."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from milk.cli.parts import Part, refuse_ended, refuse_taken, start_part, stop_parts, wait_until
from milk.errors import BadSetting, HomeRefused, MilkError

PATIENCE_SECONDS = 30
SLEEP = "import time; time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); " + SLEEP


@pytest.fixture
def parts() -> Iterator[list[Part]]:
    started: list[Part] = []
    yield started
    stop_parts(started)
    assert all(part.process.poll() is not None for part in started)


def _start(folder: Path, code: str, name: str = "reader") -> Part:
    log = folder / "logs" / f"{name}.log"
    return start_part(name, [sys.executable, "-c", code], environment=os.environ, folder=folder, log=log)


def _until(happens: object) -> None:
    assert callable(happens)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_part_says_is_in_its_log_and_the_log_before_is_kept(tmp_path: Path, parts: list[Part]) -> None:
    for word in ("first", "second"):
        parts.append(_start(tmp_path, f"import sys; print('{word}'); print('badly', file=sys.stderr)"))
        parts[-1].process.wait(PATIENCE_SECONDS)
    assert sorted((tmp_path / "logs" / "reader.log").read_text().split()) == ["badly", "second"]
    assert "first" in (tmp_path / "logs" / "reader.before.log").read_text()


def test_a_part_that_ended_is_named_with_its_last_lines(
    tmp_path: Path, parts: list[Part], capsys: pytest.CaptureFixture[str]
) -> None:
    parts += [_start(tmp_path, SLEEP, "UI"), _start(tmp_path, "import sys; print('no [port]'); sys.exit(3)")]
    refuse_ended(parts[:1])
    parts[1].process.wait(PATIENCE_SECONDS)
    with pytest.raises(
        MilkError, match=r"The reader ended by itself \(code 3\), so everything was stopped.*reader\.log"
    ):
        refuse_ended(parts)
    assert "no [port]" in capsys.readouterr().err


def test_a_part_that_was_killed_says_by_what(tmp_path: Path, parts: list[Part]) -> None:
    parts.append(_start(tmp_path, SLEEP))
    parts[0].process.kill()
    parts[0].process.wait(PATIENCE_SECONDS)
    with pytest.raises(MilkError, match="killed by SIGKILL"):
        refuse_ended(parts)


def test_waiting_ends_when_a_part_does(tmp_path: Path, parts: list[Part]) -> None:
    parts.append(_start(tmp_path, "pass"))
    with pytest.raises(MilkError, match="ended by itself"):
        wait_until(lambda: False, parts, "reader")


def test_waiting_goes_on_while_nobody_answers(tmp_path: Path, parts: list[Part]) -> None:
    parts.append(_start(tmp_path, SLEEP))
    answers: Iterator[bool | None] = iter([None, False, True])

    def asked() -> bool:
        answer = next(answers)
        if answer is None:
            raise ConnectionRefusedError
        return answer

    wait_until(asked, parts, "reader")
    assert [*answers] == []


def test_a_part_that_does_not_listen_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milk.cli.parts.STOP_SECONDS", 0.2)
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); " + STUBBORN
    part = _start(tmp_path, child)
    _until(lambda: "deaf" in part.log.read_text())
    family = [psutil.Process(part.process.pid), *psutil.Process(part.process.pid).children()]
    assert len(family) == 2
    stop_parts([part])
    assert part.process.poll() == -signal.SIGKILL
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_SECONDS)
    assert alive == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
@pytest.mark.parametrize(
    "before",
    [
        "",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
    ],
)
def test_parts_of_a_killed_parent_end(tmp_path: Path, before: str) -> None:
    parent = f"""
import os, signal, sys, time
from pathlib import Path
from milk.cli.parts import start_part
{before}
part = start_part("reader", [sys.executable, "-c", {SLEEP!r}], environment=os.environ, folder=Path("."),
                  log=Path({str(tmp_path / "reader.log")!r}))
print(part.process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        part = psutil.Process(int(up.stdout.readline()))
        assert part.is_running()
        up.kill()
    _, alive = psutil.wait_procs([part], timeout=PATIENCE_SECONDS)
    assert alive == []


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(HomeRefused, match=r"reader\.log cannot be written.*--home"):
        _start(tmp_path, "pass")


def test_a_port_that_is_taken_is_told_with_the_setting() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(BadSetting, match=f"Port {port} is taken: .*Choose another with --reader-port"):
            refuse_taken(port, setting="--reader-port")
    refuse_taken(port, setting="--reader-port")
