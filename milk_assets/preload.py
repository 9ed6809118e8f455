"""Imported once by the forkserver of the multiprocess executor, so that each step starts with everything loaded."""

import dagster._core.storage.event_log.sqlite
import dagster._core.storage.local_compute_log_manager
import dagster._core.storage.runs.sqlite
import dagster._core.storage.schedules.sqlite  # noqa: F401  # because loading it is the purpose

import milk_assets.definitions  # noqa: F401  # because loading it is the purpose
