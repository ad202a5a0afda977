"""Write a Soundstage to disk: rendered clips, public annotation formats, the card."""
