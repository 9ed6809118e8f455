"""The folder of input files: which files there are, which must be there, and what the folder says of itself.

A folder may hold many price files, which a manifest lists (`milk.sources.manifest`). The first of them is the price
file of all that follows here.
"""

import hashlib
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from milk.errors import BadInput
from milk.series import SourceName
from milk.sources import central_bank, milk_price, precipitation
from milk.sources.manifest import PriceFile, read_manifest
from milk.sources.text import Parsed

LABEL_FILE = "dataset.toml"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One of the three files and how it is parsed."""

    name: SourceName
    file_name: str
    is_required: bool
    parse: Callable[[bytes], Parsed]


SOURCE_FILES: dict[SourceName, SourceFile] = {
    "milk_price": SourceFile("milk_price", milk_price.FILE_NAME, True, milk_price.parse),
    "precipitation": SourceFile("precipitation", precipitation.FILE_NAME, False, precipitation.parse),
    "central_bank": SourceFile("central_bank", central_bank.FILE_NAME, False, central_bank.parse),
}


@dataclass(frozen=True, slots=True)
class DataFolder:
    """A folder that holds the price file and, if it likes, the rain and the macro file."""

    path: Path

    def fetch(self, source: SourceName) -> bytes | None:
        """The bytes of a source; `None` where an optional file is not there.

        Raises:
            BadInput: the folder or the price file is missing, or a file cannot be read.
        """
        source_file = SOURCE_FILES[source]
        if not self.path.is_dir():
            raise BadInput(f"There is no folder {self.path}. Give a folder that holds {milk_price.FILE_NAME}.")
        name = self.price_files()[0].file if source == "milk_price" else source_file.file_name
        file = self.path / name
        try:
            return file.read_bytes()
        except FileNotFoundError as error:
            if source_file.is_required:
                said = f"There is no {name} in {self.path}. The price file is the one that must be there."
                raise BadInput(said) from error
            return None
        except OSError as error:
            raise BadInput(f"{file} cannot be read: {error.strerror}.") from error

    def price_files(self) -> tuple[PriceFile, ...]:
        """The price files that the folder lists, the one of the reference series first; without a list that one alone.

        Raises:
            BadInput: the list cannot be used.
        """
        return read_manifest(self.path)

    def fetch_price(self, price_file: PriceFile) -> bytes:
        """The bytes of one of them.

        Raises:
            BadInput: it is missing or cannot be read.
        """
        try:
            return (self.path / price_file.file).read_bytes()
        except FileNotFoundError as error:
            raise BadInput(f"There is no file {price_file.file} in the folder.") from error
        except OSError as error:
            raise BadInput(f"{price_file.file} cannot be read: {error.strerror}.") from error

    @property
    def is_synthetic(self) -> bool:
        """Whether the folder labels itself as synthetic in its `dataset.toml`.

        Raises:
            BadInput: the label is there but says nothing usable.
        """
        label = self.path / LABEL_FILE
        if not label.exists():
            return False
        try:
            is_synthetic = tomllib.loads(label.read_text(encoding="utf-8")).get("is_synthetic", False)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadInput(f"{label} cannot be read: {error}. Mend or delete it.") from error
        if not isinstance(is_synthetic, bool):
            raise BadInput(f"{label}: is_synthetic must be true or false. Mend or delete the file.")
        return is_synthetic


def content_hash(content: bytes) -> str:
    """SHA-256 of received bytes, in hexadecimal: the name under which they are kept."""
    return hashlib.sha256(content).hexdigest()
