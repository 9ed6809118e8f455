"""Features, baselines, recipe, search, intervals: what turns a known past into a forecast.

Belongs here: frames and arrays in, frames and arrays out, the same function for the backtest, the issue and the fit of
a version. Does not belong here: files, network, Dagster, a clock, or a judgement of how good a forecast was (that is
`evaluation`, which may import this room and never the other way). May import `milk.months`, `milk.series`,
`milk.errors`, numpy, pandas and scikit-learn.
"""
