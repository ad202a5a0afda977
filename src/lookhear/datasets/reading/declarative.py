"""Declarative prompts of TSPM: one sentence for each of the 33 question templates.

TSPM's released code differs from the intended sentences in two ways, which `released=True` reproduces: three templates
never match (a full-width question mark, two trailing blanks), so their prompt is the single letter "e", and one
sentence takes the wrong value ("on the first").
"""

from __future__ import annotations

from collections.abc import Sequence

from lookhear.errors import DatasetError

PLAYING = "There are musical instruments playing in the video."
DIFFERENT = "The sounds of musical instruments in the video are different."
UNMATCHED = ("How many sounding <Object> in the video", "What kind of instrument is the <LRer> instrument",
             "Are there <Object> and <Object> sound")  # fmt: skip
SENTENCES = {  # {0} {1} ... are the values in order, {last} the last of them
    "Is this sound from the instrument in the video": "The sound is from the instrument in the video.",
    "Is the <Object> in the video always playing": "The {0} is not playing in this video.",
    "Is there a voiceover": "There are sounds other than musical instruments in the video.",
    "How many instruments are sounding in the video": PLAYING,
    "How many types of musical instruments sound in the video": PLAYING,
    "How many instruments in the video did not sound from beginning to end":
        "The instrument is not playing in the video.",
    "How many sounding <Object> in the video": "The {0} is playing in this video.",
    "Where is the <LL> instrument": DIFFERENT,
    "Is the <FL> sound coming from the <LR> instrument":
        "The instruments in the video are not sounding simultaneously.",
    "Which is the musical instrument that sounds at the same time as the <Object>":
        "The {0} is playing in this video.",
    "What is the <LR> instrument of the <FL> sounding instrument":
        "There are musical instruments on the {0} that are not being played.",
    "Is the instrument on the <LR> more rhythmic than the instrument on the <LR>":
        "Inconsistent rhythmic sense of instrumental performance in the video.",
    "Is the instrument on the <LR> louder than the instrument on the <LR>": DIFFERENT,
    "Is the <Object> on the <LR> more rhythmic than the <Object> on the <LR>":
        "The {0} on the {1} plays a different rhythm than the {2} on the {last}.",
    "Is the <Object> on the <LR> louder than the <Object> on the <LR>":
        "The {0} on the {1} and the {2} on the {last} produce different volumes of sound.",
    "Where is the <FL> sounding instrument": "The instruments in the video do not sound simultaneously.",
    "Which <Object> makes the sound <FL>": "The {0} in the video are not sounding at the same time.",
    "What is the <TH> instrument that comes in": PLAYING,
    "Which instrument makes sounds <BA> the <Object>": "The {last} is playing in this video.",
    "Is there a <Object> in the entire video": "The {0} is not in this video.",
    "Are there <Object> and <Object> instruments in the video":
        "There are instruments other than {0} or {last} in this video.",
    "How many types of musical instruments appeared in the entire video": PLAYING,
    "How many <Object> are in the entire video": "The {0} is in this video.",
    "Where is the performance": PLAYING,
    "What is the instrument on the <LR> of <Object>":
        "There is a musical instrument on the {0} side of the {last}.",
    "What kind of musical instrument is it": PLAYING,
    "What kind of instrument is the <LRer> instrument": PLAYING,
    "Is there a <Object> sound": "There are sounds of instruments other than the {0} in the video.",
    "Are there <Object> and <Object> sound":
        "There are sounds of instruments other than the {0} or the {last} in the video.",
    "How many musical instruments were heard throughout the video": PLAYING,
    "Is the <Object> more rhythmic than the <Object>": "The {0} and {last} have different rhythms in the video.",
    "Is the <Object> louder than the <Object>": "The {0} and {last} have different sounds in the video.",
    "Is the <Object> playing longer than the <Object>":
        "The {0} and {last} are not played at the same time in the video.",
}  # fmt: skip


def declarative(template: str, values: Sequence[str], released: bool = False) -> str:
    """The sentence for `template` (a question with its placeholders) filled with `values`."""
    key = " ".join(template.split()).rstrip("?？").rstrip()
    if key not in SENTENCES:
        raise DatasetError(
            f"No declarative sentence for question {template!r}: it is none of MUSIC-AVQA's 33 templates."
        )
    if released and key in UNMATCHED:
        return "e"
    sentence = SENTENCES[key]
    if released and key.startswith("What is the <LR> instrument of"):
        sentence = sentence.replace("{0}", "{last}")
    return sentence.format(*values, last=values[-1] if values else "")
