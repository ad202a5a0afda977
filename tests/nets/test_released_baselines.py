"""Baselines against their official code: outputs, inner tensors, gradients, steps of Adam, official width."""

import json

import pytest
import torch
from torch.nn import functional as F

from lookhear.errors import FeatureError
from lookhear.layers.translate import renamed
from lookhear.nets import avsd, convlstm, fcnlstm, hcattn, hcrn, hme, lavit, mcan, psac
from lookhear.nets.hcrn.units import Given
from lookhear.nets.lavit import official as lavit_official
from tests.nets.official import Golden, gradient_norms, gradients, trajectory


def test_mcan_golden():
    golden = Golden("baselines", "mcan")
    net = mcan.from_official({f"module.{k}": v for k, v in golden.weights.items()}).eval()
    image, words, labels = golden["inputs/img_feat"], golden["inputs/ques_ix"], golden["inputs/labels"]
    shares = golden["inputs/soft_targets"]

    def says(net, image=image):
        return net.answer(net.watch(image), words)

    output = says(net)
    golden.check("outputs/logits", output.logits)
    golden.check("outputs/attflat_img.weights", output.attention["seen"])
    golden.check("outputs/loss_bce_sum", net.losses(output, shares)["answer"])
    golden.check("padded/logits", says(net, golden["padded/img_feat"]).logits)
    absent = words == 0
    x, y = golden["outputs/lstm"], golden["outputs/img_feat_linear"]
    for i, layer in enumerate(net.think):
        x = layer.join(layer.alone(x, absent))[0]
        golden.check(f"outputs/enc{i}", x)
    for i, layer in enumerate(net.guided["seen"]):
        y = layer.join(layer.alone(y), golden["outputs/enc5"], absent)[0]
        golden.check(f"outputs/dec{i}", y)
    bce = lambda net: net.losses(says(net), shares)["answer"]  # noqa: E731
    ce = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, mcan.translated, bce)
    golden.gradients(found)
    gradient_norms(golden, found)
    golden.gradients(gradients(net, golden.weights, mcan.translated, ce)[1], "grads_ce/")
    adam = lambda p: torch.optim.Adam(p, lr=1e-3, betas=(0.9, 0.98), eps=1e-9)  # noqa: E731
    for name, loss in (("bce_sum", bce), ("ce", ce)):
        taken = trajectory(net, golden.weights, mcan.translated, loss, optimizer=adam)
        golden.check(f"traj/{name}", taken, relative=1e-4)


def test_mcan_golden_full():
    golden = Golden("baselines", "mcan_full")
    net = mcan.from_official(golden.weights).eval()
    assert sum(p.numel() for p in net.parameters()) == int(golden.meta["params"])
    with torch.no_grad():
        output = net.answer(net.watch(golden.drawn("img_feat", (2, 60, 512))), golden["inputs/ques_ix"])
    golden.check("outputs/logits", output.logits)


@pytest.mark.parametrize("attention", ["alternating", "parallel"])
def test_hcattn_golden(attention):
    golden = Golden("baselines", f"hcattn_{attention}")
    net = hcattn.from_official(golden.weights).eval()
    regions, tokens, labels = (golden[f"inputs/{n}"] for n in ("regions", "question", "labels"))

    def says(net):
        return net.answer(net.watch(regions), tokens)

    golden.check("outputs/logits", says(net).logits)
    padding = tokens == 0
    for i, (level, side) in enumerate((("word", "word"), ("phrase", "phrase"), ("question", "question"))):
        q, v = golden[f"outputs/{level}"], golden["outputs/img"]
        found = net.levels[i](q, padding, v, net.levels[i].take(v))
        names = ("asked", "seen", "word_weights", "region_weights")
        golden.checks({f"{side}_level.{n}": x for n, x in zip(names, found, strict=True)})
    loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, hcattn.translated, loss)
    golden.gradients(found)
    gradient_norms(golden, found)
    golden.check("traj/ce", trajectory(net, golden.weights, hcattn.translated, loss), relative=1e-4)


