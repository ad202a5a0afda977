"""For every task: what a model is trained to say reads back as the reference, and no reply is too strange to read."""

import json
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookhear import catalog, datasets, tasks
from lookhear.datasets import ave, kinetics_sounds, llp, meld, music_avqa, unav_100
from lookhear.datasets.reading import masks
from lookhear.datasets.reading.replies import in_order, names
from lookhear.errors import LookhearError
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import boxes, prompts, reader
from lookhear.types import Answer, Clip, Example, Region, Segment
from tests.conftest import shared


def example(task: str, reference: Answer, question: str = "", **meta) -> Example:
    return Example("1", task, Clip(None, None), question, reference, meta=meta)


def one_of(task: str, labels, **meta):
    return st.sampled_from(labels).map(lambda label: example(task, Answer(label), labels=tuple(labels), **meta))


def segments(labels, streams, last: float = 10, most: int = 5):
    time = st.integers(0, int(last * 1000)).map(lambda n: n / 1000) | st.integers(0, int(last))
    one = st.builds(
        lambda label, a, b, stream: Segment(label, min(a, b), max(a, b), stream),
        st.sampled_from(labels), time, time, st.sampled_from(streams),
    )  # fmt: skip
    return st.lists(one, max_size=most).map(in_order)


def timed(form: str, labels, found):
    return found.map(
        lambda some: example("event_localisation", Answer(names(some), segments=some), form=form, labels=tuple(labels))
    )


pixel = st.integers(0, 223)
point = st.tuples(pixel, pixel).map(lambda p: (*p, *p))
box = st.tuples(pixel, pixel, pixel, pixel).filter(lambda b: b[0] < b[2] and b[1] < b[3])
objects = st.sampled_from(("dog", "emergency-car", "guitar, violin", "male_speech"))


def placed(label: str, places) -> tuple[Region, ...]:
    return tuple(Region(label, boxes.unit(p)) for p in places)


def located(form: str, points: int):
    return st.builds(
        lambda label, b, ps: example("localisation", Answer(label, regions=placed(label, (b, *ps))), form=form),
        objects, box, st.lists(point, min_size=points, max_size=points),
    )  # fmt: skip


several = st.lists(
    st.tuples(st.sampled_from(("dog", "man", "hair-dryer")), box, st.lists(point, min_size=3, max_size=3)),
    min_size=1, max_size=3, unique_by=lambda one: one[0],
).map(
    lambda some: example(
        "localisation",
        Answer(", ".join(o[0] for o in some), regions=tuple(r for o in some for r in placed(o[0], (o[1], *o[2])))),
        form="avss",
    )
)  # fmt: skip
TAGS = ("male speech, man speaking", "people coughing", "dog barking", "playing piano")


def tagged(some) -> Answer:
    return Answer(", ".join(some), segments=tuple(Segment(label, 0.0, 0.0) for label in some))


EXAMPLES = {
    "action": one_of("action_recognition", kinetics_sounds.LABELS),
    "emotion": one_of("emotion_recognition", meld.LABELS),
    "a2v": one_of("cross_modal_matching", ("one", "two"), form="a2v"),
    "v2a": one_of("cross_modal_matching", ("one", "two"), form="v2a"),
    "pair": one_of("cross_modal_matching", ("yes", "no"), form="pair"),
    "ave": timed("ave", ave.LABELS, segments(ave.LABELS, ("audio-visual",), most=1).filter(bool)),
    "unav": timed("unav", unav_100.LABELS, segments(unav_100.LABELS, ("audio-visual",), last=60)),
    "llp": timed("llp", llp.LABELS, segments(llp.LABELS, ("audio", "visual"))),
    "arig": located("arig", 0),
    "s4": located("s4", 3),
    "ms3": located("ms3", 3),
    "avss": several,
    "ref_avs": located("ref_avs", 3) | st.just(example("localisation", Answer(""), "The tuba", form="ref_avs")),
    "caption": st.text(alphabet="abc DE.,'\"<>é", min_size=1)
    .map(lambda t: " ".join(t.split()))
    .filter(bool)
    .map(lambda t: example("captioning", Answer(t))),
    "tags": st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True).map(
        lambda some: example("tagging", tagged([tag for tag in TAGS if tag in some]), labels=TAGS)
    ),
    "question": one_of("question_answering", music_avqa.VOCABULARY),
    "options": st.sampled_from(("a dog", "a cat", "cat hair", "A")).map(
        lambda a: example("question_answering", Answer(a), options=("a dog", "a cat", "cat hair", "A"))
    ),
}


def vocabulary(form: str):
    return music_avqa.VOCABULARY if form == "question" else ()


