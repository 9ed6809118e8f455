"""Run by Alembic on each command; `milk.publication.engine.migrate` hands over the connection and its transaction.

One transaction for all migrations of a command: they succeed together or not at all, on SQLite too.
This folder is no package: only Alembic may load this file, and it needs no setting file and no logging of its own.
"""

from alembic import context

from milk.publication.schema import PUBLICATIONS

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=PUBLICATIONS.metadata,
    # SQLite changes a table by making it anew.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
