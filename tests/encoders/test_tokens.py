"""Questions as numbers: the published vocabulary of AVST, and BERT's pieces."""

import json

import pytest
import torch

from lookhear.encoders import avst_words, bert_tokens, bert_words
from lookhear.errors import FeatureError, ModelError, RecipeError
from lookhear.nets import avst
from lookhear.soundstage.questions.programs import TEMPLATES
from tests.conftest import shared


def test_published_vocabulary():
    encoder = avst_words.build(avst_words.Config())
    assert encoder.streams == {"tokens": 93} == {"tokens": avst.Config().tokens}
    (out,) = encoder(["How many instruments are sounding in the video? "])
    assert out["tokens"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8] + [0] * 16
    assert encoder.tokens("Is the clarinet louder than the flute？")[0] != encoder.tokens("is")[0], "capitals count"
    assert encoder.signature() != avst_words.build(avst_words.Config(rows=14)).signature()


def test_rows_are_named_by_their_words():
    spelled = avst_words.pieces(avst_words.Config(unknown="skip"))("Is the acoustic_guitar, or theremin, louder?")
    assert spelled == ["Is", "the", "acoustic guitar", "louder"]


def test_it_is_the_published_list():
    listed = shared("data", "music_avqa", "ques_vocab.txt").read_text("utf-8").split()
    assert ["<pad>", *avst_words.WORDS] == listed[:93]


def test_every_question_of_the_real_test_split_can_be_read():
    rows = json.loads(shared("data", "music_avqa", "avqa-test.json").read_text("utf-8"))
    encoder = avst_words.build(avst_words.Config(rows=20))
    for row in rows:
        text = row["question_content"]
        for value in json.loads(row["templ_values"]):
            text = text.replace(text[text.index("<") : text.index(">") + 1], value, 1)
        encoder.tokens(text)


def test_the_soundstages_questions_can_be_read():
    encoder = avst_words.build(avst_words.Config(unknown="skip"))
    for template in TEMPLATES:
        plain = [w for w in template.rstrip("?").split() if "<" not in w]
        assert int((encoder.tokens(template) != 0).sum()) == len(plain), template


def test_words_it_does_not_know(tmp_path):
    encoder = avst_words.build(avst_words.Config())
    with pytest.raises(FeatureError, match="'theremin' in 'Is the theremin loud"):
        encoder(["Is the theremin louder?"])
    skipping = avst_words.build(avst_words.Config(unknown="skip"))
    assert torch.equal(skipping.tokens("Is the theremin louder?"), skipping.tokens("Is the louder?"))
    (tmp_path / "words").write_text("Is\nthe\ntheremin\nlouder\n", "utf-8")
    own = avst_words.build(avst_words.Config(vocabulary=str(tmp_path / "words"), rows=4))
    assert own.tokens("Is the theremin louder?").tolist() == [1, 2, 3, 4] and own.streams == {"tokens": 5}
    with pytest.raises(FeatureError, match="more than rows=4"):
        own.tokens("Is the theremin louder Is?")
    with pytest.raises(ModelError, match="No vocabulary"):
        avst_words.build(avst_words.Config(vocabulary=str(tmp_path / "none")))
    (tmp_path / "words").write_text("a\na\n", "utf-8")
    with pytest.raises(ModelError, match="one different word"):
        avst_words.build(avst_words.Config(vocabulary=str(tmp_path / "words")))
    with pytest.raises(RecipeError, match="refuse, skip"):
        avst_words.build(avst_words.Config(unknown="drop"))


def test_bert(tmp_path):
    vocabulary(tmp_path)
    encoder = bert_tokens.build(bert_tokens.Config(weights=str(tmp_path), rows=9))
    (out,) = encoder(["Is the clarinets loud? "])
    assert out["tokens"].tolist() == [2, 5, 6, 7, 8, 9, 10, 3, 0]
    assert encoder.streams == {"tokens": 11}
    spelled = bert_tokens.pieces(encoder.config)("Is the clarinets loud? ")
    assert spelled == ["[CLS]", "is", "the", "clarinet", "##s", "loud", "?", "[SEP]"]
    with pytest.raises(FeatureError, match="more than rows=9"):
        encoder(["is is is is is is is is is"])
    cut = bert_tokens.build(bert_tokens.Config(weights=str(tmp_path), rows=5, truncate=True))
    assert cut(["Is the clarinets loud?"])[0]["tokens"].tolist() == [2, 5, 6, 7, 3]
    with pytest.raises(ModelError, match="No tokenizer"):
        bert_tokens.build(bert_tokens.Config(weights=str(tmp_path / "none")))


def vocabulary(folder):
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "is", "the", "clarinet", "##s", "loud", "?"]
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words), "utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["Bert", "VisualBert"])
def test_bert_words_are_the_networks_last_hidden_states(tmp_path, kind):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    net = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(vocab_size=11, **sizes)).eval()
    net.save_pretrained(tmp_path / "net")
    words = vocabulary(tmp_path / "words")
    encoder = bert_words.build(bert_words.Config(str(tmp_path / "net"), str(words), rows=9))
    short, long = encoder(["Is the clarinets loud?", "is is is is is is"])
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 10, 3]])
    with torch.inference_mode():
        theirs = net(input_ids=ids).last_hidden_state[0]
    assert encoder.streams == {"question": 16, "words": 16}
    assert torch.allclose(short["words"][:8], theirs, atol=1e-5)
    assert not short["words"][8].any()
    assert torch.equal(short["question"], short["words"][0])
    assert long["words"].shape == (9, 16)
    assert str(tmp_path) not in json.dumps(encoder.signature())
    (words / "vocab.txt").unlink()
    transformers.ViTModel(transformers.ViTConfig(**sizes, image_size=32)).save_pretrained(tmp_path / "vit")
    with pytest.raises(ModelError, match="is a vit, not a BERT"):
        bert_words.build(bert_words.Config(str(tmp_path / "vit"), str(words)))
    with pytest.raises(ModelError, match="No BERT at"):
        bert_words.build(bert_words.Config(str(tmp_path / "none")))
