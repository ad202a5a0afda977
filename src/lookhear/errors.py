"""Everything lookhear raises on purpose.

    LookhearError
    ├── RecipeError       a recipe, an override or a name is wrong
    ├── DatasetError      annotations are missing, malformed or contradictory
    ├── MediaError        a video or sound file cannot be read or written
    ├── FeatureError      features are missing, damaged, or made differently from what is asked for
    ├── ModelError        a model, checkpoint or run folder cannot be used
    ├── FileError         a file or folder cannot be written, is in use, or leads out of its root
    └── DependencyError   an optional library is not installed

A message is one line: it quotes the input and names the way out.
"""


class LookhearError(Exception):
    """Base class: catch this to catch any mistake the package can explain."""


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