@pytest.mark.parametrize("form", EXAMPLES)
def test_targets_read_back_as_their_reference(form):
    @settings(max_examples=60, deadline=None)
    @given(EXAMPLES[form], st.booleans())
    def holds(one, explain):
        task = tasks.find(one.task)
        written = task.target(one, explain)
        found = task.parse(written, one, vocabulary(form))
        assert reader.same(found, one.reference), written
        assert found.raw == written and not found.notes, found.notes

    holds()


def mutated(text: str, count: int, seed: int):
    """Replies that went wrong in the ways replies do: cut, shuffled, doubled, with other numbers, brackets and tags."""
    draw = random.Random(seed)
    pieces = [
        "<answer>",
        "</answer>",
        "<event>",
        "<range>",
        "[",
        "]",
        "(",
        ",",
        "-1",
        "999",
        "1.5",
        "\n",
        "é",
        "<",
        "none",
        "",
    ]
    for _ in range(count):
        said = list(text)
        for _ in range(draw.randint(1, 6)):
            at, way = draw.randrange(len(said) + 1), draw.randrange(4)
            if way == 0:
                said[at:] = []
            elif way == 1:
                said[at : at + draw.randint(1, 12)] = []
            elif way == 2:
                said[at:at] = draw.choice(pieces)
            else:
                other = draw.randrange(len(said) + 1)
                said[at:at] = said[other : other + 15]
        yield "".join(said)


@pytest.mark.parametrize("form", EXAMPLES)
def test_a_thousand_mutated_replies(form, mutations):
    one = _first(EXAMPLES[form])
    task = tasks.find(one.task)
    count, seed = mutations
    replies = list(mutated(task.target(one), count, seed))
    answers = [task.parse(reply, one, vocabulary(form)) for reply in replies]
    assert [answer.raw for answer in answers] == replies
    assert all(note.startswith(UNREAD) for answer in answers for note in answer.notes)
    failed = tasks.unread(answers).total()
    assert failed == sum(bool(answer.notes) for answer in answers)
    assert 0 < failed < count or form in ("caption",), failed
    scores = task.score(answers, [one.reference] * count)
    assert scores["unread"] == pytest.approx(100 * failed / count)


def _first(strategy) -> Example:
    found = []

    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    @given(strategy)
    def keep(one):
        if one.reference.segments or one.reference.regions or one.reference.text:
            found.append(one)

    keep()
    return max(found, key=lambda one: len(one.reference.segments) + len(one.reference.regions))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(sorted(EXAMPLES)))
def test_no_text_is_too_strange(reply, form):
    one = FIXED[form]
    assert tasks.find(one.task).parse(reply, one, vocabulary(form)).raw == reply


FIXED = {form: _first(strategy) for form, strategy in EXAMPLES.items()}
FIXED["caption"] = example("captioning", Answer("A dog barks twice."))


def test_every_task_keeps_the_contract():
    for name in catalog.names("tasks"):
        task = tasks.find(name)
        assert task.VERSION >= 1 and {"prompt", "target", "parse", "score"} <= set(dir(task))
        one = next(one for one in FIXED.values() if one.task == name)
        assert len(task.prompt(one)) > 20 and np.isnan(task.score([], [])["unread"])
        right = task.score([one.reference] * 2, [one.reference] * 2)
        assert right["unread"] == 0
        best = {
            k: v for k, v in right.items() if k in ("accuracy", "war", "iou", "rouge_l", "segment/event", "f1/both")
        }
        assert best and all(value == pytest.approx(100) for value in best.values())


def test_one_registry_of_prompts():
    assert {form for form in EXAMPLES if form not in ("question", "options")} == {*prompts.PROMPTS, *prompts.ALIKE}
    assert "Names: anger; disgust" in tasks.find("emotion_recognition").prompt(FIXED["emotion"])
    asked = tasks.find("localisation").prompt(example("localisation", Answer(""), "The tuba.", form="ref_avs"))
    assert "fits the words: The tuba. Write" in asked
    with pytest.raises(LookhearError, match="is of form None, which is none of arig"):
        tasks.find("localisation").prompt(example("localisation", Answer("")))
    with pytest.raises(LookhearError, match="No prompt is called 'x'"):
        prompts.prompt("x")


def test_published_reasoning_is_kept_where_it_says_what_the_label_says():
    task, one = tasks.find("action_recognition"), FIXED["action"]
    label = one.reference.text
    kept = f"Someone is busy. So it is <answer> {label} </answer>."
    assert task.target(replace(one, meta={**one.meta, "reasoning": kept})) == kept
    other = next(name for name in kinetics_sounds.LABELS if name != label)
    assert other not in task.target(replace(one, meta={**one.meta, "reasoning": f"<answer>{other}</answer>"}))
    with pytest.raises(LookhearError, match="has no reference"):
        task.target(replace(one, reference=None))


