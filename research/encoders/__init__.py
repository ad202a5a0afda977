"""The embedded encoders that ship: drawn scenes, three trainings, a probe."""
