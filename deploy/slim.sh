#!/bin/sh
# Take out of .venv what an image never runs: pip, and the tests that packages bring along.
set -eu
.venv/bin/python -m pip uninstall --quiet --yes pip setuptools
# Those of numpy are loaded by other packages.
find .venv/lib -type d -name tests -not -path '*/numpy/*' -prune -exec rm -rf {} +
