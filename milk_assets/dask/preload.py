"""Imported once by the process from which a Dask worker forks its steps: the libraries, and not the code location.

The code location is made anew in each step: a worker lives for weeks, and the months that can be reached grow.
"""

import dagster._core.storage.local_compute_log_manager  # noqa: F401  # because loading it is the purpose

import milk_assets.dask.executor
import milk_assets.defs.assets.panel
import milk_assets.defs.assets.predictions
import milk_assets.defs.assets.publication
import milk_assets.defs.assets.raw
import milk_assets.defs.assets.restored
import milk_assets.defs.assets.retraining
import milk_assets.defs.assets.scorecard
import milk_assets.defs.assets.training
import milk_assets.defs.checks  # noqa: F401  # because loading all of them is the purpose
