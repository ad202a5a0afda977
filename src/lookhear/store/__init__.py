"""Feature store: extraction, signatures, verification and batching."""
