"""Twins in the formats of other trainers: preference pairs and questions with a reward."""
