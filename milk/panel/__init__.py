"""Raw observations -> merged table: vintages, repairs, joins.

Belongs here: pure functions on frames, frames in and frames out, each repair counted. Does not belong here: files,
network, clock, Dagster; what a forecast makes of the panel (that is `forecasting`). May import `milk.series`,
`milk.months`, `milk.tables`, `milk.errors`, numpy and pandas.
"""
