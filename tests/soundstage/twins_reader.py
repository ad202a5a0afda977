"""A second reader of twins: what a kind may change, told from the two raw scenes alone, without any of its code."""

from collections import Counter


def differences(kind: str, base: dict, twin: dict) -> list[str]:
    """What a twin changes beyond what its kind names; empty where all is as it should be."""
    wrong = [k for k in base if k not in ("id", "players") and base[k] != twin[k]]
    before, after = Counter(map(key, base["players"])), Counter(map(key, twin["players"]))
    gone, new = list((before - after).elements()), list((after - before).elements())
    gone, new = [dict(p) for p in gone], [dict(p) for p in new]
    rule = {"mute": mute, "swap": swap, "shift": shift, "louder": louder, "order": order}
    rule |= {"offstage": offstage, "hide": hide, "move": move, "hands": hands}
    return wrong if rule[kind](gone, new) else [*wrong, f"{gone} became {new}"]


def key(player: dict) -> tuple:
    return tuple((k, frozen(v)) for k, v in sorted(player.items()))


def frozen(value):
    if isinstance(value, list):
        return tuple(map(frozen, value))
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


def differ(one: dict, other: dict) -> set:
    return {k for k in one if one[k] != other[k]}


def mute(gone, new):
    (was,) = gone
    if was["x"] is None:
        return not new and was["sounding"]
    return len(new) == 1 and differ(was, new[0]) == {"sounding"} and not new[0]["sounding"]


def swap(gone, new):
    (was,) = gone
    heard = [p for p in new if p["sounding"]]
    silent = [p for p in new if not p["sounding"]]
    if len(heard) != 1 or heard[0]["x"] is not None or differ(was, heard[0]) - {"x", "miming"} != {"instrument"}:
        return False
    return not silent if was["x"] is None else len(silent) == 1 and differ(was, silent[0]) == {"sounding"}


def shift(gone, new):
    (was,), (now,) = gone, new
    moves = {
        round(b - a, 6)
        for s, t in zip(was["sounding"], now["sounding"], strict=True)
        for a, b in zip(s, t, strict=True)
    }
    return differ(was, now) == {"sounding"} and len(moves) == 1 and abs(moves.pop()) >= 1.5


def louder(gone, new):
    (was,), (now,) = gone, new
    return differ(was, now) == {"level"} and now["level"] - was["level"] >= 6


def order(gone, new):
    return (
        len(gone) == len(new) == 2
        and sorted(p["sounding"] for p in gone) == sorted(p["sounding"] for p in new)
        and all(
            differ(a, b) == {"sounding"} for a in gone for b in new if all(a[k] == b[k] for k in ("instrument", "x"))
        )
    )


def offstage(gone, new):
    (was,), (now,) = gone, new
    return bool(was["sounding"]) and now["x"] is None and {"x"} <= differ(was, now) <= {"x", "miming"}


def hide(gone, new):
    (was,) = gone
    return not new and was["x"] is not None and not was["sounding"]


def move(gone, new):
    return (
        len(gone) == len(new) == 2
        and {p["x"] for p in gone} == {p["x"] for p in new}
        and all(differ(a, b) == {"x"} for a in gone for b in new if a["instrument"] == b["instrument"])
    )


def hands(gone, new):
    (was,) = gone
    shown, heard = [p for p in new if p["x"] is not None], [p for p in new if p["x"] is None]
    if len(shown) != 1 or shown[0]["sounding"] or differ(was, shown[0]) - {"sounding"} != {"instrument"}:
        return False
    if not was["sounding"]:
        return not heard
    return len(heard) == 1 and {"x"} <= differ(was, heard[0]) <= {"x", "miming"}
