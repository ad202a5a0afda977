"""Twins as rows of ms-swift, TRL and verl: preferences (DPO, mDPO) and questions with a reward (GRPO).

    swift        messages, rejected_response, videos, audios, rejected_videos, rejected_audios    DPO, mDPO
    swift_grpo   messages, videos, audios, solution, segments, form, question                     GRPO
    trl          prompt, chosen, rejected as messages; videos, audios                             DPOTrainer
    verl         data_source, prompt, reward_model, extra_info, videos, audios                    verl, verl-omni

A pair whose true answer changes gives two preferences per clip: the true reply is preferred to the twin's reply
(`contrast answer`), and its own clip is preferred to the twin for the same reply (`contrast clip`, not supported by
TRL's trainer). The rewards of `lookhear.train.rewards` read the columns of `swift_grpo` and `verl`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lookhear import tasks
from lookhear.catalog import unknown
from lookhear.errors import DatasetError, RecipeError
from lookhear.types import Example

Row = dict[str, Any]
Media = Mapping[str, tuple[str, str]]  # clip's id -> paths of its video and of its sound
CONTRASTS = ("answer", "clip", "both")


def rows(
    shape: str,
    examples: Sequence[Example],
    media: Media,
    contrast: str = "both",
    weights: Mapping[str, float] | None = None,
) -> Iterator[Row]:
    """Rows of a shape. Raises RecipeError for an unknown shape or contrast, DatasetError if no answer changes."""
    check(shape, contrast)
    if shape in ("swift", "trl"):
        found = preferences(examples)
        if not found:
            raise DatasetError("No two clips are asked the same with another answer, so nothing is preferred.")
        return (row for one, other in found for row in SHAPES[shape](one, other, media, contrast))
    families: dict[str, list[Example]] = {}
    for example in examples:
        families.setdefault(str(example.meta.get("pair", example.id)), []).append(example)
    return (
        row
        for e in examples
        for row in SHAPES[shape](e, families[str(e.meta.get("pair", e.id))], media, dict(weights or {}))
    )


def check(shape: str, contrast: str) -> None:
    """Raises RecipeError for an unknown shape or contrast, or a combination that is not supported."""
    if shape not in SHAPES:
        raise RecipeError(unknown("shape", shape, SHAPES))
    if contrast not in CONTRASTS:
        raise RecipeError(unknown("contrast", contrast, CONTRASTS))
    if shape == "trl" and contrast == "clip":
        raise RecipeError("TRL's DPO compares replies about one clip: contrast clip is not for it.")


def preferences(examples: Sequence[Example]) -> list[tuple[Example, Example]]:
    """(preferred, rejected) examples of every pair whose answer changes, in both directions."""
    bases = {e.meta["pair"]: e for e in examples if e.meta.get("twin") == ""}
    pairs = [(bases[e.meta["pair"]], e) for e in examples if e.meta.get("must") == "change" and e.meta["pair"] in bases]
    return [both for one, other in pairs for both in ((one, other), (other, one))]


def _swift(example: Example, other: Example, media: Media, contrast: str) -> Iterator[Row]:
    video, sound = media[example.clip.id]
    said = {"role": "assistant", "content": _target(example)}
    row = {"messages": [_user(example), said], "videos": [video], "audios": [sound]}
    if contrast != "clip":
        yield row | {"rejected_response": _target(other)}
    if contrast != "answer":
        video, sound = media[other.clip.id]
        yield row | {"rejected_response": _target(example), "rejected_videos": [video], "rejected_audios": [sound]}


def _trl(example: Example, other: Example, media: Media, contrast: str) -> Iterator[Row]:
    video, sound = media[example.clip.id]
    parts = [{"type": "video"}, {"type": "audio"}, {"type": "text", "text": _prompt(example)}]
    row: Row = {"prompt": [{"role": "user", "content": parts}]}
    for name, one in (("chosen", example), ("rejected", other)):
        row[name] = [{"role": "assistant", "content": [{"type": "text", "text": _target(one)}]}]
    yield row | {"videos": [video], "audios": [sound]}


def _swift_grpo(
    example: Example, family: Sequence[Example], media: Media, weights: Mapping[str, float]
) -> Iterator[Row]:
    video, sound = media[example.clip.id]
    told = _told(example, {})
    yield {"messages": [_user(example)], "videos": [video], "audios": [sound], "solution": _answer(example), **told}


def _verl(example: Example, family: Sequence[Example], media: Media, weights: Mapping[str, float]) -> Iterator[Row]:
    video, sound = media[example.clip.id]
    yield {
        "data_source": "soundstage_twins",
        "prompt": [_user(example)],
        "videos": [{"video": video}],
        "audios": [sound],
        "ability": "audio-visual question answering",
        "reward_model": {"style": "rule", "ground_truth": _answer(example)},
        "extra_info": {"index": example.id, **_told(example, weights)},
    }


SHAPES: dict[str, Callable[..., Iterator[Row]]] = {
    "swift": _swift,
    "swift_grpo": _swift_grpo,
    "trl": _trl,
    "verl": _verl,
}


def _told(example: Example, weights: Mapping[str, float]) -> dict[str, str]:
    """The fields that rewards read besides the answer, as text, because parquet needs one type per column."""
    segments = example.reference.segments if example.reference else ()
    told = {"question": example.question, "form": str(example.meta.get("form", ""))}
    told["segments"] = json.dumps([[s.start, s.end, s.label, s.stream] for s in segments])
    told |= {key: str(example.meta.get(key, "")) for key in ("pair", "twin", "must")}
    return told | ({"weights": json.dumps(dict(weights))} if weights else {})


def _user(example: Example) -> dict[str, str]:
    return {"role": "user", "content": f"<video><audio>{_prompt(example)}"}


def _prompt(example: Example) -> str:
    return str(tasks.find(example.task).prompt(example))


def _target(example: Example) -> str:
    return str(tasks.find(example.task).target(example, explain=False))


def _answer(example: Example) -> str:
    return example.reference.text if example.reference else ""
