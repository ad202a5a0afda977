"""Write twins beside a Soundstage on disk: what changed, the questions, and the videos.

    twins.jsonl                  one twin a line: id, split, base, kind, stream, players, and its true scene
    json/twins-<split>.json      one question of one clip a line, in MUSIC-AVQA's annotation format and a little more
    videos/<base>-<twin>.mp4     H.264 + AAC; each is drawn only after `prove` has found nothing else changed

A question's `pair` is the same in the base and in every twin it is asked about; `twin` is the kind, empty for the base;
`must` says whether the true answer changes against the base ("change") or stays ("stay").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.errors import DatasetError, MediaError
from lookhear.progress import Tick
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.truth import evidence
from lookhear.soundstage.scene.balance import answers
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Scene, from_json, to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import Asked as AskedClip
from lookhear.soundstage.twins.families import Family, families
from lookhear.soundstage.twins.kinds import Twin, twin_of
from lookhear.soundstage.write.workers import drawn

LINES = "twins.jsonl"


def write(
    out: Path,
    clips: Sequence[AskedClip],
    kinds: Sequence[str],
    settings: Settings,
    workers: int,
    media: bool,
    bar: Callable[..., Tick],
    font: str = "",
) -> dict[str, Any]:
    """Write twins of the clips of a Soundstage in `out`; returns counts, floors and the names of the files.

    Raises DatasetError if `out` holds other twins, MediaError if a twin differs in more than its change.
    """
    families_of = {
        split: list(families((c.scene for c in clips if c.split == split), kinds)) for split in settings.clips
    }
    lines = "".join(_line(split, f, twin) for split, some in families_of.items() for f in some for twin in f.twins)
    if not lines:
        raise DatasetError(f"None of the {len(clips)} scenes has a twin of kind {', '.join(kinds)}. Make more clips.")
    if (out / LINES).is_file() and (out / LINES).read_text("utf-8") != lines:
        raise DatasetError(f"{str(out)!r} has other twins. Name another folder, or delete {out / LINES} first.")
    files.write(out / LINES, lines)
    names = [LINES]
    for split, some in families_of.items():
        names.append(f"json/twins-{split}.json")
        rows = ",\n".join(json.dumps(r, separators=(",", ":")) for f in some for r in records(f))
        files.write(out / names[-1], f"[\n{rows}\n]\n")
    if media:
        every = [(f.base, twin) for some in families_of.values() for f in some for twin in f.twins]
        missing = [one for one in every if not _path(out, one[1]).is_file()]
        tick = bar("twins", len(every), len(every) - len(missing))
        jobs = [(to_json(b), t.id, str(_path(out, t)), settings.size, settings.fps, font) for b, t in missing]
        drawn(_draw, jobs, workers, tick)
    splits = {split: _counts(some, settings.musicians) for split, some in families_of.items()}
    return {"kinds": list(kinds), "proved": media, "splits": splits, "files": names}


def records(family: Family) -> Iterator[dict[str, Any]]:
    """All questions of a family, one record for each clip they are asked about, the base first."""
    facts = {family.base.id: Facts(family.base)} | {twin.id: Facts(twin.truth) for twin in family.twins}
    twins = {twin.id: twin for twin in family.twins}
    for number, asked in enumerate(family.asked):
        for clip, answer in ({family.base.id: asked.base} | dict(asked.others)).items():
            twin = twins.get(clip)
            rests_on = evidence(facts[clip], asked.template, asked.values)
            yield {
                "video_id": clip,
                "question_id": f"{clip}/{number}",
                "type": json.dumps(list(TEMPLATES[asked.template].kind)),
                "question_content": asked.template,
                "templ_values": json.dumps(list(asked.values)),
                "question_deleted": 0,
                "anser": answer,
                "base": family.base.id,
                "pair": f"{family.base.id}/{number}",
                "twin": twin.kind if twin else "",
                "stream": twin.stream if twin else "",
                "must": "" if twin is None else "stay" if answer == asked.base else "change",
                "changed": [family.base.players[i].instrument for i in twin.players] if twin else [],
                "segments": [[s.start, s.end, s.label, s.stream] for s in rests_on],
            }


def read(root: Path | str) -> Iterator[tuple[str, str, Scene]]:
    """(base, kind, true scene) of each twin of a written Soundstage, in order."""
    with (Path(root) / LINES).open(encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            yield raw["base"], raw["kind"], from_json(json.dumps(raw["truth"]))


def _line(split: str, family: Family, twin: Twin) -> str:
    facts = {"id": twin.id, "split": split, "base": family.base.id, "kind": twin.kind, "stream": twin.stream}
    return json.dumps(facts | {"players": twin.players, "truth": asdict(twin.truth)}, separators=(",", ":")) + "\n"


def _path(out: Path, twin: Twin) -> Path:
    return out / "videos" / f"{twin.id}.mp4"


def _draw(line: str, name: str, path: str, size: int, fps: float, font: str) -> None:
    from lookhear.soundstage.twins.render import prove, render

    base = from_json(line)
    twin = twin_of(base, name)
    proof = prove(base, twin, size, fps, font=font)
    if not (proof.same and proof.rest and proof.changed):
        raise MediaError(f"Twin {name!r} does not differ in the one thing it should: {proof}. This is a fault of ours.")
    render(twin, Path(path), size, fps, font=font)


def _counts(some: Sequence[Family], musicians: int) -> dict[str, Any]:
    """Number of twins and pairs by kind, and the expected score in percent of guessing both answers of a pair that
    must change."""
    twins: Counter[str] = Counter()
    pairs = {"change": Counter[str](), "stay": Counter[str]()}
    chances = []
    for family in some:
        kinds = {twin.id: twin.kind for twin in family.twins}
        twins.update(kinds.values())
        for asked in family.asked:
            for clip, answer in asked.others.items():
                pairs["stay" if answer == asked.base else "change"][kinds[clip]] += 1
                if answer != asked.base:
                    chances.append(100 / len(answers(asked.template, musicians)) ** 2)
    return {
        "families": len(some),
        "twins": dict(twins),
        "pairs": {must: dict(counts) for must, counts in pairs.items()},
        "chance": round(sum(chances) / len(chances), 2) if chances else None,
        "same_answer": 0.0,
    }
