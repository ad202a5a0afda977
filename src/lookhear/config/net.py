"""The recipe of a net: data, features, net, debias wrapper and training options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Data:
    """The dataset, its splits, and how feature streams are prepared."""

    name: str = "soundstage"
    """dataset: a name in datasets/, with `@version` if it has versions"""
    root: str = ""
    """folder of the annotations and media"""
    store: str = ""
    """folder of the feature store; empty means `<root>/features`"""
    train: str = "train"
    """split to train on"""
    val: str = "val"
    """split to validate on"""
    clips: int | None = None
    """number of training clips, the first of the split; None takes all"""
    types: list[str] = field(default_factory=list)
    """train and validate on these question types only, as `Audio/Comparative` or `Comparative`; empty takes all"""
    answers: list[str] = field(default_factory=list)
    """train and validate on questions with these answers only; empty takes all"""
    vocabulary: list[str] = field(default_factory=list)
    """the answers, in the order of the classes; empty takes those of the dataset, or of the training questions"""
    seconds: int | None = None
    """length of the streams in seconds; None keeps each length, and a batch with unequal lengths is refused"""
    fit: str = "repeat_last"
    """rule for streams of another length: repeat_last, zeros or cut"""
    standardize: bool = False
    """scale every feature dimension to mean 0 and standard deviation 1 over the training split"""
    options: str = "mask"
    """questions that offer options are answered among them: `mask` leaves the offered ones of the vocabulary, `text`
    puts each behind the question and asks yes or no, `off` answers from the whole vocabulary"""

    @property
    def store_folder(self) -> str:
        """The folder of the feature store: `store`, else `<root>/features`."""
        return self.store or f"{self.root}/features"


@dataclass(frozen=True)
class Train:
    """Training options of a net."""

    epochs: int = 12
    """passes over the training questions"""
    batch: int = 64
    """questions per batch"""
    clips: int = 16
    """distinct clips per batch, as nearly as the data allows; 0 shuffles questions freely"""
    optimizer: str = "adamw"
    """adam, adamw or sgd (momentum 0.9)"""
    lr: float = 1e-3
    """peak learning rate"""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    """Adam's decay rates of the first and second moments"""
    weight_decay: float = 0.01
    """weight decay of the optimizer"""
    schedule: str = "cosine"
    """cosine (with warm-up), step (x `step_factor` every `step_epochs` epochs) or constant"""
    warmup: int = 100
    """steps of linear warm-up"""
    step_epochs: int = 8
    """epochs between decays, with schedule step"""
    step_factor: float = 0.1
    """factor of each decay, with schedule step"""
    clip_norm: float | None = 1.0
    """largest gradient norm; None does not clip"""
    precision: str = "no"
    """mixed precision in Accelerate's names: no, bf16 or fp16"""
    checkpoint_every: int = 200
    """steps between checkpoints for resuming"""
    validate_every: int = 1
    """epochs between validations"""
    start: str = ""
    """run folder whose weights the net starts from; tensors of another shape, as of further classes, start anew"""
    report_to: list[str] = field(default_factory=lambda: ["tensorboard"])
    """where curves go beside log.jsonl: tensorboard (if installed), trackio, wandb"""


@dataclass(frozen=True)
class Recipe:
    """Everything that defines the training of a net. `net` and `debias` are checked against their own Config."""

    data: Data = field(default_factory=Data)
    """dataset, splits and preparation of streams"""
    features: dict[str, str] = field(default_factory=dict)
    """stream -> encoder"""
    net: dict[str, Any] = field(default_factory=dict)
    """`name` of a file in nets/, and fields of its Config"""
    debias: dict[str, Any] = field(default_factory=dict)
    """`name` of a wrapper in debias/, and fields of its Config; empty uses none"""
    train: Train = field(default_factory=Train)
    """training options"""
    seed: int = 0
    """random seed of initialisation, batches and dropout"""
    out: str = ""
    """run folder; empty means runs/<recipe name>"""
