"""With `pytest --shapes`, shapes written in annotations are checked while tests run, in every function of ROOMS.

An annotation counts where it holds a jaxtyping array (`Float[Tensor, "clip time dim"]`, in a union or a tuple as well);
one name stands for one size in a call. All others are for mypy.
"""

from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray, install_import_hook

ROOMS = ("nets", "layers", "encoders", "llms", "store", "metrics")


def check(*modules: str):
    """Check `modules`, by default all of ROOMS, once they are imported."""
    return install_import_hook(list(modules) or [f"lookhear.{room}" for room in ROOMS], "tests.shapes.checked")


def checked(function):
    """The type checker that jaxtyping is given: beartype, for arrays alone."""
    hints = {name: hint if _of_arrays(hint) else Any for name, hint in function.__annotations__.items()}
    function.__annotations__ = hints
    return beartype(function)


def _of_arrays(hint: Any) -> bool:
    return (isinstance(hint, type) and issubclass(hint, AbstractArray)) or any(map(_of_arrays, get_args(hint)))
