"""Routers and heads: what the recorder counts, by phase, kind of token and example; dropping; likeness; plots."""

import numpy as np
import pytest
import torch

from lookhear.errors import LookhearError
from lookhear.evaluate.draw import routers as routers_plot
from lookhear.evaluate.study import routers
from lookhear.ilora import method as ilora
from lookhear.ilora.routes import similarity
from lookhear.llms import crab_plus
from lookhear.types import Media
from tests.evaluate import tiny


@pytest.fixture(scope="module")
def llm(tmp_path_factory):
    made = crab_plus.load(tiny.folder(tmp_path_factory.mktemp("tiny")))
    with pytest.raises(LookhearError, match="has no I-LoRA adapters"), routers.recorded(made):
        pass
    torch.manual_seed(0)
    made.adapt(ilora.ILoraConfig(r=4, alpha=8, heads=3, init_weights=False))
    made.model.eval()
    return made


def clip(seed: int) -> Media:
    draw = np.random.default_rng(seed)
    frames = draw.integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    sound = draw.normal(0, 0.1, 32_000).astype(np.float32)
    return Media(frames, np.arange(4.0), sound, 16_000, 4.0)


@pytest.fixture(scope="module")
def record(llm):
    with routers.recorded(llm) as found:
        seen = llm.watch([clip(0), clip(1)])
        llm.answer(seen, [0, 1, 1], ["Which?", "Which instrument sounds first?", "How many?"], max_tokens=5)
    assert all(layer.listener is None for layer in ilora.layers(llm.model).values())
    return found


def test_weights_are_shares_and_kinds_add_up(llm, record):
    means = record.means()
    assert len(means) == 2 * 7, "seven layers in each of two blocks"
    assert all(value.sum() == pytest.approx(1, abs=1e-6) and (value > 0).all() for value in means.values())
    counts = sum(call.counts.sum(axis=0) for call in record.calls)
    media = sum(
        (np.array(llm.prefix(llm.prepare(clip(n))))[:, None] == [llm.places["video"], llm.places["audio"]]).sum(0)
        for n in (0, 1)
    )
    assert counts[1:].tolist() == media.tolist(), "each token of picture and sound once"
    whole = (
        sum(record.means("all", kind)[name] * counts[k] for k, kind in enumerate(routers.MODALITIES)) / counts.sum()
        if (name := next(iter(means)))
        else 0
    )
    assert whole == pytest.approx(means[name])


def test_phases(record):
    assert [call.phase for call in record.calls][:2] == ["prefill", "prefill"] and record.calls[-1].phase == "decode"
    assert record.means("decode", "video") == {} and record.means("decode", "text")
    with pytest.raises(LookhearError, match="No phase is called 'x'"):
        record.means("x")
    with pytest.raises(LookhearError, match="No kind of token is called 'x'"):
        record.means("all", "x")


def test_padding_is_not_counted_and_examples_stay_apart(llm, record):
    with routers.recorded(llm) as alone:
        llm.answer(llm.watch([clip(1)]), [0], ["How many?"], max_tokens=5)
    together = record.examples("prefill", "text")
    assert together.shape == (2 + 3, 14, 3), "two clips, then three questions, the shorter ones padded"
    mine = alone.examples("prefill", "text")[-1]
    near = np.abs(together[2:] - mine).max(axis=(1, 2))
    assert near.min() < 1e-4 and np.sort(near)[1] > 1e-3, "as if asked alone, and not as the others"


def test_places_and_averages(record):
    assert routers.place("model.language_model.layers.3.self_attn.q_proj") == (3, "q_proj")
    assert routers.place("visual.blocks.11.mlp.up_proj") == (11, "up_proj")
    with pytest.raises(LookhearError, match="no layer of a block"):
        routers.place("lm_head")
    assert routers.by_depth(record.means()).shape == (2, 3) and len(routers.by_module(record.means())) == 7
    liked = routers.preferences({"a": np.array([0.5, 0.5]), "b": np.array([0.3, 0.7])})
    assert liked["a"] == pytest.approx([0.1, -0.1])


def test_apart_is_1_for_clusters_and_0_for_chance():
    draw = np.random.default_rng(0)
    noise = draw.normal(size=(60, 3))
    assert abs(routers.apart({"a": noise[:30], "b": noise[30:]})) < 0.1
    assert routers.apart({"a": noise[:30] * 0.01, "b": noise[30:] * 0.01 + 1}) > 0.99


def test_likeness_of_heads(llm):
    found = routers.alike(llm.model)
    assert all(np.diag(one) == pytest.approx(1) for one in found.values())
    assert abs(routers.between(np.mean(list(found.values()), axis=0))) < 0.2, "random heads are not alike"
    layer = next(iter(ilora.layers(llm.model).values()))
    with torch.no_grad():
        before = layer.ilora_B["default"].clone()
        layer.ilora_B["default"][:, 1] = layer.ilora_B["default"][:, 0]
        one = next(iter(routers.alike(llm.model).values()))
        layer.ilora_B["default"].copy_(before)
    assert one[0, 1] == pytest.approx(1)
    assert set(found) == set(similarity(llm.model))
    assert routers.between(next(iter(found.values()))) == pytest.approx(
        next(iter(similarity(llm.model).values())), abs=1e-5
    )


def test_a_dropped_head_changes_what_is_said_and_comes_back(llm):
    asks = [[("Which?", "two")]]
    with torch.no_grad():
        whole = llm.loss([clip(0)], asks)
        with ilora.without_heads(llm.model, 1):
            assert llm.loss([clip(0)], asks) != whole
        assert llm.loss([clip(0)], asks) == whole


def test_the_page_of_plots(record, llm, tmp_path):
    points = {"event": record.examples(), "question": record.examples()[::-1]}
    routers_plot.draw(points, routers.by_depth(record.means()), routers.alike(llm.model), tmp_path / "routers.png")
    assert (tmp_path / "routers.png").stat().st_size > 20_000
