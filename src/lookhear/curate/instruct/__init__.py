"""Explicit-reasoning instruction data in the AV-UIE form: written, checked against the label, exported."""
