"""Timelines of what is heard, seen and said in a clip; programs that answer questions from them; exports."""

from lookhear.timeline.value import Event, Timeline, Track, from_json
from lookhear.types import Sentence, Word

__all__ = ["Event", "Sentence", "Timeline", "Track", "Word", "from_json"]
