"""The other tasks asked of a scene: captions, events, labels, places, referring expressions; floors."""
