"""A second reader of reasoning texts: every sentence is read with regular expressions and held against the raw scene.

Nothing here knows how the sentences are made. A sentence that cannot be read is a fault, and so is a name, a time, a
place, a number or an order that the scene does not have, and an answer that is not the label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

VERB = r"(?:plays|sounds|can be heard)"
SILENT = r"(?:makes no sound|stays silent|is never heard)"
TIMES = r"(?P<times>from [\d.]+ to [\d.]+ s(?:(?:, | and )from [\d.]+ to [\d.]+ s)*)"
WHO = r"(?P<who>(?:the|one|an?) [a-z ]+?|congas)"
OTHER = r"(?P<other>(?:the|one|an?) [a-z ]+?|congas)"
PLACE = r"(?P<place>alone on the stage|in the middle|on the left|on the right|[a-z]+ from the left)"
NUMBER = r"[\d.]+"
ORDER = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
NEAR = 0.051  # seconds: times are written with one digit

Scene = dict[str, Any]
Player = dict[str, Any]


def check(root: Path | str) -> tuple[int, list[str]]:
    """How many reasoning texts of a Soundstage were read, and what is wrong with any of them."""
    root, read, wrong = Path(root), 0, []
    with (root / "scenes.jsonl").open(encoding="utf-8") as lines:
        scenes = {raw["id"]: raw for raw in map(json.loads, lines)}
    for path in sorted((root / "json").glob("reasoning-*.json")):
        texts = json.loads(path.read_text("utf-8"))
        for r in json.loads((root / "json" / path.name.replace("reasoning", "avqa")).read_text("utf-8")):
            read += 1
            found = faults(texts[str(r["question_id"])], scenes[r["video_id"]], r["anser"])
            wrong += [f"{r['question_id']}: {fault}" for fault in found]
    return read, wrong


def faults(text: str, scene: Scene, label: str) -> list[str]:
    """What in a text is not so, or cannot be read; empty where all is well."""
    *told, last = re.split(r"(?<=\.)\s+(?=[A-Z])", text)
    concluded = re.fullmatch(r"(?:So |Therefore )?[Tt]he answer is <answer>(.*)</answer>\.", last)
    found = [] if concluded and concluded[1] == label else [f"does not end in {label!r}: {last!r}"]
    if not told:
        found.append("gives no reason")
    return found + untrue(told, scene)


def untrue(sentences: Sequence[str], scene: Scene) -> list[str]:
    """What in the sentences is not so, or cannot be read."""
    found = []
    for sentence in sentences:
        said = sentence[0].lower() + sentence[1:-1]
        for pattern, holds in READERS:
            if match := re.fullmatch(pattern, said):
                if not holds(scene, match):
                    found.append(f"not so: {sentence!r}")
                break
        else:
            found.append(f"cannot be read: {sentence!r}")
    return found


# ---- who, where, when


def _named(scene: Scene, who: str) -> list[Player]:
    """The players that a name can mean: exactly one for "the", any of several for "one", a type for "a"."""
    article, _, kind = who.partition(" ") if who != "congas" else ("a", "", "congas")
    kind = kind.replace(" ", "_")
    found = [p for p in scene["players"] if p["instrument"] == kind]
    good = {"the": len(found) == 1, "one": len(found) > 1}.get(article, bool(found))
    return found if good else []


def _row(scene: Scene) -> list[Player]:
    return sorted((p for p in scene["players"] if p["x"] is not None), key=lambda p: p["x"])


def _is_at(scene: Scene, player: Player, place: str) -> bool:
    row = _row(scene)
    if player not in row:
        return False
    k = row.index(player)
    ordinal = place.removesuffix(" from the left")
    return {
        "alone on the stage": len(row) == 1,
        "in the middle": len(row) == 3 and k == 1,
        "on the left": len(row) > 1 and k == 0,
        "on the right": len(row) > 1 and k == len(row) - 1,
    }.get(place, ordinal in ORDER and ORDER.index(ordinal) == k)


def _spans(times: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(rf"from ({NUMBER}) to ({NUMBER}) s", times)]


def _same(written: Sequence[tuple[float, float]], true: Sequence[Sequence[float]]) -> bool:
    return len(written) == len(true) and all(
        abs(a - c) < NEAR and abs(b - d) < NEAR for (a, b), (c, d) in zip(written, true, strict=True)
    )


def _union(players: Sequence[Player]) -> list[list[float]]:
    """When any of them sounds, in tenths of a second."""
    on = sorted({t for p in players for a, b in p["sounding"] for t in range(round(a * 10), round(b * 10))})
    found: list[list[float]] = []
    for t in on:
        if found and abs(found[-1][1] - t / 10) < 1e-6:
            found[-1][1] = (t + 1) / 10
        else:
            found.append([t / 10, (t + 1) / 10])
    return found


def _heard(scene: Scene) -> list[Player]:
    return [p for p in scene["players"] if p["sounding"]]


def _length(player: Player) -> float:
    return sum(b - a for a, b in player["sounding"])


# ---- what each kind of sentence says


def _placed(scene: Scene, m: re.Match[str]) -> bool:
    there = [p for p in _named(scene, m["who"]) if _is_at(scene, p, m["place"])]
    return bool(there) and _same(_spans(m["times"]), there[0]["sounding"])


def _quiet(scene: Scene, m: re.Match[str]) -> bool:
    return any(_is_at(scene, p, m["place"]) and not p["sounding"] for p in _named(scene, m["who"]))


def _hidden(scene: Scene, m: re.Match[str]) -> bool:
    return any(p["x"] is None and _same(_spans(m["times"]), p["sounding"]) for p in _named(scene, m["who"]))


def _sounds(scene: Scene, m: re.Match[str]) -> bool:
    players = _named(scene, m["who"])
    return bool(players) and _same(_spans(m["times"]), _union(players))


def _no_sound(scene: Scene, m: re.Match[str]) -> bool:
    return m["kind"].replace(" ", "_") not in {p["instrument"] for p in _heard(scene)}


def _no_sight(scene: Scene, m: re.Match[str]) -> bool:
    return m["kind"].replace(" ", "_") not in {p["instrument"] for p in _row(scene)}


def _stands(scene: Scene, m: re.Match[str]) -> bool:
    said = [re.sub(r"^an? ", "", part) for part in re.split(r", | and ", m["row"])]
    return said == [p["instrument"].replace("_", " ") for p in _row(scene)]


def _pairs(scene: Scene, m: re.Match[str]) -> Iterator[tuple[Player, Player]]:
    return ((one, other) for one in _named(scene, m["who"]) for other in _named(scene, m["other"]))


def _louder(scene: Scene, m: re.Match[str]) -> bool:
    sign = 1 if m["word"] == "louder" else -1
    gaps = [sign * (one["level"] - other["level"]) for one, other in _pairs(scene, m)]
    return any(gap > 0 and abs(gap - float(m["gap"])) < 0.05 for gap in gaps)


def _rates(scene: Scene, m: re.Match[str]) -> bool:
    return (float(m["a"]), float(m["b"])) in {(one["rate"], other["rate"]) for one, other in _pairs(scene, m)}


def _lengths(scene: Scene, m: re.Match[str]) -> bool:
    return any(
        abs(_length(one) - float(m["a"])) < NEAR and abs(_length(other) - float(m["b"])) < NEAR
        for one, other in _pairs(scene, m)
    )


def _most(scene: Scene, m: re.Match[str]) -> bool:
    players = _named(scene, m["who"])
    levels = [p["level"] for p in _heard(scene)]
    best = (max if m["word"] == "loudest" else min)(levels)
    return len(players) == 1 and players[0]["level"] == best and levels.count(best) == 1


def _entry(scene: Scene, m: re.Match[str]) -> bool:
    order = sorted(_heard(scene), key=lambda p: p["sounding"][0][0])
    place = ORDER.index(m["nth"])
    there = order[place] if place < len(order) else None
    starts = [p["sounding"][0][0] for p in order]
    return (
        there in _named(scene, m["who"])
        and abs(starts[place] - float(m["start"])) < NEAR
        and starts.count(starts[place]) == 1
    )


def _last(scene: Scene, m: re.Match[str]) -> bool:
    heard, named = _heard(scene), _named(scene, m["who"])
    latest = max(heard, key=lambda p: p["sounding"][0][0])
    longest = max(heard, key=lambda p: p["sounding"][-1][1])
    right = abs(latest["sounding"][0][0] - float(m["start"])) < NEAR
    return latest is longest and latest in named and right and abs(latest["sounding"][-1][1] - float(m["stop"])) < NEAR


def _shared(scene: Scene, m: re.Match[str]) -> bool:
    written = _spans(m["times"])
    return any(both and _same(written, both) for both in (_both(*pair) for pair in _pairs(scene, m)))


def _both(one: Player, other: Player) -> list[list[float]]:
    pairs = ([max(a, c), min(b, d)] for a, b in one["sounding"] for c, d in other["sounding"])
    return [[a, b] for a, b in pairs if a < b]


def _speaks(scene: Scene, m: re.Match[str]) -> bool:
    return scene["voiceover"] is not None and _same(_spans(m["times"]), [scene["voiceover"]])


def _readers() -> Iterator[tuple[str, Callable[[Scene, re.Match[str]], bool]]]:
    yield rf"{WHO} is {PLACE} and {VERB} {TIMES}", _placed
    yield rf"{WHO} {VERB} {TIMES} and stands {PLACE}", _placed
    yield rf"{PLACE}, {WHO} {VERB} {TIMES}", _placed
    yield rf"{WHO} is {PLACE} and {SILENT}", _quiet
    yield rf"{PLACE}, {WHO} {SILENT}", _quiet
    yield rf"off stage, {WHO} {VERB} {TIMES}", _hidden
    yield rf"{WHO} {VERB} {TIMES} without being seen", _hidden
    yield rf"{WHO} {VERB} {TIMES}", _sounds
    yield r"no (?P<kind>[a-z ]+) is heard", _no_sound
    yield r"there is no sound of (?:an? )?(?P<kind>[a-z ]+)", _no_sound
    yield r"no (?P<kind>[a-z ]+) is seen", _no_sight
    yield r"(?:an? )?(?P<kind>[a-z ]+) does not appear", _no_sight
    yield r"from left to right there are (?P<row>.+)", _stands
    yield r"on stage, from left to right, stand (?P<row>.+)", _stands
    yield r"on stage there is only (?P<row>.+)", _stands
    yield rf"{WHO} is (?P<gap>{NUMBER}) dB (?P<word>louder|softer) than {OTHER}", _louder
    yield rf"{WHO} plays (?P<a>{NUMBER}) notes? a second and {OTHER} (?P<b>{NUMBER})", _rates
    yield rf"{WHO} sounds for (?P<a>{NUMBER}) s in all and {OTHER} for (?P<b>{NUMBER}) s", _lengths
    yield rf"of all that is heard, {WHO} is the (?P<word>loudest|softest)", _most
    yield rf"{WHO} comes in (?P<nth>[a-z]+), at (?P<start>{NUMBER}) s", _entry
    yield rf"at (?P<start>{NUMBER}) s {WHO} comes in, (?P<nth>[a-z]+) of all", _entry
    yield (
        rf"{WHO} is the last to come in, at (?P<start>{NUMBER}) s, and the last to stop, at (?P<stop>{NUMBER}) s",
        _last,
    )
    yield rf"{WHO} and {OTHER} sound together {TIMES}", _shared
    yield (
        r"the stage is in a hall, indoors|walls and a ceiling show that the stage is indoors",
        lambda s, m: s["indoor"],
    )
    yield (
        r"the stage is in the open air, outdoors|the sky shows that the stage is outdoors",
        lambda s, m: not s["indoor"],
    )
    yield rf"(?:someone speaks|a voice talks) {TIMES}", _speaks
    yield r"nobody speaks", lambda s, m: s["voiceover"] is None
    yield r"no voice is heard over the music", lambda s, m: s["voiceover"] is None
    yield rf"the clip lasts (?P<seconds>{NUMBER}) s", lambda s, m: abs(s["seconds"] - float(m["seconds"])) < NEAR


READERS = tuple(_readers())