def subsets_in(golden, prefix):
    """Masks by unit of one run of HCRN: (call, size, object)."""
    masks = {}
    for name, mask in golden.part(f"{prefix}subsets/").items():
        unit, _, call = name.partition("/")
        masks.setdefault(unit, {})[int(call)] = mask
    return {unit: torch.stack([calls[i] for i in sorted(calls)]) for unit, calls in masks.items()}


@pytest.mark.parametrize("run", ["drawn", "fixed"])
def test_hcrn_golden(run):
    golden = Golden("baselines", "hcrn")
    net = hcrn.from_official(golden.weights).eval()
    net.subsets = Given(subsets_in(golden, f"{run}/"))
    frames, motion = golden["inputs/appearance"].flatten(1, 2), golden["inputs/motion"]
    tokens, labels = golden["inputs/question"], golden["inputs/labels"]

    def says(net):
        return net.answer(net.watch(frames, motion), tokens)

    output = says(net)
    names = {"visual_embedding": "objects", "aggregated": "taken", "question_embedding": "question"}
    found = {theirs: output.hidden[ours] for theirs, ours in names.items()} | {"logits": output.logits}
    golden.checks(found, f"{run}/outputs/")
    assert torch.allclose(output.attention["seen"].sum(1), torch.ones(len(labels)), atol=1e-5)
    for level, units in (("clip", net.low), ("video", net.high)):
        for name, unit in units.items():
            where = f"{run}/unit/{level}_level_{name}_cond/"
            mask = net.subsets.masks[unit.name][0].float()
            x, condition = golden[f"{where}objects"], golden[f"{where}condition"]
            golden.check(f"{where}out", unit(x, condition, mask / mask.sum(-1, keepdim=True)))
    if run == "fixed":
        config = hcrn.config_of(golden.weights)
        net.head[3].train()
        golden.check("fixed/outputs/logits_batchnorm_training", says(net).logits)
        net = hcrn.from_official(golden.weights).eval()
        net.subsets = Given(subsets_in(golden, "fixed/"))
        loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
        translated = lambda state: hcrn.used(state, config)  # noqa: E731
        _, found = gradients(net, golden.weights, translated, loss)
        golden.gradients(found, "fixed/grads/")
        gradient_norms(golden, found, "fixed/gradnorms")
        golden.check("fixed/traj_ce", trajectory(net, golden.weights, translated, loss), relative=1e-4)


def test_hcrn_golden_full():
    golden = Golden("baselines", "hcrn_full")
    net = hcrn.from_official(golden.weights).eval()
    counts = {unit.name: unit.objects for units in (net.low, net.high) for unit in units.values()}
    net.subsets = Given({name: golden[f"subsets/n{count}"] for name, count in counts.items()})
    frames, motion = golden.drawn("appearance", (2, 8, 16, 512)).flatten(1, 2), golden.drawn("motion", (2, 8, 512))
    with torch.no_grad():
        output = net.answer(net.watch(frames, motion), golden["inputs/question"])
    found = {"logits": output.logits, "aggregated": output.hidden["taken"]}
    golden.checks(found | {"question_embedding": output.hidden["question"]})
    golden.check("outputs/visual_first3", output.hidden["objects"][:, :3])


