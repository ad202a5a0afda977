"""Make the timeline of a clip in one pass over the file, with constant memory.

file ─ pieces of 8 s ─▶ frames, four a second ─ cuts, black; one a second ─ efficientnet_lite ─▶ seen
                   └──▶ sound at 16 kHz ─ loudness, silence; every 0.48 s ─ yamnet ─▶ heard; speech ─▶ sentences
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lookhear.encoders import efficientnet_lite, speech, yamnet
from lookhear.errors import DependencyError, MediaError
from lookhear.media.decode import stream
from lookhear.media.probe import probe
from lookhear.media.sampling import Sampling
from lookhear.timeline import decide
from lookhear.timeline.listening import Listening
from lookhear.timeline.looking import FPS, Looking
from lookhear.timeline.value import Timeline
from lookhear.types import BLANK, Clip

PIECE = 8.0  # seconds that are decoded at once
SIDE = 297  # shorter side in pixels of decoded frames: the classifier crops its 260 from it
VERSION = 1  # increased when other events are detected from equal scores


class Watcher:
    """Encoders for timelines, loaded once for any number of clips.

    `sound` and `picture` are settings of the encoders `yamnet` and `efficientnet_lite`, `words` of `speech`; `without`
    lists modalities to leave out ("sound", "picture", "words"). Encoders that are not installed are left out, with a
    note in every timeline. Raises DependencyError if neither the sound nor the picture encoder is installed.
    """

    def __init__(
        self,
        sound: yamnet.Config | None = None,
        picture: efficientnet_lite.Config | None = None,
        words: speech.Config | None = None,
        without: tuple[str, ...] = (),
    ):
        self.absent: list[str] = []
        self.ears = self._built("sound", yamnet.build, sound or yamnet.Config(), without)
        self.eyes = self._built(
            "picture", efficientnet_lite.build, picture or efficientnet_lite.Config(patches=True), without
        )
        self.settings = None if "words" in without else words or speech.Config()
        self._words: Any = None
        if self.ears is None and self.eyes is None:
            raise DependencyError(self.absent[0] if self.absent else "Watching needs a sound or a picture encoder.")

    def _built(self, sense: str, build: Callable[[Any], Any], config: Any, without: tuple[str, ...]) -> Any | None:
        if sense in without:
            return None
        try:
            return build(config)
        except DependencyError as error:
            self.absent.append(str(error))
            return None

    def words(self) -> Any | None:
        """The speech encoder, loaded when first needed; None if it is excluded or not installed."""
        if self._words is None and self.settings is not None:
            self._words = self._built("words", speech.build, self.settings, ())
            self.settings = self.settings if self._words is not None else None
        return self._words

    @property
    def signature(self) -> dict[str, Any]:
        """Everything that determines a timeline besides the clip."""
        encoders = {encoder.name: encoder.sha256 for encoder in (self.ears, self.eyes) if encoder is not None}
        spoken = {"speech": repr(self.settings)} if self.settings is not None and speech.is_installed() else {}
        return {**encoders, **spoken, "version": VERSION}

    def __call__(self, clip: Clip, progress: Callable[[float], None] | None = None) -> Timeline:
        """The timeline of `clip`; `progress` is called with the number of seconds done. Raises MediaError."""
        looking, listening = Looking(self.eyes), Listening(self.ears, self.words)
        duration = 0.0
        notes: tuple[str, ...] = ()
        for media in stream(clip, _sampling(clip), PIECE):
            looking.take(media)
            listening.take(media)
            duration, notes = duration + media.duration, media.notes
            if progress:
                progress(duration)
        looking.finish()
        listening.finish()
        duration = duration or 1.0  # a still picture
        heard, seen = listening.track(), looking.track()
        events = [*decide.heard_events(heard, duration)] if heard else []
        events += looking.placed(decide.seen_events(seen, duration)) if seen else []
        silent = listening.sound and max(listening.loudness.levels(), default=0.0) <= -80
        kept_notes = tuple(n for n in notes if n != "sound is silent throughout" or silent)
        return Timeline(
            source=clip.id,
            duration=round(duration, 3),
            events=tuple(sorted(events, key=lambda e: (e.start, e.stream, -e.score))),
            sentences=tuple(listening.sentences),
            loudness=tuple(listening.loudness.levels()),
            cuts=tuple(looking.pictures.cuts),
            black=tuple(looking.pictures.black(duration)),
            silence=tuple(listening.loudness.silence(duration)),
            frames=looking.frames,
            ranked={
                "heard": decide.ranked_heard(heard) if heard else (),
                "seen": decide.ranked_seen(seen) if seen else (),
            },
            listened=not listening.missed and self.settings is not None,
            notes=tuple(dict.fromkeys((*kept_notes, *self.absent))),
            heard=heard,
            seen=seen,
        )


def _sampling(clip: Clip) -> Sampling:
    """Four frames per second, scaled down in the decoder if they are larger than the classifier needs."""
    plain = Sampling(fps=FPS)
    if clip.video is None or clip.video == BLANK or clip.video.path is None:
        return plain
    try:
        picture = probe(clip.video.path).picture
    except MediaError:
        return plain  # the decoder reports the error
    if picture is None or min(picture.height, picture.width) <= SIDE:
        return plain
    scale = SIDE / min(picture.height, picture.width)
    return Sampling(fps=FPS, size=(max(2, round(picture.height * scale)), max(2, round(picture.width * scale))))
