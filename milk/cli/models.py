"""`milk models`: what there is of versions, and what a person does with production."""

import datetime as dt
import getpass
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from rich.box import SIMPLE_HEAD
from rich.table import Table

from milk.cli.console import OUT, banner, say, say_progress
from milk.cli.dagster_home import in_process_instance, prepare_dagster_home
from milk.cli.panel import refuse_home_of_others
from milk.cli.status import existing_store
from milk.errors import HomeRefused, MilkError, PromotionRefused, VersionRefused
from milk.home.dataset import read_dataset
from milk.home.layout import Home
from milk.models.card import card_markdown
from milk.models.version import ModelVersion
from milk.publication.ledger import PromotionRow, current_champion, promotions
from milk.series import SERIES_ID, series_register
from milk.settings import Settings, load_settings
from milk.steps.place import home_of
from milk.steps.promotion import Actor, promote_version, roll_back
from milk.steps.provenance import is_synthetic
from milk.steps.staging import remake_version
from milk.steps.trail import RULE, speaks_of
from milk.steps.versions import Compared, VersionEntry, compare_versions, find_version, list_versions

TIME = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class _Opened:
    """A home that holds something, and its store."""

    settings: Settings
    home: Home
    store: sa.Engine


def list_models(*, data: Path | None, home: Path | None, as_json: bool) -> None:
    """Print every version, the newest first.

    Raises:
        HomeRefused: the home is empty or cannot be used.
    """
    with _opened(data, home) as opened:
        entries = list_versions(opened.home, opened.store)
    if as_json:
        _say_json([_entry_document(entry) for entry in entries])
        return
    for entry in entries:
        mark = "*" if entry.is_in_production else " "
        say(f"{mark} {entry.version_id}  {_described(entry)}  {_state(entry)}")
        if entry.problem:
            say(f"    cannot be used: {entry.problem}")


def show_model(version_id: str | None, *, data: Path | None, home: Path | None, as_json: bool) -> None:
    """Print the card of a version and its history; by default of the one in production.

    Raises:
        VersionRefused: it is missing or damaged.
        PromotionRefused: none is named, and none is in production.
    """
    with _opened(data, home) as opened:
        named = _named(opened, version_id)
        version = find_version(opened.home, opened.store, named)
        rows = [row for row in promotions(opened.store, SERIES_ID) if speaks_of(row, named)]
    if as_json:
        _say_json({**_version_document(version), "card": version.card, "ledger": [_row_document(row) for row in rows]})
        return
    say(card_markdown(version, history=[_sentence(row) for row in rows]).rstrip())


def compare_models(first: str, second: str, *, data: Path | None, home: Path | None, as_json: bool) -> None:
    """Print two recipes on the same rows, and what the gate would say to the first.

    Raises:
        VersionRefused: a version is missing or damaged.
        PromotionRefused: they cannot be compared.
    """
    with _opened(data, home) as opened:
        pair = [find_version(opened.home, opened.store, version_id) for version_id in (first, second)]
    say_progress("Refitting both recipes at every origin ...")
    compared = compare_versions(
        opened.home,
        *pair,
        price_rule=series_register().price.availability,
        evaluation_months=opened.settings.evaluation_months,
    )
    if as_json:
        _say_json(_compared_document(pair, compared))
        return
    _print_compared(pair, compared, is_synthetic=is_synthetic(opened.home))


def remake_model(version_id: str | None, *, data: Path | None, home: Path | None) -> None:
    """Make a version once more from its card, and say whether it forecasts the same; by default that in production.

    Raises:
        VersionRefused: it is missing or damaged, its card says too little, or what was made forecasts something else.
        PromotionRefused: none is named, and none is in production.
    """
    with _opened(data, home) as opened:
        version = find_version(opened.home, opened.store, _named(opened, version_id))
    say_progress(f"Fitting {version.version_id} once more ...")
    remade = remake_version(opened.home, version)
    if not remade.is_same:
        raise VersionRefused(
            f"{version.version_id} made once more is {remade.version_id}: its numbers differ by up to "
            f"{remade.largest_difference:.2g} of their size. Another program or library made the first: its card names "
            f"{version.card['software']}."
        )
    if remade.version_id == version.version_id:
        say(f"{version.version_id} made once more is the same to the last digit.")
    else:
        say(
            f"{version.version_id} made once more forecasts the same to {remade.largest_difference:.2g} of its numbers."
        )


