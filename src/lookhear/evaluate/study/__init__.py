"""Studies of several recipes and seeds: run, compare, transfer between tasks, router analysis."""
