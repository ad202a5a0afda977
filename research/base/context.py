"""`stage_audio` with its temporal context as features for any net: what blocks order in the published ones?

    python -m research.base.context practice third
    lookhear study studies/order_context data.root=practice study.beyond.0.root=third

    lookhear study studies/order_context data.root=practice study.beyond.0.root=third --out runs/context
so far (`nets.ordered.timeline`), and adopts the folder as the features `context` of the world's store.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from lookhear.nets.ordered import timeline
from lookhear.store.features import FeatureStore
from lookhear.store.official import adopt


def write(world: Path) -> None:
    """The context features of every clip of `world` that has `stage_audio` features (any training makes them)."""
    store, out = FeatureStore(world / "features"), world / "context"
    out.mkdir(exist_ok=True)
    for name in store.keys("stage_audio"):
        rows = torch.from_numpy(store.get("stage_audio", "audio", name)).float()
        np.save(out / f"{name}.npy", timeline(rows[None])[0].numpy())
    adopt(store, "context", {"audio": out})


if __name__ == "__main__":
    for folder in map(Path, sys.argv[1:]):
        write(folder)
