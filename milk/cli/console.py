"""What is printed, and how: results to standard output, everything else to standard error."""

import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Print a result as it is: a path in it may hold brackets, and must not be broken over two lines."""
    OUT.print(message, markup=False, soft_wrap=True)


def say_error(message: str) -> None:
    """Print what went wrong."""
    ERR.print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)


def say_progress(message: str) -> None:
    """Print what is being done."""
    ERR.print(f"[dim]{escape(message)}[/]", soft_wrap=True)


def banner(*, is_synthetic: bool) -> str:
    """One line on what the data are."""
    if is_synthetic:
        return "[bold red]SYNTHETIC DATA[/]: invented prices, for trying the program. No use for any decision."
    return "Real data, as given in the folder."


def command() -> str:
    """This command as its user typed it, for the next one to type."""
    typed = Path(sys.argv[0])
    return str(typed) if typed.name == "milk" else "milk"
