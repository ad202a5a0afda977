"""Network parts that several nets share."""
