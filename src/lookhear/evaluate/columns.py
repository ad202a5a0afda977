"""The columns of published result tables, in the order of the papers."""

ORDER = {  # group -> its types; kinds of other datasets follow in order of appearance
    "Audio": ("Counting", "Comparative"),
    "Visual": ("Counting", "Location"),
    "Audio-Visual": ("Existential", "Counting", "Location", "Comparative", "Temporal"),
}
PRINTED = (*(c for g, kinds in ORDER.items() for c in (*(f"{g}/{k}" for k in kinds), g)), "Overall")
