"""A version is immutable, named after its content, and believed only after it was checked."""

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from milk.errors import VersionOutdated, VersionRefused
from milk.files.local import LocalFolder
from milk.models.canonical import canonical_json
from milk.models.version import (
    CARD_FILE,
    LARGEST_FILE,
    MODEL_FILE,
    ModelVersion,
    read_version,
    version_id_of,
    write_version,
)
from tests.milk.models.versions import card_content, model_content, version_in
from tests.milk.models.writer import write


@pytest.fixture
def version(tmp_path: Path) -> ModelVersion:
    return version_in(tmp_path)


def test_what_was_written_is_read_back(tmp_path: Path, version: ModelVersion) -> None:
    assert read_version(LocalFolder(tmp_path), version.version_id, expected_sha256=version.sha256) == version
    assert version.model == model_content()
    assert version.card == {**card_content(), "version_id": version.version_id}
    assert version.recipe_name == "combination"


def test_same_content_has_the_same_id_and_the_first_card_stands(tmp_path: Path, version: ModelVersion) -> None:
    bytes_before = {f.name: f.read_bytes() for f in (tmp_path / version.version_id).iterdir()}
    again = write_version(LocalFolder(tmp_path), model_content(), {**card_content(), "notes": ["another day"]})
    assert again == version
    assert {f.name: f.read_bytes() for f in (tmp_path / version.version_id).iterdir()} == bytes_before
    assert [p.name for p in tmp_path.iterdir()] == [version.version_id]


def test_other_content_has_another_id(tmp_path: Path, version: ModelVersion) -> None:
    other = version_in(tmp_path, setting=None)
    assert other.version_id != version.version_id
    assert read_version(LocalFolder(tmp_path), version.version_id) == version


def test_the_order_of_the_keys_does_not_matter() -> None:
    model = model_content()
    assert version_id_of(dict(reversed(model.items()))) == version_id_of(model)


def test_one_changed_byte_in_the_model_is_refused(tmp_path: Path, version: ModelVersion) -> None:
    file = tmp_path / version.version_id / MODEL_FILE
    content = file.read_bytes()
    digit = content.index(b'"drift":') + len(b'"drift":') + 8
    changed = b"1" if content[digit : digit + 1] != b"1" else b"2"
    file.write_bytes(content[:digit] + changed + content[digit + 1 :])
    with pytest.raises(VersionRefused, match=r"does not hold what its name says: model\.json was changed"):
        read_version(LocalFolder(tmp_path), version.version_id)


@pytest.mark.parametrize("name", [MODEL_FILE, CARD_FILE])
def test_one_changed_byte_anywhere_is_refused_by_the_hash_of_the_ledger(
    tmp_path: Path, version: ModelVersion, name: str
) -> None:
    file = tmp_path / version.version_id / name
    content = file.read_bytes()
    for position in range(0, len(content), 97):
        flipped = bytes([content[position] ^ 1])
        file.write_bytes(content[:position] + flipped + content[position + 1 :])
        with pytest.raises(VersionRefused, match=r"was changed after it was promoted.*Restore .* from a backup"):
            read_version(LocalFolder(tmp_path), version.version_id, expected_sha256=version.sha256)
    file.write_bytes(content)
    assert read_version(LocalFolder(tmp_path), version.version_id, expected_sha256=version.sha256) == version


DAMAGED = {
    "empty": (b"", "is damaged"),
    "truncated": (b'{"schema": 1, "fit": {"drift": 0.0', "is damaged"),
    "not JSON": (b"\x80\x04\x95K\x00", "is damaged"),
    "no object": (b"[1, 2, 3]\n", "holds no JSON object"),
    "deeply nested": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "is not ours: .* larger than 1 MB|is damaged"),
    "nested below the limit of size": (b"[" * 400_000 + b"]" * 400_000, "is damaged"),
    "huge": (b" " * (LARGEST_FILE + 1), "larger than 1 MB"),
    "huge number": (b'{"schema": ' + b"9" * 5000 + b"}", "is damaged"),
}


