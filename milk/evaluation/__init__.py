"""How good a forecast was, and what follows from it: rolling-origin backtest, scores, promotion.

Belongs here: pure functions on frames and numbers. Does not belong here: files, network, Dagster, a clock, or the
making of a forecast (that is `forecasting`, which this room imports and never the other way).
"""
