"""`python -m envlock`."""

from envlock.cli.main import run

run()
