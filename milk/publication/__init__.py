"""The store that others read: SQL tables, their migrations, writing and reading; plain rows in and out.

Belongs here: the description of each SQL table, the migrations that make it, and functions that add or read rows as
frozen dataclasses: the ledger of promotions, and what is published of each issue. Rows are added, never changed. Does
not belong here: deciding what to promote or to publish, frames, clocks (each instant is given by the caller), Dagster,
FastAPI. May import `milk.errors`, `milk.months`, `milk.models`, SQLAlchemy and, only while a store is being migrated
or restored, Alembic. Rows of one table may be deleted: what was asked online, when it is old.
"""
