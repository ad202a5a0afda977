"""What of the networks with golden tensors is compared, and how: rows for docs/results/parity.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

GOLDENS = Path(__file__).resolve().parents[2] / "shared" / "goldens" / "nets_a"
Row = tuple[str, str, str, float, float]


class _Table:
    """Rows of one net and file."""

    def __init__(self, net: str, file: str) -> None:
        from safetensors.torch import load_file

        self.net, self.file, self.tensors = net, file, load_file(GOLDENS / f"{file}.safetensors")
        self.rows: list[Row] = []

    def compare(self, name: str, mine, relative: float = 1e-4, absolute: float = 2e-5) -> None:  # type: ignore[no-untyped-def]
        theirs = self.tensors[name]
        exact = not theirs.is_floating_point()
        mine = mine.detach().reshape(theirs.shape).to(theirs.dtype)
        error = float((mine - theirs).abs().max())
        self.rows.append(
            (self.net, self.file, name, error, 0.0 if exact else absolute + relative * float(theirs.abs().max()))
        )

    def outputs(self, found: dict, prefix: str = "outputs/") -> None:
        """Everything in `found` that the file has under `prefix`."""
        for name, mine in found.items():
            if prefix + name in self.tensors:
                self.compare(prefix + name, mine)

    def gradients(self, net, names: dict, prefix: str = "grads/", absolute: float = 1e-6) -> None:  # type: ignore[no-untyped-def]
        from tests.nets.goldens import ours

        for name in self.tensors:
            rest = name.removeprefix(prefix)
            if name.startswith(prefix) and not rest.startswith(("topk/", "concat/")):
                self.compare(name, ours(net, names, rest).grad, relative=1e-3, absolute=absolute)

    def trajectory(self, net, loss, name: str = "traj/losses", **adam) -> None:  # type: ignore[no-untyped-def]
        import torch

        from tests.nets.goldens import steps

        self.compare(name, torch.tensor(steps(net, loss, **adam), dtype=torch.float64), absolute=0.0)

    def of(self, *names: str) -> list:
        return [self.tensors[f"inputs/{name}"] for name in names]


def av_master() -> Iterator[Row]:
    """The released variant: everything inside, what it learns by, components with templates set apart, full width."""
    import torch

    from bench._av_master_direct import Direct
    from lookhear.nets import av_master as module
    from lookhear.nets.av_master.official import OFFICIAL
    from lookhear.nets.av_master.trace import trace
    from tests.nets.goldens import recipe_input, recipe_weights, weights_of

    names = ("audio", "visual", "question", "qst_word", "neg_audio", "neg_visual")
    heads = {"joint": "qa", "audio": "audio", "visual": "visual"}

    def losses(net, given, labels):  # type: ignore[no-untyped-def]
        audio, frames, question, words, *negatives = given
        output = net.answer(net.watch(audio, frames), question, words)
        return output, net.losses(output, labels, *negatives)

    def told(output, parts) -> dict:  # type: ignore[no-untyped-def]
        found = {f"logits_{heads[n]}": x for n, x in output.opinions.items()} | {"logits_sum": output.logits}
        found |= {f"loss_ce_{heads[n]}": parts[n] for n in heads} | {"loss_contrastive": parts["contrast"]}
        found |= {"pred": output.logits.argmax(-1), "loss_total_backward": sum(parts.values())}
        return found

    table = _Table("av_master", "av_master")
    net = module.from_official(weights_of(table.tensors)).eval()
    given = [x[:, 0] if n in ("question", "qst_word") else x for n, x in zip(names, table.of(*names), strict=True)]
    labels = table.tensors["inputs/labels"]
    with torch.no_grad():
        table.outputs(trace(net, *given))
        table.outputs(told(*losses(net, given, labels)))  # the collapse
    sum(losses(net, given, labels)[1].values()).backward()
    table.gradients(net, OFFICIAL)
    part = {k.removeprefix("component/"): v for k, v in table.tensors.items() if k.startswith("component/")}
    net.zero_grad()
    focus, t, frames = net.focus["both"], part["avfc_templates_in"][None], part["avfc_frames"][None]
    add, returned, weights = focus.added(frames), focus.returned(frames), focus._weights(net.bias["heard"][None])
    for second in range(3):
        e, t = focus.step(t, add[:, :, second], returned[:, :, second], weights, None)
        table.outputs({f"avfc_enc_out{second}": e, f"avfc_dec_out{second}": t}, "component/")
    mixed = focus.mixed(t[0])
    prepared = {side: net.fuse.prepare(side, x) for side, x in (("seen", mixed), ("heard", part["fusion_obj_a_in"]))}
    best, _ = net.fuse(part["fusion_seq_in"], prepared)
    table.outputs({"norm_out": mixed, "fusion_out": best}, "component/")
    best.square().sum().backward()
    table.gradients(net, OFFICIAL, "component_grads/", absolute=2e-5)
    table.trajectory(net, lambda: sum(losses(net, given, labels)[1].values()))
    yield from table.rows
    table = _Table("av_master", "av_master_full")
    net = module.from_official(recipe_weights(Direct().state_dict())).eval()
    shapes = ((60, 128), (60, 768), (768,), (77, 768), (60, 128), (60, 768))
    given = [recipe_input(name, shape) for name, shape in zip(names, shapes, strict=True)]
    output, parts = losses(net, given, torch.tensor([5, 17]))
    table.outputs(told(output, parts))
    table.outputs(
        {f"{n}_pre": output.hidden[f"{s}_preference"].mean(1) for n, s in (("audio", "heard"), ("visual", "seen"))}
    )
    sum(parts.values()).backward()
    table.gradients(net, OFFICIAL)
    yield from table.rows


def qa_tiger() -> Iterator[Row]:
    """Both files, jointly and one by one, and the full width."""
    import torch
    from torch.nn import functional as F

    from lookhear.nets import qa_tiger as module
    from tests.nets.goldens import official_shapes, recipe_input, recipe_weights, weights_of

    def run(net, audio, frames, patches, question, words):  # type: ignore[no-untyped-def]
        return net.answer(net.watch(audio, frames, patches), question, words)

    for file, top_k in (("qa_tiger", None), ("qa_tiger_top3of5", 3)):
        table = _Table("qa_tiger", file)
        net = module.from_official(weights_of(table.tensors), top_k=top_k).eval()
        given = [
            *table.of("audio", "video", "patch"),
            *(table.tensors[f"outputs/clip_{n}"] for n in ("quest", "words")),
        ]
        labels = table.tensors["inputs/labels"]
        output = run(net, *given)
        alone = torch.cat([run(net, *(x[i : i + 1] for x in given)).logits for i in range(len(labels))])
        loss = F.cross_entropy(output.logits, labels)
        table.outputs({**output.hidden, "logits": output.logits, "logits_run_one_by_one": alone, "loss_ce": loss})
        loss.backward()
        table.gradients(net, module.OFFICIAL)
        table.trajectory(net, lambda: F.cross_entropy(run(net, *given).logits, labels), betas=(0.95, 0.999))  # noqa: B023
        yield from table.rows
    table = _Table("qa_tiger", "qa_tiger_full")
    net = module.build(module.Config())
    net = module.from_official(recipe_weights(official_shapes(net, module.OFFICIAL))).eval()
    shapes = {
        "audio": (60, 128),
        "video": (60, 768),
        "patch": (60, 14, 1024),
        "clip_quest": (768,),
        "clip_words": (77, 768),
    }
    output = run(net, *(recipe_input(name, shape) for name, shape in shapes.items()))
    loss = F.cross_entropy(output.logits, torch.tensor([5, 17]))
    means = {f"{n}_mean": output.hidden[n].mean(1) for n in ("crs_audio", "crs_video")}
    table.outputs({**output.hidden, **means, "logits": output.logits, "loss_ce": loss})
    loss.backward()
    table.gradients(net, module.OFFICIAL)
    yield from table.rows


def tspm() -> Iterator[Row]:
    """As published and with the picked patches."""
    inputs = {"audio": (60, 128), "visual": (60, 768), "visual_patch": (60, 14, 1024)}
    inputs |= {"question": (1, 768), "question_prompt": (1, 768)}
    names = {
        "topk_index": "seconds",
        "temp_weights": "picked",
        "audio_sel": "heard_picked",
        "visual_feat_sp": "seen_picked",
    }
    yield from _forms("tspm", (("released", ""), ("paper", "topk")), inputs, names)


def pstp_net() -> Iterator[Row]:
    """As published and with the search in the sequence."""
    inputs = {
        "audio": (60, 128),
        "visual": (60, 512),
        "patch": (60, 49, 512),
        "question": (1, 512),
        "qst_word": (1, 77, 512),
    }
    names = {"topk_index": "segments", "temp_weights": "picked", "a_guided_visual": "guided", "fused_seq": "fused"}
    names |= {"fusion_seq": "sequence"}
    yield from _forms("pstp_net", (("released", ""), ("concat", "concat")), inputs, names)


def _forms(net_name: str, forms: tuple, inputs: dict, names: dict) -> Iterator[Row]:
    """A network whose two forms share weights and inputs, in the small file and at full width."""
    import importlib

    import torch
    from torch.nn import functional as F

    from lookhear.store.batch import orders
    from tests.nets.goldens import official_shapes, recipe_input, recipe_weights, weights_of

    module = importlib.import_module(f"lookhear.nets.{net_name}")
    table_of = getattr(module, "OFFICIAL", None) or module.LIVE | module.SEARCH

    def run(net, *given):  # type: ignore[no-untyped-def]
        *watched, question, other = given
        question, other = question[:, 0], other[:, 0]
        return net.answer(net.watch(*watched[: len(orders(net.watch))]), question, other)

    for variant, mark in forms:
        table = _Table(net_name, net_name)
        prefix, grads = (f"outputs_{mark}/", f"grads/{mark}/") if mark else ("outputs/", "grads/")
        net = module.from_official(weights_of(table.tensors), variant).eval()
        given, labels = table.of(*inputs), table.tensors["inputs/labels"]
        output = run(net, *given)
        loss = F.cross_entropy(output.logits, labels)
        found = {theirs: output.hidden[mine] for theirs, mine in names.items() if mine in output.hidden}
        table.outputs({**found, "logits": output.logits, "loss_ce": loss}, prefix)
        loss.backward()
        table.gradients(net, table_of, grads)
        again = f"traj/losses_{mark}" if mark else "traj/losses"
        table.trajectory(net, lambda: F.cross_entropy(run(net, *given).logits, labels), again)  # noqa: B023
        yield from table.rows
    shapes = official_shapes(module.build(module.Config("paper")), table_of)
    for variant, mark in forms:
        table = _Table(net_name, f"{net_name}_full")
        net = module.from_official(recipe_weights(shapes), variant).eval()
        output = run(net, *(recipe_input(name, shape) for name, shape in inputs.items()))
        loss = F.cross_entropy(output.logits, torch.tensor([5, 17]))
        table.outputs({"logits": output.logits, "loss_ce": loss}, f"outputs_{mark}/" if mark else "outputs/")
        if not mark:
            loss.backward()
            table.gradients(net, table_of)
        yield from table.rows
