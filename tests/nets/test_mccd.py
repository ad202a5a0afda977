"""MCCD's network equals the official tensors, and a direct transcription where no goldens are at hand."""

import json

import pytest
import torch

from bench import mccd as direct
from lookhear.debias import mccd as debias
from lookhear.errors import ModelError, RecipeError
from lookhear.nets import mccd
from tests.nets.golden_b import Golden, made, recipe
from tests.parity import note


def close(ours, theirs, rtol=1e-5, atol=1e-6):
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol)


def official_grad(net, key: str) -> torch.Tensor:
    """Our gradient under a published name: query, key and value are thirds of one matrix."""
    for third, part in enumerate(("query", "key", "value")):
        if f".self.{part}." in key:
            return official_grad(net, key.replace(f".self.{part}.", ".self.project.")).chunk(3)[third]
    grads = {n: p.grad for n, p in net.named_parameters()}
    for old, new in mccd.names(len(net.bert.layers)).items():
        if key.startswith(old + "."):
            return grads[new + key[len(old) :]]
    raise KeyError(key)


def run(name: str):
    g = Golden(name)
    seconds = 60
    audio = g.input("audio_emb", (2, seconds, 128))
    frames = g.input("video_emb", (2, seconds, 512), lambda r: 2 * r.abs())
    heads = json.loads(g.meta["visualbert_config"]).get("num_attention_heads")
    net = mccd.from_official({f"module.{k}": v for k, v in g.weights.items()}, heads=heads).eval()
    return g, net, audio, frames, g.inputs["input_ids"], g.inputs["labels"].squeeze(1)


def hidden(net, audio, frames, tokens) -> dict[str, torch.Tensor]:
    """Every inner tensor of the four readings."""
    a, v, mask = net.hear(audio), net.look(frames), tokens != 0
    found = {"audio_mid": a, "video_mid": v, "audio_2048": net.widen(a), "video_2048": net.widen(v)}
    words, seen, heard = net.bert.words(tokens), net.bert.seen(net.widen(v)), net.bert.seen(net.widen(a))
    media = mask.new_ones(2, seen.shape[1] + heard.shape[1])
    readings = {
        "fusion": (torch.cat([words, seen, heard], dim=1), torch.cat([mask, media], dim=1)),
        "q": (words, mask),
        "a": (net.bert.vectors(a), None),
        "v": (net.bert.vectors(v), None),
    }
    for name, (embedded, visible) in readings.items():
        pooled, _, last = net.bert(embedded, visible, whole=True)
        found |= {f"emb_{name}": embedded, f"last_hidden_{name}": last, f"pooled_{name}": pooled}
    return found


@pytest.mark.parametrize("name", ["mccd", "mccd_fullwidth"])
def test_every_golden_tensor(name):
    g, net, audio, frames, tokens, labels = run(name)
    assert net.config.heads == mccd.from_official(g.weights).config.heads, "the heads are guessed right"
    out = net.answer(net.watch(audio, frames), tokens)
    wrapped = debias.build(debias.Config())(net)
    losses = wrapped.losses(out, labels)
    z = out.opinions
    ours = {
        **hidden(net, audio, frames, tokens),
        "fusion_logits": out.logits,
        **{f"{n[0]}_bias_logits": z[n] for n in z},
        **{f"dist_{n[0]}": torch.nn.functional.pairwise_distance(out.logits, z[n]) for n in z},
        "kl_in_a_tgt_q": debias.divergence(z["question"], z["audio"]),
        "kl_in_v_tgt_a": debias.divergence(z["audio"], z["visual"]),
        "kl_in_q_tgt_v": debias.divergence(z["visual"], z["question"]),
        "loss_ce": losses["answer"],
        "loss_Ld": losses["distance"],
        "loss_Lc": losses["cycle"],
        "loss_total": sum(losses.values()),
    }
    for key, theirs in g.outputs.items():
        if key == "adam_traj_loss":
            continue
        mine = ours[key]
        if mine.ndim == 3:  # the full-width file keeps the first positions only
            mine = mine[:, : theirs.shape[1]]
        note(name, f"outputs/{key}", mine, theirs)
        close(mine, theirs, atol=1e-6 if name == "mccd" else 5e-6)  # sums of 768 terms round
    sum(losses.values()).backward()
    for key, theirs in g.grads.items():
        note(name, f"grads/{key}", official_grad(net, key), theirs)
        close(official_grad(net, key), theirs, rtol=2e-5, atol=2e-6)


