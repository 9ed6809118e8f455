"""What a step needs that not every machine has."""

NEEDS = "milk/needs"
"""The tag of a step that says so."""
DATA_FOLDER = "data_folder"
"""The folder of input files: on a cluster its steps go to the workers that have it."""
