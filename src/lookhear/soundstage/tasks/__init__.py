"""Further tasks on the same scenes: captions, events, labels, places, referring expressions; and their floors."""
