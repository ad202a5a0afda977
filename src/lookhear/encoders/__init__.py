"""Frozen encoders: frames, waveform or text in, tensors by stream name out."""
