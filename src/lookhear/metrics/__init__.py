"""(answers, references) -> numbers: one file per family of metrics."""
