"""Dagster, and only Dagster: the asset graph over the rooms of `milk`.

Belongs here: definitions, thin assets, checks, jobs, schedules, partitions, resources. Does not belong here: frame
operations, formulas, SQL, reading of the environment (settings are given to `build_definitions`). May import `milk` but
`milk.cli`.
"""
