"""The sound of a scene: melodies, voices, room, mix."""
