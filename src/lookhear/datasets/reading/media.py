"""Find the media files of a dataset by their ids, in folders and files of varying names."""

from __future__ import annotations

from pathlib import Path

from lookhear.types import Clip, Source

VIDEO = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".flv")
AUDIO = (".wav", ".mp3", ".flac", ".m4a", ".ogg")
WORDS = ("video", "media", "clip", "audio", "raw")  # words in the name of a media folder
DEPTH = 3


class Recordings:
    """Finds the video and sound files of an id under `root`, in folders whose names contain one of WORDS.

    Folders are listed once, at the first request; files are found by their name without extension. `every` searches
    folders of any name, for layouts that sort recordings by class. `ends` are suffixes that file names may have after
    the id. Files that are not found are searched under `elsewhere`, a second root.
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
        """A clip of the whole recording `id`; its file may have one of `names` instead.

        Sound comes from the video file; a separate sound file is used only if there is no video file. The path is None
        if no file exists.
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
                self._list(root, 0, self._files)
        files = self._files
        return next((files[kind, name] for name in names if (kind, name) in files), None)

    def _list(self, folder: Path, depth: int, files: dict[tuple[str, str], Path]) -> None:
        for path in sorted(folder.iterdir()):
            named = self.every or (depth and any(word in path.parent.name.lower() for word in WORDS))
            if path.is_dir():
                if depth < DEPTH and (self.every or depth or any(word in path.name.lower() for word in WORDS)):
                    self._list(path, depth + 1, files)
            elif named or not depth:
                kind = "video" if path.suffix.lower() in VIDEO else "audio" if path.suffix.lower() in AUDIO else ""
                if kind:
                    files.setdefault((kind, path.stem), path)


def below(root: Path, path: str) -> Path | None:
    """The file under `root` for a `path` from another machine: its longest trailing part that exists."""
    parts = Path(path).parts
    return next((p for i in range(len(parts)) if (p := root.joinpath(*parts[i:])).is_file()), None)
