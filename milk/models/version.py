"""A model version as it is kept: two files, checked on every load.

`model.json` is what forecasts: recipe, fit, interval state. `card.json` is what a reviewer asks: data, windows, search,
scores, libraries. The version is named after the content of `model.json`; the hash in the ledger covers both files.
"""

import datetime as dt
import errno
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from milk.errors import VersionOutdated, VersionRefused
from milk.files.folder import Folder
from milk.models.canonical import canonical_json, sha256_hex

SCHEMA = 2
"""1 was one autoregression, 2 is a combination of members."""
MOST_MEMBERS = 50
MOST_MONTHS_BACK = 60
MODEL_FILE = "model.json"
CARD_FILE = "card.json"
LARGEST_FILE = 1_000_000
"""Bytes. A version is a few dozen numbers and a search table; anything larger is not ours."""
_VERSION_ID = re.compile(r"v-[0-9a-f]{16}")
_MODEL_KEYS = {"schema", "series_id", "unit", "data", "recipe", "fit", "intervals", "training_distribution"}
_CARD_KEYS = {"created_at", "version_id", "is_synthetic", "data", "windows", "search", "scores", "software", "notes"}
_LATER_CARD_KEYS = {"recipe"}
"""What the first cards of this schema lack."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version: its name, the hash of its two files, and what they hold."""

    version_id: str
    sha256: str
    model: dict[str, Any]
    card: dict[str, Any]

    @property
    def recipe_name(self) -> str:
        """Name of the recipe, for people."""
        return str(self.model["recipe"]["name"])


def version_id_of(model: Mapping[str, Any]) -> str:
    """The name of a version: the beginning of the hash of its model."""
    return _name(canonical_json(model))


def write_version(folder: Folder, model: Mapping[str, Any], card: Mapping[str, Any]) -> ModelVersion:
    """Keep a version; the same model again changes nothing and gives back what stands.

    Args:
        folder: the folder of all versions.
        model: content of `model.json`.
        card: content of `card.json` but for `version_id`, which is set here.

    Raises:
        VersionRefused: the content breaks the schema.
    """
    model_bytes = _canonical(model, "that is to be kept")
    version_id = _name(model_bytes)
    if (folder / version_id).has(MODEL_FILE):
        return read_version(folder, version_id)
    whole_card = {**card, "version_id": version_id}
    _check(dict(model), whole_card, version_id)
    card_bytes = _canonical(whole_card, version_id)
    # The model last: where a folder does not appear whole, a version counts from then on. A card that an interrupted
    # write left stands, as that of a version does that is there already.
    folder.add(version_id, {CARD_FILE: card_bytes, MODEL_FILE: model_bytes})
    return read_version(folder, version_id)


def version_ids(folder: Folder) -> list[str]:
    """The names of the versions that a folder holds; one that is being written is none yet."""
    parts = (name.split("/") for name in folder.names())
    return sorted(part[0] for part in parts if part[1:] == [MODEL_FILE] and _VERSION_ID.fullmatch(part[0]))


def read_version(folder: Folder, version_id: str, *, expected_sha256: str | None = None) -> ModelVersion:
    """Load and verify a version.

    Args:
        folder: the folder of all versions.
        version_id: name of the version.
        expected_sha256: the hash that the ledger holds; not compared where it is not given.

    Raises:
        VersionRefused: it is missing, damaged, of another schema, or its hash is not the expected one.
        VersionOutdated: an earlier program wrote it, by a schema that is read no longer.
    """
    if not _VERSION_ID.fullmatch(version_id):
        raise VersionRefused(f"'{version_id[:40]}' is not the name of a model version.")
    model_bytes = _read_bounded(folder, version_id, MODEL_FILE)
    card_bytes = _read_bounded(folder, version_id, CARD_FILE)
    sha256 = sha256_hex(model_bytes + card_bytes)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise VersionRefused(
            f"The model version {version_id} was changed after it was promoted: its hash is {sha256[:12]}, the ledger "
            f"holds {expected_sha256[:12]}. Restore {folder / version_id} from a backup, or promote another version."
        )
    model, card = _parse(model_bytes, version_id), _parse(card_bytes, version_id)
    _check(model, card, version_id)
    _canonical(card, version_id)
    if _name(_canonical(model, version_id)) != version_id:
        raise VersionRefused(
            f"The model version {version_id} does not hold what its name says: {MODEL_FILE} was changed. "
            "Restore it from a backup, or promote another version."
        )
    return ModelVersion(version_id, sha256, model, card)