def test_trajectory():
    g, net, audio, frames, tokens, labels = run("mccd")
    wrapped = debias.build(debias.Config())(net)
    optimizer = torch.optim.Adam(wrapped.parameters(), lr=1e-3)
    seen = []
    for _ in range(6):
        loss = sum(wrapped.losses(wrapped.answer(wrapped.watch(audio, frames), tokens), labels).values())
        seen.append(loss.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    note("mccd", "outputs/adam_traj_loss", torch.stack(seen), g.outputs["adam_traj_loss"])
    close(torch.stack(seen), g.outputs["adam_traj_loss"], rtol=2e-5)


SMALL = {"audio": 6, "frames": 8, "width": 16, "visual": 20, "inner": 32, "tokens": 40, "answers": 5, "positions": 32}


@pytest.fixture
def small():
    torch.manual_seed(3)
    weights = direct.weights(**SMALL, layers=2)
    tokens = torch.tensor([[3, 4, 5, 2] + [0] * 10, list(range(3, 17)), [9, 2] + [0] * 12])
    return weights, torch.randn(3, 7, 6), torch.randn(3, 7, 8), tokens, torch.tensor([0, 4, 2])


def test_equals_the_direct_form(small):
    weights, audio, frames, tokens, labels = small
    net = mccd.from_official(weights, heads=4).eval()
    wrapped = debias.build(debias.Config())(net)
    out = wrapped.answer(wrapped.watch(audio, frames), tokens)
    theirs = direct.forward(weights, audio, frames, tokens, heads=4)
    for ours, their in zip((out.logits, *(out.opinions[n] for n in debias.CYCLE)), theirs, strict=True):
        close(ours, their)
    close(sum(wrapped.losses(out, labels).values()), direct.loss(theirs, labels))
    for weight in out.attention.values():
        assert weight.shape == (3, 7)
        torch.testing.assert_close(weight.sum(dim=1), torch.ones(3))


def test_opinions_only_while_gradients_are_wanted(small):
    weights, audio, frames, tokens, labels = small
    net = mccd.from_official(weights).eval()
    with torch.no_grad():
        memory = net.watch(audio, frames)
        quiet = net.answer(memory, tokens)
        assert set(memory) == {"heard", "seen"} and not quiet.opinions
        with pytest.raises(RecipeError, match="gradients"):
            debias.build(debias.Config())(net).losses(quiet, labels)
    loud = net.answer(net.watch(audio, frames), tokens)
    close(loud.logits.detach(), quiet.logits)


def test_long_questions_are_cut_as_released_and_read_whole_otherwise(small):
    weights, audio, frames, *_ = small
    released = mccd.from_official(weights).eval()
    paper = mccd.build(mccd.Config("paper", layers=2, heads=4, **SMALL)).eval()
    paper.load_state_dict(released.state_dict())
    long = torch.tensor([[*range(3, 20), 2, 0, 0], [5, 6, 2] + [0] * 17, list(range(3, 23))])
    cut = torch.tensor([[*range(3, 16), 2], [5, 6, 2] + [0] * 11, [*range(3, 16), 22]])
    with torch.no_grad():
        memory = released.watch(audio, frames)
        close(released.answer(memory, long).logits, released.answer(memory, cut).logits)
        whole = paper.answer(memory, long).logits
        assert (whole - released.answer(memory, long).logits)[0].abs().max() > 1e-5
        for row in range(3):  # alone as in a crowd
            one = {k: v[row : row + 1] for k, v in memory.items()}
            close(paper.answer(one, long[row : row + 1]).logits, whole[row : row + 1])


def test_joint_reading_knows_no_order_of_seconds(small):
    weights, audio, frames, tokens, _ = small
    net = mccd.from_official(weights).eval()
    order = torch.tensor([3, 1, 6, 0, 2, 5, 4])
    straight, mixed = (
        net.answer(net.watch(a, f), tokens) for a, f in ((audio, frames), (audio[:, order], frames[:, order]))
    )
    close(mixed.logits, straight.logits, atol=1e-5)
    close(mixed.attention["seen"], straight.attention["seen"][:, order], atol=1e-5)
    assert (mixed.opinions["audio"] - straight.opinions["audio"]).abs().max() > 1e-4


def test_training_with_dropout_gives_finite_gradients_and_recomputation_is_exact(small):
    weights, audio, frames, tokens, labels = small
    net = mccd.from_official(weights).train()
    losses = []
    for _ in range(2):  # same seed, same masks, whether or not the inside is recomputed
        torch.manual_seed(1)
        net.zero_grad()
        out = net.answer(net.watch(audio, frames), tokens)
        loss = torch.nn.functional.cross_entropy(out.logits, labels)
        loss.backward()
        losses.append((loss.detach(), net.bert.layers[0].project.weight.grad.clone()))
        assert torch.isfinite(losses[-1][1]).all()
    close(losses[0][1], losses[1][1], rtol=0, atol=0)
    step = 1e-2
    direction = losses[0][1] / losses[0][1].norm()
    with torch.no_grad():
        net.bert.layers[0].project.weight += step * direction
    torch.manual_seed(1)
    moved = torch.nn.functional.cross_entropy(net.answer(net.watch(audio, frames), tokens).logits, labels)
    slope = float((moved - losses[0][0]).detach() / step)
    assert slope == pytest.approx(float(losses[0][1].norm()), rel=0.2)


def test_starts_from_a_published_visualbert(tmp_path, small):
    transformers = pytest.importorskip("transformers")
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 32}
    config = transformers.VisualBertConfig(
        vocab_size=40, visual_embedding_dim=20, max_position_embeddings=32, pad_token_id=1, **shape
    )
    theirs = transformers.VisualBertModel(config).eval()
    theirs.save_pretrained(tmp_path)
    _, _, frames, tokens, _ = small
    net = mccd.build(mccd.Config(layers=2, heads=4, pretrained=str(tmp_path), **SMALL)).eval()
    features = net.widen(net.look(frames))
    want = theirs(
        input_ids=tokens,
        attention_mask=(tokens != 0).long(),
        visual_embeds=features,
        visual_token_type_ids=torch.ones(features.shape[:2], dtype=torch.long),
        visual_attention_mask=torch.ones(features.shape[:2]),
    )
    mask = torch.cat([tokens != 0, torch.ones(3, 7, dtype=torch.bool)], dim=1)
    embedded = torch.cat([net.bert.words(tokens), net.bert.seen(features)], dim=1)
    pooled, _, last = net.bert(embedded, mask, whole=True)
    close(pooled, want.pooler_output)
    close(last, want.last_hidden_state, atol=2e-6)
    with pytest.raises(ModelError, match="No VisualBERT at"):
        mccd.build(mccd.Config(pretrained=str(tmp_path / "nothing")))


