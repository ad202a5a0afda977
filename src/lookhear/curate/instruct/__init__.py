"""Instruction data with explicit reasoning, as in AV-UIE: write, check against the label, export."""
