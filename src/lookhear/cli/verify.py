"""lookhear verify: compare our features with published ones and name the likely cause of a difference."""

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
    features: Annotated[str, typer.Option(help="encoder:stream of ours; required if the store has several.")] = "",
    dataset: Annotated[str, typer.Option(help="Which features of an .h5 that holds several.")] = "",
    tolerance: Annotated[float, typer.Option(help="Lowest cosine of two rows that count as equal.")] = 0.999,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare stored features with published ones; if they differ, name the likely cause, with exit code 1.

    Example: lookhear verify stage/features official/vggish --features vggish:audio
    """
    from lookhear.store.features import FeatureStore
    from lookhear.store.verify import verify as compare

    if not 0 < tolerance <= 1:
        raise FeatureError(f"--tolerance {tolerance:g} is no cosine between 0 and 1.")
    encoder, stream = _chosen(store, features)
    comparison = compare(FeatureStore(store), official, encoder, stream, dataset, tolerance)
    if as_json:
        cause = comparison.cause and {
            "name": comparison.cause.name,
            "says": comparison.cause.says,
            "explains": comparison.cause.explains,
        }
        facts = {"features": f"{encoder}:{stream}", "official": str(official), "clips": len(comparison.cosine)}
        facts |= {"equal": len(comparison.cosine) - len(comparison.differ), "cause": cause}
        facts |= {"cosine": {c: None if v != v else round(v, 6) for c, v in comparison.cosine.items()}}
        facts |= {
            "faults": comparison.faults,
            "shapes": comparison.shapes,
            "only_ours": comparison.only_ours,
            "only_theirs": comparison.only_theirs,
        }
        print(dumps(facts))
    else:
        for clip in comparison.differ[:10]:
            shapes = " against ".join(map(str, comparison.shapes[clip])) if clip in comparison.shapes else ""
            why = f"shape {shapes}" if shapes else f"lowest cosine {comparison.cosine[clip]:.4f}"
            print(f"differs: {clip}: {comparison.faults.get(clip, why)}")
        if len(comparison.differ) > 10:
            print(f"… and {len(comparison.differ) - 10} more; --json has all")
        if comparison.cause:
            likely = comparison.cause
            print(f"likely cause: {likely.name}: {likely.says} (explains {likely.explains:.1%})")
        elif comparison.differ:
            print("likely cause: none of the usual ones; other weights, other preprocessing or other media")
        if comparison.faults:
            print(f"{len(comparison.faults)} of the clips that differ cannot be compared as they lie")
        apart = f", {len(comparison.only_ours)} only here, {len(comparison.only_theirs)} only there"
        clips = len(comparison.cosine)
        print(f"{clips - len(comparison.differ)} of {clips} clips equal{apart}: {encoder}:{stream}")
    if comparison.differ:
        raise typer.Exit(1)


def _chosen(store: Path, features: str) -> tuple[str, str]:
    """The encoder and stream to compare: those of `features`, or the store's only clip stream."""
    from lookhear.store.features import FeatureStore
    from lookhear.store.names import serving

    names = sorted(p.parent.name for p in store.glob("*/card.json"))
    if not names:
        raise FeatureError(f"No feature store at {str(store)!r}. Fill one with: lookhear extract")
    cards = {n: FeatureStore(store).card(n) for n in names}
    clip_streams = [f"{n}:{s}" for n, card in cards.items() if card["reads"] != "text" for s in card["streams"]]
    if features:
        encoder, stream = serving(features, "")
        streams = list(FeatureStore(store).card(encoder)["streams"])
        if not stream and len(streams) > 1:
            raise FeatureError(
                f"{encoder} has several streams: {', '.join(streams)}. Give --features {encoder}:STREAM."
            )
        return encoder, stream or streams[0]
    if len(clip_streams) != 1:
        raise FeatureError(
            f"{str(store)!r} has {', '.join(clip_streams) or 'no features of clips'}. Choose one: --features."
        )
    return serving(clip_streams[0], "")
