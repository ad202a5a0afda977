"""What a net's model makes of the net's outputs, on features set by hand and a net that only adds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from lookhear import config
from lookhear.encoders import Encoder
from lookhear.errors import ModelError
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.media.sampling import Sampling
from lookhear.model.encoding import Remembered
from lookhear.model.net import NOT_FINITE, NetModel, says, served
from lookhear.model.options import NONE_KNOWN
from lookhear.store.batch import Batch
from lookhear.store.features import FeatureStore
from lookhear.store.world import Region, World
from lookhear.types import BLANK, Clip, Example, Output, Source

SOUND, PICTURE, TEXT = "hand_sound", "hand_picture", "hand_text"
FEATURES = {"audio": SOUND, "frames": PICTURE, "question": TEXT, "words": TEXT}
ANSWERS = ("yes", "no", "two")
TEXTS = {"how many": (0.0, 0.0, 3.0), "is it": (2.0, 1.0, 0.0), "what": (0.0, 0.0, 0.0)}
A, B = Clip(Source("a"), Source("a")), Clip(Source("b"), Source("b"))
HEARD = {"a": [[1, 0, 0], [5, 0, 0], [1, 0, 0], [1, 0, 0]], "b": [[0, 4, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]}
SEEN = {"a": [[2, 0, 0], [2, 0, 0], [2, 0, 0], [2, 0, 0]], "b": [[1, 1, 0], [1, 1, 0], [9, 1, 0], [9, 1, 0]]}


class Fixed(Encoder):
    """Texts are looked up; features of clips are in the store already."""

    def __init__(self, name, reads, streams):
        self.name, self.reads, self.streams = name, reads, streams
        self.sampling = None if reads == "text" else Sampling()
        self.asked = []

    def signature(self):
        return {"name": self.name, "sha256": "7" * 8}

    def __call__(self, items):
        self.asked += items
        return [{"question": torch.tensor(TEXTS[t]), "words": torch.tensor([TEXTS[t], TEXTS[t]])} for t in items]


class Adding(WatchAnswer):
    """Logits: means over time of both streams, plus the question, times a weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def watch(self, audio, frames):
        return {"heard": audio, "seen": frames}

    def answer(self, memory, question):
        heard, seen = (memory[n].mean(dim=1) for n in ("heard", "seen"))
        attention = {n: memory[n].sum(dim=2) for n in ("heard", "seen")}
        return Output((heard + seen + question) * self.weight, {"audio": heard, "visual": seen}, attention)


class Reading(Adding):
    """A net that reads words, which it projects apart, and says which it attends to."""

    def answer(self, memory, frames, words):
        tokens = words["tokens"] if isinstance(words, dict) else words
        out = super().answer(memory, tokens.mean(dim=1))
        return replace(out, words={"question": tokens.sum(dim=2), "heard": tokens[..., 0], "seen": tokens[..., 0]})


class Projecting(Reading):
    def __init__(self):
        super().__init__()
        self.projected = []

    def wording(self, words):
        self.projected.append(len(words))
        return {"tokens": words * 1.0}


def filled(lengths=None):
    store = FeatureStore(None)
    for name, stream, values, reads in ((SOUND, "audio", HEARD, "waveform"), (PICTURE, "frames", SEEN, "frames")):
        store.open(Fixed(name, reads, {stream: 3}))
        for clip, rows in values.items():
            rows = np.array(rows, np.float32)[: (lengths or {}).get((name, clip))]
            store.put(name, clip, {stream: rows})
        store.put(name, "blank", {stream: np.zeros((1, 3), np.float32)})
    return store


def build(name):
    reads = {SOUND: "waveform", PICTURE: "frames", TEXT: "text"}[name]
    return Fixed(name, reads, {"question": 3, "words": 3} if name == TEXT else {})


def model(net=None, store=None, data=None, **options):
    recipe = config.Recipe(data=data or config.Data(), features=FEATURES, net={"name": "adding"})
    return NetModel(net or Adding(), recipe, ANSWERS, {}, store=store or filled(), build=build, **options)


