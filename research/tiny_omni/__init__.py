"""The small language model that ships: towers, language, score."""
