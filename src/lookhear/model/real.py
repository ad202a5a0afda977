"""The model `real`: encoders from pip packages make a timeline of events, and programs answer from it. No training.

    clip ─ timeline.watch ─▶ Timeline, once a clip          question ─ timeline.answers ─▶ Answer, in milliseconds

It recognises the classes of YAMNet and ImageNet and English speech, with times; other questions get "cannot say".
`real+endpoint@URL` and `real+FOLDER` add a language model that reads the timeline as text. It answers the questions
that the programs cannot answer, and the observations it cites become the answer's evidence.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from lookhear.encoders import efficientnet_lite, yamnet
from lookhear.errors import ModelError
from lookhear.model._clips import Video, Watched, about, plain, stamp
from lookhear.model.readers import Reader
from lookhear.store.features import FeatureStore
from lookhear.tasks import UNREAD
from lookhear.timeline import answers, concepts, kept, reading, vectors, zero_shot
from lookhear.timeline.finding import CANNOT
from lookhear.timeline.scene import Scene
from lookhear.timeline.value import Timeline
from lookhear.timeline.watch import Watcher
from lookhear.types import Answer, Clip, Example

REMEMBERED = 32  # clips whose timelines are kept in memory


class RealModel:
    """The model `real`. `watcher` builds the encoders when first needed; `reader` is the language model, if any."""

    def __init__(
        self,
        watcher: Watcher | None = None,
        vocabulary: Sequence[str] = (),
        store: FeatureStore | None = None,
        reader: Reader | None = None,
        name: str = "real",
    ):
        self.watcher, self.vocabulary, self.store = watcher, tuple(vocabulary), store
        self.reader, self.name = reader, name
        self.scene: Scene | None = None
        self.remembered: OrderedDict[Any, Timeline] = OrderedDict()

    def using(self, store: FeatureStore | None) -> RealModel:
        """The same model with its timelines kept in `store`, so that each clip is encoded once across runs."""
        other = copy(self)
        other.store = store
        return other

    def timeline(self, clip: Clip, progress: Callable[[float], None] | None = None) -> Timeline:
        """The timeline of `clip`, computed once; `progress` is called with the number of finished seconds.

        Raises MediaError or DependencyError.
        """
        which = stamp(clip)
        if which not in self.remembered:
            self.remembered[which] = self._watched(clip, progress)
            while len(self.remembered) > REMEMBERED:
                self.remembered.popitem(last=False)
        self.remembered.move_to_end(which)
        return self.remembered[which]

    def _watched(self, clip: Clip, progress: Callable[[float], None] | None = None) -> Timeline:
        if self.watcher is None:
            self.watcher = Watcher()
        if self.store is None or self.store.root is None:
            vectors.ready(tuple(concepts.table()))
            return self.watcher(clip, progress)
        return kept.load_or_watch(self.store.root / "real", clip, self.watcher)

    def watch(self, clips: Sequence[Clip]) -> Watched:
        """The timelines of `clips`. Raises MediaError."""
        distinct = tuple(dict.fromkeys(clips))
        found = tuple(self.timeline(clip) for clip in distinct)
        return Watched(distinct, found, tuple(round(t.duration) for t in found), tuple(t.notes for t in found))

    def answer(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]:
        """One answer per example, whose clip must be in `watched`; options come from `meta["options"]`."""
        row = dict(zip(watched.clips, watched.memory, strict=True))
        unseen = next((e.clip.id for e in examples if e.clip not in row), None)
        if unseen is not None:
            raise ModelError(f"Asked about {unseen!r}, which was not watched. Give it to watch() first.")
        return [self._answer(row[e.clip], e) for e in examples]

    def _answer(self, timeline: Timeline, example: Example) -> Answer:
        """Answer an example of any task that can be answered from labels and times."""
        if example.task == "question_answering":
            options = example.meta.get("options") or example.meta.get("labels") or self.vocabulary
            found = answers.answer(self._scene(timeline), example.question, options)
            return (
                found if self.reader is None or found.text != CANNOT else self._read(timeline, example, options, found)
            )
        scene, labels = self._scene(timeline), example.meta.get("labels", ())
        if example.task == "event_localisation":
            return zero_shot.localised(scene, example)
        if example.task == "cross_modal_matching" and "second" in example.meta:
            return self._matched(scene, example)
        if example.task == "tagging":
            return zero_shot.tagged(scene, labels)
        if example.task in ("action_recognition", "emotion_recognition") and labels:
            return zero_shot.classified(scene, labels)
        return Answer(notes=(f"{UNREAD}the model real does not do {example.task}: it knows labels, times and words",))

    def _scene(self, timeline: Timeline) -> Scene:
        """The timeline prepared for questions; the last one is cached."""
        if self.scene is None or self.scene.timeline is not timeline:
            self.scene = Scene(timeline).ready()
        return self.scene

    def _read(self, timeline: Timeline, example: Example, options: Sequence[str], before: Answer) -> Answer:
        """The language model's answer from the timeline; if it has none, the programs' answer with its reason."""
        (reply,) = self.reader([reading.prompt(timeline, plain(example.question), options)])  # type: ignore[misc]
        text = reading.without_citations(reply.text)
        if reply.ended == "failed" or not text or text.lower().startswith(CANNOT):
            why = reply.why or "the language model that read the timeline cannot say either"
            return replace(before, notes=(*before.notes, why), raw=reply.text)
        segments, regions = reading.cited(timeline, reply.text)
        known = {option.lower(): option for option in options}
        notes = (f"read from the timeline by {self.name.removeprefix('real+')}", *timeline.notes)
        if not segments:
            notes += ("the reply cites no observation: nothing supports it",)
        return Answer(known.get(text.lower(), text), {}, segments, regions, raw=reply.text, notes=notes)

    def _matched(self, scene: Scene, example: Example) -> Answer:
        """Answer a matching question: which of two candidates belongs to the clip."""
        way, other, clip = str(example.meta.get("form")), example.meta["second"], example.clip
        alone = Clip(other, None, clip.start, clip.end) if way == "a2v" else Clip(None, other, clip.start, clip.end)
        return zero_shot.matched(scene, Scene(self.timeline(alone)), scene, way)

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]:
        """Watch a video once and answer every question about it; see `clip_of` for the forms of `video`."""
        clip, examples = about(video, questions, "question_answering")
        return self.answer(self.watch([clip]), examples)


def installed() -> bool:
    """Whether the encoders of this model are installed; nothing is loaded."""
    return yamnet.is_installed() and efficientnet_lite.is_installed()
