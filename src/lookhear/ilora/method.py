"""I-LoRA, Interaction-aware LoRA, as a PEFT method of its own: importing this makes `peft` know it.

    model = peft.get_peft_model(base, ilora.ILoraConfig(r=128, alpha=256, dropout=0.1, heads=3, scope="llm"))
    model.save_pretrained(folder);  peft.PeftModel.from_pretrained(base, folder)
    model = ilora.from_official(base, torch.load("finetune_weights.bin", weights_only=True))

Du et al., "Crab" (CVPR 2025) and "Crab+" (2026). What the papers and their code do differently is a setting: the router
reads the layer's input (`router="hidden"`: both codes and the released weights) or its low-rank code (`"low_rank"`:
Crab+ eq. 5); heads share a dropout mask (`dropout_mode="shared"`: Crab+) or have one each (`"per_head"`: Crab); the
linear layers of the language model are adapted (`scope="llm"`: the papers) or also those of the vision and audio towers
(`"thinker"`: the released Crab+). The ablation's other rows: `rows("lora")`, PEFT's own, and `rows("lora_moe")`, a
mixture of experts in which every head has an A of its own (no code is published for it).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lookhear.errors import DependencyError, ModelError, RecipeError

try:
    from peft import LoraConfig, PeftConfig, PeftModel, PeftType, get_peft_model
    from peft.tuners.tuners_utils import BaseTuner
    from peft.utils import register_peft_method
    from peft.utils.other import AuxiliaryTrainingWrapper, get_pattern_key
except ImportError:
    raise DependencyError("I-LoRA needs peft 0.20 or later: pip install 'lookhear[llm]'") from None

from lookhear.ilora import batch, fit, official
from lookhear.ilora.layer import ILoraLinear, refusal

LINEARS = r"(q|k|v|o|gate|up|down)_proj"
SCOPES = {  # the seven linear layers of every block, by their whole path
    "llm": rf"(?!.*(tower|visual|vision|talker)).*\blayers\.\d+\.(self_attn|mlp)\.{LINEARS}",
    "thinker": rf"(?!.*talker).*\.{LINEARS}",
}
PREFIX = "ilora_"


def _new_peft_type(name: str) -> PeftType:
    """Add a member to PEFT's enumeration of methods, which has no door for it."""
    member = str.__new__(PeftType, name)
    member._name_, member._value_ = name, name
    PeftType._member_names_.append(name)
    PeftType._member_map_[name] = member
    PeftType._value2member_map_[name] = member
    type.__setattr__(PeftType, name, member)
    return member


KNOWN = "ILORA" in PeftType.__members__
ILORA = PeftType("ILORA") if KNOWN else _new_peft_type("ILORA")


@dataclass
class ILoraConfig(PeftConfig):
    """PEFT configuration of I-LoRA. `target_modules` (a regex of whole paths, or names) overrides `scope`."""

    r: int = 8
    alpha: int = 16
    heads: int = 3
    dropout: float = 0.0
    router: str = "hidden"
    """hidden: the router reads the layer's input, as coded; low_rank: its code A x, as in Crab+ eq. 5"""
    dropout_mode: str = "shared"
    """shared: one mask for all heads (Crab+); per_head: a fresh one for each (Crab)"""
    shared_a: bool = True
    """False: every head has an A of its own, which makes it a LoRA mixture of experts"""
    scope: str = "llm"
    """llm: the language model's linear layers; thinker: those of its vision and audio towers too"""
    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    modules_to_save: list[str] | None = None
    """modules trained and saved whole beside the adapters: connectors, embeddings, heads"""
    layers_to_transform: list[int] | int | None = None
    """only layers of these numbers, also where `target_modules` is a regex or a scope"""
    layers_pattern: list[str] | str | None = None
    """the name before the number, `layers` or `blocks`; any where not given"""
    rank_pattern: dict[str, int] = field(default_factory=dict)
    """end of a module's path (or a regex of it) -> its rank, in place of `r`"""
    alpha_pattern: dict[str, int] = field(default_factory=dict)
    """the same for `alpha`"""
    init_weights: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = ILORA
        for name, known in (("router", ("hidden", "low_rank")), ("dropout_mode", ("shared", "per_head"))):
            if getattr(self, name) not in known:
                raise RecipeError(f"I-LoRA knows no {name}={getattr(self, name)!r}. There are: {', '.join(known)}.")
        if self.r < 1 or self.heads < 1:
            raise RecipeError(f"I-LoRA needs r >= 1 and heads >= 1, got r={self.r}, heads={self.heads}.")
        if any(rank < 1 for rank in self.rank_pattern.values()):
            raise RecipeError(f"I-LoRA needs ranks >= 1, got rank_pattern={self.rank_pattern}.")
        if self.layers_pattern and self.layers_to_transform is None:
            raise RecipeError(f"layers_pattern={self.layers_pattern!r} needs layers_to_transform: which numbers.")
        if not self.shared_a and self.router == "low_rank":
            raise RecipeError("router='low_rank' reads the code that all heads share: it needs shared_a=True.")
        if self.target_modules is None:
            if self.scope not in SCOPES:
                raise RecipeError(f"I-LoRA knows no scope={self.scope!r}. There are: {', '.join(SCOPES)}.")
            self.target_modules = SCOPES[self.scope]
        for name in ("target_modules", "exclude_modules"):
            if isinstance(getattr(self, name), list):
                setattr(self, name, set(getattr(self, name)))


