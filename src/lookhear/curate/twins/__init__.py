"""Twins as other trainers read them: preference pairs and questions with a reward."""
