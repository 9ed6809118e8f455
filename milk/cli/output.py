"""Files that a command writes for its user."""

from pathlib import Path

from milk.errors import HomeRefused
from milk.home.layout import write_atomically


def write_output(file: Path, content: bytes, *, option: str) -> None:
    """Write a file whole or not at all.

    Args:
        file: where to.
        content: its bytes.
        option: the option that named it, for the message.

    Raises:
        HomeRefused: it cannot be written.
    """
    try:
        write_atomically(file, content)
    except OSError as error:
        raise HomeRefused(f"{file} cannot be written: {error.strerror}. Choose another {option}.") from error
