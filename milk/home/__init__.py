"""The home: everything that the program keeps in files, of one dataset.

Belongs here: the layout of the folder, the dataset it belongs to, the lock of a run, received bytes by hash, Delta
tables and their logs, JSON documents, the list of all that is kept, the file of a backup; every write atomic and safe
to repeat. Does not belong here: what the content means, SQL (that is `publication`), Dagster. May import `milk.months`,
`milk.series`, `milk.sources`, `milk.files`, `milk.errors`, `milk.models.canonical`, deltalake, pyarrow and pandas.
"""
