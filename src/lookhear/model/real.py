"""The model `real`: eyes and ears from pip packages watch a clip into a timeline, programs answer from it. No training.

    clip ─ timeline.watch ─▶ Timeline, once a clip          question ─ timeline.answers ─▶ Answer, in milliseconds

What it knows are the classes of YAMNet and ImageNet, words said in English, and times; what it cannot know it says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

from lookhear.encoders import efficientnet_lite, yamnet
from lookhear.errors import ModelError
from lookhear.model._clips import Video, Watched, about, stamp
from lookhear.store.features import FeatureStore
from lookhear.timeline import answers, kept
from lookhear.timeline.value import Timeline
from lookhear.timeline.watch import Watcher
from lookhear.types import Answer, Clip, Example

REMEMBERED = 32  # clips whose timelines are kept in memory


class RealModel:
    """Watches and answers. `watcher` holds the encoders; it is built when first needed."""

    name = "real"

    def __init__(
        self, watcher: Watcher | None = None, vocabulary: Sequence[str] = (), store: FeatureStore | None = None
    ):
        self.watcher, self.vocabulary, self.store = watcher, tuple(vocabulary), store
        self.remembered: OrderedDict[Any, Timeline] = OrderedDict()

    def using(self, store: FeatureStore | None) -> RealModel:
        """The same model keeping timelines in `store`, so that a clip is watched once by all runs."""
        other = copy(self)
        other.store = store
        return other

    def timeline(self, clip: Clip, progress: Callable[[float], None] | None = None) -> Timeline:
        """What is heard, seen and said in `clip`, watched once; `progress` is told how many seconds are done.

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
            return self.watcher(clip, progress)
        return kept.kept(self.store.root / "real", clip, self.watcher)

    def watch(self, clips: Sequence[Clip]) -> Watched:
        """The timelines of `clips`. Raises MediaError."""
        distinct = tuple(dict.fromkeys(clips))
        found = tuple(self.timeline(clip) for clip in distinct)
        return Watched(distinct, found, tuple(round(t.duration) for t in found), tuple(t.notes for t in found))

    def answer(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]:
        """One answer for each example, whose clip must have been watched; options are taken from `meta["options"]`."""
        row = dict(zip(watched.clips, watched.memory, strict=True))
        unseen = next((e.clip.id for e in examples if e.clip not in row), None)
        if unseen is not None:
            raise ModelError(f"Asked about {unseen!r}, which was not watched. Give it to watch() first.")
        return [answers.answer(row[e.clip], e.question, e.meta.get("options") or self.vocabulary) for e in examples]

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]:
        """Watch a video once and answer every question about it; see `clip_of` for what a video may be."""
        clip, examples = about(video, questions, "question_answering")
        return self.answer(self.watch([clip]), examples)


def installed() -> bool:
    """Whether ears and eyes of this model are installed; nothing is loaded."""
    return yamnet.there() and efficientnet_lite.there()
