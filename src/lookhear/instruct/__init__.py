"""Explicit-reasoning instruction data."""