def test_what_has_no_time_or_place_has_no_target():
    weak = example("event_localisation", Answer("Dog"), form="llp")
    with pytest.raises(LookhearError, match="does not say when its events are"):
        tasks.find("event_localisation").target(weak)
    with pytest.raises(LookhearError, match="no box and no mask"):
        tasks.find("localisation").target(example("localisation", Answer("dog"), form="s4"))
    silent = example("event_localisation", Answer("Church bell"), form="ave", labels=ave.LABELS)
    task = tasks.find("event_localisation")
    assert reader.same(task.parse(task.target(silent), silent), silent.reference), "AVE's record without length"


@pytest.mark.parametrize(
    ("name", "folder", "split"),
    [
        ("ave", "ave", "all"), ("llp", "llp", "test"), ("llp", "llp", "val"), ("unav_100", "unav100", "test"),
        ("kinetics_sounds", "kinetics_sounds", "test"), ("ucf51", "ucf101", "test"), ("crema_d", "crema_d", "test"),
        ("meld", "meld", "dev"), ("valor", "valor32k_avqa", "test"), ("ref_avs", "ref_avs", "null"),
        ("avqa", "avqa_thu", "train_Where"), ("music_avqa", "music_avqa", "test"),
    ],
)  # fmt: skip
def test_real_examples_read_back(name, folder, split):
    torn = []
    for one in datasets.load(name, shared("data", folder), split)[::31]:
        task = tasks.find(one.task)
        if (
            one.reference.text
            and one.task == "event_localisation"
            and one.meta["form"] == "llp"
            and not one.reference.segments
        ):
            continue  # no times: no target
        known = music_avqa.VOCABULARY if name == "music_avqa" else ()
        if not reader.same(task.parse(task.target(one), one, known), one.reference):
            torn.append(one)
    assert not torn, (len(torn), torn[0], tasks.find(torn[0].task).target(torn[0]))


def test_replies_as_the_papers_print_them():
    task = tasks.find("event_localisation")
    said = "So the event is <event> Male speech, man speaking </event>, and the time range is <range> 0,8 </range>."
    assert task.parse(said, FIXED["ave"]).segments == (Segment("Male speech, man speaking", 0, 8),)
    said = "events are: <visual>chainsaw, (0 10) </visual> and <audio>Chainsaw, (0 10) </audio>"
    assert [s.stream for s in task.parse(said, FIXED["llp"]).segments] == ["audio", "visual"]
    task = tasks.find("localisation")
    said = "The sounding object is dog. Its top left corner is (0,56) and the bottom right corner is (112,112)"
    found = task.parse(said, FIXED["arig"])
    assert (found.text, found.regions[0].box) == ("dog", (0, 0.25, 0.5, 0.5))
    found = task.parse("<answer>true</answer> The cat, [10,10,5,5], [3,3],[4,4],[300,5]", FIXED["ref_avs"])
    assert len(found.regions) == 2 and len(found.notes) == 2 and "[10,10,5,5] is no box inside" in found.notes[0]
    assert tasks.find("cross_modal_matching").parse("The second video.", FIXED["a2v"]).text == "two"
    assert tasks.find("emotion_recognition").parse("She is tired", FIXED["emotion"]).notes


def test_the_official_reading_of_coordinates():
    rows = json.loads(shared("goldens", "av_llm", "parse_seg_crab_plus.json").read_text())
    for row in rows:
        for form, name in (("avs", "avs"), ("ref_avs", "ref")):
            box, points, found = boxes.released(row["text"], form)
            assert [box, points, found] == row[name], row["text"]
            assert (boxes.released_valid(box, points, form) if found else None) == row[f"{name}_valid"], row["text"]


def test_three_points_inside_a_mask():
    disc = np.hypot(*(np.indices((224, 224)) - 100)) < 40
    marks = boxes.inscribed(disc)
    assert marks[0] == (100, 100) and all(disc[y, x] for x, y in marks) and len(set(marks)) == 3
    three = np.zeros((224, 224), bool)
    for x in (30, 100, 170):
        three |= np.hypot(*(np.indices((224, 224)) - np.array([50, x])[:, None, None])) < 20
    assert sorted(boxes.inscribed(three)) == [(30, 50), (100, 50), (170, 50)]
    assert boxes.inscribed(np.eye(1, dtype=bool)) == [(0, 0)] * 3
    assert masks.circle_iou((0, 0, 2), (0, 0, 1)) == 0.25 and masks.circle_iou((0, 0, 1), (2, 0, 1)) == 0
    half = masks.circle_iou((0, 0, 1), (1, 0, 1))
    assert half == pytest.approx((2 * np.pi / 3 - np.sqrt(3) / 2) / (4 * np.pi / 3 + np.sqrt(3) / 2))
    with pytest.raises(ValueError, match="empty mask"):
        boxes.inscribed(np.zeros((3, 3), bool))
    region = Region("dog", None, disc)
    assert boxes.written((Region("dog", (0.1, 0.1, 0.9, 0.9), disc),), True).startswith("[22,22,202,202], [100,100], ")
    assert boxes.written((region,), False) == ""
