"""Replies with their right readings, written for these tests: `said.json`, by kind of question; null is unread.

None stands for unread: no answer, several, a refusal. Letters are those of the options in order.
"""

import json
from pathlib import Path

SAID = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
HOW_MANY, IS_THERE, BEFORE, AFTER = (SAID[name] for name in ("HOW_MANY", "IS_THERE", "BEFORE", "AFTER"))
ACTS, EMOTIONS = tuple(SAID["ACTS"]), tuple(SAID["EMOTIONS"])
YES_NO, PLACES, INSTRUMENTS, LETTERS, LABELS = (
    SAID[name] for name in ("YES_NO", "PLACES", "INSTRUMENTS", "LETTERS", "LABELS")
)
COUNTS = {**SAID["COUNTS"], "9" * 5000: "more than ten"}  # more digits than Python turns into an int
OTHERS = [(question, tuple(options), table) for question, options, table in SAID["OTHERS"]]
