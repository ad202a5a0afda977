"""Adapters and connectors for language models."""
