"""Exceptions that lookhear raises for wrong input and missing files, models or libraries.

    LookhearError
    ├── RecipeError       a recipe, an override or a name is wrong
    ├── DatasetError      annotations are missing, malformed or contradictory
    ├── MediaError        a video or sound file cannot be read or written
    ├── FeatureError      features are missing, damaged, or made differently from what is asked for
    ├── ModelError        a model, checkpoint or run folder cannot be used
    ├── FileError         a file or folder cannot be written, is in use, or leads out of its root
    └── DependencyError   an optional library is not installed

A message is one line: it quotes the input and says what to do.
"""

import re

# all of C0 but tab and line feed, DEL, C1, marks that turn the direction of writing, and halves of characters
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


class LookhearError(Exception):
    """Base class of all exceptions that lookhear raises deliberately."""


class RecipeError(LookhearError):
    """A recipe, an override or a name is wrong."""


class DatasetError(LookhearError):
    """Annotations are missing, malformed or contradictory."""


class MediaError(LookhearError):
    """A video or sound file cannot be read or written."""


class FeatureError(LookhearError):
    """Features are missing, damaged, or made differently from what is asked for."""


class ModelError(LookhearError):
    """A model, checkpoint or run folder cannot be used."""


class FileError(LookhearError):
    """A file or folder cannot be written, is in use, or leads out of its root."""


class DependencyError(LookhearError):
    """An optional library is not installed."""


def not_installed(error: ImportError, what: str = "This") -> DependencyError:
    """DependencyError for a library that cannot be imported, with the extra of lookhear that installs it."""
    from importlib.metadata import requires

    module = (error.name or "").split(".")[0]
    if not isinstance(error, ModuleNotFoundError) or not module:
        return DependencyError(f"{what} needs a library that cannot be imported: {str(error).strip().splitlines()[0]}")
    package = {"PIL": "pillow", "sklearn": "scikit-learn"}.get(module, module.replace("_", "-"))
    for line in requires("lookhear") or ():
        named, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([\w-]+)", marker)
        if extra and extra[1] != "dev" and re.match(rf"{re.escape(package)}\b(?!-)", named, re.IGNORECASE):
            return DependencyError(
                f"{what} needs {package}, which is not installed: pip install 'lookhear[{extra[1]}]'"
            )
    return DependencyError(f"{what} needs {package}, which is not installed: pip install {package}")


def well_formed(text: str) -> str:
    """The text with "?" for lone surrogates (halves of characters), which cannot be written as UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def quote(text: str, most: int = 160) -> str:
    """A text as messages quote it: on one line, controls as blanks, cut in the middle to at most `most` characters."""
    ends = text if len(text) <= 16 * most else f"{text[: 8 * most]} {text[-8 * most :]}"
    line = " ".join("".join(c if c.isprintable() else " " for c in ends).split())
    return line if len(line) <= most else f"{line[: most - 11]} … {line[-8:]}"


def shown(text: str) -> str:
    """Text as it may be written to a terminal: escapes, other controls and changes of direction are seen, not obeyed.

    `\\x1b[31m` comes out as those six characters; line ends and tabs stay.
    """
    return CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
