"""The only place that opens a video or a sound."""
