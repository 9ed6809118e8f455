"""The environment as the settings see it: secrets that are given as files, and names that nothing reads.

A setting is `MILK_<NAME>`; capitals and small letters are one, and an empty variable counts as not set. One that bears
a secret may lie in a file instead, named by `MILK_<NAME>_FILE`, as the secrets of containers do: what stands in the
environment of a process is shown by many tools.
"""

import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from milk.errors import BadSetting

PREFIX = "MILK_"
FILE_SUFFIX = "_FILE"
OF_THE_SUITE = ("MILK_REQUIRE_PARTS", "MILK_UPDATE_SNAPSHOT")
"""Variables that steer the tests and not the program."""

_SECRET_MAX_BYTES = 64 * 1024
_said: set[str] = set()


def variable(name: str) -> str:
    """The variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def file_variable(name: str) -> str:
    """The variable that names the file of a setting."""
    return f"{variable(name)}{FILE_SUFFIX}"


def variables() -> dict[str, str]:
    """What is set of this program, by name in capitals."""
    return {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(PREFIX) and value}


def secrets_in_files(names: Iterable[str]) -> dict[str, str]:
    """The settings that are given as files, each with the content of its file, stripped.

    Args:
        names: the settings that may be.

    Raises:
        BadSetting: a file cannot be read or is empty, or a setting is given in both ways.
    """
    given = variables()
    return {name: _content(name, given) for name in names if file_variable(name) in given}


def _content(name: str, given: Mapping[str, str]) -> str:
    by_file, file = file_variable(name), Path(given[file_variable(name)]).expanduser()
    if variable(name) in given:
        raise BadSetting(f"{variable(name)} and {by_file} are both set: keep one of them.")
    try:
        with file.open("rb") as stream:
            content = stream.read(_SECRET_MAX_BYTES).decode().strip()
    except OSError as error:
        raise BadSetting(
            f"{by_file}: the file {file} cannot be read ({error.strerror}). Write the setting into it, or name another."
        ) from error
    except UnicodeDecodeError as error:
        raise BadSetting(f"{by_file}: the file {file} is no text in UTF-8. Write the setting into it.") from error
    if not content:
        raise BadSetting(f"{by_file}: the file {file} is empty. Write the setting into it, or unset {by_file}.")
    return content


def unknown_variables(known: Iterable[str]) -> set[str]:
    """The variables that look like settings and are none.

    Args:
        known: those of the settings, as `variables` names them.
    """
    return {*variables()} - {*known, *OF_THE_SUITE}


def warn_of_unknown(known: Iterable[str]) -> None:
    """Say on standard error, once in a process, which variables look like settings and are none.

    Args:
        known: those of the settings.
    """
    names = [*known]
    for name in sorted(unknown_variables(names) - _said):
        _said.add(name)
        sys.stderr.write(f"warning: {said_of_unknown(name, names)}\n")


def said_of_unknown(name: str, known: Iterable[str]) -> str:
    """What is said of a variable that is no setting; its value is not, it may be a secret.

    Args:
        name: the variable.
        known: the variables that are.
    """
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"{name} is no setting of this program and does nothing.{meant} `milk config show` lists the settings."
