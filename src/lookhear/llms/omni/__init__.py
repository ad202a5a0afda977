"""Thinkers of the Qwen-Omni family: input options, storage, and the common model class."""
