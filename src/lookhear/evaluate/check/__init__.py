"""Checks of a dataset on disk: annotations, media, and references."""
