"""The procedural world: scene -> sound, picture, questions, truth."""
