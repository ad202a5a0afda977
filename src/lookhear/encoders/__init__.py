"""Frozen encoders, one per file: from frames, waveforms or texts to feature tensors by stream name.

A text encoder with one row per token may define `pieces(config)`: a function from a text to the text of each row, for
evidence in words. A piece that continues a word begins with `##`; a token that is no word is in brackets.
"""
