"""Answer networks over extracted features: one file or folder per paper."""
