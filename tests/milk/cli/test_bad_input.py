"""Bad input: one message that says what, where and what to do; an exit code; nothing made, nothing lost."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from milk.cli.run import failure_message
from milk.errors import BadInput
from milk_assets.defs.failures import explained
from tests.milk.cli.commands import PRICE_FILE, SAMPLE, content_of, milk, price_folder, refused
from tests.milk.cli.conftest import Ran
from tests.ports import free_port

pytestmark = pytest.mark.slow(seconds=60)

TEXTS: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {
    "no column": (("Precio_leche\n", "Precio\n"), ("Precio_leche", "column")),
    "text for a price": (("1979,Feb,4.37", "1979,Feb,cuatro"), ("row 3", "not a number", "Mend")),
    "a negative price": (("1979,Feb,4.37", "1979,Feb,-4.37"), ("row 3", "1979-02 is negative", "Mend")),
    "a gap": (("1979,Feb,4.37\n", ""), ("no row for 1979-02", "without a gap")),
}
BYTES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "nothing": (b"", ("empty",)),
    "latin-1": ("Anio,Mes,Precio_leche\n1979,Ene,4.23 \xf1\n".encode("latin-1"), ("UTF-8",)),
    "utf-16": ((SAMPLE / PRICE_FILE).read_text(encoding="utf-8").encode("utf-16"), ("UTF-8",)),
}


@pytest.mark.parametrize("case", [*TEXTS, *BYTES])
@pytest.mark.parametrize("verb", ["run", "up", "backtest"])
def test_an_unusable_price_file(tmp_path: Path, case: str, verb: str) -> None:
    data, home = tmp_path / "data", tmp_path / "home"
    if case in TEXTS:
        replace, words = TEXTS[case]
        price_folder(data, replace=replace)
    else:
        content, words = BYTES[case]
        data.mkdir()
        (data / PRICE_FILE).write_bytes(content)
    window = ("--from", "2024-01", "--to", "2024-12", "--output", tmp_path / "out.csv")
    told = milk(verb, "--data", data, *(window if verb == "backtest" else ("--home", home)))
    refused(told, PRICE_FILE, *words, code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_missing_folder_and_a_missing_file(tmp_path: Path) -> None:
    told = milk("run", "--data", tmp_path / "nowhere", "--home", tmp_path / "home")
    refused(told, "There is no folder", str(tmp_path / "nowhere"), PRICE_FILE, code=1)
    (tmp_path / "empty").mkdir()
    told = milk("run", "--data", tmp_path / "empty", "--home", tmp_path / "home")
    refused(told, f"There is no {PRICE_FILE} in", code=1)
    assert not (tmp_path / "home").exists()


def test_a_path_in_brackets_is_said_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "[bold]prices[/bold]"
    refused(milk("run", "--data", folder, "--home", tmp_path / "home"), str(folder), code=1)
    told = milk("data", "check", price_folder(folder))
    assert told.code == 0
    assert f"milk run --data {folder}" in told.out


@pytest.mark.parametrize(
    ("issue", "code", "words"),
    [
        ("2026-12", 4, ("2026-12", "2026-01 to 2026-11", "Choose one of these")),
        ("1985-01", 4, ("1985-01", "2026-01 to 2026-11")),
        ("2026-13", 2, ("'2026-13' is not a month", "YYYY-MM")),
        ("november", 2, ("'november' is not a month",)),
    ],
)
def test_an_issue_month_that_cannot_be(ran: Ran, issue: str, code: int, words: tuple[str, ...]) -> None:
    before = content_of(ran.home)
    refused(milk("run", "--issue", issue, "--home", ran.home), *words, code=code)
    assert content_of(ran.home) == before


def test_too_few_prices_leave_no_home_behind(tmp_path: Path) -> None:
    data = price_folder(tmp_path / "data", drop_last=500)
    told = milk("run", "--data", data, "--home", tmp_path / "home")
    refused(told, "74 months", "takes 100", "longer price file", code=4)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("name", ["precipitaciones.csv", "banco_central.csv"])
def test_an_optional_file_that_cannot_be_used_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    data = price_folder(tmp_path / "data")
    (data / name).write_text("fecha,otra\n2020-01-01,1\n", encoding="utf-8")
    told = milk("run", "--data", data, "--home", tmp_path / "home")
    refused(told, name, "missing", code=1)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("verb", ["run", "up"])
def test_a_file_where_the_home_should_be(tmp_path: Path, verb: str) -> None:
    (tmp_path / "home").write_text("mine", encoding="utf-8")
    told = milk(verb, "--home", tmp_path / "home")
    refused(told, str(tmp_path / "home"), "cannot be written", "--home", code=3)
    assert (tmp_path / "home").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("verb", ["run", "up"])
def test_the_home_of_other_data(ran: Ran, tmp_path: Path, verb: str) -> None:
    before = content_of(ran.home)
    # The same prices without the label of the sample are no longer the synthetic dataset.
    told = milk(verb, "--data", price_folder(tmp_path / "data"), "--home", ran.home)
    refused(told, "belongs to another dataset", "synthetic", f"--home {ran.home}-", code=3)
    assert content_of(ran.home) == before


HOLD = """
import pathlib, sys
from milk.home.layout import Home
with Home(pathlib.Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_runs_on_one_home(ran: Ran) -> None:
    before = content_of(ran.home)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ran.home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        told = milk("run", "--home", ran.home)
        holder.communicate()
    refused(told, "Another run is writing", str(ran.home), "Wait", code=3)
    assert content_of(ran.home) == before


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("MILK_FIRST_ISSUE", "soon", "YYYY-MM"),
        ("MILK_PORT", "99999", "65535"),
        ("MILK_EVALUATION_MONTHS", "three", "integer"),
        ("MILK_EXECUTOR", "celery", "in_process"),
    ],
)
def test_a_setting_that_makes_no_sense(tmp_path: Path, name: str, value: str, word: str) -> None:
    told = milk("run", "--home", tmp_path / "home", **{name: value})
    refused(told, name, f"'{value}'", word, code=2)
    assert not (tmp_path / "home").exists()


