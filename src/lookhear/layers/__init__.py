"""Shared layers: attention, recurrent encoders, pooling, Q-Former, mask decoder, key-value cache."""
