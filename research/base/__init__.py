"""What was found out on Soundstage base: comparisons, cues, sheets for people, tables."""
