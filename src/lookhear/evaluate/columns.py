"""The columns of the field's tables, in the order in which the papers print them."""

ORDER = {  # group -> its types; kinds of other datasets follow in order of appearance
    "Audio": ("Counting", "Comparative"),
    "Visual": ("Counting", "Location"),
    "Audio-Visual": ("Existential", "Counting", "Location", "Comparative", "Temporal"),
}
PRINTED = (*(c for g, kinds in ORDER.items() for c in (*(f"{g}/{k}" for k in kinds), g)), "Overall")
