"""Running, scoring, statistics, tables, plots."""
