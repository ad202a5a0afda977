"""Scenes: players, positions and times; sampling of whole datasets and splits from a seed."""
