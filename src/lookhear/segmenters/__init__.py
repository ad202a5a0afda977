"""Models that turn a box and points into a mask."""
