"""Faults planted on purpose, and what they leave behind: the parts of `make soak`.

Each part is a function that takes a store or a folder and a dose, and gives a `Tally`. What is killed here is the
program as it is: pauses and trace are hung on from outside, in the process of the child, as listeners of SQLAlchemy.
"""
