"""Files that a user may bring, damaged or hostile: one line each, and nothing is executed or put in from outside."""

import json
import math

import pytest

from lookhear import config, files
from lookhear.errors import FileError, RecipeError, shown
from lookhear.model import costs


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- 1\n- 2\n", "expected keys with values"),
        ("17\n", "not readable as YAML|expected keys"),
        ("just words\n", "no key is called 'just words'"),
        ("seed: [1\n", "not readable as YAML"),
        ("out: ${oc.env:HOME}\n", "nothing is put in"),
        ("net: {name: av_master, note: '${oc.env:HOME}'}\n", "nothing is put in"),
        ("seed: 99999999999999999999999\n", "larger than any number"),
        ("seed: -1\n", "seed=-1: at least 0"),
        ("train: {lr: .nan}\n", "no number to compute with"),
        ("train: {lr: .inf}\n", "no number to compute with"),
        ("train: {lr: -0.1}\n", "lr=-0.1: at least 0"),
        ("train: {batch: 0}\n", "batch=0: at least 1"),
        ("data: {seconds: -3}\n", "seconds=-3: at least 1"),
        ("data: {seconds: null, clips: -1}\n", "clips=-1: at least 0"),
        ("\x00\x01", "not readable as YAML"),
    ],
)
def test_a_recipe_that_is_none_is_one_line(tmp_path, text, says):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=says) as caught:
        config.load(path)
    assert "\n" not in str(caught.value)


def test_a_recipe_of_aliases_takes_no_memory(tmp_path):
    path = tmp_path / "recipe.yaml"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefghi", "bcdefghij", strict=True)]
    path.write_text("\n".join(lines))
    with pytest.raises(RecipeError, match="more than 100,000 values"):
        config.load(path)


def test_json_is_always_json(tmp_path):
    value = {"a": math.nan, "b": [math.inf, 1.5], "c": ("x", {"d": -math.inf}), "e": "half \ud83d", "f": "ä\u2028"}
    found = json.loads(files.dumps(value), parse_constant=lambda name: pytest.fail(name))
    assert found == {"a": None, "b": [None, 1.5], "c": ["x", {"d": None}], "e": "half \ud83d", "f": "ä\u2028"}
    files.write_json(tmp_path / "v.json", value)
    assert files.read_json(tmp_path / "v.json", dict) == found


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[1, 2]", "expected a JSON object"),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": -Infinity}', "-Infinity is no number"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_json_of_another_shape_is_one_line(tmp_path, content, says):
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(FileError, match=says) as caught:
        files.read_json(path, dict)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_lines_end_at_the_line_feed_alone(tmp_path):
    path = tmp_path / "log.jsonl"
    texts = ["one\u2028two", "a\x0bb\x0cc\x85d", "last"]
    path.write_bytes(b"".join(files.dumps({"t": t}).encode() + b"\n" for t in texts) + b'{"t": "to')
    assert [line["t"] for line in files.json_lines(path)] == texts


def test_escapes_are_seen_and_not_obeyed():
    assert shown("\x1b[31mred\x1b]0;title\x07\r\x9b2J") == "\\x1b[31mred\\x1b]0;title\\x07\\r\\x9b2J"
    assert shown("ä 漢字\n\tok") == "ä 漢字\n\tok"
    assert shown("\u202edcba\ud800") == "\\u202edcba\\ud800"


def test_json_stays_json_whatever_it_holds():
    nasty = {"reply": "a\x7f\x9b2J\u202e\x00\n\u00e9\U0001f3bb"}
    text = files.dumps(nasty)
    assert json.loads(text) == nasty and shown(text) == text and "\u00e9\U0001f3bb" in text
    assert files.dumps("\ud83d") == '"\\ud83d"'


def test_neither_an_error_nor_an_answer_writes_an_escape(lookhear, tmp_path):
    ran = lookhear("list", "\x1b[2Jnets")
    assert ran.code
    assert "\x1b" not in ran.out + ran.err
    assert "\\x1b[2Jnets" in ran.out + ran.err
    from lookhear.cli._terminal import escaped_output

    with escaped_output():
        print("name \x1b[8mhidden\ud83d")  # noqa: T201


@pytest.mark.parametrize("name", [["av_master"], {"a": 1}, 17])
def test_a_name_that_is_no_text_is_one_line(name):
    with pytest.raises(RecipeError, match=r"name is .*, not a text") as caught:
        config.build("nets", {"name": name})
    assert "\n" not in str(caught.value)


def test_what_is_quoted_is_cut():
    with pytest.raises(RecipeError) as caught:
        config.parse(config.Recipe, {"A" * 5000: 1}, "recipe")
    assert len(str(caught.value)) < 300 and "There are: data," in str(caught.value)


@pytest.mark.parametrize("told", ['{"parameters": [1]}', '{"clip": "x"}', '{"question": {}}', "[]"])
def test_costs_of_another_kind_are_one_line(tmp_path, told):
    (tmp_path / "costs.json").write_text(told)
    with pytest.raises(FileError, match=r"costs\.json: "):
        costs.read(tmp_path)


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000, "a: " * 50_000])
def test_deep_nesting_does_not_end_the_process(tmp_path, text):
    """libyaml recurses in C: fifty thousand brackets overflow the stack, which no exception tells of."""
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    with pytest.raises(RecipeError, match=r"not readable as YAML|expected keys"):
        config.load(recipe)


@pytest.mark.parametrize("section", ["net", "train", "data", "features"])
@pytest.mark.parametrize("value", [[1], [[1]], [], 3, "x", [{"a": 1}]])
def test_sections_of_another_kind_are_one_line(tmp_path, section, value):
    recipe = tmp_path / "recipe.yaml"
    told = {"data": {"name": "ave", "root": "x"}, "net": {"name": "gated"}, "features": {"audio": "vggish"}}
    recipe.write_text(json.dumps(told | {section: value}))
    with pytest.raises(RecipeError) as caught:
        config.load(recipe)
    assert "\n" not in str(caught.value)
