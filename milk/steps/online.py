"""What was asked online is deleted when it is old: with each publication, since whoever reads may not delete."""

import datetime as dt

import sqlalchemy as sa

from milk.errors import HomeRefused
from milk.publication.online import forget_predictions


def forget_old_requests(store: sa.Engine, *, days: int, now: dt.datetime) -> str:
    """Delete the requests and answers that are older than so many days; says in words what came of it.

    What was published stands: a user who may not delete is told so, and is no reason to call the publication failed.
    """
    try:
        forgotten = forget_predictions(store, created_before=now - dt.timedelta(days=days))
    except HomeRefused as error:
        return f"those older than {days} days could not be deleted. {error}"
    return f"{forgotten} older than {days} days deleted"
