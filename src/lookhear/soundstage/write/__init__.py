"""A world on disk: rendered clips, public annotation formats, the card."""
