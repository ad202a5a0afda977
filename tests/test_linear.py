"""Time grows no faster than length: every regular expression of the package, and every reader of what people write.

The expressions are found in the source, so that a new one is tested without being named here. Each reader must take
a megabyte in a second of processor time, on a machine that does other things beside. Shorter texts are tried first,
so that a slow one fails soon. The fast tests try every repeated piece of text at a tenth of the length and a few at
full length; `make test-slow` tries all at full length.
"""

import ast
import importlib
import pkgutil
import random
import re
import time
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

import lookhear
from lookhear import errors, tasks
from lookhear.curate.instruct import check, phrases
from lookhear.curate.robust import endpoint, rephrase
from lookhear.datasets.reading import choices, replies, times
from lookhear.evaluate import predictions
from lookhear.llms.crab import text as crab_text
from lookhear.metrics import captions, official
from lookhear.model import llm, within
from lookhear.serve import messages
from lookhear.serve.routes import chat
from lookhear.serve.schemas import ChatBody
from lookhear.timeline import grammar
from lookhear.timeline import reading as timeline_reading
from lookhear.types import Answer, Clip, Example

MEGABYTE, ALLOWED = 1_000_000, 1.0  # seconds of CPU; most take below 0.1 on a calm machine
FUNCTIONS = {"compile", "match", "search", "sub", "subn", "fullmatch", "findall", "finditer", "split"}
FLAGS = {"I": re.I, "IGNORECASE": re.I, "DOTALL": re.S, "S": re.S, "ASCII": re.A, "M": re.M, "MULTILINE": re.M}
PIECES = (
    *(" ", "\n", "\t ", "a", "A", "1", "a ", "1 ", "a.", "1.", ".", ",", "a,", "a, ", "(", "((a", "[", "<", "<a", "</"),
    *("<a>", "{", "}", "\\", "*", "_", "a_", "-", "a-", "'", "n't", '"', "“", "|", "/", ":", "1:", "1:00", "=", "a="),
    *("the ", "is ", "no ", "not ", "and ", "or ", "one ", "of the ", "it is ", "Is there a ", "<answer>", "<think>"),
    *(
        "answer",
        "answer: ",
        "s",
        "ss",
        "1 s ",
        "1 to ",
        "A) ",
        "(A) ",
        "A\n",
        "- a\n",
        "é",
        "答",
        "\u2028",
        "\ud800",
        "\0",
    ),
)


# quadratic, on texts that are cut: statements to 8,000 characters, questions about a timeline to 1,000
CUT = ("lookhear.curate.instruct.facts:", "lookhear.tasks.reading.patterns:", "lookhear.timeline.grammar:")


def modules():
    """Every module of the package that can be imported here."""
    for found in pkgutil.walk_packages(lookhear.__path__, "lookhear."):
        if found.name.endswith("__main__"):
            continue
        try:
            yield importlib.import_module(found.name)
        except ImportError:
            continue


@cache
def sources():
    """Module name -> (module, its syntax tree, its text)."""
    found = {}
    for module in modules():
        text = Path(module.__file__).read_text("utf-8")
        found[module.__name__] = module, ast.parse(text), text
    return found


@cache
def expressions():
    """Where -> (expression, whether it is only ever held against a text's beginning).

    Of each call of `re` whose pattern is a constant, or can be made of the module's own names, and of each constant.
    """
    found = {}
    uses = defaultdict(set)
    for _, _, text in sources().values():
        for name, method in re.findall(r"\b([A-Za-z_]\w*)\.(\w+)\(", text):
            uses[name].add(method)
    for name, (module, tree, _) in sources().items():
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "re"):
                continue
            kind = call.func.attr
            if kind == "compile" or kind not in FUNCTIONS:
                continue  # constants follow
            try:
                text = eval(compile(ast.Expression(call.args[0]), "pattern", "eval"), vars(module))
            except (NameError, TypeError, AttributeError):
                continue  # made of a function's own names: the readers below use it
            parts = [
                part.attr
                for word in call.keywords + call.args[2:]
                for part in ast.walk(word)
                if isinstance(part, ast.Attribute)
            ]
            flags = sum({FLAGS[part] for part in parts if part in FLAGS})
            found[f"{name}:{call.lineno}"] = re.compile(text, flags), kind in ("match", "fullmatch")
        for own, value in vars(module).items():
            if (
                isinstance(value, re.Pattern)
                and isinstance(value.pattern, str)
                and f"{own} = re.compile" in sources()[name][2]
            ):
                used = uses[own]
                found[f"{name}:{own}"] = value, bool(used) and used <= {"match", "fullmatch"}
    return found


