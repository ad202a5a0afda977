"""What the tasks share: prompts, excerpts of a clip, boxes and points in text, reading a reply."""