@pytest.mark.parametrize("level", ["middle-vcrn", "middle-ccrn", "middle-2crn", "late", "none"])
def test_hcrn_with_sound_golden(level):
    golden = Golden("baselines", "hcrn_havf")
    net = hcrn.from_official(golden.weights, "" if level == "none" else level).eval()
    net.subsets = Given({unit: mask[0] for unit, mask in subsets_in(golden, f"{level}/").items()})
    frames, motion = golden["inputs/appearance"].flatten(1, 2), golden["inputs/motion"]
    watched = (frames, motion) if level == "none" else (golden["inputs/audio"][:, None], frames, motion)
    tokens, answers, labels = padded(golden), padded(golden, "answers"), golden["inputs/labels"]

    def says(net):
        return net.answer(net.watch(*watched), tokens, answers)

    output = says(net)
    golden.check(f"{level}/logits", output.logits)
    golden.check(f"{level}/loss_hinge", net.losses(output, labels)["answer"])
    if level != "late":
        golden.check(f"{level}/visual_embedding", output.hidden["objects"])
        golden.check(f"{level}/aggregated", output.hidden["taken"])
        golden.check(f"{level}/aggregated#1", output.hidden["by_offer"])
    if level == "middle-vcrn":
        config = hcrn.config_of(golden.weights)
        translated = lambda state: hcrn.used(state, config)  # noqa: E731
        loss = lambda net: net.losses(says(net), labels)["answer"]  # noqa: E731
        _, found = gradients(net, golden.weights, translated, loss)
        golden.gradients(found)
        golden.check("traj/hinge", trajectory(net, golden.weights, translated, loss), relative=1e-4)


def recorded(calls, rows):
    """Masks by unit from rows in the order they were drawn: a unit's sizes run from large to small, call after call."""
    masks, last = {}, None
    for (unit, objects, index), row in zip(calls, rows, strict=True):
        if last is None or unit != last[0] or index <= last[1]:
            masks.setdefault(unit, []).append([])
        masks[unit][-1].append(row[:objects])
        last = (unit, index)
    return {unit: torch.stack([torch.stack(call) for call in found]) for unit, found in masks.items()}


LEVELS = ["middle-vcrn", "middle-ccrn", "middle-ccrn-mul", "middle-2crn", "late", "middle-vcrn-noaudio"]


@pytest.mark.parametrize("tag", [*LEVELS, "early-patched"])
def test_havf_golden(tag):
    golden = Golden("nets_c", "havf")
    weights = golden.weights | golden.part(f"{tag}/weights/")
    keys = json.loads(golden.meta.get(f"{tag}/keys", "null"))
    weights = {k: v for k, v in weights.items() if keys is None or k in keys}
    level = {"early-patched": "early", "middle-ccrn-mul": "middle-ccrn", "middle-vcrn-noaudio": ""}.get(tag, tag)
    fuse = "mul" if tag.endswith("mul") else "concat"
    net = hcrn.from_official(weights, level, fuse).eval()
    config = hcrn.config_of(weights, level, fuse)
    calls = json.loads(golden.meta[f"{tag}/subset_calls"])
    frames, motion = golden["inputs/appearance"].flatten(1, 2), golden["inputs/motion"]
    watched = (golden["inputs/audio"][:, None], frames, motion) if level else (frames, motion)
    tokens, answers, labels = padded(golden), padded(golden, "candidates"), golden["inputs/labels"]

    def says(net, rows=f"{tag}/subsets"):
        net.subsets = Given(recorded(calls, golden[rows]))
        return net.answer(net.watch(*watched), tokens, answers)

    output = says(net)
    golden.check(f"{tag}/logits", output.logits)
    golden.check(f"{tag}/loss", net.losses(output, labels)["answer"])
    loss = lambda net: net.losses(says(net), labels)["answer"]  # noqa: E731
    translated = lambda state: hcrn.used(state, config)  # noqa: E731
    _, found = gradients(net, weights, translated, loss)
    golden.gradients(found, f"{tag}/grads/", relative=5e-5, but=("feature_aggregation.attn.weight",))
    if tag == "early-patched":
        return
    golden.check(f"{tag}/logits_subset_seed4", says(net, f"{tag}/subsets_seed4").logits)
    frozen = ("encoder_embed.weight",)
    taken = trajectory(net, weights, translated, loss, frozen=frozen, clip=12)
    golden.check(f"{tag}/traj_losses", taken, relative=1e-4)
    net.head[3].train()
    golden.check(f"{tag}/train_logits", says(net).logits)
    golden.check(f"{tag}/train_running_var_after", net.head[3].running_var)