@pytest.mark.parametrize("name", [MODEL_FILE, CARD_FILE])
@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_file_is_refused(
    tmp_path: Path, version: ModelVersion, name: str, content: bytes, message: str
) -> None:
    (tmp_path / version.version_id / name).write_bytes(content)
    with pytest.raises(VersionRefused, match=message) as refusal:
        read_version(LocalFolder(tmp_path), version.version_id)
    assert version.version_id in str(refusal.value)


@pytest.mark.parametrize("name", [MODEL_FILE, CARD_FILE])
def test_a_missing_file_is_refused(tmp_path: Path, version: ModelVersion, name: str) -> None:
    (tmp_path / version.version_id / name).unlink()
    with pytest.raises(VersionRefused, match=r"cannot be read: .*No such file"):
        read_version(LocalFolder(tmp_path), version.version_id)


@pytest.mark.parametrize(
    "version_id", ["../x", "v-0123456789abcdef/../../x", "/etc", "", ".", "v-0123456789ABCDEF", "v-0123456789abcdef\n"]
)
def test_an_id_that_is_no_name_of_a_version_is_refused_before_any_file_is_touched(
    tmp_path: Path, version_id: str
) -> None:
    with pytest.raises(VersionRefused, match="is not the name of a model version"):
        read_version(LocalFolder(tmp_path), version_id)


def test_an_unknown_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VersionRefused, match="v-0123456789abcdef cannot be read"):
        read_version(LocalFolder(tmp_path), "v-0123456789abcdef")


def plant(folder: Path, model: bytes, version_id: str) -> None:
    """Files that nobody of ours wrote, under a name that fits them."""
    (folder / version_id).mkdir()
    (folder / version_id / MODEL_FILE).write_bytes(model)
    (folder / version_id / CARD_FILE).write_bytes(canonical_json({**card_content(), "version_id": version_id}))


def changed(path: str, value: object) -> dict[str, Any]:
    """A model with one value set; a path like `fit.drift`."""
    model: dict[str, Any] = json.loads(canonical_json(model_content()))
    *parents, last = path.split(".")
    inner: Any = model
    for parent in parents:
        inner = inner[int(parent) if isinstance(inner, list) else parent]
    inner[int(last) if isinstance(inner, list) else last] = value
    return model


INVALID: dict[str, tuple[object, str]] = {
    "schema": (0, "schema is 0, not 2"),
    "surprise": (1, "lacks or has beyond it: surprise"),
    "recipe": ([], "the recipe must be an object"),
    "fit": ([], "the fit must hold a list of at most 50 members"),
    "fit.members": ([{}] * 51, "a list of at most 50 members"),
    "fit.members.0.month_effects": ([0.0] * 11, "a member must hold drift, twelve month_effects"),
    "fit.members.0.drift": ("0", "a member must hold drift"),
    "fit.members.0.pull": (None, "a member must hold drift"),
    "fit.members.0.momentum": ([0.0] * 31, "a momentum not longer than the pull_taper"),
    "fit.drift_share": (True, "drift_share and pull_taper must be numbers"),
    "fit.pull_taper": ([0.0] * 61, "reaches back more than 60 months"),
    "fit.cut": ({"limit": 1.0}, "the cut must hold drift, twelve month_effects and a limit"),
    "fit.cut.limit": ("1", "the cut must hold"),
    "fit.weights": ([[0.5]] * 12, "the weights must be one number for each member"),
    "fit.weights.0": ([0.5], "the weights must be one number for each member"),
    "intervals.half_widths.11": ({"log_80": 0.2, "log_95": "0.3"}, "a half width is not a number"),
    "intervals": ({}, "hold no half widths"),
    "intervals.half_widths": ([{"log_80": 0.2, "log_95": 0.1}], "80 % interval must lie inside"),
}


