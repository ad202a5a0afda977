"""The card catches what is deaf, blind, unread or timeless, clears what is not, and says when it cannot tell."""

import json
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from lookhear import statistics
from lookhear.config import Recipe, parse
from lookhear.curate.robust import rephrase, split
from lookhear.errors import DatasetError, MediaError
from lookhear.evaluate.audit import checks, edits, lines
from lookhear.evaluate.audit import page as audit_page
from lookhear.evaluate.audit.card import audit, of_videos
from lookhear.evaluate.audit.proofs import Asked
from lookhear.evaluate.run import run
from lookhear.media.decode import decode
from lookhear.media.write import write
from lookhear.model import NetModel
from lookhear.store.features import FeatureStore
from lookhear.types import BLANK, Answer, Clip, Example, Output, Source
from tests.train import world

SECONDS, CLIPS = 5, 40
HEARD, SEEN = (world.build(None)([f"how many {what}"])[0]["question"] for what in ("heard", "seen"))


class Whole(torch.nn.Module):
    """Answers with what was loudest or brightest, whichever is asked for; `without` leaves a stream unused."""

    def __init__(self, without: str = "", sure: float = 8.0):
        super().__init__()
        self.without, self.sure = without, sure

    def watch(self, audio, frames):
        return {"audio": audio * (self.without != "audio"), "frames": frames * (self.without != "frames")}

    def answer(self, memory, question):
        heard = (question - HEARD).norm(dim=1) < (question - SEEN).norm(dim=1)
        tracks = (memory["audio"] if self.without != "question" else memory["frames"], memory["frames"])
        return Output(self.sure * torch.where(heard[:, None], *(t.amax(1)[:, :5] for t in tracks)))


class Reads(torch.nn.Module):
    """Answers from the question alone."""

    def watch(self):
        return {}

    def answer(self, memory, question):
        return Output(question.repeat(1, 2)[:, :5])


class Clock(torch.nn.Module):
    """Answers with the second in which something sounds, or whether that is when something shows."""

    def __init__(self, together: bool = False):
        super().__init__()
        self.together = together

    def watch(self, audio, frames):
        return {"heard": audio.amax(-1), "seen": frames.amax(-1)}

    def answer(self, memory, question):
        if not self.together:
            return Output(8 * memory["heard"])
        same = (memory["heard"].argmax(1) == memory["seen"].argmax(1)).float()
        return Output(8 * torch.stack([same, 1 - same, *[same * 0] * 3], dim=1))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("world"), clips=CLIPS, seconds=SECONDS)


@pytest.fixture(scope="module")
def store(root):
    return FeatureStore(root / "features", cache=True)


def asked(root, split="val"):
    kinds = {"heard": ("Audio", "Counting"), "seen": ("Visual", "Counting")}
    return [replace(e, kind=kinds[e.question.split()[-1]]) for e in world.load(root, split)]


def model(root, net, vocabulary=world.VOCABULARY, name="twin"):
    recipe = parse(Recipe, {"data": {"name": world.READER, "root": str(root)}, "features": world.FEATURES}, "test")
    return NetModel(net, recipe, vocabulary, {}, name=name)


@pytest.fixture(scope="module")
def cards(root, store):
    """The card of a model that hears and sees, of its deaf and blind twins, and of one that only reads."""
    nets = {"whole": Whole(), "deaf": Whole("audio"), "blind": Whole("frames"), "reads": Reads()}
    other = partial(rephrase.rephrase, count=2)
    train = asked(root, "train")
    return {
        name: audit(model(root, net, name=name), asked(root), train, store, other, split.parts)
        for name, net in nets.items()
    }


@pytest.mark.parametrize(
    ("name", "sound", "picture"),
    [
        ("whole", "used", "used"),
        ("deaf", "not used", "used"),
        ("blind", "used", "not used"),
        ("reads", "not used", "not used"),
    ],
)
def test_twins_are_caught_and_the_whole_is_cleared(cards, name, sound, picture):
    findings = cards[name].findings
    assert (findings["sound"], findings["picture"]) == (sound, picture)
    for probe, verdict in {"silence": sound, "swap_audio": sound, "blindfold": picture, "swap_video": picture}.items():
        line = cards[name].line(probe)
        assert line.verdict == verdict, line
        assert line.interval[0] <= line.change <= line.interval[1]
        assert (line.interval[1] < 0) == (verdict == "used")