def test_what_cannot_be_built():
    with pytest.raises(RecipeError, match="released, paper"):
        mccd.build(mccd.Config(variant="x"))
    with pytest.raises(RecipeError, match="5 heads"):
        mccd.build(mccd.Config(heads=5))
    with pytest.raises(ModelError, match=r"cls\.weight"):
        mccd.from_official({"a": torch.zeros(1)})


def test_frozen_numbers():
    """Taken when every golden tensor was equal; they hold where no goldens are at hand."""
    weights = made(direct.weights(**SMALL, layers=2))
    net = debias.build(debias.Config())(mccd.from_official(weights).eval())
    memory = net.watch(recipe("a", (2, 5, 6), 5), recipe("f", (2, 5, 8), 5))
    out = net.answer(memory, torch.tensor([[2, 3, 4, 0], [39, 38, 37, 36]]))
    losses = net.losses(out, torch.tensor([0, 4]))
    numbers = [
        *out.logits[:, 0].tolist(),
        *out.attention["heard"][0].tolist(),
        *(float(v.detach()) for v in losses.values()),
    ]
    assert numbers == pytest.approx(FROZEN, rel=1e-4)


FROZEN = [-0.819154, -1.50387, 0.240697, 0.213551, 0.166055, 0.172354, 0.207343, 1.50611, 0.00499912, 0.0317273]
