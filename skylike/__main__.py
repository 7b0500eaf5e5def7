"""`python -m skylike`."""

from skylike.cli.main import main

main()