def test_a_taken_port(ran: Ran) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(milk("up", "--home", ran.home, "--port", port), f"Port {port} is taken", "--port", code=2)


def test_a_document_in_an_unwritable_place(ran: Ran, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ran.home, home)
    (tmp_path / "file").touch()
    told = milk("run", "--issue", "2026-11", "--home", home, "--json", tmp_path / "file" / "run.json")
    refused(told, str(tmp_path / "file" / "run.json"), "cannot be written", "--json", code=3)
    assert milk("status", "--home", home).code == 0, "what was made stands"


def test_an_unknown_option_is_told_by_its_name() -> None:
    told = milk("run", "--isue", "2026-01")
    assert told.code == 2
    assert "--isue" in told.err
    assert "Traceback" not in told.err


def test_a_damaged_record_of_the_home(ran: Ran, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ran.home, home)
    (home / "dataset.json").write_text("{", encoding="utf-8")
    for verb in ("run", "status", "up"):
        refused(milk(verb, "--home", home), "dataset.json cannot be read", "Restore", code=3)


def test_a_damaged_model_stops_the_run_in_words(ran: Ran, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ran.home, home)
    (card,) = home.glob("models/v-*/card.json")
    card.write_bytes(card.read_bytes() + b" ")
    told = milk("run", "--home", home)
    refused(told, "prod_model:", "changed after it was promoted", "Restore", code=1)
    refused(milk("status", "--home", home), "changed after it was promoted", code=1)


@dg.asset
def _prices() -> None:
    """Fine in itself."""


@dg.asset_check(asset=_prices, blocking=True)
def _looked_at() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, description="No price for 1987-05.")


@dg.asset(deps=[_prices])
def _below() -> None:
    raise ZeroDivisionError("a bug")


@dg.asset
def _bug() -> None:
    raise ZeroDivisionError("a bug")


@dg.asset
def _refused() -> None:
    with explained():
        raise BadInput("precio_leche.csv, row 3: negative.")


def test_what_stopped_a_run_is_told_in_its_own_words() -> None:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = dg.materialize([_prices, _looked_at, _below, _bug, _refused], raise_on_error=False, run_config=quiet)
    said = failure_message(result)
    assert "_prices, check _looked_at: No price for 1987-05." in said
    assert "_refused: precio_leche.csv, row 3: negative." in said
    assert "AssetCheckFailed" not in said
    assert "_below" not in said, "it did not run"
    assert "_bug: ZeroDivisionError: a bug" in said
    assert "test_bad_input.py" in said, "a bug must be traceable"


def test_a_store_that_does_not_answer_is_said_before_the_work(tmp_path: Path) -> None:
    nowhere = f"postgresql+psycopg://ana:secret@127.0.0.1:{free_port()}/milk"
    told = milk("run", "--data", price_folder(tmp_path / "data"), "--home", tmp_path / "home", MILK_STORE_URL=nowhere)
    refused(told, "does not answer", "Check its address and its server", code=3)
    assert "loading Dagster" not in told.err
    assert "secret" not in told.out + told.err
