"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of input files. [default: the sample]")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of everything written. [default: storage/]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for whoever reads the ledger later.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides. [default: the user of this machine]")]
