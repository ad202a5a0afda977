"""One batch, several adapters: PEFT's `adapter_names` for I-LoRA, a name (or `__base__`) for each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn

from lookhear.errors import ModelError

BARE = "__base__"  # PEFT's name for a row without an adapter


@contextmanager
def named(model: nn.Module, layer: type[nn.Module], names: Sequence[str] | None, beams: Any) -> Iterator[None]:
    """Give every adapted layer, and every copy in `modules_to_save`, the rows' adapter names for one forward pass.

    `beams` is `num_beams` of generation, which repeats each row. Raises ModelError in training, or for a name that no
    layer knows.
    """
    if names is None:
        yield
        return
    if model.training:
        raise ModelError("adapter_names mixes adapters at inference only: call model.eval() first.")
    adapted = [m for m in model.modules() if isinstance(m, layer)]
    known = {name for one in adapted for name in one.ilora_A}  # type: ignore[union-attr]
    if strange := next((n for n in names if n != BARE and n not in known), None):
        raise ModelError(f"adapter_names has {strange!r}; there are: {', '.join(sorted(known))}, {BARE}.")
    rows = [name for name in names for _ in range(beams if isinstance(beams, int) else 1)]

    def hook(_: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
        return args, kwargs | {"adapter_names": rows}

    touched = [*adapted, *(m for m in model.modules() if isinstance(m, AuxiliaryTrainingWrapper))]
    handles = [module.register_forward_pre_hook(hook, with_kwargs=True) for module in touched]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
