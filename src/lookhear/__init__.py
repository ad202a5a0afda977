"""lookhear: audio-visual question answering, from video files to answers with evidence.

from lookhear import load
model = load("stage")                                  # or a run folder, or the name of a language model
answer = model.ask("concert.mp4", "Which instrument starts first?")[0]
answer.text, answer.segments, answer.evidence.heard
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lookhear.model import ask, from_pretrained, load, push_to_hub
    from lookhear.types import Answer, Clip, Example, Source

__version__ = "0.1.0"
__all__ = ["Answer", "Clip", "Example", "Source", "ask", "from_pretrained", "load", "push_to_hub"]

_HOMES = {
    **dict.fromkeys(("ask", "from_pretrained", "load", "push_to_hub"), "model"),
    **dict.fromkeys(("Answer", "Clip", "Example", "Source"), "types"),
}


def __getattr__(name: str) -> Any:  # imported on first use, so that `import lookhear` stays instant
    if name in _HOMES:
        globals()[name] = value = getattr(import_module(f"lookhear.{_HOMES[name]}"), name)
        return value
    raise AttributeError(f"module 'lookhear' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
