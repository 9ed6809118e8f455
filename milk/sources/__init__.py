"""How each source is fetched (bytes) and parsed (pure).

Belongs here: reading a folder of input files, decoding, splitting into observations, naming every fault with file, row,
column and value; the generator of the synthetic sample. Does not belong here: repairs, joins, rules of time, anything
that writes to the home. May import `milk.series`, `milk.months`, `milk.errors` and pandas.
"""
