"""python -m lookhear: the same as the lookhear command."""

from lookhear.cli import main

main()
