"""Arguments of `lookhear ask`: tell videos from questions, and resolve videos to files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lookhear.errors import MediaError, RecipeError
from lookhear.files import is_url

SUFFIXES = (
    *(".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".flv", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp", ".gif"),
    *(".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac"),
)


def parted(words: Sequence[str], questions: Sequence[str], file: Path | None) -> tuple[list[str], list[str]]:
    """Split the command's words into (videos, questions).

    If `questions` or a `file` of questions is given, every word is a video. Otherwise a word is a video if it is a URL,
    a file, a folder, a glob pattern, or has the suffix of a media file; the first word always is. Raises RecipeError
    if there is no question or an empty question.
    """
    asked = [*questions, *(_read(file) if file else [])]
    if asked or file:
        videos = list(words)
    else:
        videos = [w for i, w in enumerate(words) if not i or _video(w)]
        asked = [w for i, w in enumerate(words) if i and not _video(w)]
    if not asked:
        raise RecipeError(f'No question about {videos[0]!r}: lookhear ask {videos[0]} "Which instrument starts first?"')
    empty = next((q for q in asked if not q.strip(" \t\n?？.")), None)
    if empty is not None:
        raise RecipeError(f"The question {empty!r} is empty. Ask something about the video.")
    return videos, asked


@contextmanager
def files(videos: Sequence[str], limits: tuple[float, float] | None) -> Iterator[list[tuple[str, Path | MediaError]]]:
    """Context manager that resolves videos to a list of (name, path).

    A folder or pattern gives each of its files; a URL is downloaded into a temporary folder that is deleted at the end.
    URLs are refused unless `limits` of a download, (megabytes, seconds), are given. With several videos, a MediaError
    takes the place of the path of a video that is not available; with a single video it is raised.
    """
    from tempfile import TemporaryDirectory

    several = len(videos) > 1
    with TemporaryDirectory(prefix="lookhear-") as folder:
        resolved: list[tuple[str, Path | MediaError]] = []
        for video in videos:
            try:
                resolved += _media_files(video, limits, Path(folder))
            except MediaError as error:
                if not several:
                    raise
                resolved.append((video, error))
        yield resolved


def _media_files(video: str, limits: tuple[float, float] | None, folder: Path) -> list[tuple[str, Path | MediaError]]:
    if is_url(video):
        if limits is None:
            raise MediaError(f"{video!r} is an address: add --fetch to have it downloaded.")
        from lookhear.fetch import FetchOptions, fetch

        megabytes, seconds = limits
        return [(video, fetch(video, folder, FetchOptions(max_bytes=int(megabytes * 1e6), seconds=seconds)))]
    path = Path(video)
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        if not inside:
            raise MediaError(f"No video or sound file in folder {video!r}. Endings that count: {' '.join(SUFFIXES)}")
        return [(str(p), p) for p in inside]
    if not path.exists() and any(c in video for c in "*?["):
        matched = [p for p in _glob(video) if p.is_file()]
        if not matched:
            raise MediaError(f"No file matches {video!r}. Give the path of a video or sound file.")
        return [(str(p), p) for p in matched]
    if not path.is_file():
        raise MediaError(f"No video at {video!r}. Give the path of a video or sound file.")
    return [(video, path)]


def _video(word: str) -> bool:
    """Whether a word is a video rather than a question."""
    if not word.strip():
        return False
    if is_url(word) or (Path(word).suffix.lower() in SUFFIXES and not word.rstrip().endswith("?")):
        return True
    try:
        return Path(word).exists() or bool(any(c in word for c in "*[") and " " not in word and _glob(word))
    except OSError:  # longer than the operating system allows for a path
        return False


def _glob(pattern: str) -> list[Path]:
    from glob import glob

    return sorted(Path(p) for p in glob(pattern, recursive=True))  # noqa: PTH207 (a pattern may be absolute)


def _read(path: Path) -> list[str]:
    """Read questions from a file: one per line, or a JSON list. Raises RecipeError."""
    try:
        text = path.read_text("utf-8-sig")
        questions = json.loads(text) if path.suffix == ".json" else [line for line in text.splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path}: not readable as questions ({error}). Write one a line, or a JSON list.") from None
    if not isinstance(questions, list) or not questions or not all(isinstance(q, str) for q in questions):
        raise RecipeError(f"{path}: holds no questions. Write one a line, or a JSON list of texts.")
    return questions