def version_of(version_id: str, sha256: str, model: Mapping[str, Any], card: Mapping[str, Any]) -> ModelVersion:
    """A version from content that was kept elsewhere than in a folder: checked as a folder is.

    Raises:
        VersionRefused: it is not the model of that name, damaged, or of another schema.
        VersionOutdated: an earlier program wrote it, by a schema that is read no longer.
    """
    _check(dict(model), dict(card), version_id)
    if _name(_canonical(model, version_id)) != version_id:
        raise VersionRefused(f"The model version {version_id} does not hold what its name says.")
    return ModelVersion(version_id, sha256, dict(model), dict(card))


def _name(model_bytes: bytes) -> str:
    return f"v-{sha256_hex(model_bytes)[:16]}"


def _canonical(content: Mapping[str, Any], version_id: str) -> bytes:
    """The bytes of a file of ours; a parser takes NaN, 1e999 and nests that no file of ours holds."""
    try:
        return canonical_json(content)
    except (ValueError, RecursionError) as error:
        raise VersionRefused(f"The model version {version_id} is not valid: {error}.") from error


def _read_bounded(folder: Folder, version_id: str, name: str) -> bytes:
    version = folder / version_id
    try:
        return version.read(name, most_bytes=LARGEST_FILE)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise VersionRefused(f"The model version {version_id} is not ours: {name} is larger than 1 MB.") from error
        raise VersionRefused(
            f"The model version {version_id} cannot be read: {version}/{name}: {error.strerror}."
        ) from error


