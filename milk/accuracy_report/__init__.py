"""How accurate the forecasts were, for the person who has to decide by them: one page, in English or Spanish.

Belongs here: turning the backtest into tables and sentences, the ones against the recipe as plainly as the others. Does
not belong here: making a score (that is `evaluation`), files, a clock. May import `milk.evaluation` and pandas.
"""
