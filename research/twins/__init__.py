"""Programs behind docs/guides/twins.md: the world, the courses that are compared, the looking at pairs."""
