"""lookhear verify: do our features equal the published ones, and if not, why not?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.errors import FeatureError
from lookhear.files import dumps


def verify(
    store: Annotated[Path, typer.Argument(help="Our feature store.")],
    official: Annotated[
        Path, typer.Argument(help="Published features: a folder, .zip or .tar of <clip>.npy, or an .h5 file.")
    ],
    features: Annotated[str, typer.Option(help="encoder:stream of ours; needed where the store has several.")] = "",
    dataset: Annotated[str, typer.Option(help="Which features of an .h5 that holds several.")] = "",
    tolerance: Annotated[float, typer.Option(help="Lowest cosine of two rows that count as equal.")] = 0.999,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare stored features with published ones; exit code 1 where they differ, with the likely cause.

    Example: lookhear verify stage/features official/vggish --features vggish:audio
    """
    from lookhear.store.features import FeatureStore
    from lookhear.store.verify import verify as compare

    if not 0 < tolerance <= 1:
        raise FeatureError(f"--tolerance {tolerance:g} is no cosine between 0 and 1.")
    encoder, stream = _chosen(store, features)
    found = compare(FeatureStore(store), official, encoder, stream, dataset, tolerance)
    if as_json:
        cause = found.cause and {"name": found.cause.name, "says": found.cause.says, "explains": found.cause.explains}
        facts = {"features": f"{encoder}:{stream}", "official": str(official), "clips": len(found.cosine)}
        facts |= {"equal": len(found.cosine) - len(found.differ), "cause": cause}
        facts |= {"cosine": {c: None if v != v else round(v, 6) for c, v in found.cosine.items()}}
        facts |= {
            "faults": found.faults,
            "shapes": found.shapes,
            "only_ours": found.only_ours,
            "only_theirs": found.only_theirs,
        }
        print(dumps(facts))
    else:
        for clip in found.differ[:10]:
            shapes = " against ".join(map(str, found.shapes[clip])) if clip in found.shapes else ""
            why = f"shape {shapes}" if shapes else f"lowest cosine {found.cosine[clip]:.4f}"
            print(f"differs: {clip}: {found.faults.get(clip, why)}")
        if len(found.differ) > 10:
            print(f"… and {len(found.differ) - 10} more; --json has all")
        if found.cause:
            print(f"likely cause: {found.cause.name}: {found.cause.says} (explains {found.cause.explains:.1%})")
        elif found.differ:
            print("likely cause: none of the usual ones; other weights, other preprocessing or other media")
        if found.faults:
            print(f"{len(found.faults)} of the clips that differ cannot be compared as they lie")
        apart = f", {len(found.only_ours)} only here, {len(found.only_theirs)} only there"
        print(f"{len(found.cosine) - len(found.differ)} of {len(found.cosine)} clips equal{apart}: {encoder}:{stream}")
    if found.differ:
        raise typer.Exit(1)


def _chosen(store: Path, features: str) -> tuple[str, str]:
    """The encoder and stream to compare: as asked for, or the only one of clips that the store has."""
    from lookhear.store.features import FeatureStore
    from lookhear.store.names import serving

    names = sorted(p.parent.name for p in store.glob("*/card.json"))
    if not names:
        raise FeatureError(f"No feature store at {str(store)!r}. Fill one with: lookhear extract")
    cards = {n: FeatureStore(store).card(n) for n in names}
    there = [f"{n}:{s}" for n, card in cards.items() if card["reads"] != "text" for s in card["streams"]]
    if features:
        encoder, stream = serving(features, "")
        streams = list(FeatureStore(store).card(encoder)["streams"])
        if not stream and len(streams) > 1:
            raise FeatureError(
                f"{encoder} has several streams: {', '.join(streams)}. Give --features {encoder}:STREAM."
            )
        return encoder, stream or streams[0]
    if len(there) != 1:
        raise FeatureError(f"{str(store)!r} has {', '.join(there) or 'no features of clips'}. Choose one: --features.")
    return serving(there[0], "")