class ILoraModel(BaseTuner):
    """A model whose target layers are adapted. Made by `peft.get_peft_model`."""

    prefix = PREFIX
    tuner_layer_cls = ILoraLinear
    target_module_mapping: dict[str, list[str]] = {}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.register_load_state_dict_pre_hook(_fits)

    @staticmethod
    def _check_target_module_exists(peft_config: PeftConfig, key: str) -> Any:
        """Whether `key` is adapted. PEFT applies `layers_to_transform` to lists of names alone; this to any target."""
        found = BaseTuner._check_target_module_exists(peft_config, key)
        assert isinstance(peft_config, ILoraConfig), "PEFT gives a method its own configuration"
        wanted = peft_config.layers_to_transform
        if not found or wanted is None or not isinstance(peft_config.target_modules, str):
            return found
        patterns = peft_config.layers_pattern or r"[^.]+"
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            if match := re.match(rf"(?:^|.*?\.){pattern}\.(\d+)\.", key):
                return int(match[1]) in ([wanted] if isinstance(wanted, int) else wanted)
        return False

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """PEFT's hook for `adapter_names`."""
        with batch.named(self, ILoraLinear, kwargs.pop("adapter_names", None), kwargs.get("num_beams")):
            yield

    def add_weighted_adapter(self, adapters: list[str], *_: Any, **__: Any) -> None:
        """Refused: the sum of two routed adapters is not one. Raises ModelError."""
        raise ModelError(
            f"I-LoRA adapters {', '.join(adapters)} cannot become one: each weighs its heads by a router of its own. "
            "Use them together, model.base_model.set_adapter([...]), or a row each with adapter_names=[...]."
        )

    def _create_and_replace(
        self,
        peft_config: PeftConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
        **_: Any,
    ) -> None:
        assert isinstance(peft_config, ILoraConfig), "PEFT gives a method its own configuration"
        own = sized(peft_config, current_key)
        if isinstance(target, ILoraLinear):
            target.update_layer(adapter_name, own)
            return
        base = target.get_base_layer() if hasattr(target, "get_base_layer") else target
        if not isinstance(base, nn.Linear):
            raise RecipeError(f"I-LoRA adapts linear layers; {current_key!r} is a {type(base).__name__}.")
        layer = ILoraLinear(target, adapter_name, own)
        if adapter_name not in self.active_adapters:
            layer.requires_grad_(False)
        self._replace_module(parent, target_name, layer, target)

    def _replace_module(self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module) -> None:
        """As PEFT does; what `modules_to_save` kept goes back whole, as it need not have a `weight`."""
        if isinstance(child, AuxiliaryTrainingWrapper):
            setattr(parent, child_name, new_module)
        else:
            super()._replace_module(parent, child_name, new_module, child)

    def _check_merge_allowed(self) -> None:
        super()._check_merge_allowed()
        configs = [self.peft_config[name] for name in self.active_adapters]
        most = max(config.heads for config in configs if isinstance(config, ILoraConfig))
        if most > 1:
            raise ModelError(refusal(most))


