"""The home as a folder: where things lie, one writer at a time, writes that happen whole or not at all."""

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from filelock import FileLock

from milk.errors import HomeBusy, HomeRefused
from milk.home.documents import read_document, write_document
from milk.home.layout import Home
from milk.home.received import keep_received
from milk.sources.files import content_hash

SPAWN = multiprocessing.get_context("spawn")


def hold(path: str, held: Event, let_go: Event) -> None:
    """In a process of its own: hold the home until told to let go."""
    with Home(Path(path)).locked():
        held.set()
        let_go.wait(20)


def test_home_that_is_only_named_touches_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    folders = {"received": home.received, "tables": home.tables, "documents": home.documents, "models": home.models}
    assert {name: str(folder) for name, folder in folders.items()} == {name: str(home.path / name) for name in folders}
    assert home.store_url == f"sqlite:///{home.path}/milk.db"
    assert not home.path.exists()


def test_prepare_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "b")
    home.prepare()
    home.prepare()
    assert list(home.path.iterdir()) == []


def in_place(path: Path) -> Path:
    path.write_text("a file", encoding="utf-8")
    return path


@pytest.mark.parametrize("place", [lambda p: in_place(p / "home"), lambda p: in_place(p / "home") / "below"])
def test_home_that_cannot_be_written_is_refused(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    home = Home(place(tmp_path))
    message = r"home .* cannot be written: .*Choose another with --home or MILK_HOME"
    with pytest.raises(HomeRefused, match=message) as refused:
        home.prepare()
    assert not isinstance(refused.value, HomeBusy)
    with pytest.raises(HomeRefused, match=message) as refused, home.locked():
        pass
    assert not isinstance(refused.value, HomeBusy)


def test_home_that_another_process_holds_is_busy_until_it_lets_go(tmp_path: Path) -> None:
    home, held, let_go = Home(tmp_path), SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=hold, args=(str(tmp_path), held, let_go))
    other.start()
    try:
        assert held.wait(20)
        with pytest.raises(HomeBusy, match="Another run is writing") as busy, home.locked():
            pass
        assert str(tmp_path) in str(busy.value)
        threading.Timer(0.2, let_go.set).start()
        with home.locked(wait_seconds=20):
            assert not other.is_alive() or let_go.is_set()
    finally:
        let_go.set()
        other.join(20)
    assert other.exitcode == 0


def test_lock_is_let_go_when_the_run_fails(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(RuntimeError, match="broken"), home.locked():
        raise RuntimeError("broken")
    with home.locked():
        pass


def test_lock_may_be_taken_again_within_the_process(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked(), Home(tmp_path).locked():
        assert (tmp_path / "run.lock").exists()


def test_one_process_serves_a_home_and_runs_go_on_beside_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with FileLock(tmp_path / "up.lock", is_singleton=False):
        with pytest.raises(HomeBusy, match=r"`milk up` runs on the home .* already"), home.served():
            pass
        with home.locked():
            pass
    with home.served():
        pass


def test_documents(home: Home) -> None:
    assert read_document(home, "params") is None
    write_document(home, "params", {"b": 1.5, "a": [None, "é"]})
    assert read_document(home, "params") == {"a": [None, "é"], "b": 1.5}
    write_document(home, "params", {})
    assert read_document(home, "params") == {}


def test_document_with_a_number_that_json_lacks_is_not_written(home: Home) -> None:
    write_document(home, "params", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_document(home, "params", {"a": float("nan")})
    assert read_document(home, "params") == {"a": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_damaged_document_is_refused_by_name(home: Home, content: bytes) -> None:
    home.documents.write("params.json", content)
    with pytest.raises(HomeRefused, match=r"params\.json cannot be read: .* Delete it and run again"):
        read_document(home, "params")


def test_received_bytes_are_kept_by_hash_once(home: Home) -> None:
    content = b"Anio,Mes\r\n\xff"
    snapshot = keep_received(home, "milk_price", content)
    assert snapshot == content_hash(content)
    assert home.received.read(f"milk_price/{snapshot}.csv") == content
    assert keep_received(home, "milk_price", content) == snapshot
    other = keep_received(home, "milk_price", content + b"\n")
    assert set(home.received.names()) == {f"milk_price/{snapshot}.csv", f"milk_price/{other}.csv"}
    assert keep_received(home, "precipitation", content) == snapshot
    assert home.received.read(f"precipitation/{snapshot}.csv") == content
    # What stands is never written again, whatever it holds.
    home.received.write(f"milk_price/{snapshot}.csv", b"damaged")
    keep_received(home, "milk_price", content)
    assert home.received.read(f"milk_price/{snapshot}.csv") == b"damaged"
