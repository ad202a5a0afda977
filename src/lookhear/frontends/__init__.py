"""What published encoders do to sound and pictures before the network.

Spectrograms, resampling, resizing, normalisation.
"""
