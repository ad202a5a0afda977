"""What is timed, against what, and how: one file per subject, each with `main() -> dict` of numbers and ratios."""
