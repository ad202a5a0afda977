"""Figures of router weights and similarity of heads: Crab+'s figures 7, 8 and 9."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.evaluate.study import routers


def draw(
    by_task: Mapping[str, np.ndarray], depths: np.ndarray, cosines: Mapping[str, np.ndarray], path: Path | str
) -> None:
    """One figure: head against head by task, weights of heads by task and by depth, cosines over all and by depth.

    `by_task`: task -> (example, layer, head) weights. `depths`: (depth, head). `cosines`: layer -> (head, head).
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    heads = depths.shape[1]
    figure, axes = plt.subplots(2, 3, figsize=(13.5, 8))
    means = {task: values.mean(axis=1) for task, values in by_task.items()}  # (example, head)
    _pairs(axes[0, 0], means, 0, 1)
    _pairs(axes[0, 1], means, min(1, heads - 1), heads - 1)
    axes[0, 1].legend(fontsize=7, markerscale=0.8, loc="best")
    used = np.array([value.mean(axis=0) for value in means.values()])
    _table(axes[0, 2], used - used.mean(axis=0), list(means), [f"head {h + 1}" for h in range(heads)], "+.3f")
    total = ", ".join(f"{share:.3f}" for share in used.mean(axis=0))
    axes[0, 2].set_title(f"weight less its mean over tasks\n(means: {total})", fontsize=9)
    _table(
        axes[1, 0], depths, [f"layer {d}" for d in range(len(depths))], [f"head {h + 1}" for h in range(heads)], ".3f"
    )
    axes[1, 0].set_title("weight by depth, all tasks", fontsize=9)
    whole = np.mean(list(cosines.values()), axis=0)
    names = [f"B{h + 1}" for h in range(heads)]
    _table(axes[1, 1], whole, names, names, ".2f", low=-1, high=1)
    axes[1, 1].set_title(f"cosine of heads, mean {routers.between(whole):.3f}", fontsize=9)
    deep = [routers.between(one) for one in routers.by_depth(cosines)]
    axes[1, 2].plot(range(len(deep)), deep, "o-", color="black")
    axes[1, 2].set(xlabel="layer", ylabel="mean cosine of heads", xticks=range(len(deep)))
    axes[1, 2].set_title("likeness by depth", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _pairs(axis: Any, means: Mapping[str, np.ndarray], a: int, b: int) -> None:
    """One dot per example and a cross at each task's mean, for heads `a` and `b`."""
    for number, (task, points) in enumerate(means.items()):
        colour = f"C{number}"
        axis.scatter(points[:, a], points[:, b], s=5, alpha=0.35, color=colour)
        axis.scatter(*points[:, [a, b]].mean(axis=0), s=90, marker="X", color=colour, edgecolor="black", label=task)
    axis.set(xlabel=f"weight of head {a + 1}", ylabel=f"weight of head {b + 1}")
    axis.set_title("each example (dot) and task (cross)", fontsize=9)


def _table(
    axis: Any,
    values: np.ndarray,
    rows: list[str],
    columns: list[str],
    form: str,
    low: float | None = None,
    high: float | None = None,
) -> None:
    limit = max(abs(values.min()), abs(values.max())) if low is None and values.min() < 0 else None
    axis.imshow(
        values, aspect="auto", cmap="RdBu_r" if limit or low is not None else "viridis",
        vmin=-limit if limit else low, vmax=limit or high,
    )  # fmt: skip
    axis.set_xticks(range(len(columns)), columns, fontsize=8)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            axis.text(
                x,
                y,
                format(value, form),
                ha="center",
                va="center",
                fontsize=7,
                color="black",
                bbox={"fc": "white", "ec": "none", "alpha": 0.5, "pad": 1},
            )
