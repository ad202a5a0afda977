"""What tasks learn from each other in small: lessons, kept tokens, runs, the summary."""
