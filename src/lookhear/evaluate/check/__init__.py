"""Faults of annotations and media, and of Soundstage's own truth."""
