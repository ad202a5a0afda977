"""The course of tiny_omni: which wordings are kept from it, and what its steps ask of clips and of two clips in one."""

from random import Random

import pytest
import torch

from lookhear import tasks
from lookhear.curate.robust.rephrase import GRAMMAR, OPENINGS, rephrasings
from lookhear.datasets import soundstage
from lookhear.llms import tiny_omni
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from research.tiny_omni import clips, language, lessons, steps, wordings

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    out = tmp_path_factory.mktemp("world")
    make(out, Settings(train=60, val=2, test=2, seed=5), media=False, workers=1)
    return out


@pytest.fixture(scope="module")
def course(root):
    questions = lessons.short(root, "train")
    pieces = [f"{one.video.id}@{one.start:g}" for one in clips.pieces(root)]
    return steps.Steps(root, list(questions), pieces, questions)


def test_what_is_asked_is_never_taught():
    for template in GRAMMAR:
        values = ["violin", "left", "flute", "right"]
        taught = {f.format(*values).lower() for some in wordings.taught(template) for f in some}
        assert taught
        heads = [o.replace("{0}", "") for o in OPENINGS]
        for text in rephrasings(template, values):
            ends = {text.removeprefix(head).lower() for head in heads}
            assert not ends & {text_.replace(" a ", " an ") for text_ in taught} and not ends & taught, text


def test_a_held_pattern_and_a_held_opening_are_not_taught(root):
    example = next(e for e in soundstage.load(root, "train") if e.meta["template"].rstrip("?") in wordings.HELD)
    taught = {wordings.reworded(Random(k), example).question for k in range(300)}
    held = {wordings.of_held_patterns(Random(k), example).question for k in range(300)}
    assert len(taught) > 40 and len(held) > 2 and not taught & held
    assert all(any(o.split(",")[0].split(":")[0] in q for o in OPENINGS[-wordings.KEPT :]) for q in
               {wordings.after_held_openings(Random(k), example).question for k in range(50)})  # fmt: skip
    kept = [o.split("{")[0] for o in OPENINGS[-wordings.KEPT :]]
    assert not [q for q in taught if q.startswith(tuple(kept))]


def test_every_word_of_the_grammar_is_a_token(root):
    known = tiny_omni.tokenizer([*wordings.words(), "violin left flute right first"])
    for template in list(GRAMMAR)[::5]:
        for some in wordings.taught(template):
            text = some[0].replace("{0}", "").replace("{1}", "")
            assert not [t for t in known.tokenize(text) if len(t) == 1 and t.isalpha() and t != "I"], text


def test_the_picture_of_one_clip_with_the_sound_of_another(course):
    seen, heard = course.same[:2]
    facts = Facts(steps.together(course.scenes[seen], course.scenes[heard]))
    assert not facts.sounding and {p.instrument for p in facts.heard} == {
        p.instrument for p in course.scenes[heard].heard
    }
    asked = course.about(Random(0), seen, heard)
    told = {e.question: e.reference.text for e in asked}
    assert len(asked) > 15
    assert told.get("Is this sound from the instrument in the video", "no") == "no"
    assert told.get("How many instruments are sounding in the video", "zero") == "zero"


def test_matching_pairs_are_balanced_and_of_other_clips_in_the_next_round(course):
    first, again = set(course._pairs(0)), set(course._pairs(1))
    assert sum(a == b for a, b in first) == len(first) / 2 > 0
    assert {(a, b) for a, b in first if a != b} != {(a, b) for a, b in again if a != b}


@pytest.mark.parametrize("kind", list(steps.SHARES))
def test_what_a_step_asks_is_read_as_the_task_reads_replies(course, kind):
    where, names, asks = course.take(Random(1), kind, 4, 0)
    assert where == ("pieces" if kind == "pieces" else "train")
    assert len(names) == 4 and {len(some) for some in asks} == {steps.ASKS[kind]}
    for name, some in zip(names, asks, strict=True):
        assert set(name.split("@")[0].split(steps.MARK)) <= set(course.scenes)
        assert all(prompt and target for prompt, target in some)
    if kind == "boxes":
        localisation = tasks.find("localisation")
        example = next(iter(soundstage.load(course.root, "train", "referring")))
        answers = [localisation.parse(target, example) for some in asks for _, target in some]
        assert not [a.notes for a in answers if a.notes] and any(a.regions for a in answers)


def test_a_language_model_is_gone_on_from_by_words(root, tmp_path):
    """What the shipped model knows of a word stays, whatever number the word has here."""
    for split in ("train", "val", "pieces"):
        names = [f"{c.video.id}@{c.start:g}" for c in clips.pieces(root)] if split == "pieces" else None
        names = names or clips.in_split(root, split)
        kept = {"ids": names, "video": torch.zeros(len(names), 80, 144), "audio": [torch.ones(6, 144)] * len(names)}
        torch.save(kept | {"video": kept["video"] + 1}, tmp_path / f"{split}.tokens.pt")
    base = tiny_omni.load().base.model
    torch.save(base.visual.state_dict(), tmp_path / "vision.pt")
    torch.save(base.audio_tower.state_dict(), tmp_path / "audio.pt")
    school = language.School(root, tmp_path, start=tiny_omni.WEIGHTS)
    old = tiny_omni.load()
    for word in (" violin", "<answer>", "yes"):
        ours, theirs = (t.get_vocab()[word] for t in (school.tokenizer, old.tokenizer))
        mine = school.model.model.language_model.embed_tokens.weight[ours]
        assert torch.equal(mine, old.base.model.language_model.embed_tokens.weight[theirs])
    embeds, where, labels, layout = school.batch(Random(0), "swapped", 2, 0)
    assert embeds.shape[:2] == labels.shape and layout.asks == steps.ASKS["swapped"] and where.shape[0] == 3
