"""Named Soundstages with fixed sizes and seeds, so that results from different machines are comparable."""

from __future__ import annotations

from dataclasses import dataclass

from lookhear.errors import DatasetError


@dataclass(frozen=True)
class Settings:
    """Settings of a Soundstage; equal settings give equal scenes and questions."""

    train: int  # number of clips
    val: int
    test: int
    diagnostic: int = 0  # further test clips with questions on order, comparison and same-type counting only
    questions: int = 20  # per clip, on average
    test_questions: int | None = None  # the same for val and test; small values keep MUSIC-AVQA's mix of question types
    seconds: float = 10.0
    seed: int = 0
    bias: float = 0.0  # of training answers: 0 is uniform, 1 always gives the preferred answer
    test_bias: float = 0.0  # of test answers, for a test set with frequent (head) and rare (tail) answers
    musicians: int = 4  # largest number on stage
    size: int = 128  # width and height of the picture in pixels
    fps: float = 8.0

    def __post_init__(self) -> None:
        clips = {name: getattr(self, name) for name in ("train", "val", "test", "diagnostic")}
        checks = (
            ("clips", min(clips.values()) >= 0, "a number of clips is not negative"),
            ("clips", sum(clips.values()) >= 1, "make at least one clip"),
            ("questions", 1 <= self.questions <= 100, "ask 1 to 100 a clip"),
            ("seconds", 6 <= self.seconds <= 600, "a clip lasts 6 to 600 s: shorter ones have no room for an order"),
            ("bias", 0 <= self.bias <= 1, "it is 0 (none) to 1"),
            ("test_bias", 0 <= self.test_bias <= 1, "it is 0 (none) to 1"),
            ("musicians", 1 <= self.musicians <= 10, "1 to 10 fit on stage"),
            ("size", 32 <= self.size <= 1024 and self.size % 2 == 0, "an even number of pixels, 32 to 1024"),
            ("fps", 1 <= self.fps <= 60, "1 to 60 frames a second"),
        )
        for what, good, way_out in checks:
            if not good:
                given = clips if what == "clips" else getattr(self, what)
                raise DatasetError(f"Soundstage: {what} {given!r} is not possible: {way_out}.")

    @property
    def clips(self) -> dict[str, int]:
        """Split -> number of clips, for splits that have any."""
        sizes = {name: getattr(self, name) for name in ("train", "val", "test", "diagnostic")}
        return {name: size for name, size in sizes.items() if size}


NAMED = {
    "mini": Settings(train=6, val=2, test=4, diagnostic=2, questions=10, seconds=6.0, seed=7, size=96),
    "demo": Settings(train=700, val=60, test=150, test_questions=12, seed=11),
    "base": Settings(train=3000, val=300, test=1000, diagnostic=800, seed=1),
    "third": Settings(train=0, val=0, test=0, diagnostic=400, seed=31),  # nothing was chosen on it
    "biased": Settings(train=1000, val=100, test=1000, seed=2, bias=0.5),
    "balanced": Settings(train=1000, val=100, test=1000, seed=2),  # shares val and test with `biased`
    "speedrun": Settings(train=160, val=20, test=80, test_questions=12, seed=2611, fps=2.0),
    "robust": Settings(train=1000, val=100, test=1000, seed=3, bias=0.5, test_bias=0.5),
}


def named(name: str) -> Settings:
    """The settings of a named Soundstage."""
    if name not in NAMED:
        raise DatasetError(f"No Soundstage is called {name!r}. There are: {', '.join(NAMED)}.")
    return NAMED[name]
