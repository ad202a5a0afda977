"""Several recipes and seeds in one table: run, compare, transfer between tasks, routers."""
