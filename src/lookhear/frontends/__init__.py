"""Preprocessing of published encoders: spectrograms, resampling, resizing, normalisation."""
