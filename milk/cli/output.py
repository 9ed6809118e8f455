"""Files that a command writes for its user."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from milk.errors import HomeRefused
from milk.files.local import refuse_no_file, write_atomically
from milk.sources.files import LABEL_FILE, SOURCE_FILES


@dataclass(frozen=True, slots=True)
class Output:
    """A file to write, its bytes, and the option that named it, for the messages."""

    file: Path
    content: bytes
    option: str


def write_output(
    file: Path, content: bytes, *, option: str, data: Path | None = None, home: Path | None = None
) -> None:
    """Write a file whole or not at all; see `write_outputs`."""
    write_outputs([Output(file, content, option)], data=data, home=home)


def write_outputs(outputs: Sequence[Output], *, data: Path | None = None, home: Path | None = None) -> None:
    """Write files, each whole or not at all, and none where one of them is refused.

    Args:
        outputs: what to write.
        data: the folder of input files, none of which is overwritten.
        home: the home, in which nothing of the user's is written.

    Raises:
        HomeRefused: one of them cannot be written, is a received file, or lies in the home.
    """
    for output in outputs:
        refuse_protected(output, data, home)
    with _no_folder_left_behind(output.file.parent for output in outputs):
        for output in outputs:
            with _said(output):
                _rehearse(output.file)
        for output in outputs:
            with _said(output):
                write_atomically(output.file, output.content)


def refuse_protected(output: Output, data: Path | None, home: Path | None) -> None:
    """Refuse to write over a received file or into the home; links are followed, for a file may be named by any.

    Raises:
        HomeRefused: the file is one of these.
    """
    file = _real(output.file)
    names = [LABEL_FILE, *(source.file_name for source in SOURCE_FILES.values())]
    if data is not None and file in [_real(data / name) for name in names]:
        raise HomeRefused(
            f"{output.file} is one of the files received and is never overwritten. Choose another {output.option}."
        )
    if home is not None and file.is_relative_to(_real(home)):
        raise HomeRefused(
            f"{output.file} lies in the home {home}, in which only the program writes. Choose another {output.option}."
        )


def _real(path: Path) -> Path:
    """What a path leads to; unlike `Path.resolve`, a loop of links is no failure here, but a path that is not there."""
    return Path(os.path.realpath(path))


def _rehearse(file: Path) -> None:
    """Raise what writing would, before any of several files is written."""
    refuse_no_file(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", suffix=".part"):
        pass


@contextmanager
def _said(output: Output) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeRefused(
            f"{output.file} cannot be written: {error.strerror}. Choose another {output.option}."
        ) from error


@contextmanager
def _no_folder_left_behind(folders: Iterable[Path]) -> Iterator[None]:
    """Remove again what was made of the folders where something is refused."""
    made = {place for folder in folders for place in (folder, *folder.parents) if not _is_there(place)}
    try:
        yield
    except HomeRefused:
        for place in sorted(made, key=lambda path: len(path.parts), reverse=True):
            # One that is not empty is somebody else's by now.
            with suppress(OSError):
                place.rmdir()
        raise


def _is_there(place: Path) -> bool:
    """Whether something stands there; what cannot be looked at was not made here."""
    try:
        return place.exists()
    except OSError:
        return True
