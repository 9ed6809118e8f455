"""`python -m milk.cli`: the command where its script is not on the path."""

from milk.cli.main import main

main()
