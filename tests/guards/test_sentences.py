"""What goes wrong is said in sentences that every page can translate, and so is what is explained."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web import STAGES

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(path for stage in (*STAGES, "core") for path in (ROOT / stage).rglob("*.py"))

# Mistakes by their class, with the places of their sentences among the arguments.
MISTAKES = {
    "CrusoeError": (1, 2),
    "HeaderInjected": (1, 2),
    "NotAllowed": (1, 2),
    "NotFound": (1, 2),
    "NotReachable": (1, 2),
    "Rejected": (2,),
    "Rejection": (3,),
    "TooLarge": (1, 2),
    "WrongInput": (1, 2),
    "_info": (1, 2),
    "_warn": (1, 2),
}
SENTENCES = {"message", "remedy", "explanation"}
PLACE = re.compile(r"%\((\w+)\)s")


def calls(path: Path, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def spoken(call: ast.Call) -> Iterator[ast.expr]:
    """The arguments of a mistake that people read."""
    for place in MISTAKES[call.func.id]:
        yield from call.args[place : place + 1]
    yield from (keyword.value for keyword in call.keywords if keyword.arg in SENTENCES)


def is_fixed_in_english(words: ast.expr) -> bool:
    """A literal, or a text put together from one: nothing that a catalogue could hold."""
    match words:
        case ast.Constant(value=str(value)):
            return value != ""
        case ast.JoinedStr():
            return True
        case ast.BinOp():
            return True
        case ast.IfExp():
            return is_fixed_in_english(words.body) or is_fixed_in_english(words.orelse)
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_mistake_is_told_in_one_language_only(path):
    wrong = [
        f"line {words.lineno}: {ast.unparse(words)}"
        for call in calls(path, set(MISTAKES))
        for words in spoken(call)
        if is_fixed_in_english(words)
    ]
    assert wrong == []


def test_the_words_of_a_sentence_are_a_literal_and_its_places_have_values():
    wrong = []
    for path in FILES:
        if path == ROOT / "core" / "sentences.py":
            continue
        for call in calls(path, {"say"}):
            words = call.args[0]
            if not isinstance(words, ast.Constant):
                # Its words come from another sentence, which is a literal.
                wrong += [] if isinstance(words, ast.Attribute) and words.attr == "words" else [f"{path}:{call.lineno}"]
                continue
            given = {keyword.arg for keyword in call.keywords}
            if None not in given and given != set(PLACE.findall(words.value)):
                wrong.append(f"{path}:{call.lineno}: {words.value}")
    assert wrong == []
