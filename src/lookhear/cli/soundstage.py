"""lookhear soundstage: make a synthetic dataset of musicians with exact ground truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps

FRACTIONS = (0.7, 0.08, 0.22)  # train, val, test when --clips is given


def soundstage(
    out: Annotated[Path, typer.Argument(help="Folder to write into; run again to resume.")],
    kinds: Annotated[list[str] | None, typer.Argument(help="More kinds of twins, after --twins KIND.")] = None,
    split: Annotated[
        str, typer.Option(help="Start from a preset: mini, demo, base, biased, balanced, robust, speedrun or third.")
    ] = "",
    clips: Annotated[int | None, typer.Option(help="Clips in all: 70 % train, 8 % val, 22 % test.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of a clip.  [default: 10]")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the whole dataset.  [default: 0]")] = None,
    bias: Annotated[
        float | None, typer.Option(help="Skew of the training answers, 0 (none) to 1.  [default: 0]")
    ] = None,
    questions: Annotated[int | None, typer.Option(help="Questions per clip, on average.  [default: 20]")] = None,
    musicians: Annotated[int | None, typer.Option(help="Most musicians per clip, 1 to 10.  [default: 4]")] = None,
    size: Annotated[int | None, typer.Option(help="Pixels of the picture, square.  [default: 128]")] = None,
    workers: Annotated[int, typer.Option(help="Processes that draw videos.")] = 2,
    media: Annotated[bool, typer.Option("--media/--no-media", help="Draw videos, or only truth and questions.")] = True,
    formats: Annotated[
        bool, typer.Option("--formats", help="Also write the scenes in the formats of ten public datasets.")
    ] = False,
    soundfont: Annotated[
        Path | None, typer.Option(help="A General MIDI sound font (.sf2) that plays instead of the drawn voices.")
    ] = None,
    voices: Annotated[
        int, typer.Option(min=1, max=2, help="Set of drawn voices; an audio classifier names those of 2 better.")
    ] = 1,
    twins: Annotated[
        list[str] | None,
        typer.Option(
            help="Add clips that differ from a clip in one cause: all, or mute, swap, shift, louder, order, offstage, "
            "hide, move, hands."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card as JSON, no progress.")] = False,
) -> None:
    """Make a Soundstage: scenes, questions, videos and exact ground truth. Equal arguments give the same dataset.

    Example: lookhear soundstage stage --clips 200 --seed 1 --twins mute swap
    """
    from lookhear.errors import DatasetError
    from lookhear.soundstage.scene.splits import Settings, named
    from lookhear.soundstage.sound import voices_second
    from lookhear.soundstage.twins.kinds import chosen
    from lookhear.soundstage.write.folder import make

    if kinds and not twins:
        raise DatasetError(
            f"Only one folder is made at a time; {kinds[0]!r} is a second. Kinds of twins follow --twins."
        )
    if soundfont is not None and voices != 1:
        raise DatasetError("Either a sound font plays or drawn voices: leave out --soundfont or --voices.")
    kinds_of_twins = chosen([*(twins or ()), *(kinds or ())]) if twins else ()
    settings = named(split) if split else Settings(*parts(200))
    changed = {"seconds": seconds, "seed": seed, "bias": bias, "questions": questions}
    changed |= {"musicians": musicians, "size": size}
    if clips is not None:
        changed |= dict(zip(("train", "val", "test"), parts(clips), strict=True)) | {"diagnostic": 0}
    settings = replace(settings, **{k: v for k, v in changed.items() if v is not None})  # type: ignore[arg-type]
    font = soundfont if voices == 1 else voices_second.NAME
    card = make(out, settings, workers, media, formats, as_json, font, kinds_of_twins)
    if as_json:
        print(dumps(card))
        return
    for name, part in card["splits"].items():
        print(
            f"{name:10s} {part['clips']:5d} clips {part['questions']:6d} questions"
            f"   chance {part['chance']:.1f} %   question only {part['most_frequent_by_question'] or 0:.1f} %"
            f"   knowing who is seen and heard {part['set_guess'] or 0:.1f} %"
        )
    for name, tasks in card["tasks"].items():
        print(f"{name:10s} " + ", ".join(f"{task} {counted['examples']}" for task, counted in tasks.items()))
    for name, part in card.get("twins", {}).get("splits", {}).items():
        pairs = {must: sum(counts.values()) for must, counts in part["pairs"].items()}
        print(
            f"{name:10s} {sum(part['twins'].values()):5d} twins of {part['families']} clips   "
            f"{pairs['change']} pairs must change (chance {part['chance'] or 0:.1f} %), {pairs['stay']} must stay"
        )
    for name, counts in card["formats"].items():
        print(f"{out}/formats/{name}: " + ", ".join(f"{n} {split}" for split, n in counts.items()))
    print(f"Whole: {out}/card.json" + (f", {out}/contact_sheet.png" if media else ""))


def parts(clips: int) -> tuple[int, int, int]:
    """Number of clips for train, val and test; test gets the rest after rounding."""
    train, val = round(FRACTIONS[0] * clips), round(FRACTIONS[1] * clips)
    return train, val, clips - train - val
