"""Thinkers of the Qwen-Omni family: how a clip is put before one, its folder, its key-value cache."""
