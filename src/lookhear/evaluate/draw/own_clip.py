"""A user's own video on the page of `make demo`: its timeline, three questions, and the evidence of their answers."""

from __future__ import annotations

from pathlib import Path

from lookhear.errors import LookhearError
from lookhear.evaluate.draw import page, picture, timeline
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.media.write import write
from lookhear.model import clip_of
from lookhear.model.real import RealModel
from lookhear.timeline.scene import short
from lookhear.timeline.value import Timeline
from lookhear.types import Answer, Clip, Media

LONGEST, SIDE, FPS = 60.0, 240, 8.0  # of the copy on the page: seconds, pixels of its height, frames per second


def parts(video: Path | str, out: Path) -> list[str]:
    """HTML parts of the page about a video; figures and a small copy are written to `out`.

    If the video cannot be read or a package is missing, a paragraph with the error takes their place.
    """
    name = Path(video).name
    head = [page.heading(f"Your own clip: {name}")]
    try:
        return [*head, *_watched(clip_of(str(video)), name, out)]
    except LookhearError as error:
        return [*head, page.text(str(error))]


def questions(seen: Timeline) -> list[str]:
    """Three questions for a clip: what is heard and seen, when its most certain event is, or what is said."""
    asked = [q for q, there in (("What do you hear?", seen.loudness), ("What do you see?", seen.frames)) if there]
    events = sorted(seen.events, key=lambda e: -e.score)
    if events:
        verb = "hear" if events[0].stream == "heard" else "see"
        asked.append(f"When do you {verb} {short(events[0].label)}?")
    return [*asked, "What is said?", "How many cuts are there?", "How long is the video?"][:3]


def _watched(clip: Clip, name: str, out: Path) -> list[str]:
    model = RealModel()
    seen = model.timeline(clip)
    media = decode(Clip(clip.video, clip.audio, 0.0, min(LONGEST, seen.duration)), Sampling(fps=FPS))
    asked = questions(seen)
    answers = model.ask(clip, *asked)
    pieces = [
        page.text(
            "Watched by the model real: YAMNet, EfficientNet and Whisper from installed packages, no training, nothing "
            "downloaded. It knows sounds, things, times and words, and says where it does not."
        ),
        *_copied(media, name, out / "own.mp4"),
        page.picture(timeline.drawn(seen, media, out / "timeline.png"), "What is seen and heard, and when."),
    ]
    for number, (question, answer) in enumerate(zip(asked, answers, strict=True), 1):
        pieces += _asked(question, answer, media, out / f"own-{number}.png")
    return pieces


def _asked(question: str, answer: Answer, media: Media, path: Path) -> list[str]:
    notes = "; ".join(answer.notes)
    if not answer.scores:
        return [page.text(f"{question} {answer.text}. {notes}")]
    return [
        page.question(question, answer.text, answer.scores[answer.text]),
        page.picture(picture.picture(media, question, answer, path), notes),
    ]


def _copied(media: Media, name: str, path: Path) -> list[str]:
    """A small copy of the clip that browsers can play; empty for a clip without picture."""
    if media.frames is None or len(media.frames) < 2:
        return []
    step = max(1, round(min(media.frames.shape[1:3]) / SIDE))
    frames = media.frames[:, ::step, ::step]
    frames = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, frames, media.waveform, FPS, media.sample_rate)
    return [page.clip(path, f"{name}, a small copy.")]