def padded(golden, name="question"):
    """Word ids with 0 behind the length that the official code is told."""
    ids = golden[f"inputs/{name}"]
    return ids * (torch.arange(ids.shape[-1]) < golden[f"inputs/{name}_len"][..., None])


def test_hme_golden():
    golden = Golden("baselines", "hme")
    net = hme.from_official(golden.weights).eval()
    frames, motion, labels = (golden[f"inputs/{n}"] for n in ("appearance", "motion", "labels"))
    tokens = padded(golden)

    def says(net):
        return net.answer(net.watch(frames, motion), tokens)

    output = says(net)
    golden.check("outputs/logits", output.logits)
    for i in range(len(labels)):
        words = golden[f"outputs/memory_text/item{i}"]
        golden.check(f"outputs/memory_text/item{i}", output.hidden["word_memory"][i, : len(words)])
        golden.check(f"outputs/memory_video/item{i}", output.hidden["memory"][i])
        golden.check(f"outputs/att_a/item{i}", output.hidden["looks"][i, 0])
        golden.check(f"outputs/att_m/item{i}", output.hidden["looks"][i, 1])
        golden.check(f"outputs/hidden_encoder_1.in0/item{i}", output.hidden["ends"][i])
        golden.check(f"outputs/linear_decoder_mem.in0/item{i}", output.hidden["thought"][i])
    loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, hme.translated, loss)
    golden.gradients(found)
    gradient_norms(golden, found)
    golden.check("traj/ce", trajectory(net, golden.weights, hme.translated, loss), relative=1e-4)


def test_hme_golden_full():
    golden = Golden("baselines", "hme_full")
    net = hme.from_official(golden.weights).eval()
    frames, motion = (golden.drawn(n, (2, 20, 512)) for n in ("appearance", "motion"))
    with torch.no_grad():
        output = net.answer(net.watch(frames, motion), padded(golden))
    for i, mark in enumerate(("", "#1")):
        golden.check(f"outputs/logits{mark}", output.logits[i])
        golden.check(f"outputs/att_a{mark}", output.hidden["looks"][i, 0])
        golden.check(f"outputs/memory_video_last{mark}", output.hidden["memory"][i, -1])


def test_lavit_golden():
    golden = Golden("baselines", "lavit")
    net = lavit.from_official(golden.weights, mask=True).eval()
    watched = [golden[f"inputs/{n}"] for n in ("a_feat", "v_feat", "a_coord", "v_coord")]
    tokens, labels = golden["inputs/input_ids"], golden["inputs/labels"]

    def says(net):
        return net.answer(net.relate(*watched), tokens)

    output = says(net)
    golden.check("outputs/logits", output.logits)
    free = lavit.from_official(golden.weights).eval()
    unmasked = free.answer(free.relate(*watched), tokens).logits  # as the published fine-tuning calls it
    whole = (golden["inputs/l_mask"] == 1).all(dim=1)
    assert torch.allclose(unmasked[whole], output.logits[whole], atol=1e-4)
    assert not torch.allclose(unmasked[~whole], output.logits[~whole], atol=1e-2)
    golden.check("outputs/a_fc", net.enter["heard"](watched[0], watched[2]))
    golden.check("outputs/v_fc", net.enter["seen"](watched[1], watched[3]))
    for i in range(len(net.ring)):
        for place, side in enumerate(("read", "heard", "seen")):
            golden.check(f"outputs/x_layer{i}.{place}", output.hidden[f"{side}{i + 1}"])
    loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, lavit.translated, loss)
    golden.gradients(found)
    answering = {k: v for k, v in found.items() if not k.startswith("ground.")}
    assert {"bert.embeddings.token_type_embeddings.weight"} == {k for k, g in answering.items() if not g.any()}
    golden.check("traj/ce", trajectory(net, golden.weights, lavit.translated, loss), relative=1e-4)


