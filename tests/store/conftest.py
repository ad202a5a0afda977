"""Three small videos: red and loud, blue and quiet, and one without sound."""

import numpy as np
import pytest

from lookhear.media.write import write
from lookhear.types import Clip, Source

COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "mute": (0, 255, 0)}
GAIN = {"red": 0.8, "blue": 0.05}


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> dict[str, Clip]:
    root = tmp_path_factory.mktemp("media")
    found = {}
    for name, rgb in COLOURS.items():
        tone = np.sin(2 * np.pi * 440 * np.arange(4 * 16000) / 16000).astype(np.float32)
        frames = [np.full((32, 32, 3), rgb, np.uint8)] * 32
        write(root / f"{name}.mp4", frames, GAIN[name] * tone if name in GAIN else None, fps=8)
        source = Source(name, root / f"{name}.mp4")
        found[name] = Clip(source, source)
    return found