def sized(config: ILoraConfig, module: str) -> ILoraConfig:
    """`config` with the rank and alpha that its patterns give to `module`."""
    rank = config.rank_pattern.get(get_pattern_key(config.rank_pattern, module), config.r)
    alpha = config.alpha_pattern.get(get_pattern_key(config.alpha_pattern, module), config.alpha)
    if (rank, alpha) == (config.r, config.alpha):
        return config
    own = copy.copy(config)
    own.r, own.alpha = rank, alpha
    return own


def _fits(model: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """Before weights are loaded: an adapter's tensors must be all there and fit. Raises ModelError."""
    given = {n.removeprefix(prefix): t for n, t in state.items() if f".{PREFIX}" in n}
    names = fit.adapters(given, PREFIX)
    own = {n: p.shape for n, p in model.named_parameters() if f".{PREFIX}" in n}
    wanted = {n: shape for n, shape in own.items() if not names or n.rpartition(".")[2] in names}
    if wanted or given:
        fit.check(wanted, given, "I-LoRA adapter")


if not KNOWN:
    register_peft_method(name="ilora", config_cls=ILoraConfig, model_cls=ILoraModel, prefix=PREFIX)


def rows(
    method: str, r: int = 8, alpha: int = 16, heads: int = 3, dropout: float = 0.0, scope: str = "llm"
) -> PeftConfig:
    """The ablation's rows: `ilora`, `lora` (PEFT's own, of rank `r`) or `lora_moe`, on the same layers."""
    if method == "lora":
        return LoraConfig(r=r, lora_alpha=alpha, lora_dropout=dropout, target_modules=SCOPES[scope])
    if method not in ("ilora", "lora_moe"):
        raise RecipeError(f"No adapter is called {method!r}. There are: ilora, lora, lora_moe.")
    return ILoraConfig(r=r, alpha=alpha, heads=heads, dropout=dropout, scope=scope, shared_a=method == "ilora")


def layers(model: nn.Module) -> dict[str, ILoraLinear]:
    """The adapted layers of a model by their names."""
    return {name: m for name, m in model.named_modules() if isinstance(m, ILoraLinear)}


@contextmanager
def without_heads(model: nn.Module, *heads: int) -> Iterator[nn.Module]:
    """Context manager: drop heads; the weights of the others are unchanged (Crab table 7)."""
    adapted = layers(model).values()
    before = [layer.muted for layer in adapted]
    try:
        for layer in adapted:
            layer.muted = heads
        yield model
    finally:
        for layer, muted in zip(adapted, before, strict=True):
            layer.muted = muted


def from_official(
    base: nn.Module, state_dict: Mapping[str, Tensor], alpha: int | None = None, adapter: str = "default"
) -> PeftModel:
    """`base` with the adapters of a published `finetune_weights.bin` (Crab or Crab+). Nothing may be left unmatched.

    Rank and heads are read off the shapes; α is not in the file: twice the rank in both published models, unless given.
    Tensors of other parts of the file (Crab's connectors) are for their own modules to read.
    """
    r, heads = official.sizes(state_dict)
    names = official.modules(state_dict, {n for n, m in base.named_modules() if isinstance(m, nn.Linear)})
    config = ILoraConfig(r=r, heads=heads, alpha=alpha or 2 * r, target_modules=sorted(names.values()))
    model = get_peft_model(base, config, adapter_name=adapter)
    inner = model.base_model.model
    with torch.no_grad():
        for old, new in names.items():
            layer = inner.get_submodule(new)
            down, up, router = official.tensors(state_dict, old, heads)
            layer.ilora_A[adapter].copy_(down)
            layer.ilora_B[adapter].copy_(up)
            layer.ilora_router[adapter].copy_(router)
    return model


def to_official(model: PeftModel, adapter: str = "default") -> dict[str, Tensor]:
    """The adapters under the published names, ready to be saved as `finetune_weights.bin`."""
    result = {}
    for name, layer in layers(model).items():
        up = layer.ilora_B[adapter].detach()
        old = official.published(name)
        result[f"{old}.lora_A.weight"] = layer.ilora_A[adapter].detach()
        result[f"{old}.lora_route.weight"] = layer.ilora_router[adapter].detach()
        result |= {f"{old}.lora_B{k}.weight": up[:, k].contiguous() for k in range(up.shape[1])}
    return result
