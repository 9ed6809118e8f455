"""`milk prepare`: what must be there before the parts of an installation start, each in a container of its own."""

from pathlib import Path

from milk.cli.console import say
from milk.cli.dagster_home import create_dagster_storage, prepare_dagster_home
from milk.home.dataset import judged_dataset
from milk.home.layout import Home
from milk.publication.engine import shown_address
from milk.settings import load_settings
from milk.sources.files import DataFolder
from milk.steps.receive import dataset_of
from milk.steps.store import home_store


def prepare_home(*, data: Path | None, home: Path | None) -> None:
    """Make the folder, Dagster's records in it, and the tables of the store; safe to repeat, also while others run.

    Parts that started together on nothing would each make the same tables at once. Who runs this owns the tables of
    the store: the parts themselves need fewer rights.

    Raises:
        MilkError: the data or the home cannot be used, or the store does not answer.
    """
    settings = load_settings(data=data, home=home)
    place = Home(settings.home_path)
    judged_dataset(place, dataset_of(DataFolder(settings.data)))
    place.prepare()
    with home_store(place, settings.store_address):
        pass
    prepare_dagster_home(place)
    create_dagster_storage(place)
    say(f"Prepared: home {place.path}, store {shown_address(settings.store_address)}.")