def words_of(pattern):
    """Texts that the expression itself is made of, so that it begins to match everywhere."""
    literals = re.findall(r"[A-Za-z][a-z' ]{1,20}", pattern.pattern)
    dice = random.Random(len(pattern.pattern))
    return [f"{word} " for word in dice.sample(literals, min(4, len(literals)))]


def slow(pattern, anchored, piece, length):
    """Processor seconds to find all in so many characters."""
    text = (piece * (length // len(piece) + 1))[:length]
    best = 9.0
    for _ in range(2):
        began = time.process_time()
        for _ in () if anchored else pattern.finditer(text):
            pass
        pattern.match(text), pattern.fullmatch(text)
        best = min(best, time.process_time() - began)
        if best < ALLOWED / 10:
            break
    return best


def readers():
    """Name -> a function of one text that people or models write. Tasks' own parsers: `tests/tasks/test_replies.py`."""
    example = Example("1", "question_answering", Clip(None, None), "How many {a}?", Answer("two"))
    found = {
        "instruct: fault": lambda text: check.fault(example, text),
        "instruct: spoken": phrases.spoken,
        "robust: list": endpoint._json_list,
        "robust: sound": lambda text: endpoint._sound(text, "Is it?", ["a"]),
        "robust: articles": rephrase.articles,
        "times of a reply": lambda text: llm.seconds(text, "a", 60.0),
        "words within": lambda text: within.notes(text, text, frozenset(), ("yes",)),
        "question answering": lambda text: tasks.find("question_answering").parse(text, example, ("one", "two")),
        "question of a timeline": grammar.read,
        "reply about a timeline": timeline_reading.without_citations,
        "options of a message": messages.split_options,
        "cut of a completion": lambda text: chat._cut(
            text, ChatBody(model="a", messages=[{"role": "user", "content": "a"}], max_tokens=9)
        ),
        "tokens of a completion": chat._tokens,
        "tags of a reply": lambda text: replies.tagged(text, "answer", "event"),
        "events of a reply": replies.events,
        "coordinates of a reply": replies.coordinates,
        "stretches of time": times.stretches,
        "moments": times.moments,
        "options of a record": choices._of_text,
        "words of a caption": captions.words,
        "terminal": errors.shown,
        "spelling of a prediction": predictions._plain,
        "prompt without marks": crab_text.escaped_placeholders,
    }
    rules = {
        f"official: {rule}": lambda text, rule=rule: official.verdict(rule, text, ["a", "b"], "a")
        for rule in official.RULES
    }
    return found | rules


NUMBERS = (
    "9" * 4301,
    f"[{'9' * 4301},2,3,4]",
    f"{'9' * 4301} s to {'9' * 4301} s",
    f"1.{'0' * 5000}",
    '{"a": ' + "9" * 4301 + "}",
)


def takes(read, piece, length, allowed):
    """Assert that `read` takes so many characters of a repeated piece in the allowed seconds of processor time."""
    text = (piece * (length // len(piece) + 1))[:length]
    best = 9.0
    for _ in range(3):
        began = time.process_time()
        read(text)
        best = min(best, time.process_time() - began)
        if best < allowed:
            return
    raise AssertionError((piece, length, best))


@pytest.mark.parametrize("name", readers())
def test_a_reader_takes_a_megabyte_in_a_second(name):
    """And no number is too long for it."""
    read = readers()[name]
    for text in NUMBERS:
        read(text)
    for piece in PIECES:
        takes(read, piece, MEGABYTE // 50, ALLOWED / 10)
    for piece in random.Random(name).sample(PIECES, 6):
        takes(read, piece, MEGABYTE, ALLOWED)


@pytest.mark.slow
@pytest.mark.parametrize("name", readers())
def test_a_reader_takes_a_megabyte_of_every_piece_in_a_second(name):
    for piece in PIECES:
        for length in (MEGABYTE // 50, MEGABYTE):
            takes(readers()[name], piece, length, ALLOWED)


@pytest.mark.parametrize("pieces", [4, pytest.param(24, marks=pytest.mark.slow)])
def test_every_expression_is_linear(pieces):
    """A quadratic one takes seconds for 30,000 characters, an exponential one for thirty."""
    assert len(expressions()) > 250
    dice, late = random.Random(0), {}
    for where, (pattern, anchored) in expressions().items():
        for piece in (*dice.sample(PIECES, pieces), *words_of(pattern)):
            few, most = (1000, 1000) if where.startswith(CUT) else (3000, 30_000)
            if slow(pattern, anchored, piece, few) > ALLOWED / 3 or slow(pattern, anchored, piece, most) > ALLOWED:
                late[where] = piece
                break
    assert late == {}
