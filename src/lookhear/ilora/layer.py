"""I-LoRA's linear layer: a shared A, n heads B, and a router with token-wise weights for the heads.

    x ─ W0 ──────────────────────────────────────────────────┐
    x ─ dropout ─ A ─ z ─ s_1 z | s_2 z | ... | s_n z ─ [B_1 B_2 ... B_n] ─ α/r ─ + ─▶ y
    x (or z) ─ W_r ─ softmax ─ s

y = W0 x + α/r Σ_k s_k B_k A x (Crab+ eq. 4, 5), computed as one product of the concatenated weighted codes and the
concatenated heads. The cost is that of a plain LoRA of rank n·r. Without dropout, A and the router are one product too.
For the backward pass x, the codes z and the weights s are kept (`products.py`), less than plain LoRA keeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from peft.tuners.tuners_utils import BaseTunerLayer, check_adapters_to_merge
from torch import Tensor, nn

from lookhear.errors import ModelError
from lookhear.ilora.products import Codes, DroppedLinear, Heads


def refusal(heads: int) -> str:
    """Why an adapter with several heads cannot be merged."""
    return (
        f"I-LoRA with {heads} heads cannot be merged: its router weighs the heads anew for every token, so no one "
        "matrix does the same. Keep the adapter (it costs what a LoRA of rank heads x r costs), or train with heads=1."
    )


class ILoraLinear(nn.Module, BaseTunerLayer):
    """A linear layer with any number of adapters on it.

    `muted` are dropped heads; the weights of the others are unchanged (the papers' head drop). `listener`, if set, is
    called with each route (..., head).
    """

    adapter_layer_names = ("ilora_A", "ilora_B", "ilora_router")
    other_param_names = ("settings", "scaling", "ilora_dropout")

    def __init__(self, base_layer: nn.Module, adapter_name: str, config: Any, **options: Any):
        super().__init__()
        self.base_layer = base_layer
        self.settings: dict[str, Any] = {}
        self.scaling: dict[str, float] = {}
        self.ilora_dropout = nn.ModuleDict()
        self.ilora_A, self.ilora_B, self.ilora_router = (nn.ParameterDict() for _ in range(3))
        self.muted: tuple[int, ...] = ()
        self.listener: Callable[[Tensor], None] | None = None
        self._disable_adapters = False
        self.merged_adapters: list[str] = []
        self.cast_input_dtype_enabled = True
        self.kwargs = options
        linear = self.get_base_layer()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config)

    def update_layer(self, adapter_name: str, config: Any, inference_mode: bool = False, **_: Any) -> None:
        """Add an adapter. B is initialised to zero, so the layer's output is unchanged at first."""
        r, heads, wide, out = config.r, config.heads, int(self.in_features), int(self.out_features)
        self.settings[adapter_name] = config
        self.scaling[adapter_name] = config.alpha / r
        self.ilora_dropout[adapter_name] = nn.Dropout(config.dropout)
        self.ilora_A[adapter_name] = nn.Parameter(torch.empty(r if config.shared_a else heads * r, wide))
        self.ilora_B[adapter_name] = nn.Parameter(torch.empty(out, heads, r))
        self.ilora_router[adapter_name] = nn.Parameter(torch.empty(heads, wide if config.router == "hidden" else r))
        if config.init_weights:
            nn.init.kaiming_uniform_(self.ilora_A[adapter_name], a=math.sqrt(5))
            nn.init.kaiming_uniform_(self.ilora_router[adapter_name], a=math.sqrt(5))
            nn.init.zeros_(self.ilora_B[adapter_name])
        else:  # something to tell apart from no adapter at all, for tests
            for table in (self.ilora_A, self.ilora_B, self.ilora_router):
                nn.init.normal_(table[adapter_name], std=0.1)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters, inference_mode=inference_mode)

    def forward(self, x: Float[Tensor, "*token wide"], *args: Any, **kwargs: Any) -> Float[Tensor, "*token out"]:
        """The base layer plus the active adapters; with `adapter_names`, plus each row's own adapter."""
        names = kwargs.pop("adapter_names", None)
        if self.disable_adapters and self.merged:
            self.unmerge()
        if names is not None and not self.disable_adapters:
            return self._mixed(x, names, *args, **kwargs)
        result = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters or self.merged:
            return result
        dtype = result.dtype
        for name in self.active_adapters:
            if name in self.ilora_A:
                result = result + self.added(x, name, dtype)
        return result.to(dtype)

    def added(self, x: Float[Tensor, "*token wide"], name: str, dtype: torch.dtype) -> Float[Tensor, "*token out"]:
        """Output of one adapter. The route is a softmax in float32, cast to `dtype`, the dtype of the base's output."""
        down, up, router = self.ilora_A[name], self.ilora_B[name], self.ilora_router[name]
        settings = self.settings[name]
        heads, r = up.shape[1:]
        x = self._cast_input_dtype(x, down.dtype)
        dropout = self.ilora_dropout[name].p if self.training else 0.0
        if settings.router == "hidden" and not dropout:
            z, logits = Codes.apply(x, down, router)
        else:
            z = self._codes(x, down, dropout, settings)
            logits = F.linear(x if settings.router == "hidden" else z[..., :r], router)
        route = logits.softmax(dim=-1, dtype=torch.float32).to(dtype)
        if self.listener is not None:
            self.listener(route.detach())
        if self.muted:
            kept = torch.ones(heads, dtype=route.dtype, device=route.device)
            kept[list(self.muted)] = 0
            route = route * kept
        codes = rearrange(z, "... (head r) -> ... head r", r=r)  # one head where all share a code
        return Heads.apply(codes, route.to(z.dtype) * self.scaling[name], up)

    def _mixed(self, x: Tensor, names: Sequence[str], *args: Any, **kwargs: Any) -> Tensor:
        """Each row of the batch under its own adapter."""
        if self.merged:
            raise ModelError("adapter_names needs unmerged adapters: call model.unmerge_adapter() first.")
        if len(names) != len(x):
            raise ModelError(f"{len(names)} adapter_names for a batch of {len(x)}: one for each row.")
        result = self.base_layer(x, *args, **kwargs)
        for name in set(names) & set(self.ilora_A):
            rows = [i for i, one in enumerate(names) if one == name]
            result[rows] = (result[rows] + self.added(x[rows], name, result.dtype)).to(result.dtype)
        return result

    def _codes(self, x: Tensor, down: Tensor, dropout: float, settings: Any) -> Tensor:
        """Codes under dropout: one mask for all heads (Crab+), or a fresh one for each (Crab)."""
        if not dropout:
            return F.linear(x, down)
        if settings.dropout_mode == "shared":
            return DroppedLinear.apply(x, down, dropout)
        parts = [down] * settings.heads if settings.shared_a else down.chunk(settings.heads)
        return torch.cat([DroppedLinear.apply(x, part, dropout) for part in parts], dim=-1)

    def get_delta_weight(self, adapter: str, route: Float[Tensor, " head"] | None = None) -> Tensor:
        """The weight update equal to the adapter under a fixed `route`; a single head needs no route."""
        up, settings = self.ilora_B[adapter], self.settings[adapter]
        heads = up.shape[1]
        if route is None:
            if heads > 1:
                raise ModelError(refusal(heads))
            route = up.new_ones(1)
        down = rearrange(self.ilora_A[adapter], "(head r) wide -> head r wide", r=up.shape[2])
        down = down.expand(heads, -1, -1) if settings.shared_a else down
        return torch.einsum("h,ohr,hrw->ow", route.to(up.dtype), up, down) * self.scaling[adapter]

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Merge adapters into the base weight; possible only with a single head."""
        for name in check_adapters_to_merge(self, adapter_names):
            if name not in self.ilora_A:
                continue
            weight = self.get_base_layer().weight
            if not weight.is_floating_point() or hasattr(weight, "quant_state"):
                raise ModelError("A quantised base takes no merged adapter: load it in bf16 and merge there.")
            merged = weight.data + self.get_delta_weight(name).to(weight.dtype)
            if safe_merge and not torch.isfinite(merged).all():
                raise ModelError(f"Adapter {name!r} holds values that are not finite: it cannot be merged.")
            weight.data = merged
            self.merged_adapters.append(name)

    def unmerge(self) -> None:
        """Take merged adapters out again."""
        while self.merged_adapters:
            name = self.merged_adapters.pop()
            if name in self.ilora_A:
                weight = self.get_base_layer().weight
                weight.data -= self.get_delta_weight(name).to(weight.dtype)

    def supports_lora_conversion(self, adapter_name: str = "default") -> bool:
        """False: a LoRA has no router."""
        return False

    def __repr__(self) -> str:
        return "ilora." + super().__repr__()
