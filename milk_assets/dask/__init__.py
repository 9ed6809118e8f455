"""Steps of a run on the workers of a Dask cluster (decision 0038).

Belongs here: the executor, what runs on a worker, what a step needs of its machine. Does not belong here: what the
steps do; starting schedulers and workers (that is `milk.cli`). Only `needs` is loaded where no cluster is used.
"""
