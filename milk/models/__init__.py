"""Model versions: write, read, verify, apply.

A version is an immutable folder of canonical JSON that a person can read and compare: recipe, fit, interval state,
training distribution, and a card. Plain Python, so that a reader applies it without pandas or scikit-learn; a test
compares it with `forecasting` to 1e-9. May import `milk.months` and `milk.errors`. Loading a version runs no code.
"""
