"""Rewriting annotations: robust rephrasings and splits (MUSIC-AVQA-R), explicit reasoning (AV-UIE)."""