def example(question, clip=A, **meta):
    return Example(question, "question_answering", clip, question, meta=meta)


def softmax(*logits):
    return torch.tensor([float(x) for x in logits]).softmax(-1).tolist()


def test_a_model_is_described_by_its_parts():
    made = model()
    assert made.name == "adding" and made.vocabulary == ANSWERS and not made.net.training
    assert not made.texts.cards and made.scale == {} and made.words == frozenset() and made.world is None
    reads = ", ".join(f"{s}: {e}" for s, e in FEATURES.items())
    assert repr(made) == f"<adding: adding, 1 weights, 3 answers, reads {reads}, on cpu>"
    nameless = NetModel(Adding(), config.Recipe(), ANSWERS, {})
    assert nameless.name == "net" and repr(nameless) == "<net: Adding, 1 weights, 3 answers, reads , on cpu>"
    named = NetModel(Adding(), config.Recipe(net={"name": "adding"}), ANSWERS, {}, name="mine")
    assert named.name == "mine" and named.encoding.name == "mine" and repr(named).startswith("<mine: adding, ")


def test_a_model_moves_to_a_device_and_takes_another_store():
    made, store = model(), filled()
    assert made.to("meta") is made and made.device == torch.device("meta") and made.net.weight.is_meta
    other = made.using(store)
    assert other is not made and other.store is store and made.store is not store
    assert other.net is made.net and other.encoding is made.encoding and other.wordings is not made.wordings


def test_streams_of_clips_are_given_to_questions():
    class Net(Adding):
        def answer(self, memory, frames, question):
            return Output(memory["heard"].sum(dim=1) + 10 * frames.sum(dim=1) + 100 * question)

    audio, frames = torch.arange(12.0).view(2, 2, 3), torch.arange(12.0, 24).view(2, 2, 3)
    question, clip = torch.arange(9.0).view(3, 3), torch.tensor([1, 0, 1])
    streams = Batch({"audio": audio, "frames": frames}, clip, {"question": question})
    net = Net()
    given = served(net.answer, streams)
    assert list(given) == ["frames", "question"]
    assert given["frames"].equal(frames[clip]) and given["question"].equal(question)
    expected = audio.sum(dim=1)[clip] + 10 * frames.sum(dim=1)[clip] + 100 * question
    assert says(net, streams).logits.equal(expected)


def test_watching_gives_each_clip_once_with_its_length():
    watched = model(store=filled()).watch([B, A, B])
    assert watched.clips == (B, A) and watched.seconds == (4, 4) and watched.notes == ((), ())
    assert watched.memory["heard"].tolist() == [HEARD["b"], HEARD["a"]]
    assert watched.memory["seen"].tolist() == [SEEN["b"], SEEN["a"]]
    shorter = filled({(SOUND, "a"): 2})
    data = config.Data(seconds=4)
    assert model(store=shorter, data=data).watch([A]).seconds == (4,)  # the longest stream
    shortest = filled({(SOUND, "a"): 2, (PICTURE, "a"): 3})
    assert model(store=shortest, data=data).watch([A, B]).seconds == (3, 4)


@pytest.mark.parametrize(("limit", "note"), [(4, ()), (3, ()), (2, ("only the first 2 of 4 s were used",))])
def test_a_cut_of_more_than_a_second_is_noted(limit, note):
    watched = model(data=config.Data(seconds=limit)).watch([A])
    assert watched.notes == (note,) and watched.memory["heard"].shape[1] == limit


def test_a_missing_track_is_noted_at_its_clip_and_a_blank_one_is_not():
    deaf, blind, muted = Clip(A.video, None), Clip(None, A.audio), Clip(A.video, BLANK)
    watched = model().watch([deaf, B, blind, muted])
    assert watched.notes == (
        (f"no sound track in {deaf.id!r}: silence served",),
        (),
        (f"no picture in {blind.id!r}: black served",),
        (),
    )
    assert watched.seconds == (4, 4, 4, 4)
    short = model(store=filled({(SOUND, "a"): 2}), data=config.Data(seconds=4)).watch([A])
    assert short.notes == ((),)  # "rows short" is no news to a user


