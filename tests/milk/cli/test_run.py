"""`milk run` and `milk status` on the sample; what an interrupted run leaves."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from milk.home.layout import Home
from milk.home.tables import read_table, write_table
from milk.months import Month
from milk.sources.milk_price import SPANISH_MONTHS
from tests.builders import SAMPLE, random_walk
from tests.milk.cli.commands import command, content_of, environment, milk, price_folder
from tests.milk.cli.conftest import Ran

pytestmark = pytest.mark.slow(seconds=90)


def test_a_run_says_what_it_forecasts_and_how_far_to_trust_it(ran: Ran) -> None:
    out = ran.told.out
    assert "SYNTHETIC DATA" in out
    assert "issued for 2026-11" in " ".join(out.split())
    for said in ("2027-10", "80 % interval", "Backtest 2024-11 to 2026-10", "Next: milk up", str(ran.home)):
        assert said in out
    assert re.search(r"\b(\d+)/\1 ", ran.told.err), "the last step is told with the number of all"


def test_the_document_holds_forecasts_and_provenance(ran: Ran) -> None:
    document = ran.document
    assert document["is_synthetic"] is True
    assert document["issue_month"] == "2026-11"
    assert document["unit"] == "CLP/L"
    assert document["model_version"].startswith("v-")
    assert len(document["data_versions"]["features"]["sha256"]) == 64
    assert document["recipe"]["name"] == "combination"
    assert document["recipe"]["parameters"]["half_lives_months"] in ([24, 48], [48, 96], [24, 48, 96])
    assert document["recipe"]["blocks"] == {}
    assert document["backtest"]["windows"]["evaluation_last"] == "2026-10"
    assert document["backtest"]["scores"]["last_value"]["ratio_year"] == 1
    assert document["backtest"]["scores"]["recipe"]["ratio_year"] < 1
    forecasts = document["forecasts"]
    assert [row["target_month"] for row in forecasts] == [f"2026-{m}" for m in (11, 12)] + [
        f"2027-{m:02d}" for m in range(1, 11)
    ]
    for row in forecasts:
        assert row["lower_95"] <= row["lower_80"] <= row["price"] <= row["upper_80"] <= row["upper_95"]
        assert not set(row) & {"unit", "issued_at", "is_synthetic"}, "said once, at the head"


def test_where_nothing_beats_the_last_value_the_report_says_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    prices = random_walk(240, seed=3)
    months = [Month(1990, 1) + k for k in range(len(prices))]
    rows = [f"{m.year},{SPANISH_MONTHS[m.month - 1]},{p:.2f}\n" for m, p in zip(months, prices, strict=True)]
    (data / "precio_leche.csv").write_text("Anio,Mes,Precio_leche\n" + "".join(rows), encoding="utf-8")
    place = ("--data", data, "--home", tmp_path / "home")
    told = milk("run", *place, "--json", tmp_path / "out.json", MILK_FIRST_ISSUE="2009-12")
    assert told.code == 0, told.err
    assert "The last value itself is in production" in told.out
    assert "(last_value)" in told.out
    document = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert document["recipe"] == {**document["recipe"], "name": "last_value", "parameters": {}}
    assert {round(row["price"], 2) for row in document["forecasts"]} == {round(float(prices[-1]), 2)}
    assert "does not beat the last value" in milk("status", *place).out


def test_again_it_forecasts_the_same_and_adds_no_version(ran: Ran, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ran.home, home)
    again = milk("run", "--json", tmp_path / "again.json", "--home", home)
    assert again.code == 0, again.err
    assert _forecasts(json.loads((tmp_path / "again.json").read_bytes())) == _forecasts(ran.document)
    assert content_of(home) == content_of(ran.home)


def test_status_names_what_is_not_published(ran: Ran, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(ran.home, home.path)
    table = read_table(home, "batch_predictions")
    changed = table["issue_month"].ge(pd.Timestamp("2026-10-01"))
    write_table(home, "batch_predictions", table.assign(price=table["price"].where(~changed, table["price"] + 0.01)))
    assert "made and not yet published: 2026-10 to 2026-11" in milk("status", "--home", home.path).out


def test_one_issue_month(ran: Ran, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ran.home, home)
    told = milk("run", "--issue", "2026-03", "--json", tmp_path / "one.json", "--home", home)
    assert told.code == 0, told.err
    assert json.loads((tmp_path / "one.json").read_bytes())["issue_month"] == "2026-03"
    assert "Issue months 2026-03 to 2026-03" in told.err


def test_status_before_and_after(ran: Ran, tmp_path: Path) -> None:
    nothing = milk("status", "--home", tmp_path / "none")
    assert nothing.code == 0
    assert "is empty. Next: make run" in nothing.out
    assert not (tmp_path / "none").exists()
    before = content_of(ran.home)
    told = milk("status", "--home", ran.home)
    assert told.code == 0, told.err
    for said in (
        "SYNTHETIC",
        "prices 1979-01 to 2026-10",
        "issued for 2026-11",
        "11 issues from 2026-01",
        "published 11 issues, newest 2026-11 revision 1",
        "RMSE",
    ):
        assert said in told.out
    assert ran.document["model_version"] in told.out
    assert content_of(ran.home) == before


def test_status_of_a_home_that_was_only_claimed(ran: Ran, tmp_path: Path) -> None:
    shutil.copy(ran.home / "dataset.json", tmp_path)
    told = milk("status", "--home", tmp_path)
    assert told.code == 0
    assert "forecast  none yet" in told.out
    assert "published nothing yet" in told.out
    assert "none in production yet" in told.out
    assert [file.name for file in tmp_path.iterdir()] == ["dataset.json"], "to look is not to write"


def test_a_document_in_the_place_of_a_received_file_is_refused_before_the_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(SAMPLE, data)
    before = (data / "precio_leche.csv").read_bytes()
    told = milk("run", "--data", data, "--home", tmp_path / "home", "--json", data / "precio_leche.csv")
    assert told.code == 3
    assert "never overwritten" in told.err
    assert (data / "precio_leche.csv").read_bytes() == before
    assert not (tmp_path / "home").exists()


def test_a_run_that_was_stopped_midway_goes_on(ran: Ran, tmp_path: Path) -> None:
    # The prices alone give the same forecasts, and sooner.
    data, home = price_folder(tmp_path / "data"), tmp_path / "home"
    place = ("--data", data, "--home", home)
    code, said = _stopped(place, "params", signal.SIGINT)
    assert code == 130
    assert "error: Interrupted." in said
    assert "Traceback" not in said
    assert "staging_model" not in said

    code, said = _stopped(place, "staging_model", signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (home / "tables" / "batch_predictions").exists()

    told = milk("run", "--json", tmp_path / "after.json", *place)
    assert told.code == 0, told.err
    assert _forecasts(json.loads((tmp_path / "after.json").read_bytes())) == _forecasts(ran.document)


def _stopped(place: tuple[object, ...], step: str, sign: signal.Signals) -> tuple[int, str]:
    """A run that gets a signal when a step has ended: its exit code and what it said."""
    with subprocess.Popen(command("run", *place), env=environment(), stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        said = ""
        for line in run.stderr:
            said += line
            if re.search(rf"/\d+ {step}$", line.strip()):
                run.send_signal(sign)
                break
        said += run.stderr.read()
    return run.returncode, said


def _forecasts(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers, without what depends on the day of the run."""
    return [{k: v for k, v in row.items() if k != "kind"} for row in document["forecasts"]]
