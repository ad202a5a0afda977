"""Programs behind docs/twins.md: the world, the courses that are compared, the looking at pairs."""
