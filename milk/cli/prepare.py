"""`milk prepare`: what must be there before the processes of a server start, each in a container of its own."""

from pathlib import Path

from milk.cli.config import shown_value
from milk.cli.console import say
from milk.cli.dagster_home import create_dagster_storage, prepare_dagster_home
from milk.publication.engine import shown_address
from milk.settings import load_settings
from milk.steps.place import home_of
from milk.steps.store import home_store


def prepare_servers(*, data: Path | None, home: Path | None) -> None:
    """Make the home, the tables of the store and Dagster's records; what is there already is brought up to date.

    Safe to repeat. While it changes the schema of Dagster's records, no process of Dagster may be at work on them.

    Raises:
        MilkError: the home, the store or the records cannot be used.
    """
    settings = load_settings(data=data, home=home)
    place = home_of(settings)
    place.prepare()
    with place.served():
        with home_store(place, settings.store_address):
            say(f"store     {shown_address(settings.store_address)}")
        prepare_dagster_home(place, settings)
        # The code location may run elsewhere: only it knows which of its runs are gone.
        create_dagster_storage(place, launched_here=False)
        say(f"dagster   {shown_value(settings, 'dagster_url')}")
    say(f"home      {place.address}")