def test_a_clip_unlike_those_of_training_is_noted_last():
    mean, none = np.array([2, 0, 0, np.sqrt(3), 0, 0]), np.ones(6)
    near = World({"audio": Region(np.stack([mean, mean]), none, 1.0)})
    assert model(world=near).watch([A, B]).notes[0] == ()
    (note,) = model(world=near).watch([A, B]).notes[1]
    assert note.startswith("out of this model's world") and "audio 1.4x" in note
    nothing = Clip(A.video, None)
    assert len(model(world=near).watch([nothing]).notes[0]) == 1  # silence served is not measured


def test_an_answer_holds_scores_opinions_evidence_and_segments():
    made = model()
    watched = made.watch([A, B])
    first, second = made.answer(watched, [example("how many", A), example("is it", B)])
    # clip a: heard mean (2, 0, 0), seen mean (2, 0, 0); question (0, 0, 3)
    yes, no, two = softmax(4, 0, 3)
    assert list(first.scores) == ["yes", "two", "no"] and first.text == first.raw == "yes"
    assert list(first.scores.values()) == pytest.approx([yes, two, no])
    assert {n: list(o) for n, o in first.evidence.opinions.items()} == {"audio": list(ANSWERS), "visual": list(ANSWERS)}
    assert first.evidence.opinions["audio"]["yes"] == pytest.approx(softmax(2, 0, 0)[0])
    assert first.evidence.heard == pytest.approx([1 / 8, 5 / 8, 1 / 8, 1 / 8])
    assert first.evidence.seen == pytest.approx([0.25] * 4) and first.evidence.words == {}
    assert [(s.stream, s.start, s.end) for s in first.segments] == [("audio", 1.0, 2.0)]
    # clip b: heard mean (0, 1, 0), seen mean (5, 1, 0); question (2, 1, 0)
    assert second.text == "yes" and list(second.scores.values()) == pytest.approx(sorted(softmax(7, 3, 0))[::-1])
    assert second.evidence.opinions["visual"]["no"] == pytest.approx(softmax(5, 1, 0)[1])
    assert [(s.stream, s.start, s.end) for s in second.segments] == [("visual", 2.0, 4.0), ("audio", 0.0, 1.0)]
    assert first.notes == ("the question asks for a number, the answer is of another kind",) and second.notes == ()


def test_equal_scores_keep_the_order_of_the_vocabulary():
    silent = Clip(BLANK, BLANK)
    store = filled()
    made = model(store=store, data=config.Data(seconds=4))
    (answer,) = made.answer(made.watch([silent]), [example("what", silent)])
    assert list(answer.scores) == list(ANSWERS) and answer.text == "yes"
    assert answer.evidence.heard == answer.evidence.seen == () and answer.segments == ()
    assert made.watch([silent]).seconds == (None,)


def test_a_track_that_is_blank_or_missing_is_no_evidence():
    for clip, heard, seen in ((Clip(A.video, BLANK), 0, 4), (Clip(A.video, None), 0, 4), (Clip(BLANK, A.audio), 4, 0)):
        made = model()
        (answer,) = made.answer(made.watch([clip]), [example("what", clip)])
        assert (len(answer.evidence.heard), len(answer.evidence.seen)) == (heard, seen)
        assert {s.stream for s in answer.segments} <= {"audio" if heard else "visual"}


def test_numbers_that_are_no_numbers_answer_nothing_and_others_are_answered():
    class Broken(Adding):
        def answer(self, memory, question):
            out = super().answer(memory, question)
            wrong = (question[:, 2] > 2)[:, None]
            return replace(out, logits=out.logits.masked_fill(wrong, float("nan")))

    made = model(Broken())
    clip = Clip(A.video, None)
    wrong, right = made.answer(made.watch([clip]), [example("how many", clip), example("is it", clip)])
    assert wrong.text == "" and wrong.scores == {} and wrong.notes == (*right.notes, NOT_FINITE)
    assert right.text == "yes" and len(right.notes) == 1 and "no sound track" in right.notes[0]


