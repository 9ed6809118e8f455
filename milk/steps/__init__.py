"""The steps of the pipeline as plain functions: what an asset does, without Dagster.

Belongs here: the few lines that read from the home, call the pure rooms and write back, so that assets stay thin and
the command line does the very same. Does not belong here: formulas, SQL, Dagster, a clock (instants are given). May
import every room of `milk` but `cli`.
"""
