"""Process the sound of a clip piece by piece: class scores every 0.48 s, loudness, silence, and speech.

Speech is transcribed if YAMNet detects it, in the segments of the voice detector. Pieces are joined until there is a
pause, so that no sentence is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lookhear.encoders.yamnet import EXAMPLE, PUBLISHED, RATE, published_grid
from lookhear.timeline import signal
from lookhear.timeline.ontology import sounds
from lookhear.timeline.value import Track
from lookhear.types import Media, Sentence

STEP, WIDTH = PUBLISHED / RATE, EXAMPLE / RATE
VOICED = 0.1  # smallest YAMNet score of speech for transcription
LONGEST = 28.0  # longest segment in seconds that is transcribed at once
REST = 0.6  # shortest pause in seconds at which speech may be split
TICK = 512 / RATE  # duration in seconds of a step of the voice detector


class Listening:
    """Processes the pieces of a clip.

    `ears` may be None; `words` returns the speech encoder, or None if there is none.
    """

    def __init__(self, ears: Any | None, words: Callable[[], Any | None]):
        self.ears, self.words = ears, words
        self.loudness = signal.Loudness(RATE)
        self.rest = np.zeros(0, np.float32)  # samples from the start of the next row on
        self.rows: list[np.ndarray] = []
        self.sound = False
        self.pending = np.zeros(0, np.float32)  # sound not transcribed yet, which starts at `since` seconds
        self.since = 0.0
        self.sentences: list[Sentence] = []
        self.missed = False  # speech was detected but no encoder could transcribe it

    def take(self, media: Media) -> None:
        """Process the next piece of the clip."""
        if media.waveform is None:
            return
        self.sound = True
        self.loudness.take(media.waveform)
        self.pending = np.concatenate([self.pending, media.waveform])
        self._hear(media.waveform, last=False)
        self._transcribe(last=False)

    def finish(self) -> None:
        """Process the remaining samples at the end of the clip."""
        if self.sound:
            self._hear(np.zeros(0, np.float32), last=True)
            self._transcribe(last=True)

    def _hear(self, wave: np.ndarray, last: bool) -> None:
        """Score every complete row; the last one is padded with silence if at least half of it is sound."""
        if self.ears is None:
            return
        self.rest = np.concatenate([self.rest, wave])
        short = len(self.rest) < EXAMPLE
        if last and (not self.rows or len(self.rest) > EXAMPLE - PUBLISHED):
            self.rest = np.pad(self.rest, (0, max(0, RATE - len(self.rest))))
        elif short:
            return
        grid = published_grid(self.rest)
        self.rows.append(self.ears.encode(grid)["scores"].numpy().astype(np.float16))
        self.rest = self.rest[len(grid) * PUBLISHED :]

    def speech(self) -> np.ndarray:
        """YAMNet's speech score of each row so far; 1 for all rows without YAMNet."""
        if self.ears is None:
            return np.ones(max(1, int((self.since + len(self.pending) / RATE) / STEP) + 1))
        if not self.rows:
            return np.zeros(0)
        tree = sounds()
        spoken = [tree.names.index(name) for name in tree.kinds("Speech")]
        return np.concatenate([rows[:, spoken].max(axis=1) for rows in self.rows]).astype(np.float32)

    def _transcribe(self, last: bool) -> None:
        """Transcribe the pending sound up to its last pause and keep the rest, except at the end of the clip."""
        speech = self.speech()
        first = max(0, int(self.since / STEP) - 1)
        if not len(self.pending) or not (speech[first:] >= VOICED).any():
            self._drop(len(self.pending) if last else max(0, len(self.pending) - RATE))
            return
        encoder = self.words()
        if encoder is None:
            self.missed = True
            self._drop(len(self.pending))
            return
        voice = encoder.voice(self.pending)
        centres = self.since + (np.arange(len(voice)) + 0.5) * TICK
        row = np.clip((centres / STEP - 0.5).astype(int), 0, len(speech) - 1)
        voice = np.where(speech[row] >= VOICED, voice, 0.0).astype(np.float32)
        until = len(voice) if last or len(self.pending) > LONGEST * RATE else _pause(voice)
        if until:
            samples = min(len(self.pending), until * 512)
            self.sentences += encoder.transcribe(self.pending[:samples], voice[:until], self.since)
            self._drop(samples)

    def _drop(self, samples: int) -> None:
        """Remove `samples` of the pending sound, in whole steps of the voice detector."""
        samples -= samples % 512 if samples < len(self.pending) else 0
        self.pending, self.since = self.pending[samples:], self.since + samples / RATE

    def track(self) -> Track | None:
        """The rows of scores."""
        if not self.rows:
            return None
        scores = np.concatenate(self.rows)
        return Track(sounds().names, np.arange(len(scores)) * STEP, WIDTH, scores)


def _pause(voice: np.ndarray) -> int:
    """The step in the middle of the last pause; 0 if there is none."""
    quiet, run = 0, 0
    for i, p in enumerate(voice):
        run = run + 1 if p < 0.35 else 0
        if run * TICK >= REST:
            quiet = i + 1 - run // 2
    return quiet
