"""What is heard, seen and said in a clip, and when; programs that answer questions from it; exports."""

from lookhear.timeline.value import Event, Sentence, Timeline, Track, Word, from_json

__all__ = ["Event", "Sentence", "Timeline", "Track", "Word", "from_json"]
