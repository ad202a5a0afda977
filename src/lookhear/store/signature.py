"""Signatures of features: everything they depend on besides the clip, and the differences of two signatures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def signature(encoder: Any) -> dict[str, Any]:
    """The signature of an encoder with its decoder; features may only be mixed if their signatures are equal."""
    import lookhear

    own = dict(encoder.signature())
    card = {"encoder": own.pop("name"), "weights": own.pop("sha256", None), **own}
    card |= {"reads": encoder.reads, "streams": dict(encoder.streams), "lookhear": lookhear.__version__}
    if encoder.reads != "text":
        card |= {"sampling": encoder.sampling.name, "decoder": decoder(encoder.reads)}
    return json.loads(json.dumps(card))


def decoder(reads: str) -> str:
    """Signature of the decoder: library and codec versions, and the conversion to pictures or sound."""
    import av

    from lookhear.media import mixing, orientation

    made = mixing.NAME if reads == "waveform" else orientation.NAME
    return f"av {av.__version__}, libavcodec {'.'.join(map(str, av.library_versions['libavcodec']))}, {made}"


def difference(a: Any, b: Any, at: str = "") -> str:
    """The dotted name of the first field in which two cards differ, or an empty text."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        found = (difference(a.get(k), b.get(k), f"{at}.{k}".lstrip(".")) for k in sorted({*a, *b}))
        return next((f for f in found if f), "")
    return "" if a == b else at


def at(card: Any, field: str) -> Any:
    """The value of a dotted field of a card, or None."""
    for part in field.split("."):
        card = card.get(part) if isinstance(card, Mapping) else None
    return card
