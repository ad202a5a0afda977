"""Where the recordings of a dataset lie: folder and file names differ from copy to copy, ids do not."""

from __future__ import annotations

from pathlib import Path

from lookhear.types import Clip, Source

VIDEO = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".flv")
AUDIO = (".wav", ".mp3", ".flac", ".m4a", ".ogg")
WORDS = ("video", "media", "clip", "audio", "raw")  # a folder of recordings has one of these in its name
DEPTH = 3


class Recordings:
    """Finds the video and sound file of an id under `root`: any folder named for videos, clips, audio or media.

    Folders are listed once, when first asked; files are found by their name without extension. `every` looks into
    folders of any name, for layouts that sort recordings by class. `ends` are what file names may have after the id.
    What is not found is looked for under `elsewhere`, a second root.
    """

    def __init__(
        self, root: Path, every: bool = False, ends: tuple[str, ...] = (), elsewhere: Path | None = None
    ) -> None:
        self.root = root
        self.elsewhere = elsewhere
        self.every = every
        self.ends = ends
        self._files: dict[tuple[str, str], Path] | None = None
        self._clips: dict[str, Clip] = {}

    def clip(self, id: str, *names: str) -> Clip:
        """The whole recording `id`, whose file may be called by any of `names` instead.

        Sound is the video file's own track; a sound file is used only where there is no video file. A path is None
        where there is no file.
        """
        if id not in self._clips:
            known = (id, *names, *(id + end for end in self.ends))
            video, audio = (self.find(kind, *known) for kind in ("video", "audio"))
            self._clips[id] = Clip(Source(id, video), Source(id, video or audio))
        return self._clips[id]

    def find(self, kind: str, *names: str) -> Path | None:
        if self._files is None:
            self._files = {}
            for root in filter(None, (self.root, self.elsewhere)):
                self._list(root, 0)
        return next((self._files[kind, name] for name in names if (kind, name) in self._files), None)

    def _list(self, folder: Path, depth: int) -> None:
        for path in sorted(folder.iterdir()):
            named = self.every or (depth and any(word in path.parent.name.lower() for word in WORDS))
            if path.is_dir():
                if depth < DEPTH and (self.every or depth or any(word in path.name.lower() for word in WORDS)):
                    self._list(path, depth + 1)
            elif named or not depth:
                kind = "video" if path.suffix.lower() in VIDEO else "audio" if path.suffix.lower() in AUDIO else ""
                if kind:
                    self._files.setdefault((kind, path.stem), path)


def below(root: Path, path: str) -> Path | None:
    """The file that `path`, as written on another machine, is under `root`: its longest ending that is there."""
    parts = Path(path).parts
    return next((p for i in range(len(parts)) if (p := root.joinpath(*parts[i:])).is_file()), None)
