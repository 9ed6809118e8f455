"""`milk models` on a home that the real command made: list, show, compare, promote, roll back."""

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from milk.cli.dagster_home import in_process_instance
from milk.errors import VersionRefused
from milk.forecasting.recipe import Setting
from milk.home.documents import read_document
from milk.home.layout import Home
from milk.home.tables import read_table
from milk.publication.ledger import promotions
from milk.series import SERIES_ID, series_register
from milk.steps.staging import write_recipe
from milk.steps.store import home_store
from milk.steps.training import Params, Training, own_backtest
from milk_assets.defs.production import shown_version
from tests.milk.cli.commands import Told, content_of, milk, price_folder, refused
from tests.milk.cli.conftest import Ran

pytestmark = pytest.mark.slow(seconds=60)

NOW = dt.datetime(2026, 11, 6, tzinfo=dt.UTC)


@pytest.fixture
def home(ran: Ran, tmp_path: Path) -> Home:
    """A copy of the home with a second version, of another setting, that nobody has judged."""
    shutil.copytree(ran.home, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def other(home: Home) -> str:
    """The second version."""
    rule = series_register().price.availability
    params = Params.of_document(read_document(home, "params") or {})
    backtest = own_backtest(read_table(home, "backtest"), rule)
    training = Training(read_table(home, "features"), params, backtest, rule, True, NOW)
    return write_recipe(home, training, Setting((24.0,), 0.5)).version_id


def models(home: Home, command: str, *arguments: object) -> Told:
    return milk("models", command, *arguments, "--home", home.path)


def document(home: Home, command: str, *arguments: object) -> Any:  # noqa: ANN401 because JSON holds anything
    told = models(home, command, *arguments, "--json")
    assert told.code == 0, told.err
    return json.loads(told.out)


def champion(home: Home) -> str:
    (name,) = [entry["version_id"] for entry in document(home, "list") if entry["is_in_production"]]
    return str(name)


def test_the_list_names_what_is_in_production_and_what_was_never_judged(home: Home, other: str) -> None:
    first = champion(home)
    told = models(home, "list")
    lines = told.out.splitlines()
    assert len(lines) == 2
    (of_first,), (of_other,) = ([line for line in lines if name in line] for name in (first, other))
    assert re.search(r"^\* v-\w{16}  combination  origin 2026-10  .*in production since 20\d\d", of_first)
    assert of_other.endswith("never judged")


def test_the_version_in_production_is_made_once_more_to_the_last_digit(home: Home) -> None:
    told = models(home, "remake")
    assert told.code == 0, told.err
    assert told.out.strip() == f"{champion(home)} made once more is the same to the last digit."


def test_what_cannot_be_made_once_more_says_why(home: Home) -> None:
    shutil.rmtree(home.path / "tables" / "features")
    refused(
        models(home, "remake", champion(home)),
        "of the table features, which",
        "does not hold. Use the home that it was trained in, or restore the table from a backup.",
        code=VersionRefused.exit_code,
    )


def test_the_list_names_a_damaged_and_a_lost_version(home: Home, other: str) -> None:
    first = champion(home)
    file = home.path / "models" / other / "model.json"
    file.write_bytes(file.read_bytes()[:-20])
    (home.path / "models" / first).rename(home.path / "models" / "elsewhere")
    told = models(home, "list")
    assert told.code == 0
    assert told.out.count("cannot be used") == 2
    entries = {entry["version_id"]: entry for entry in document(home, "list")}
    assert "damaged" in entries[other]["problem"]
    assert "cannot be read" in entries[first]["problem"]
    assert entries[first]["is_in_production"]


def test_a_card_is_shown_with_its_history(home: Home, other: str) -> None:
    first = champion(home)
    told = models(home, "show")
    assert told.code == 0, told.err
    assert f"# Model version {first}" in told.out
    assert re.search(rf"- 20\S+ \S+ UTC, run \S+: {first} promoted\. No champion to compare with", told.out)
    assert "## In the ledger" not in models(home, "show", other).out
    shown = document(home, "show", first)
    assert shown["card"]["version_id"] == first
    assert shown["ledger"][0]["numbers"]["rule"] == "no champion"


def test_two_versions_are_compared_by_horizon(home: Home, other: str) -> None:
    first = champion(home)
    told = models(home, "compare", other, first)
    assert told.code == 0, told.err
    assert "SYNTHETIC" in told.out
    assert "24 months, 2024-11 to 2026-10, none of which either search saw" in told.out
    assert "the gate would say: kept" in told.out
    assert "\u2026" not in told.out, "no head is cut off at eighty columns"
    for head in ("RMSE A", "ratio B", "80 % A", "95 % B"):
        assert head in told.out
    compared = document(home, "compare", other, first)
    assert [row["horizon_months"] for row in compared["by_horizon"]] == list(range(1, 13))
    card = document(home, "show", first)["card"]["scores"]["by_horizon"]["milk"]
    for row, expected in zip(compared["by_horizon"], card, strict=True):
        assert row["rmse_b"] == pytest.approx(expected["rmse"])
        assert row["coverage_80_b"] == pytest.approx(expected["coverage_80"])
    assert compared["gate"]["rule"] in ("not fresher", "worse")
    turned = document(home, "compare", first, other)
    assert turned["gate"]["numbers"]["statistic"] == pytest.approx(-compared["gate"]["numbers"]["statistic"])


def test_a_version_is_promoted_and_rolled_back_and_the_ui_is_told(home: Home, other: str) -> None:
    first = champion(home)
    told = models(home, "promote", other, "--reason", "a try", "--by", "ana")
    assert told.code == 0, told.err
    assert f"{other} (combination) is in production in place of {first}, from the next issue on." in told.out
    assert champion(home) == other
    with in_process_instance(home) as instance:
        shown, event = shown_version(instance), instance.get_latest_materialization_event(dg.AssetKey("prod_model"))
    assert shown is not None
    assert shown[0] == other
    assert event is not None
    assert event.run_id == ""
    assert models(home, "rollback", "--reason", "it was worse", "--by", "ana").code == 0
    assert champion(home) == first
    with in_process_instance(home) as instance:
        shown = shown_version(instance)
    assert shown is not None
    assert shown[0] == first
    with home_store(home, home.store_url) as store:
        rows = promotions(store, SERIES_ID)
    assert [(row.actor_kind, row.actor) for row in rows[1:]] == [("person", "ana")] * 2
    times = models(home, "list").out
    assert re.search(rf"{first}  .*in production \S+ \S+ to \S+ \S+, since ", times)
    assert "a try" in models(home, "show", other).out


def test_where_the_ui_cannot_be_told_the_pointer_has_moved_and_it_says_so(home: Home, other: str) -> None:
    shutil.rmtree(home.dagster)
    home.dagster.write_text("no folder", encoding="ascii")
    told = models(home, "promote", other, "--reason", "a try")
    refused(told, f"{other} is in production", "could not be told", "Do not repeat", "materialise prod_model", code=1)
    assert champion(home) == other


@pytest.mark.parametrize(
    ("command", "arguments", "words", "code"),
    [
        ("rollback", ["--reason", "x"], ["Nothing was in production before"], 1),
        ("rollback", ["--reason", "x", "--to", "v-0000000000000000"], ["was never in production"], 1),
        ("promote", ["v-0000000000000000", "--reason", "x"], ["cannot be read", "Nothing was changed"], 1),
        ("promote", ["../../etc", "--reason", "x"], ["is not the name of a model version"], 1),
        ("promote", ["v-0000000000000000", "--reason", "  "], ["--reason", "say why"], 2),
        ("show", ["v-0000000000000000"], ["cannot be read"], 1),
        ("compare", ["v-0000000000000000", "v-0000000000000001"], ["cannot be read"], 1),
    ],
)
def test_what_cannot_be_done_is_one_message_and_changes_nothing(
    home: Home, command: str, arguments: list[str], words: list[str], code: int
) -> None:
    before = content_of(home.path)
    refused(models(home, command, *arguments), *words, code=code)
    assert content_of(home.path) == before


def test_a_version_is_not_compared_with_itself(home: Home) -> None:
    first = champion(home)
    refused(models(home, "compare", first, first), "compared with itself", code=1)


def test_a_reason_is_required(home: Home) -> None:
    told = models(home, "rollback")
    assert told.code == 2
    assert "--reason" in told.err


def test_an_empty_home_and_a_home_of_other_data(ran: Ran, tmp_path: Path) -> None:
    for command in ("list", "show"):
        told = milk("models", command, "--home", tmp_path / "empty")
        refused(told, "holds no model version", "milk run", code=3)
    assert not (tmp_path / "empty").exists(), "to look is not to make"
    data = price_folder(tmp_path / "other", replace=("1979,Feb,4.37", "1979,Feb,4.38"))
    refused(milk("models", "list", "--home", ran.home, "--data", data), "belongs to", code=3)
