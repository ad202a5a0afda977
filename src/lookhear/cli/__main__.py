"""python -m lookhear.cli: the same as the lookhear command."""

from lookhear.cli import main

main()
