"""The picture of a scene: stage, figures, instruments, motion."""
