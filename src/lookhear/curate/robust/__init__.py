"""MUSIC-AVQA-R: questions rephrased, answers split into head and tail."""
