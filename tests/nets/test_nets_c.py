"""APL, SaSR-Net and CIGN against their official code."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import FeatureError
from lookhear.nets import apl, cign, sasr_net
from tests.nets.official import Golden, gradients, trajectory


def scaled_boxes(boxes):
    """left, top, right, bottom in 0..1 from pixels followed by the frame's width and height."""
    return boxes[..., :4] / boxes[..., [4, 5, 4, 5]]


def apl_losses(net, output, labels):
    found = net.losses(output, labels)
    return found, sum(found.values())


def test_apl_golden():
    golden = Golden("nets_c", "apl")
    net = apl.from_official(golden.weights).eval()
    audio, objects, labels = (golden[f"inputs/{n}"] for n in ("audio", "object", "labels"))
    boxes, tokens = scaled_boxes(golden["inputs/bbox"]), golden["inputs/question"]

    def says(net):
        return net.answer(net.watch(audio, objects, boxes), tokens)

    output = says(net)
    found = net.losses(output, labels)
    golden.checks({"logits": output.logits, "sentence": output.hidden["question"]})
    golden.checks({"loss_qa": found["answer"], "loss_oq": found["objects_question"] / 0.3})
    golden.checks({"loss_oa": found["objects_audio"] / 0.3, "loss_total": sum(found.values())})
    golden.check("outputs/aqq_encoder", output.hidden["audio"].transpose(0, 1))
    golden.check("outputs/oqq_encoder", output.hidden["objects"].flatten(1, 2).transpose(0, 1))
    loss = lambda net: sum(net.losses(says(net), labels).values())  # noqa: E731
    golden.gradients(gradients(net, golden.weights, apl.translated, loss)[1], relative=5e-5)
    golden.check("traj/losses", trajectory(net, golden.weights, apl.translated, loss), relative=1e-4)


@pytest.mark.parametrize("case", ["n100", "n100_aligned", "n36"])
def test_apl_contrast_golden(case):
    golden = Golden("nets_c", "apl")
    objects, other = (golden[f"contrast/{case}/{n}"].clone().requires_grad_() for n in ("objects", "other"))
    loss = apl.contrast(objects.unflatten(1, (other.shape[1], -1)), other, 0.011)
    golden.check(f"contrast/{case}/loss", loss)
    if loss.requires_grad:
        loss.backward()
        golden.check(f"contrast/{case}/grad_other", other.grad, relative=5e-5)
        golden.check(f"contrast/{case}/grad_objects_norm", objects.grad.norm(), relative=5e-5)
    alone = apl.contrast(objects.unflatten(1, (other.shape[1], -1))[:1], other[:1], 0.011)
    golden.check("contrast/batch_of_one", alone)


@pytest.mark.slow
def test_apl_golden_full():
    golden = Golden("nets_c", "apl_fullwidth")
    net = apl.from_official(golden.weights).eval()
    u = (golden.drawn("bbox", (2, 10, 100, 4)) + 1) / 2
    x0, y0 = 0.7 * 640 * u[..., 0], 0.7 * 360 * u[..., 1]
    corners = torch.stack([x0, y0, x0 + 0.3 * 640 * u[..., 2], y0 + 0.3 * 360 * u[..., 3]], dim=-1)
    boxes = corners / torch.tensor([640.0, 360.0, 640.0, 360.0])
    audio, objects = golden.drawn("audio", (2, 10, 128)).abs(), golden.drawn("object", (2, 10, 100, 256))
    output = net.answer(net.watch(audio, objects, boxes), golden["inputs/question"])
    _, total = apl_losses(net, output, golden["inputs/labels"])
    golden.checks({"logits": output.logits, "sentence": output.hidden["question"], "loss_total": total})


def maps(tensor):
    """(row, time, patch, channel) from (row, time, channel, height, width)."""
    return tensor.flatten(3).transpose(2, 3)


