"""Signed features on disk: filling, verifying and batching."""
