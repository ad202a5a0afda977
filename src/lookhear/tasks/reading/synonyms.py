"""Other names of places, instruments and emotions, and names that only contain one ("double bass")."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

PLACES: Mapping[str, tuple[str, ...]] = {
    "left": ("left", "left side", "left hand side", "leftmost", "left-most", "lefthand", "left handed side"),
    "right": ("right", "right side", "right hand side", "rightmost", "right-most", "righthand"),
    "middle": ("middle", "center", "centre", "central", "in between"),
    "indoor": ("indoor", "indoors", "inside", "in door"),
    "outdoor": ("outdoor", "outdoors", "outside", "open air", "out door"),
    "simultaneously": (
        "simultaneously",
        "simultaneous",
        "at same time",
        "both at once",
        "at once",
        "at same moment",
        "in unison",
    ),
}
ALIKE: Mapping[str, tuple[str, ...]] = {  # synonyms of names in a vocabulary
    "drum": ("drums", "drum kit", "drum set", "drumset", "drumkit"),
    "congas": ("conga", "conga drum", "conga drums"),
    "saxophone": ("sax", "alto sax", "tenor sax"),
    "bagpipe": ("bagpipes", "bag pipe", "bag pipes"),
    "electric_bass": ("electric bass", "electric bass guitar", "bass guitar", "electrical bass"),
    "acoustic_guitar": ("acoustic guitar", "acoustic guitars", "classical guitar"),
    "cello": ("violoncello",),
    "guzheng": ("gu zheng", "zheng", "chinese zither"),
    "erhu": ("er hu",),
    "pipa": ("pi pa",),
    "accordion": ("accordian",),
    "ukulele": ("ukelele", "uke"),
    "xylophone": ("xylophones",),
    "bassoon": ("fagotto",),
    "anger": ("angry", "mad", "furious", "irritated"),
    "angry": ("anger", "furious"),
    "disgust": ("disgusted",),
    "disgusted": ("disgust",),
    "fear": ("fearful", "afraid", "scared", "frightened"),
    "fearful": ("fear", "afraid", "scared"),
    "joy": ("happy", "joyful", "happiness"),
    "happy": ("happiness", "joy", "joyful"),
    "happiness": ("happy", "joy", "joyful"),
    "sad": ("sadness", "sorrow"),
    "sadness": ("sad", "sorrow", "sorrowful"),
    "surprise": ("surprised", "astonished"),
    "surprised": ("surprise",),
    "neutral": ("neutrality",),
    "contempt": ("contemptuous",),
    "anxiety": ("anxious",),
    "anxious": ("anxiety",),
    "worried": ("worry",),
    "worry": ("worried",),
    "helplessness": ("helpless",),
    "disappointment": ("disappointed",),
    "calm": ("calmness",),
    "excited": ("excitement",),
}
OTHERS = (
    "double bass",
    "contrabass",
    "upright bass",
    "bass drum",
    "electric guitar",
    "bass clarinet",
    "steel guitar",
    "english horn",
    "french horn",
    "electric piano",
    "electric violin",
    "mouth organ",
    "thumb piano",
)
INSTRUMENTS = (
    "bass drum",
    "bass clarinet",
    "electric piano",
    "electric violin",
)  # synonyms in OTHERS that are unique


@cache
def ways(known: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Name -> its synonyms, without those that are names in `known` themselves."""
    names = {label.lower().replace("_", " ") for label in known}
    table = {}
    for label in known:
        low = label.lower()
        plain = low.replace("_", " ")
        more = [*ALIKE.get(low, ()), *PLACES.get(low, ())]
        if plain.isalpha() and len(plain) > 3 and not plain.endswith("s") and low not in PLACES:
            more.append(plain + "s")
        table[label] = (plain, *(way for way in dict.fromkeys(more) if way not in names))
    said: dict[str, list[str]] = {}
    for label, some in table.items():
        for way in some:
            said.setdefault(way, []).append(label)
    return {label: tuple(way for way in some if len(said[way]) == 1) for label, some in table.items()}