def promote_model(version_id: str, *, reason: str, by: str | None, data: Path | None, home: Path | None) -> None:
    """Put a version into production, and tell the UI.

    Raises:
        PromotionRefused: it may not go there.
        BadSetting: no reason is given.
        MilkError: it is there, but the UI could not be told.
    """
    with _opened(data, home) as opened:
        row = promote_version(
            opened.home, opened.store, version_id, reason=reason, actor=_person(by), decided_at=dt.datetime.now(dt.UTC)
        )
        _tell(opened, row)


def roll_back_model(*, to: str | None, reason: str, by: str | None, data: Path | None, home: Path | None) -> None:
    """Put an earlier version into production again, and tell the UI.

    Raises:
        PromotionRefused: there is none, or it may not go there.
        BadSetting: no reason is given.
        MilkError: it is there, but the UI could not be told.
    """
    with _opened(data, home) as opened:
        row = roll_back(
            opened.home, opened.store, to=to, reason=reason, actor=_person(by), decided_at=dt.datetime.now(dt.UTC)
        )
        _tell(opened, row)


@contextmanager
def _opened(data: Path | None, home: Path | None) -> Iterator[_Opened]:
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    if read_dataset(place) is None:
        raise HomeRefused(f"The home {place.address} is empty: it holds no model version. Next: milk run")
    refuse_home_of_others(place, data)
    with existing_store(settings, place) as store:
        if store is None:
            raise HomeRefused(f"The home {place.address} has no ledger yet: nothing was trained there. Next: milk run")
        yield _Opened(settings, place, store)


def _named(opened: _Opened, version_id: str | None) -> str:
    """The version that is meant: the one in production where none is named."""
    standing = current_champion(opened.store, SERIES_ID)
    if version_id is None and standing is None:
        raise PromotionRefused("Nothing is in production yet. Name a version: `milk models list`.")
    return version_id or str(standing and standing.champion_version_id)


def _person(by: str | None) -> Actor:
    """Who decides: as named, or as the machine knows the user; a container may know none."""
    try:
        return Actor("person", by or getpass.getuser(), None)
    except (KeyError, OSError):
        return Actor("person", "unknown", None)


def _tell(opened: _Opened, row: PromotionRow) -> None:
    """Say what was done, here and in the UI."""
    champion = find_version(opened.home, opened.store, row.champion_version_id)
    former = f" in place of {row.previous_version_id}" if row.previous_version_id else ""
    say(f"{row.champion_version_id} ({champion.recipe_name}) is in production{former}, from the next issue on.")
    record_in_ui(opened, row, champion)


def record_in_ui(opened: _Opened, row: PromotionRow, champion: ModelVersion) -> None:
    """Report a materialisation of `prod_model` without a run, so that the UI tells what the ledger does.

    Raises:
        MilkError: it could not be recorded; what is in production is not changed by that.
    """
    from milk_assets.defs.production import production_event

    try:
        prepare_dagster_home(opened.home, opened.settings)
        with in_process_instance(opened.home) as instance:
            instance.report_runless_asset_event(production_event(row, champion))
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise MilkError(
            f"{row.champion_version_id} is in production and the ledger says so, but the Dagster UI could not be told: "
            f"{said}. Forecasts use it all the same. Do not repeat the command: mend what is wrong with "
            f"{opened.home.dagster} and materialise prod_model in the UI, which then shows what the ledger holds."
        ) from error


def _described(entry: VersionEntry) -> str:
    if entry.version is None:
        return f"{'?':<12} origin {'?':<7}  created {'?':<10}"
    card = entry.version.card
    origin = card["data"].get("forecast_origin", "?")
    return f"{entry.version.recipe_name:<12} origin {origin:<7}  created {str(card['created_at'])[:10]:<10}"


