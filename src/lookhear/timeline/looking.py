"""Process the picture of a clip piece by piece: classes per second, rough locations, cuts and black frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lookhear.timeline import place, signal
from lookhear.timeline.ontology import groups
from lookhear.timeline.value import Event, Track
from lookhear.types import Media

FPS = 4  # frames per second that are decoded, for cuts
PICKED = 2  # index of the frame that is classified among each second's four: at 0.625 s
MAPPED = 3  # number of classes per frame whose location is kept
CROP = 0.875


class Looking:
    """Processes the pieces of a clip; without `eyes` (None), only cuts and black frames are detected."""

    def __init__(self, eyes: Any | None):
        self.eyes = eyes
        self.pictures = signal.Pictures(1 / FPS)
        self.frames = 0  # number of classified frames
        self.starts: list[float] = []
        self.scores: list[np.ndarray] = []
        self.places: list[dict[int, tuple[float, place.Box]]] = []  # per classified frame: class -> score, box
        self.waiting: tuple[np.ndarray, float] | None = None
        self.count = 0

    def take(self, media: Media) -> None:
        """Process the next piece of the clip."""
        if media.frames is None:
            return
        picked = []
        for frame, time in zip(media.frames, media.times.tolist(), strict=True):
            self.pictures.take(frame, time)
            if self.count % FPS == PICKED:
                picked.append((frame, time))
            self.waiting = None if self.frames or picked else (frame, time)
            self.count += 1
        self._classify(picked)

    def finish(self) -> None:
        """Finish: a clip that is too short for the grid still has one frame classified."""
        if self.waiting is not None:
            self._classify([self.waiting])
            self.waiting = None

    def _classify(self, picked: list[tuple[np.ndarray, float]]) -> None:
        if self.eyes is None or not picked:
            self.frames += len(picked)
            return
        frames = np.stack([frame for frame, _ in picked])
        (made,) = self.eyes([Media(frames, np.array([t for _, t in picked]), None, 16_000, float(len(picked)))])
        scores = made["scores"].numpy()
        for i, (frame, time) in enumerate(picked):
            self.starts.append(float(np.floor(time)))
            self.scores.append(scores[i].astype(np.float16))
            best = np.argsort(-scores[i])[:MAPPED]
            self.places.append(
                {int(n): (float(scores[i, n]), self._box(made["patches"][i], int(n), frame)) for n in best}
            )
        self.frames += len(picked)

    def _box(self, patches: Any, number: int, frame: np.ndarray) -> place.Box:
        side = round(len(patches) ** 0.5)
        grid = self.eyes.activation(patches, number).numpy().reshape(side, side)  # type: ignore[union-attr]
        return place.box(grid, frame.shape[0], frame.shape[1], CROP)

    def track(self) -> Track | None:
        """The rows of scores, one per second; None if no frame was classified."""
        if not self.scores:
            return None
        return Track(tuple(self.eyes.names), np.array(self.starts), 1.0, np.stack(self.scores))  # type: ignore[union-attr]

    def placed(self, events: list[Event]) -> list[Event]:
        """The events with the box of the frame that has the highest score."""
        return [replace(event, box=self._clearest(event)) for event in events]

    def _clearest(self, event: Event) -> place.Box | None:
        names = {name: i for i, name in enumerate(self.eyes.names)}  # type: ignore[union-attr]
        members = groups()[event.label].classes if event.label in groups() else {names[event.label]}
        boxes = [
            kept
            for start, places in zip(self.starts, self.places, strict=True)
            if event.start - 1e-6 <= start < event.end
            for number, kept in places.items()
            if number in members
        ]
        return max(boxes, default=(0.0, None), key=lambda pair: pair[0])[1]
