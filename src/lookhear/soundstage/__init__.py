"""Soundstage, a procedural dataset: scenes, their sound and picture, questions and ground truth."""
