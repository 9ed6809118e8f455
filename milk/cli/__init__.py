"""The `milk` command: the one composition root; it loads Dagster inside functions only, and nothing imports it."""