def _state(entry: VersionEntry) -> str:
    """When it was in production, or why it never was."""
    if entry.periods:
        times = [
            f"{period.begun.decided_at:{TIME}} to {period.ended.decided_at:{TIME}}"
            if period.ended
            else f"since {period.begun.decided_at:{TIME}} UTC"
            for period in entry.periods
        ]
        return f"in production {', '.join(times)}"
    if not entry.rows:
        return "never judged"
    newest = entry.rows[-1]
    return f"kept out {newest.decided_at:%Y-%m-%d}: {newest.numbers.get(RULE, newest.reason)}"


def _sentence(row: PromotionRow) -> str:
    """A row of the ledger, in words."""
    who = f"{row.actor_kind} {row.actor}"
    return f"{row.decided_at:{TIME}} UTC, {who}: {row.version_id} {row.decision}. {row.reason}"


def _print_compared(pair: list[ModelVersion], compared: Compared, *, is_synthetic: bool) -> None:
    OUT.print(banner(is_synthetic=is_synthetic), soft_wrap=True)
    say(f"A  {pair[0].version_id} ({pair[0].recipe_name})\nB  {pair[1].version_id} ({pair[1].recipe_name})")
    say(f"{compared.months}, none of which either search saw; RMSE in {pair[0].model['unit']}, ratio to the last value")
    columns = ("rmse", "ratio", "coverage_80", "coverage_95")
    heads = ("RMSE", "ratio", "80 %", "95 %")
    # Without lines between the columns it fits a terminal of eighty.
    table = Table(
        "ahead", *(f"{head} {side}" for head in heads for side in "AB"), box=SIMPLE_HEAD, collapse_padding=True
    )
    for column in table.columns:
        column.justify = "right"
        column.no_wrap = True
    for row in compared.by_horizon.to_dict(orient="records"):
        forms = ["{:.2f}", "{:.3f}", "{:.0%}", "{:.0%}"]
        figures = [
            form.format(row[f"{name}_{side}"]) for name, form in zip(columns, forms, strict=True) for side in "ab"
        ]
        table.add_row(f"{row['horizon_months']:.0f}", *figures)
    OUT.print(table)
    say(f"Were A the challenger and B in production, the gate would say: {compared.decision.outcome}.")
    say(compared.decision.reason)


def _compared_document(pair: list[ModelVersion], compared: Compared) -> dict[str, Any]:
    decision = compared.decision
    return {
        "a": _version_document(pair[0]),
        "b": _version_document(pair[1]),
        "by_horizon": compared.by_horizon.to_dict(orient="records"),
        "gate": {
            "outcome": decision.outcome,
            "rule": decision.rule,
            "reason": decision.reason,
            "numbers": decision.numbers,
        },
    }


def _entry_document(entry: VersionEntry) -> dict[str, Any]:
    said = {"version_id": entry.version_id} if entry.version is None else _version_document(entry.version)
    times = [
        {
            "since": period.begun.decided_at.isoformat(),
            "until": period.ended.decided_at.isoformat() if period.ended else None,
        }
        for period in entry.periods
    ]
    return {
        **said,
        "is_in_production": entry.is_in_production,
        "in_production": times,
        "problem": entry.problem or None,
    }


def _version_document(version: ModelVersion) -> dict[str, Any]:
    return {
        "version_id": version.version_id,
        "sha256": version.sha256,
        "recipe": version.recipe_name,
        "forecast_origin": version.card["data"].get("forecast_origin"),
        "created_at": version.card["created_at"],
        "is_synthetic": version.card["is_synthetic"],
    }


def _row_document(row: PromotionRow) -> Mapping[str, Any]:
    return {
        "decided_at": row.decided_at.isoformat(),
        "actor_kind": row.actor_kind,
        "actor": row.actor,
        "decision": row.decision,
        "version_id": row.version_id,
        "in_production": row.champion_version_id,
        "previous": row.previous_version_id,
        "reason": row.reason,
        "numbers": dict(row.numbers),
        "run_id": row.run_id,
    }


def _say_json(document: object) -> None:
    say(json.dumps(document, indent=2, allow_nan=False))