def test_a_probe_is_decided_by_the_questions_that_need_it(cards):
    line = cards["whole"].line("swap_audio")
    assert line.questions == CLIPS and line.before == 100
    assert line.change == pytest.approx(line.after - line.before)
    assert line.groups["Audio"][0] == pytest.approx(line.change) and line.groups["Visual"][0] == 0


def test_what_is_read_off_nothing_is_a_guess(cards, root):
    assert cards["whole"].line("by_question").verdict == "above the floor"
    assert cards["reads"].line("swap_clip").verdict == "not used"
    assert cards["reads"].line("by_question").verdict != "above the floor"
    assert cards["whole"].line("shuffle_questions").verdict == "used"
    assert cards["whole"].line("leaks").verdict == "no leak"


def test_sentences_say_it_with_numbers(cards):
    line = cards["whole"].line("swap_audio")
    half = (line.interval[1] - line.interval[0]) / 2
    expected = f"The sound is used: swapping it for another clip's costs {-line.change:.1f} ± {half:.1f} points."
    assert line.sentence == expected
    assert "changes not one of 80 answers, nor any score" in cards["deaf"].line("swap_audio").sentence
    assert expected in audit_page.sentences(cards["whole"])


def test_what_cannot_be_done_says_why(cards):
    assert cards["whole"].line("mirror").verdict == "not done"
    assert "answered by left or right" in cards["whole"].line("mirror").sentence


def test_without_training_questions_there_is_no_floor(root, store):
    card = audit(model(root, Whole()), asked(root)[:40], (), store)
    said = {line.name: line for line in card.lines}
    assert all(said[n].verdict == "not done" for n in ("by_template", "by_question", "chance", "leaks", "rephrasing"))
    assert said["silence"].verdict == "used"


def test_leaks_are_counted_and_judged(root, store):
    examples = [replace(e, reference=Answer("no")) if i % 4 < 2 else e for i, e in enumerate(asked(root))]
    line = audit(model(root, Whole()), examples, [e for i, e in enumerate(examples) if i % 4 > 1], store).line("leaks")
    assert line.verdict == "leaks flatter" and line.questions == CLIPS
    assert f"{CLIPS} of {2 * CLIPS} questions are about videos of the training split" in line.sentence
    assert (line.before, line.after, line.change) == (50, 0, -100)


def test_rare_answers(root, store):
    examples = [replace(e, meta={"part": "tail"}, reference=Answer("no")) for e in asked(root)[:30]]
    examples += [replace(e, meta={"part": "head"}) for e in asked(root)[30:]]
    line = audit(model(root, Whole()), examples, (), store).line("head_tail")
    assert line.verdict == "leans on frequent answers" and line.change == -100


def test_calibration(root, store):
    right = audit(model(root, Whole()), asked(root), (), store).line("calibration")
    assert right.verdict == "cannot tell" and right.after < 1, "so few videos cannot show that the error is small"
    wrong = [replace(e, reference=Answer("no")) for e in asked(root)]
    assert audit(model(root, Whole()), wrong, (), store).line("calibration").verdict == "over-confident"
    doubt = audit(model(root, Whole(sure=0.1)), asked(root), (), store).line("calibration")
    assert doubt.verdict == "under-confident" and doubt.interval[0] > 50


def test_order_is_used_by_a_clock_and_not_by_a_pool(root, store):
    said = ("first", "second", "third", "fourth", "fifth")
    when = [
        replace(e, kind=("Audio-Visual", "Temporal"), reference=Answer(said[_peak(store, world.EARS, "audio", e)]))
        for e in asked(root)
    ]
    card = audit(model(root, Clock(), said), when, (), store, shift=1)
    assert card.line("shuffle_time").verdict == "used" and card.line("shift_sound").verdict == "used"
    assert card.line("swap_video").verdict == "not used"
    pool = audit(model(root, Whole()), asked(root), (), store)
    assert pool.line("shuffle_time").verdict == "not used" and pool.line("shift_sound").verdict == "not used"


