"""The store that others read: SQL tables, their migrations, writing and reading; plain rows in and out.

Belongs here: the description of each SQL table, the migrations that make it, and functions that add or read rows as
frozen dataclasses. So far that is the ledger of promotions; what is published of each issue follows. Does not belong
here: deciding what to promote or to publish, frames, clocks (each instant is given by the caller), Dagster, FastAPI.
May import `milk.errors`, `milk.months`, SQLAlchemy and, only while a store is being migrated, Alembic.
"""