def test_lavit_stereo_golden():
    golden = Golden("baselines", "lavit_stereo_entry", "stereo/weights/")
    config = lavit.Config(audio=2 * golden["stereo/a_feat"].shape[-1], audio_place=3, channels=2, hidden=48)
    entry = lavit.Entry(config.audio, 3, 2, config).eval()
    state = {f"bert.encoder.a_fc.{k}": v for k, v in golden.weights.items()}
    state = renamed(state, lavit_official.sound_rules(state))
    entry.load_state_dict({k.removeprefix("enter.heard."): v for k, v in state.items()})
    left, right = golden["stereo/a_feat"].unbind(1)
    golden.check("stereo/out", entry(torch.cat([left, right], dim=-1), golden["stereo/a_coord"]))


def test_psac_golden():
    golden = Golden("baselines", "psac")
    net = psac.from_official(golden.weights).eval()
    video, words, chars, labels = (golden[f"inputs/{n}"] for n in ("video", "words", "chars", "labels"))
    padding = words == 0

    def says(net):
        return net.respond(net.watch(video), net.table(words), chars, padding)

    output = says(net)
    golden.check("outputs/logits", output.logits)
    bias = golden.weights["ques_encoder.vqatt.bias"]  # the same for every score: no softmax sees it
    golden.check("outputs/vq.S", output.hidden["scores"] + bias)
    names = {"to_words": "vq.S1_over_words", "to_seconds": "vq.S2_over_frames"}
    golden.checks({theirs: output.hidden[ours] for ours, theirs in (names | {"joint": "fused_mean"}).items()})
    golden.check("outputs/q.emb_enc", output.hidden["words"].transpose(1, 2))
    golden.check("outputs/vid_output", net.own["seen"](video))
    loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, psac.translated, loss)
    golden.gradients(found)
    frozen = ("word_emb.weight",)
    golden.check("traj/ce", trajectory(net, golden.weights, psac.translated, loss, frozen=frozen), relative=1e-4)


def test_psac_reads_letters_by_the_spelling_of_its_words():
    golden = Golden("baselines", "psac")
    words, chars = golden["inputs/words"], golden["inputs/chars"]
    spelling = torch.zeros(len(golden.weights["ques_encoder.word_emb.weight"]), 15, dtype=torch.long)
    spelling[words[0]] = chars[0]
    net = psac.from_official(golden.weights, spelling).eval()
    memory = {k: v[:1] for k, v in net.watch(golden["inputs/video"]).items()}
    given = net.respond(memory, net.table(words[:1]), net.spelling[words[:1]], words[:1] == 0)
    assert torch.equal(net.answer(memory, words[:1]).logits, given.logits)
    unspelled = psac.from_official(golden.weights).eval()
    assert not torch.allclose(unspelled.answer(memory, words[:1]).logits, given.logits, atol=1e-3)


@pytest.mark.slow
def test_psac_golden_full():
    golden = Golden("baselines", "psac_full")
    net = psac.from_official(golden.weights).eval()
    words, chars = golden["inputs/words"], golden["inputs/chars"]
    with torch.no_grad():
        memory = net.watch(golden.drawn("video", (2, 36, 2048)))
        output = net.respond(memory, net.table(words), chars, words == 0)
    golden.checks({"logits": output.logits, "fused_mean": output.hidden["joint"]})


def test_avsd_golden():
    golden = Golden("baselines", "avsd")
    net = avsd.from_official(golden.weights).eval()
    visual, audio = golden["inputs/visual"], golden["inputs/audio"].transpose(0, 1)
    frames = visual.transpose(0, 1).flatten(1, 2)  # four frames' places, one frame after the other
    output = net.answer(net.watch(audio, frames), golden["inputs/question_padded"])
    for i in range(6):
        golden.check(f"outputs/attended{i}", output.hidden[f"taken{i}"])
    golden.check("outputs/weights5", output.attention["heard"])
    golden.check("outputs/temporal.0", output.hidden["joined"])