def test_sound_against_picture_is_told_from_order(root, store):
    both = []
    for e in asked(root):
        same = _peak(store, world.EARS, "audio", e) == _peak(store, world.EYES, "frames", e)
        both.append(replace(e, kind=("Audio-Visual", "Temporal"), reference=Answer("yes" if same else "no")))
    card = audit(model(root, Clock(together=True), ("yes", "no", "a", "b", "c")), both, (), store, shift=2)
    assert card.line("shuffle_time").verdict == "not used", "shuffled together, sound and picture stay together"
    assert card.line("shift_sound").change < 0


def _peak(store, encoder, stream, example):
    return int(store.get(encoder, stream, example.clip.id).max(axis=-1).argmax())


def test_edited_features_are_the_same_rows_in_another_order(root, store):
    examples = asked(root)[:6]
    twin = model(root, Whole())
    after, overlay = edits.features(twin, examples, edits.shuffled(1), store)
    assert [e.clip.id for e in after] == [f"{e.clip.id}~shuffled" for e in examples]
    moved = [overlay.get(world.EARS, "audio", e.clip.id) for e in after]
    whole = [store.get(world.EARS, "audio", e.clip.id) for e in examples]
    assert all((a != b).any() and sorted(a.sum(1)) == sorted(b.sum(1)) for a, b in zip(moved, whole, strict=True))
    seen = overlay.get(world.EYES, "frames", after[0].clip.id)
    order = [int(np.flatnonzero((whole[0] == row).all(1))[0]) for row in moved[0]]
    assert (seen == store.get(world.EYES, "frames", examples[0].clip.id)[order]).all(), "both streams alike"
    late, overlay = edits.features(twin, examples, edits.shifted(2), store)
    assert late[0].clip.video == examples[0].clip.video
    assert (overlay.get(world.EARS, "audio", late[0].clip.audio.id) == np.roll(whole[0], 2, axis=0)).all()
    assert not any("~" in key for key in store.keys(world.EARS)), "nothing is written to the store"


class Viewer:
    """Any other model: decodes the clip itself and says on which side it is bright, and when it is loud."""

    name = "viewer"

    def watch(self, clips):
        return {clip: decode(clip) for clip in clips}

    def answer(self, watched, examples):
        return [Answer(self._said(watched[e.clip], e.question)) for e in examples]

    def _said(self, media, question):
        if question == "where":
            if media.frames is None or media.frames.max() < 100:
                return "right"
            halves = np.split(media.frames[:, :, :64].astype(float), 2, axis=2)
            return "left" if halves[0].mean() > halves[1].mean() else "right"
        second = np.abs(media.waveform[: 3 * 16_000]).reshape(3, -1).mean(axis=1)
        return world.VOCABULARY[int(second.argmax())]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    examples = []
    for n in range(8):
        frames = np.full((12, 32, 64, 3), 10, np.uint8)
        frames[:, :, :32] += 200 * np.uint8(n % 2)
        frames[:, :, 32:] += 200 * np.uint8(1 - n % 2)
        time = np.arange(3 * 16_000) / 16_000
        wave = 0.4 * np.sin(2 * np.pi * 440 * time) * (time.astype(int) == n % 3)
        write(folder / f"{n}.mp4", frames, wave.astype(np.float32), fps=4)
        source = Source(f"f{n}", folder / f"{n}.mp4")
        for what, answer, kind in (
            ("where", "left" if n % 2 else "right", ("Visual", "Location")),
            ("when", world.VOCABULARY[n % 3], ("Audio-Visual", "Temporal")),
        ):
            reference = Answer(answer)
            examples.append(Example(f"{n}{what}", "question_answering", Clip(source, source), what, reference, kind))
    return examples


def test_a_model_without_features_is_audited_on_files(films):
    card = audit(Viewer(), films, shift=1)
    assert card.overall.accuracy == 100
    assert card.line("mirror").verdict == "follows the mirror" and card.line("mirror").after == 100
    assert card.line("shuffle_time").verdict == "used" and card.line("shift_sound").verdict == "used"
    assert card.findings == {"sound": "used", "picture": "used", "question": "used"}
    assert card.line("calibration").verdict == "not done"


def test_a_mirror_catches_who_ignores_the_picture_and_needs_one(films):
    class Prefers(Viewer):
        def _said(self, media, question):
            return "left"

    sides = [e for e in films if e.question == "where"]
    asked = Asked(Prefers(), None, sides, run(Prefers(), sides))
    line = checks.mirror(asked, 100)
    assert line.verdict == "does not follow" and "0 changed sides in the mirror and 8 stayed" in line.sentence
    without = [replace(e, clip=Clip(Source("x"), Source("x"))) for e in sides]
    with pytest.raises(MediaError, match="Give the media"):
        checks.mirror(Asked(Prefers(), None, without, asked.answers), 100)