def test_many_questions_are_answered_in_their_order():
    made = model()
    watched = made.watch([A, B])
    asks = [example(("how many", "is it", "what")[i % 3], (A, B)[i // 2 % 2]) for i in range(40)]
    for ask, answer in zip(asks, made.answer(watched, asks), strict=True):
        (alone,) = made.answer(watched, [ask])
        assert answer.scores == pytest.approx(alone.scores) and answer.evidence == alone.evidence


def test_what_was_not_watched_is_refused_and_nothing_asked_is_nothing_answered():
    made = model()
    watched = made.watch([A])
    assert made.answer(watched, []) == []
    with pytest.raises(ModelError, match=r"Asked about 'b', which was not watched\. Give it to watch\(\) first\."):
        made.answer(watched, [example("what", A), example("what", B)])


def test_notes_about_the_question_follow_those_about_the_clip():
    deaf = Clip(A.video, None)
    made = model(words=frozenset({"is", "it"}))
    watched = made.watch([deaf])
    known, unknown = made.answer(watched, [example("is it", deaf), example("what", deaf)])
    assert known.notes == watched.notes[0]
    assert unknown.notes == (*watched.notes[0], "words this model was never asked with: what")


def test_options_mask_or_are_texts_or_off():
    asks = [example("is it", A, options=["no", "two"]), example("is it", A)]
    masked = model()
    among, free = masked.answer(masked.watch([A]), asks)
    no, two = softmax(1, 0)
    assert among.text == "no" and among.scores == pytest.approx({"no": no, "two": two})
    assert free.text == "yes" and set(free.scores) == set(ANSWERS)
    (none,) = masked.answer(masked.watch([A]), [example("is it", A, options=["cello", "harp"])])
    assert none.text == "cello" and none.notes[0] == NONE_KNOWN
    off = model(data=config.Data(options="off"))
    assert off.answer(off.watch([A]), asks)[0].text == "yes"
    TEXTS["is it? no"], TEXTS["is it? two"] = (0.0, 3.0, 0.0), (3.0, 0.0, 0.0)
    texts = model(data=config.Data(options="text"))
    (chosen,) = texts.answer(texts.watch([A]), asks[:1])
    sure = [softmax(4, 3, 0)[0], softmax(7, 0, 0)[0]]
    assert chosen.text == "two" and chosen.scores == pytest.approx(
        {"two": sure[1] / sum(sure), "no": sure[0] / sum(sure)}
    )


def test_words_are_weighed_by_what_attends_to_them(monkeypatch):
    made = model(Reading())
    monkeypatch.setattr(made.encoding, "pieces", lambda stream: {"words": str.split}[stream])
    (answer,) = made.answer(made.watch([A]), [example("is it", A)])
    assert answer.evidence.words == {
        n: (("is", pytest.approx(0.5)), ("it", pytest.approx(0.5))) for n in ("question", "heard", "seen")
    }
    muted = Clip(A.video, BLANK)
    (answer,) = made.answer(made.watch([muted]), [example("is it", muted)])
    assert set(answer.evidence.words) == {"question", "seen"}  # nothing was heard, so nothing heard attends
    monkeypatch.setattr(made.encoding, "pieces", lambda stream: None)
    assert made.answer(made.watch([A]), [example("is it", A)])[0].evidence.words == {}


def test_words_of_another_text_are_those_that_are_spelled(monkeypatch):
    made = model(Reading())
    spelled = []
    monkeypatch.setattr(made.encoding, "pieces", lambda _: lambda text: spelled.append(text) or text.split())
    asks = [example("what", A, words="is it"), example("how many", A)]
    made.answer(made.watch([A]), asks)
    assert spelled == ["is it", "how many"]


def test_equal_wordings_are_projected_once_and_change_nothing():
    plain, apart = model(Reading()), model(Projecting())
    asks = [example("is it", A), example("what", B), example("is it", B, options=["no", "two"])]
    expected, answers = (m.answer(m.watch([A, B]), asks) for m in (plain, apart))
    assert apart.net.projected == [2]
    for mine, theirs in zip(answers, expected, strict=True):
        assert mine.text == theirs.text and mine.scores == pytest.approx(theirs.scores)
    assert list(answers[2].scores) == ["no", "two"]
    apart.answer(apart.watch([A]), [example("what", A), example("how many", A)])
    assert apart.net.projected == [2, 1]


def test_streams_are_scaled_and_options_are_asked_of_questions_alone():
    scale = {"audio": (torch.tensor([1.0, 0, 0]), torch.tensor([2.0, 1, 1]))}
    made = model(scale=scale)
    asks = [example("what", A, options=["no", "two"])]
    streams = made.batch(asks, ("audio", "frames"), made.store)
    assert streams.watch["audio"][0].tolist() == [[0, 0, 0], [2, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert streams.watch["frames"][0].tolist() == SEEN["a"] and streams.ask == {}
    made.encoding.fill(made.store, ("question",), asks)
    streams = made.batch(asks, ("question",), made.store)
    assert streams.ask["options"].tolist() == [[False, True, True]]
    ordered = made.batch([example("what", A)], ("question", "options"), made.store)
    assert ordered.ask["options"].tolist() == [[True, True, True]]
    assert "options" not in made.batch([example("what", A)], ("question",), made.store).ask
    cut = model(data=config.Data(seconds=6, fit="zeros"))
    assert cut.watch([A]).memory["heard"][0, 4:].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_an_encoder_of_other_weights_is_refused():
    made = NetModel(Adding(), config.Recipe(features=FEATURES), ANSWERS, {TEXT: {"weights": "8"}}, build=build)
    with pytest.raises(ModelError, match="was trained on hand_text features of weights '8'"):
        made.encoder(TEXT)
    assert model().encoder(TEXT).signature()["name"] == TEXT


def test_streams_beside_words_that_are_projected_apart_come_from_questions_and_clips():
    class Both(Projecting):
        def answer(self, memory, frames, question, words):
            out = super().answer(memory, frames, words)
            return replace(out, logits=out.logits + 10 * question + frames.sum(dim=1))

    made = model(Both())
    asked, batch = [], made.batch
    made.batch = lambda examples, wanted, store: asked.append(list(wanted)) or batch(examples, wanted, store)
    asks = [example("is it", A, options=["no", "two"]), example("what", B, words="how many")]
    made.encoding.fill(made.store, ("question", "words"), asks)
    given, offered = made._asked(("frames", "question", "words"), asks, made.store)
    assert asked == [["frames", "question"], ["words"]] and set(given) == {"frames", "question", "words"}
    assert given["question"].tolist() == [list(TEXTS["is it"]), list(TEXTS["what"])]
    assert given["frames"].tolist() == [SEEN["a"], SEEN["b"]]
    assert given["words"]["tokens"].mean(dim=1).tolist() == [list(TEXTS["is it"]), list(TEXTS["how many"])]
    assert offered.tolist() == [[False, True, True], [True, True, True]]
    plain = model()
    plain.encoding.fill(plain.store, ("question",), asks)
    assert plain._asked(("question",), asks, plain.store)[1].equal(offered)
    assert plain._asked(("question",), asks[1:], plain.store)[1] is None


def test_empty_seconds_of_a_decoded_clip_hold_no_segment(monkeypatch):
    made = model()
    watched, asks = made.watch([A]), [example("what", A)]
    remembered = Remembered(made.store, empty={"heard": (False, True, False, False)})
    monkeypatch.setattr(made.encoding, "of", lambda clip: remembered if clip == A else None)
    (answer,) = made.answer(watched, asks)
    assert answer.segments == () and len(answer.evidence.heard) == 4  # the loud second is said to be silent
    remembered.empty["heard"] = (True,) * 4
    (answer,) = made.answer(watched, asks)
    assert answer.evidence.heard == () and len(answer.evidence.seen) == 4


def test_asking_is_watching_and_answering():
    made = model()
    answers = made.ask(A, "is it", "how many")
    asks = [example("is it", A), example("how many", A)]
    assert [a.scores for a in answers] == [a.scores for a in made.answer(made.watch([A]), asks)]
