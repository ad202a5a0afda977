"""The recipe of a language model: base model, adapter, tasks and training options of the four stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Lessons:
    """One training task of a language model: a dataset, its split, and its share of the training."""

    dataset: str = "soundstage"
    """a name in datasets/, with `@version` if it has versions"""
    root: str = ""
    """folder of the annotations and media; empty means the recipe's `root`"""
    split: str = "train"
    """split to train on"""
    val: str = ""
    """split for the validation loss; empty leaves the task out of validation"""
    val_limit: int = 200
    """number of validation clips, the first of the split; 0 takes all"""
    weight: float = 1.0
    """factor on the sampling weight that `mix` gives the task"""
    limit: int = 0
    """number of training clips, the first of the split; 0 takes all"""


@dataclass(frozen=True)
class Tuning:
    """Training options of a language model."""

    steps: int = 400
    """optimizer steps"""
    epochs: float = 0.0
    """passes over all clips; if positive, replaces `steps`"""
    batch: int = 8
    """clips per step, over all processes"""
    asks: int = 8
    """most questions per clip and step"""
    accumulate: int = 1
    """gradient accumulation: parts that a process's clips of a step are split into"""
    lr: float = 1e-4
    """peak learning rate"""
    weight_decay: float = 0.0
    """weight decay of AdamW"""
    schedule: str = "cosine"
    """cosine or constant, both after a linear warm-up"""
    warmup: float = 0.03
    """fraction of the steps that is warm-up"""
    clip_norm: float | None = 1.0
    """largest gradient norm; None does not clip"""
    precision: str = "no"
    """mixed precision in Accelerate's names: no, bf16 or fp16"""
    checkpointing: bool = False
    """activation checkpointing: recompute activations in the backward pass"""
    checkpoint_every: int = 200
    """steps between checkpoints for resuming"""
    val_every: int = 0
    """steps between validations on the tasks' `val` splits; the run keeps the best weights. 0: no validation"""
    patience: int = 0
    """early stopping: validations without improvement before training ends; 0 never stops early"""
    workers: int = 2
    """decoding threads per process that prefetch clips; 0 decodes when a clip is needed"""
    prepared: str = ""
    """folder of prepared clips, shared by epochs, seeds and processes; empty keeps them in memory only"""
    report_to: list[str] = field(default_factory=lambda: ["tensorboard"])
    """trackers in addition to log.jsonl: tensorboard (if installed), trackio, wandb"""
    shard: str = ""
    """fsdp2 or zero2 (DeepSpeed) shards weights, gradients and optimizer state over processes, also on CPUs; empty
    leaves this to `accelerate launch`"""
    check_memory: bool = True
    """refuse to start if the estimated memory or disk space is not available"""


@dataclass(frozen=True)
class Prefer:
    """How a language model learns from preferences (stage prefer)."""

    beta: float = 0.1
    """how far replies may go from the model that the run starts with: the larger, the less"""
    contrast: str = "both"
    """answer: the true reply against the twin's, about one clip; clip: the true reply about its clip against the same
    reply about the twin; both"""
    supervised: float = 0.0
    """weight of the cross-entropy of the true replies beside it"""


@dataclass(frozen=True)
class Reinforce:
    """How a language model learns from its own replies (stage reinforce)."""

    rewards: dict[str, float] = field(default_factory=dict)
    """reward -> weight: answer, seconds, sense, causal, form; none is answer alone"""
    group: int = 8
    """replies drawn to each question; a reply's advantage is its reward against the others'"""
    temperature: float = 1.0
    max_tokens: int = 24
    """of a reply"""
    updates: int = 1
    """steps of the optimizer for the same replies"""
    clip: float = 0.2
    """by how much a reply's probability counts as changed at most"""
    kl: float = 0.0
    """weight of the divergence from the model that the run starts with"""
    deaf: bool = False
    """all sound is silenced: a control that must gain nothing from rewards for hearing"""


@dataclass(frozen=True)
class LLMRecipe:
    """Everything that defines the training of a language model; a recipe with a top-level `llm` section is one."""

    llm: dict[str, Any] = field(default_factory=dict)
    """`name` of a file in llms/, `where` its weights are (a folder, a hub name, or the run folder of an earlier stage),
    and options of its `load`: dtype, device, attention, device_map, quantize, frames, …"""
    stage: str = "instruct"
    """align: train the connectors only; instruct: train adapters and connectors; prefer: learn preferences from twins;
    reinforce: learn from the model's own replies by rewards"""
    adapter: dict[str, Any] = field(default_factory=dict)
    """`name` ilora, lora, lora_moe or none, and rank, alpha, heads, dropout, scope"""
    connectors: bool = True
    """whether stage instruct trains the connectors in addition to the adapters"""
    root: str = ""
    """folder of the annotations and media of tasks without a `root`"""
    tasks: dict[str, Lessons] = field(default_factory=dict)
    """name -> training task"""
    mix: str = "proportional"
    """how tasks are sampled: proportional (to their clips), equal, temperature or round_robin"""
    temperature: float = 2.0
    """temperature of mix temperature: 1 is proportional, larger values are closer to equal"""
    explain: bool = True
    """training targets contain the reasoning before the answer"""
    prefer: Prefer = field(default_factory=Prefer)
    reinforce: Reinforce = field(default_factory=Reinforce)
    train: Tuning = field(default_factory=Tuning)
    """training options"""
    seed: int = 0
    """random seed of adapters, sampling and dropout"""
    out: str = ""
    """run folder; empty means runs/<recipe name>"""