def test_clips_that_cannot_be_read_are_counted_and_left_out(root, store):
    gone = Clip(Source("gone"), Source("gone"))
    examples = [*asked(root), replace(asked(root)[0], id="lost", clip=gone)]
    card = audit(model(root, Whole()), examples, (), store)
    assert list(card.facts["unread"]) == ["gone"]
    assert card.overall.total == 2 * CLIPS + 1 and card.line("swap_clip").questions == 2 * CLIPS


def test_blank_sides_stay_blank():
    clip = Clip(Source("a"), BLANK)
    assert edits.shuffled().clip(clip) == Clip(Source("a~shuffled"), BLANK)
    assert edits.shifted(1).clip(clip) == clip


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((-9.0, -0.1), "used"),
        ((0.1, 9.0), "misleads"),
        ((-1.9, 1.9), "not used"),
        ((-2.1, 1.0), "cannot tell"),
        ((-1.0, 0.0), "not used"),
    ],
)
def test_the_interval_decides(interval, verdict):
    words = lines.Words("used", "misleads", "not used")
    assert lines.decide(interval, words) == verdict


def test_no_change_in_few_videos_proves_little():
    same, videos, all_ = np.ones(10), np.arange(10) // 2, np.ones((10, 1), dtype=bool)
    mean, low, high = lines.paired(same, same, videos, all_)[0]
    assert mean == 0 and high == -low == pytest.approx(100 * (1 - 0.025 ** (1 / 5)))
    one = [Answer("a", {"a": 0.6, "b": 0.4})]
    assert lines.unchanged(one, one) and not lines.unchanged(one, [Answer("a", {"a": 0.5, "b": 0.5})])
    assert not lines.unchanged([Answer("a")], [Answer("a")]), "without scores sameness proves nothing"


def test_intervals_hold_what_they_promise():
    rng = np.random.default_rng(0)
    videos, one = np.arange(300) // 3, np.arange(300) % 3 > 0
    inside = errors = 0
    for seed in range(60):
        right = (rng.random(300) < np.where(one, 0.7, 0.5)).astype(float)
        low, high = statistics.difference(right, videos, one, ~one, 400, seed)
        inside += low <= 0.2 <= high
        sure = rng.uniform(0.5, 1.0, 300)
        low, high = statistics.calibration_error(
            sure, (rng.random(300) < sure - 0.2).astype(float), videos, resamples=400, seed=seed
        )[1]
        errors += low <= 0.2 <= high
    assert inside >= 52 and errors >= 50


def test_some_videos_keep_all_their_questions(root):
    some = of_videos(asked(root), 5, seed=1)
    assert len(some) == 10 and len({e.clip for e in some}) == 5
    assert some != of_videos(asked(root), 5, seed=2) and of_videos(asked(root), 500) == asked(root)
    with pytest.raises(DatasetError, match="at least 2"):
        of_videos(asked(root), 1)


def test_a_small_but_certain_loss_is_hardly_a_use(root, store):
    card = audit(model(root, Whole()), asked(root), (), store, margin=99)
    assert card.line("swap_audio").verdict == "hardly used"
    assert card.line("swap_audio").sentence.startswith("The sound is hardly used: swapping it")


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.words = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data)


def test_the_card_is_a_page_a_file_and_a_table(cards, tmp_path):
    where = audit_page.save(cards["deaf"], tmp_path / "card")
    read = Reader()
    read.feed(where.read_text())
    assert read.tags.count("svg") >= 3 and not read.links
    assert any("not one of 80 answers" in words for words in read.words)
    saved = json.loads((tmp_path / "card" / "audit.json").read_text())
    assert saved == cards["deaf"].to_json() and saved["findings"]["sound"] == "not used"
    assert {"name", "verdict", "sentence", "change", "interval"} <= set(saved["lines"][0])
    for format, sign in {"text": "swap the sound", "markdown": "| swap the sound", "latex": "&", "csv": ","}.items():
        assert sign in audit_page.text(cards["deaf"], format)
