"""Audio-visual language models."""
