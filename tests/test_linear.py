"""Time grows no faster than length: every regular expression of the package, and every reader of what people write.

The expressions are found in the source, so that a new one is tested without being named here. Each must search a
megabyte in a tenth of a second of processor time; a tenth of a megabyte is tried first, so that one that does not
fails soon.
"""

import ast
import importlib
import pkgutil
import random
import re
import time
from functools import cache
from pathlib import Path

import lookhear

MEGABYTE, ALLOWED = 1_000_000, 0.1
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
    everything = "\n".join(text for _, _, text in sources().values())
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
                used = set(re.findall(rf"\b{own}\.(\w+)\(", everything))
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