def _parse(content: bytes, version_id: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise VersionRefused(f"The model version {version_id} is damaged: {error}.") from error
    if not isinstance(parsed, dict):
        raise VersionRefused(f"The model version {version_id} is damaged: it holds no JSON object.")
    return parsed


def _check(model: dict[str, Any], card: dict[str, Any], version_id: str) -> None:
    schema = model.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise VersionRefused(
            f"The model version {version_id} has schema {schema}; this program reads up to {SCHEMA}. "
            "Update the program."
        )
    if schema == SCHEMA - 1:
        raise VersionOutdated(
            f"The model version {version_id} has schema {schema}, which an earlier program wrote; this one reads "
            f"{SCHEMA}. Train a new version: `milk run`, or the job `training`."
        )
    if problem := model_problem(model) or card_problem(card, version_id):
        raise VersionRefused(f"The model version {version_id} is not valid: {problem}.")


def card_problem(card: Mapping[str, Any], version_id: str) -> str:
    """What is wrong with a card; empty where nothing is."""
    if odd := _CARD_KEYS.symmetric_difference(set(card) - _LATER_CARD_KEYS):
        return f"the card lacks or has beyond it: {', '.join(sorted(odd))}"
    if card["version_id"] != version_id:
        return f"the card is that of {card['version_id']}"
    if not isinstance(card["is_synthetic"], bool):
        return "the card does not say whether the data are synthetic"
    if not _has_data_cutoff(card["data"]):
        return "the card does not say up to which instant the choice saw data"
    scores = card["scores"]
    named = isinstance(scores, dict) and all(isinstance(scores.get(k), dict) for k in ("recipe", "last_value"))
    return "" if named else "the card lacks the scores of the recipe and of the last value"


def _has_data_cutoff(data: object) -> bool:
    """Whether a forecast can be told live from hindcast: without this instant it cannot."""
    try:
        return isinstance(data, dict) and dt.datetime.fromisoformat(data["data_cutoff"]).tzinfo is not None
    except (KeyError, TypeError, ValueError):
        return False


def model_problem(model: Mapping[str, Any]) -> str:
    """What is wrong with a model; empty where nothing is."""
    if model.get("schema") != SCHEMA:
        return f"schema is {model.get('schema')!r}, not {SCHEMA}"
    if set(model) != _MODEL_KEYS:
        return f"the model lacks or has beyond it: {', '.join(sorted(set(model) ^ _MODEL_KEYS))}"
    if not isinstance(model["recipe"], dict):
        return "the recipe must be an object"
    problem = _fit_problem(model["fit"]) or _interval_problem(model["intervals"])
    if not problem and model["fit"]["members"] and len(model["fit"]["weights"]) != _steps(model):
        return "the weights and the half widths must reach as far as each other"
    return problem


def _steps(model: Mapping[str, Any]) -> int:
    return len(model["intervals"]["half_widths"])


def _fit_problem(fit: object) -> str:
    if not isinstance(fit, dict) or not isinstance(fit.get("members"), list) or len(fit["members"]) > MOST_MEMBERS:
        return f"the fit must hold a list of at most {MOST_MEMBERS} members"
    if not _numbers([fit.get("drift_share")]) or not _numbers(fit.get("pull_taper")):
        return "drift_share and pull_taper must be numbers"
    if len(fit["pull_taper"]) > MOST_MONTHS_BACK:
        return f"the pull reaches back more than {MOST_MONTHS_BACK} months"
    if not all(_is_member(member, len(fit["pull_taper"])) for member in fit["members"]):
        return "a member must hold drift, twelve month_effects, pull, and a momentum not longer than the pull_taper"
    if not _is_cut(fit.get("cut")):
        return "the cut must hold drift, twelve month_effects and a limit"
    weights, count = fit.get("weights"), len(fit["members"])
    is_whole = isinstance(weights, list) and all(_numbers(row, length=count) for row in weights)
    if not is_whole:
        return "the weights must be one number for each member, a list a horizon"
    return "" if _are_blocks(fit.get("blocks")) else "a block must hold columns, means, deviations and coefficients"


def _is_member(member: object, most: int) -> bool:
    if not isinstance(member, dict) or not _is_season(member) or not _numbers([member.get("pull")]):
        return False
    return _numbers(member.get("momentum")) and len(member["momentum"]) <= most


def _are_blocks(blocks: object) -> bool:
    if not isinstance(blocks, dict):
        return False
    for block in blocks.values():
        columns = block.get("columns") if isinstance(block, dict) else None
        if not isinstance(columns, list) or not _numbers([block.get("largest")]):
            return False
        rows = block.get("coefficients")
        lists = [block.get("means"), block.get("deviations"), *(rows if isinstance(rows, list) else [None])]
        if not all(_numbers(values, length=len(columns)) for values in lists):
            return False
    return True


def _is_cut(cut: object) -> bool:
    if cut is None:
        return True
    return isinstance(cut, dict) and _is_season(cut) and (cut.get("limit") is None or _numbers([cut["limit"]]))


def _is_season(part: object) -> bool:
    return isinstance(part, dict) and _numbers([part.get("drift")]) and _numbers(part.get("month_effects"), length=12)


def _interval_problem(intervals: object) -> str:
    rows = intervals.get("half_widths") if isinstance(intervals, dict) else None
    if not isinstance(rows, list) or not rows:
        return "the intervals hold no half widths"
    for row in rows:
        if not isinstance(row, dict) or not _numbers([row.get("log_80"), row.get("log_95")]):
            return "a half width is not a number"
        if not 0 <= row["log_80"] <= row["log_95"]:
            return "the 80 % interval must lie inside the 95 % interval"
    return ""


def _numbers(values: object, *, length: int | None = None) -> bool:
    if not isinstance(values, list) or (length is not None and len(values) != length):
        return False
    return all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in values)