def test_sasr_net_golden():
    golden = Golden("nets_c", "sasr_net")
    net = sasr_net.from_official(golden.weights, items=True).eval()
    audio, tokens, labels, items = (golden[f"inputs/{n}"] for n in ("audio", "question", "labels", "items"))
    own, other = maps(golden["inputs/visual_posi"]), maps(golden["inputs/visual_nega"])

    def says(net):
        return net.answer(net.watch(audio, own), tokens)

    output = says(net)
    _, pairs = net.parts(output, labels, other)
    found = net.losses(output, labels, other, items)
    golden.checks({"logits": output.logits, "question_encoder": output.hidden["question"]})
    golden.checks({"map_posi": output.hidden["where"], "fc_gl": output.hidden["seen"]})
    golden.checks({"match_posi": pairs[:, :, 0], "match_nega": pairs[:, :, 1]})
    golden.checks(
        {f"{n}_sources": output.hidden[f"{s}_sources"].sigmoid() for n, s in (("audio", "heard"), ("visual", "seen"))}
    )
    golden.check("outputs/sasr.audio_cug.grouping.assign", output.hidden["heard_assign"])
    golden.check("outputs/sasr.visual_cug.grouping.assign", output.hidden["seen_assign"])
    golden.checks({"loss_total": sum(found.values()), "loss_qa": found["answer"]})
    loss = lambda net: sum(net.losses(says(net), labels, other, items).values())  # noqa: E731
    golden.gradients(gradients(net, golden.weights, sasr_net.translated, loss)[1], relative=5e-5)
    golden.check("traj/losses", trajectory(net, golden.weights, sasr_net.translated, loss), relative=1e-4)
    with pytest.raises(FeatureError, match="steps=10"):
        net.watch(audio[:, :9], own[:, :9])


@pytest.mark.slow
def test_sasr_net_golden_full():
    golden = Golden("nets_c", "sasr_net_fullwidth")
    net = sasr_net.from_official(golden.weights).eval()
    audio = golden.drawn("audio", (2, 10, 128)).abs()
    picture = maps(golden.drawn("visual_posi", (2, 10, 512, 14, 14)).clamp(min=0))
    with torch.no_grad():
        output = net.answer(net.watch(audio, picture), golden["inputs/question"])
    golden.check("outputs/logits", output.logits)


def test_cign_golden():
    golden = Golden("nets_c", "cign")
    hard = bool(torch.isin(golden["outputs/visual_encoder.grouping.assign"], torch.tensor([0.0, 1.0])).all())
    net = cign.from_official(golden.weights, hard).eval()
    picture = golden["inputs/image_map"].flatten(2).transpose(1, 2)[:, None]
    sound, labels = golden["inputs/audio_vector"][:, None], golden["inputs/labels"].float()

    def says(net):
        return net.answer(net.watch(sound, picture))

    output = says(net)
    golden.check("outputs/audio_sources", output.opinions["audio"].sigmoid())
    golden.check("outputs/visual_sources", output.opinions["visual"].sigmoid())
    golden.check("outputs/visual_encoder.grouping.assign", output.hidden["seen_assign"])
    found = net.losses(output, labels)
    golden.checks({"loss_token": found["identity"], "loss_sources": found["seen"] + found["heard"]})
    loss = lambda net: sum(net.losses(says(net), labels).values())  # noqa: E731
    golden.gradients(gradients(net, golden.weights, cign.translated, loss)[1], relative=5e-5)


FRESH = ("fc_cls.weight", "fc_cls.bias")  # beside the new tokens and the maps across tokens


def test_cign_learns_stage_after_stage():
    config = cign.Config(hidden=16, heads=2, depth=1, audio=6, patches=8, stages=[3, 2, 2, 1])
    net = cign.build(config)
    with torch.no_grad():
        net.av_token[0].normal_()
    trained = []
    for classes in (5, 7, 8):
        after = cign.build(replace(net.config, stage=net.config.stage + 1))
        new = checkpoints.inherit(after, net.state_dict(), "before")
        assert {n for n in new if "mlp_inter" not in n} == {f"av_token.{after.config.stage}", *FRESH}
        assert torch.equal(after.av_token[0], net.av_token[0]) and len(torch.cat(list(after.av_token))) == classes
        net = after
        trained.append([token.requires_grad for token in net.av_token])
    assert trained == [[False, True], [False, False, True], [True, True, True, True]]
    output = net.answer(net.watch(torch.randn(2, 4, 6), torch.randn(2, 4, 9, 8)))
    assert output.logits.shape == (2, 8)
    F.cross_entropy(output.logits, torch.tensor([0, 7])).backward()
