"""AVST equals its official code, in all three forms, and a direct transcription where no goldens are at hand."""

import pytest
import torch
from einops import rearrange

from bench import avst as direct
from lookhear.errors import ModelError, RecipeError
from lookhear.nets import avst
from tests.nets.golden_b import Golden, made, recipe
from tests.parity import note


def patches(maps: torch.Tensor) -> torch.Tensor:
    return rearrange(maps, "b t c h w -> b t (h w) c")


def official_grads(net) -> dict[str, torch.Tensor]:
    """Our gradients under the published names."""
    names = {**avst.GROUNDING, **avst.ANSWERING}
    grads = {n: p.grad for n, p in net.named_parameters()}
    back = {new: old for old, new in names.items()}
    found = {}
    for ours, grad in grads.items():
        for new, old in back.items():
            if ours == new or ours.startswith(new + "."):
                found[old + ours[len(new) :]] = grad
    return found


def close(ours, theirs, rtol=1e-5, atol=1e-6):
    torch.testing.assert_close(ours, theirs.reshape(ours.shape), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", ["avst", "avst_fullwidth", "avst_baseline"])
def test_every_golden_tensor(name):
    g = Golden(name)
    seconds = 10
    audio = g.input("audio", (2, seconds, 128), torch.abs)
    own = patches(g.input("visual_posi", (2, seconds, 512, 14, 14), torch.relu))
    net = avst.from_official({f"module.{k}": v for k, v in g.weights.items()}).eval()
    memory = net.watch(audio, own)
    out = net.answer(memory, g.inputs["question"])
    grounded = name != "avst_baseline"
    assert type(net) is (avst.AVST if grounded else avst.Baseline)
    ours = {
        "question_encoder": out.hidden["question"],
        "fc_a2": out.hidden["heard"],
        "attn_a_out": out.hidden["heard_attended"],
        "attn_v_out": out.hidden["seen_attended"],
        "attn_a_weights": out.attention["heard"],
        "attn_v_weights": out.attention["seen"],
        "norm1": out.hidden["seen_taken"],
        "norm2": out.hidden["heard_taken"],
        "fc_fusion": out.hidden["fused"],
        "logits": out.logits,
    }
    loss = ours["loss_qa"] = torch.nn.functional.cross_entropy(out.logits, g.inputs["label"])
    if grounded:
        other = patches(g.input("visual_nega", (2, seconds, 512, 14, 14), torch.relu))
        losses = net.losses(out, g.inputs["label"], other)
        seen_other, where_other = net.ground(out.hidden["heard"], other)
        match, logits = net.ground.loss(out.hidden["heard"], out.hidden["seen"], other)
        loss = sum(losses.values())
        close(losses["answer"], ours["loss_qa"])
        ours |= {
            "fc_gl_posi": out.hidden["seen"],
            "fc_gl_nega": seen_other,
            "grounding_map_posi": out.hidden["where"],
            "grounding_map_nega": where_other,
            "match_posi": logits[:, :, 0],
            "match_nega": logits[:, :, 1],
            "fc4_posi": logits[:, :, 0],
            "fc4_nega": logits[:, :, 1],
            "match_logits_interleaved": logits,
            "match_labels_interleaved": torch.tensor([1, 0]).expand(logits.shape[:-1]),
            "loss_match": match,
            "loss_total": loss,
        }
    for key, theirs in g.outputs.items():
        if key != "adam_traj_loss":
            note(name, f"outputs/{key}", ours[key], theirs)
            close(ours[key], theirs)
    loss.backward()
    found = official_grads(net)
    for key, theirs in g.grads.items():
        note(name, f"grads/{key}", found[key], theirs)
        close(found[key], theirs, rtol=2e-5, atol=2e-6)


def test_trajectory():
    g = Golden("avst")
    net = avst.from_official(g.weights).eval()
    own, other = patches(g.inputs["visual_posi"]), patches(g.inputs["visual_nega"])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    seen = []
    for _ in range(6):
        out = net.answer(net.watch(g.inputs["audio"], own), g.inputs["question"])
        loss = sum(net.losses(out, g.inputs["label"], other).values())
        seen.append(loss.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    note("avst", "outputs/adam_traj_loss", torch.stack(seen), g.outputs["adam_traj_loss"])
    close(torch.stack(seen), g.outputs["adam_traj_loss"], rtol=2e-5)


def test_grounding_golden():
    g = Golden("avst_grounding")
    net = avst.from_official(g.weights).eval()
    assert isinstance(net, avst.Grounding)
    maps = patches(g.inputs["visual_maps"])
    own, other = maps[:, :1], maps[:, 1:]
    memory = net.watch(g.inputs["audio"][:, :1], own)
    out = net.answer(memory)
    loss = net.losses(out, torch.zeros(len(out.logits), dtype=torch.long), other)["match"]
    seen, where = net.ground(memory["heard"], other)
    _, logits = net.ground.loss(memory["heard"], memory["seen"], other)
    ours = {
        "fc_a2": torch.cat([memory["heard"], memory["heard"]], dim=1),
        "fc_gl": torch.cat([memory["seen"], seen], dim=1),
        "grounding_map": torch.cat([memory["where"], where], dim=1),
        "match_logits": logits,
        "loss": loss,
    }
    for key, theirs in g.outputs.items():
        note("avst_grounding", f"outputs/{key}", ours[key], theirs)
        close(ours[key], theirs)
    loss.backward()
    for key, theirs in g.grads.items():
        note("avst_grounding", f"grads/{key}", official_grads(net)[key], theirs)
        close(official_grads(net)[key], theirs, rtol=2e-5, atol=2e-6)


@pytest.fixture
def small():
    """Official-looking random weights and inputs: 3 clips, 5 seconds, 6 patches of 16."""
    torch.manual_seed(5)
    weights = direct.weights(audio=6, width=16, tokens=30, answers=7)
    inputs = {
        "audio": torch.randn(3, 5, 6),
        "patches": torch.randn(3, 5, 6, 16),
        "negative": torch.randn(3, 5, 6, 16),
        "tokens": torch.tensor([[3, 4, 5] + [0] * 11, list(range(1, 15)), [9, 8, 7, 6] + [0] * 10]),
        "labels": torch.tensor([0, 6, 2]),
    }
    return weights, inputs


@pytest.mark.parametrize("form", ["grounded", "baseline"])
def test_equals_the_direct_form(small, form):
    weights, x = small
    net = avst.from_official(weights, form=form).eval()
    out = net.answer(net.watch(x["audio"], x["patches"]), x["tokens"])
    logits, match = direct.forward(weights, x, grounded=form == "grounded")
    close(out.logits, logits)
    if form == "grounded":
        theirs = torch.nn.functional.cross_entropy(logits, x["labels"]) + 0.5 * match
        close(sum(net.losses(out, x["labels"], x["negative"]).values()), theirs)
    for weight in out.attention.values():
        torch.testing.assert_close(weight.sum(dim=1), torch.ones(3))


def test_padding_is_read_as_released_and_not_otherwise(small):
    weights, x = small
    released = avst.from_official(weights).eval()
    paper = avst.build(avst.Config("paper", audio=6, patches=16, tokens=30, answers=7)).eval()
    paper.load_state_dict(released.state_dict())
    memory = released.watch(x["audio"], x["patches"])
    with torch.no_grad():
        for net in (released, paper):
            whole = net.answer(memory, x["tokens"]).logits
            wider = net.answer(memory, torch.nn.functional.pad(x["tokens"], (0, 3))).logits
            one = {k: v[:1] for k, v in memory.items()}
            close(wider, whole)
            close(net.answer(one, x["tokens"][:1, :3]).logits, whole[:1])
        differ = (released.answer(memory, x["tokens"]).logits - paper.answer(memory, x["tokens"]).logits).abs()
    assert differ[0].max() > 1e-4  # three words and eleven paddings
    assert differ[1].max() < 1e-6  # no padding: nothing to differ in


def test_every_nth_second_and_its_evidence(small):
    weights, x = small
    every = avst.build(avst.Config(audio=6, patches=16, tokens=30, answers=7, every=2)).eval()
    every.load_state_dict(avst.from_official(weights).state_dict())
    out = every.answer(every.watch(x["audio"], x["patches"]), x["tokens"])
    thin = avst.from_official(weights).eval()
    theirs = thin.answer(thin.watch(x["audio"][:, ::2], x["patches"][:, ::2]), x["tokens"])
    close(out.logits, theirs.logits)
    assert out.attention["seen"].shape == (3, 5)
    torch.testing.assert_close(out.attention["seen"].sum(dim=1), torch.ones(3))
    torch.testing.assert_close(out.attention["seen"][:, 0], out.attention["seen"][:, 1])


def test_pretraining_learns_and_is_taken_over():
    torch.manual_seed(0)
    config = avst.Config(form="grounding", audio=8, patches=16)
    net = avst.build(config)
    kinds = torch.randn(4, 16)  # four instruments: each has a look and a sound
    voices = torch.randn(4, 8)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    first = last = None
    for _ in range(60):
        own = torch.randint(0, 4, (16,))
        other = (own + torch.randint(1, 4, (16,))) % 4
        scene = torch.randn(2, 16, 2, 9, 16) * 0.3
        scene[0, :, :, 4] += kinds[own][:, None] * 3
        scene[1, :, :, 4] += kinds[other][:, None] * 3
        out = net.answer(net.watch(voices[own][:, None].expand(-1, 2, -1), scene[0]))
        loss = net.losses(out, torch.zeros(16, dtype=torch.long), scene[1])["match"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or float(loss.detach()), float(loss.detach())
    assert last < 0.5 * first
    full = avst.build(avst.Config(audio=8, patches=16, tokens=5))
    full.take(net)
    assert torch.equal(full.ground.merge.weight, net.ground.merge.weight)
    assert torch.equal(full.hear[0].weight, net.hear[0].weight)


def test_what_cannot_be_read_or_built(small):
    weights, _ = small
    del weights["fc_ans.bias"]
    with pytest.raises(ModelError, match=r"head\.bias"):
        avst.from_official(weights)
    with pytest.raises(ModelError, match=r"fc_a1\.weight"):
        avst.from_official({"something": torch.zeros(1)})
    with pytest.raises(RecipeError, match="released, paper"):
        avst.build(avst.Config(variant="papre"))
    with pytest.raises(RecipeError, match="grounded"):
        avst.build(avst.Config(form="ground"))


def test_frozen_numbers():
    """Taken when every golden tensor was equal; they hold where no goldens are at hand."""
    weights = made(direct.weights(audio=6, width=16, tokens=30, answers=7))
    audio, own, other = (recipe(n, s, 5) for n, s in (("a", (2, 4, 6)), ("p", (2, 4, 9, 16)), ("n", (2, 4, 9, 16))))
    net = avst.from_official(weights).eval()
    out = net.answer(net.watch(audio, own), torch.tensor([[1, 2, 3, 0], [29, 28, 27, 26]]))
    losses = net.losses(out, torch.tensor([0, 6]), other)
    numbers = [
        *out.logits[:, 0].tolist(),
        *out.attention["seen"][0].tolist(),
        *(float(v.detach()) for v in losses.values()),
    ]
    assert numbers == pytest.approx(FROZEN, rel=1e-4)


FROZEN = [-0.0925457, -0.235698, 0.249338, 0.250237, 0.246721, 0.253704, 1.94519, 0.364119]
