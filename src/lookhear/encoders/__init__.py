"""Frozen encoders, one per file: from frames, waveforms or texts to feature tensors by stream name."""
