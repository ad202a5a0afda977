"""Published numbers: reading, tables, comparison with ours, and contradictions between them."""
