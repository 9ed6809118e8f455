"""FastAPI, and only FastAPI: the reader of what was published.

Belongs here: the application, its routes, the shape of its answers, its problems. Does not belong here: computing,
SQL (questions are functions of `milk.publication`), the environment (settings are given to `create_app`).
May import `milk.errors`, `milk.models`, `milk.months`, `milk.publication`, `milk.series` and `milk.settings`; loads no
frame library. The one thing it writes is what was asked online.
"""
