"""Training-time wrappers that fit any net."""
