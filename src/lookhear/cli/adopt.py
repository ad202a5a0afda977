"""lookhear adopt: use published features without copying them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookhear.files import dumps

if TYPE_CHECKING:
    from lookhear.types import Example


def adopt(
    name: Annotated[str, typer.Argument(help="Name of the features in recipes: features.audio=NAME.")],
    out: Annotated[Path, typer.Option(help="Folder of the feature store; run again to add streams to NAME.")],
    audio: Annotated[
        str, typer.Option(help="Sound, (time, dim) per clip: a folder, .zip or .tar of .npy, or an .h5.")
    ] = "",
    frames: Annotated[str, typer.Option(help="Pictures, (time, dim) per clip.")] = "",
    patches: Annotated[
        str, typer.Option(help="Patches, (time, patch, dim) per clip, or maps (time, dim, height, width).")
    ] = "",
    question: Annotated[str, typer.Option(help="Sentences, (dim) per question, named by question id.")] = "",
    words: Annotated[str, typer.Option(help="Words, (word, dim) per question, named by question id.")] = "",
    prompt: Annotated[str, typer.Option(help="TSPM's declarative prompts, (dim) per question.")] = "",
    stream: Annotated[
        list[str] | None,
        typer.Option(help="Any other stream as NAME=PLACE: motion, boxes, audio_place or frames_place (repeatable)."),
    ] = None,
    dataset: Annotated[str, typer.Option(help="Dataset of the features, to compare ids; required for texts.")] = "",
    root: Annotated[Path | None, typer.Option(help="Folder of its annotations.")] = None,
    transposed: Annotated[bool, typer.Option("--transposed", help="Arrays are (dim, time): transpose them.")] = False,
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the arrays into the store instead of reading them in place.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Check every value, not only those of 64 arrays.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Register published features in a store without copying them, and report their shapes and faults.

    FILE.h5:NAME selects a dataset or group of an HDF5 file. The exit code is 1 if arrays are faulty or missing; the
    others can be used.

    Example: lookhear adopt tspm --audio feats/vggish --frames feats/clip.zip --out store
    """
    from lookhear.errors import FeatureError
    from lookhear.store.features import FeatureStore
    from lookhear.store.official import READS, adopt, copied
    from lookhear.store.review import review

    given = {"audio": audio, "frames": frames, "patches": patches, "question": question, "words": words}
    given |= {"prompt": prompt, **_others(stream or ())}
    places: dict[str, Path | str] = {s: place for s, place in given.items() if place}
    if not places:
        raise FeatureError("Nothing to adopt: give --audio, --frames, --patches, --question, --words or --prompt.")
    if bool(dataset) != bool(root):
        raise FeatureError("--dataset and --root belong together: the name, and the folder of the annotations.")
    texts = [s for s in places if READS[s] == "text"]
    if texts and not dataset:
        raise FeatureError(
            f"--{texts[0]} is named by question id: give --dataset and --root, so that questions are known."
        )
    splits = _examples(dataset, root) if dataset and root else {}
    store = FeatureStore(out)
    if copy:
        places = {**copied(store, name, places)}
    adopt(store, name, places, transposed, {s: _texts(splits, s) for s in texts})
    reviews = {
        s: review(store.official(name)[s], _wanted(splits, s, READS[s]) if splits else None, whole) for s in places
    }
    if as_json:
        print(dumps({stream: r.to_json() for stream, r in reviews.items()}))
    else:
        print("\n".join(line for r in reviews.values() for line in r.lines()))
        print(f"in a recipe: {' '.join(f'features.{stream}={name}' for stream in reviews)} data.store={out}")
    if any(r.faults or r.missing for r in reviews.values()):
        raise typer.Exit(1)


def _others(given: Sequence[str]) -> dict[str, str]:
    """Stream -> place of each `NAME=PLACE`. Raises FeatureError for a stream that no network reads."""
    from lookhear.errors import FeatureError
    from lookhear.store.official import READS

    places = dict(one.partition("=")[::2] for one in given)
    for name, place in places.items():
        if name not in READS or not place:
            raise FeatureError(f"--stream {name}={place} is not NAME=PLACE with a NAME of {', '.join(READS)}.")
    return places


def _examples(dataset: str, root: Path) -> dict[str, list[Example]]:
    from lookhear import datasets
    from lookhear.errors import DatasetError

    splits = datasets.of(dataset).splits(root)
    if not splits:
        raise DatasetError(f"No annotations of {dataset!r} under {str(root)!r}: no split was found.")
    return {split: datasets.load(dataset, root, split) for split in splits}


def _texts(splits: dict[str, list[Example]], stream: str) -> dict[str, str]:
    """Text key -> id (as in the annotation file) of a question with this text."""
    from lookhear.store.batch import text_of
    from lookhear.store.features import text_key

    return {
        text_key(text_of(e, stream)): str(e.meta.get("question_id", e.id)) for asked in splits.values() for e in asked
    }


def _wanted(splits: dict[str, list[Example]], stream: str, reads: str) -> dict[str, dict[str, None]]:
    from lookhear.store.batch import text_of
    from lookhear.store.features import key, text_key

    return {
        split: dict.fromkeys(
            k for e in asked if (k := text_key(text_of(e, stream)) if reads == "text" else key(e.clip, reads))
        )
        for split, asked in splits.items()
    }