def test_avsd_sharing_golden():
    golden = Golden("baselines", "avsd_shared")
    attend = avsd.Attention(golden["inputs/audio"].shape[-1], shared=True, dropout=0.0).eval()
    state = avsd.attention(golden.weights, shared=True)
    attend.load_state_dict(state)
    words, frames, sound = (golden[f"inputs/{n}"] for n in ("question", "visual", "audio"))
    prior = torch.zeros(words.shape[:2])
    prior[:, -1] = 1

    def says(attend):
        return attend(attend.known([*frames.unbind(1), sound]), words, prior, None)

    taken, weights = says(attend)
    golden.checks({"question/attended": taken[0], "audio/attended": taken[5], "question/weights": weights[0]})
    golden.check("outputs/visual/attended", torch.stack(taken[1:5], dim=1))
    translated = lambda state: avsd.attention(state, shared=True)  # noqa: E731
    loss = lambda attend: sum(x.square().sum() for x in says(attend)[0])  # noqa: E731
    _, found = gradients(attend, golden.weights, translated, loss)
    golden.gradients(found)


def test_avsd_golden_full():
    golden = Golden("baselines", "avsd_full")
    attend = avsd.Attention(256, shared=False, dropout=0.0).eval()
    attend.load_state_dict(avsd.attention(golden.weights))
    words, frames = golden.drawn("question", (2, 12, 256)), [golden.drawn(f"frame{i}", (2, 49, 256)) for i in range(4)]
    with torch.no_grad():
        known = attend.known([*frames, golden.drawn("audio", (2, 60, 256))])
        taken, _ = attend(known, words, golden["inputs/prior"], None)
    golden.checks({f"attended{i}": x for i, x in enumerate(taken)})


@pytest.mark.parametrize("module", [fcnlstm, convlstm], ids=["fcnlstm", "convlstm"])
def test_daqa_golden(module):
    name = module.__name__.split(".")[-1]
    golden = Golden("baselines", name)
    net = module.from_official(golden.weights).eval()
    audio, labels, tokens = golden["inputs/audio"], golden["inputs/labels"], padded(golden)

    def says(net):
        return net.answer(net.watch(audio), tokens)

    golden.check("outputs/logits", says(net).logits)
    golden.check("outputs/block4", net.hear(audio))
    loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, module.translated, loss)
    golden.gradients(found)
    gradient_norms(golden, found)
    golden.check("traj/ce", trajectory(net, golden.weights, module.translated, loss), relative=1e-4)
    golden.check("outputs_train/logits", says(net.train()).logits)
    golden.check("outputs_train/running_mean_of_first_norm", net.hear[1].running_mean)
    full = Golden("baselines", f"{name}_full")
    net = module.from_official(full.weights).eval()
    with torch.no_grad():
        output = net.answer(net.watch(full.drawn("audio", (2, 1000, 64))), padded(full))
    full.check("outputs/logits", output.logits)
    with pytest.raises(FeatureError, match="at least 289 rows of audio, got 60"):
        net.watch(torch.randn(1, 60, 64))


@pytest.mark.slow
def test_havf_golden_full():
    golden = Golden("nets_c", "havf_fullwidth")
    level = golden.meta["level"]
    net = hcrn.from_official(golden.weights, level).eval()
    net.subsets = Given(recorded(json.loads(golden.meta["subset_calls"]), golden["subsets"]))
    frames, motion = golden.drawn("appearance", (2, 8, 16, 2048)).abs(), golden.drawn("motion", (2, 8, 2048)).abs()
    sound = golden.drawn("audio", (2, 2048)).abs()
    with torch.no_grad():
        memory = net.watch(sound[:, None], frames.flatten(1, 2), motion)
        output = net.answer(memory, padded(golden), padded(golden, "candidates"))
    golden.check("logits", output.logits)
    golden.check("visual_embedding", output.hidden["objects"])
