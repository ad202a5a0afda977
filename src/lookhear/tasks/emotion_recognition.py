"""Emotion recognition: which of a few emotions a person shows (MELD, MAFW, DFEW, MER2024, CREMA-D)."""

from lookhear.tasks.reading.naming import Naming

VERSION = 1
MAIN = {"": "war"}
# `war` (accuracy), `uar` (mean recall of the classes) and `weighted_f1`, in percent
TASK = Naming("emotion", "Face, voice and what goes on around the person point to {}.")

prompt, target, parse, right = TASK.prompt, TASK.target, TASK.parse, TASK.right
score, pooled, by_class = TASK.score, TASK.pooled, TASK.by_class
