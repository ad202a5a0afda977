"""Rephrasing and head/tail splits."""
