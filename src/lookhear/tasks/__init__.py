"""How to ask, how to read the reply, how to score: one file per task."""