@pytest.mark.parametrize(("path", "value", "message"), [(path, *rest) for path, rest in INVALID.items()], ids=INVALID)
def test_content_that_breaks_the_schema_is_refused_on_reading_and_on_writing(
    tmp_path: Path, path: str, value: object, message: str
) -> None:
    model = changed(path, value)
    plant(tmp_path, canonical_json(model), version_id_of(model))
    with pytest.raises(VersionRefused, match=message):
        read_version(LocalFolder(tmp_path), version_id_of(model))
    with pytest.raises(VersionRefused, match=message):
        write_version(LocalFolder(tmp_path / "other"), model, card_content())
    assert not (tmp_path / "other").exists()


def test_a_newer_schema_asks_for_a_newer_program(tmp_path: Path) -> None:
    model = changed("schema", 3)
    plant(tmp_path, canonical_json(model), version_id_of(model))
    with pytest.raises(VersionRefused, match=r"has schema 3; this program reads up to 2\. Update the program"):
        read_version(LocalFolder(tmp_path), version_id_of(model))


def test_an_older_schema_asks_for_a_training(tmp_path: Path) -> None:
    model = changed("schema", 1)
    plant(tmp_path, canonical_json(model), version_id_of(model))
    with pytest.raises(VersionOutdated, match=r"has schema 1, which an earlier program wrote.*Train a new version"):
        read_version(LocalFolder(tmp_path), version_id_of(model))


def test_weights_reach_as_far_as_the_half_widths(tmp_path: Path) -> None:
    model = changed("fit.weights", model_content()["fit"]["weights"][:11])
    with pytest.raises(VersionRefused, match="must reach as far as each other"):
        write_version(LocalFolder(tmp_path), model, card_content())


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
@pytest.mark.parametrize("path", ["fit.members.0.drift", "fit.last_price", "training_distribution.price"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, path: str, text: bytes) -> None:
    content = canonical_json(changed(path, 123454321)).replace(b"123454321", text)
    plant(tmp_path, content, "v-0123456789abcdef")
    with pytest.raises(VersionRefused, match="is not valid"):
        read_version(LocalFolder(tmp_path), "v-0123456789abcdef")


def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    card = card_content()
    card["scores"]["recipe"]["ratio_year"] = float("inf")
    for model, its_card in ((changed("fit.last_price", float("nan")), card_content()), (model_content(), card)):
        with pytest.raises(VersionRefused, match="is not valid"):
            write_version(LocalFolder(tmp_path), model, its_card)
    assert list(tmp_path.iterdir()) == []


BAD_CARDS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "lacks a field": (lambda card: card.pop("notes"), "lacks or has beyond it: notes"),
    "of another version": (lambda card: card.update(version_id="v-1"), "the card is that of v-1"),
    "synthetic or not": (lambda card: card.update(is_synthetic="no"), "does not say whether the data are synthetic"),
    "no scores": (
        lambda card: card["scores"].pop("last_value"),
        "lacks the scores of the recipe and of the last value",
    ),
    "no cutoff": (lambda card: card.update(data={}), "does not say up to which instant"),
    "no instant": (lambda card: card["data"].update(data_cutoff="2001-09-01"), "does not say up to which instant"),
    "infinite": (lambda card: card["windows"].update(x=float("inf")), "is not valid"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD_CARDS.values(), ids=BAD_CARDS.keys())
def test_a_card_that_breaks_the_schema_is_refused(
    tmp_path: Path, version: ModelVersion, spoil: Callable[[dict[str, Any]], object], message: str
) -> None:
    card = json.loads(canonical_json(version.card))
    spoil(card)
    (tmp_path / version.version_id / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(VersionRefused, match=message):
        read_version(LocalFolder(tmp_path), version.version_id)


def test_writers_at_once_end_well_and_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(3), context.Queue()
    cards = [{**card_content(), "notes": [f"writer {number}"]} for number in range(3)]
    writers = [context.Process(target=write, args=(tmp_path, model_content(), card, start, results)) for card in cards]
    for writer in writers:
        writer.start()
    hashes = {results.get(timeout=60) for _writer in writers}
    for writer in writers:
        writer.join(timeout=60)
        assert writer.exitcode == 0
    folders = list(tmp_path.iterdir())
    assert len(hashes) == len(folders) == 1
    assert read_version(LocalFolder(tmp_path), folders[0].name).sha256 == hashes.pop()
