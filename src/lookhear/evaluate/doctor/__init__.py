"""lookhear doctor: clips with known answers, verdicts on what a model senses, and certificates."""
