"""The environment that mail content runs in, and the check that refuses what it must not contain.

Jinja's own sandbox is one layer: every few years somebody finds a way out of it, and it limits neither memory nor time.
So the language is cut down to what a mail needs, before anything runs: no calls, no assignments, no inheritance, no
loops but over a written list, names from a closed vocabulary, filters and tests from a closed list, and limits on every
size. What is left ends in time proportional to its length.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.errors import WrongInput
from core.sentences import say
from templates.filters import FILTERS, INTERNAL, TESTS, number_only, printable
from templates.grammar import not_understood
from templates.places import named, place
from templates.vocabulary import FOOTER, GROUPS, LOOP, RESERVED, Vocabulary

LONGEST_SOURCE = 256 * 1024
MOST_NODES = 20_000
MOST_TOKENS_IN_A_TAG = 200
DEEPEST_BRACKETS = 20
DEEPEST_BLOCKS = 10
DEEPEST_LOOPS = 2
LONGEST_LIST = 50
LONGEST_CONSTANT = 1_000


class MailEnvironment(ImmutableSandboxedEnvironment):
    """Attributes are keys of plain dicts; operators take numbers; there are no globals."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(autoescape=autoescape, finalize=printable, cache_size=0, keep_trailing_newline=True)
        self.globals.clear()
        self.filters = FILTERS | INTERNAL
        self.tests = dict(TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The value under this key, or an undefined one; nothing but dicts and the counter of a loop has any."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        return self.undefined(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ARG002 - the signature is Jinja's
        """Nothing: `x[y]` is refused when a template is saved."""
        return self.undefined(name=str(argument))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        """Arithmetic on numbers of sane size."""
        return "" if operator == "**" else number_only(operator, left, right)


HTML = MailEnvironment(autoescape=True)
PLAIN = MailEnvironment(autoescape=False)

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Getattr, nodes.Const,
    nodes.List, nodes.Tuple, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat,
    nodes.CondExpr, nodes.Keyword,
)  # fmt: skip

_DEEPER = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1, "if": 1, "for": 1, "endif": -1, "endfor": -1}


def inspect(source: str, *, vocabulary: Vocabulary, part: str) -> frozenset[str]:
    """Check one part of a template (`subject`, `body`, ...) and answer the names it merges, like `contact.number`.

    Raises WrongInput with the line and what to do about it.
    """
    if len(source) > LONGEST_SOURCE:
        raise WrongInput(
            "template_too_large",
            say("This is longer than %(limit)s KB.", limit=LONGEST_SOURCE // 1024),
            where=named(part),
        )
    try:
        _count(source, part=part)
        tree = HTML.parse(source)
    except TemplateSyntaxError as error:
        raise WrongInput(
            "template_syntax",
            not_understood(error.message),
            say("Check the tag on this line and those before it."),
            place(part, error.lineno),
        ) from error
    inspector = _Inspector(vocabulary=vocabulary, part=part)
    inspector.walk(tree, loops=())
    return frozenset(inspector.found)


def _count(source: str, *, part: str) -> None:
    """Refuse what would overwhelm the parser itself, from the tokens alone."""
    tokens = brackets = blocks = 0
    names_a_block = False
    for line, kind, value in HTML.lex(source):
        if kind == "raw_begin":
            raise WrongInput("not_allowed", say("Mails may not use raw."), _ALLOWED_INSTEAD, place(part, line))
        tokens = 0 if kind.endswith(("_begin", "_end")) else tokens + 1
        brackets += _DEEPER.get(value, 0) if kind == "operator" else 0
        blocks += _DEEPER.get(value, 0) if kind == "name" and names_a_block else 0
        names_a_block = kind == "block_begin" or (names_a_block and kind == "whitespace")
        if tokens > MOST_TOKENS_IN_A_TAG or brackets > DEEPEST_BRACKETS or blocks > DEEPEST_BLOCKS:
            raise WrongInput(
                "template_too_complex",
                say("This is nested too deeply or one tag is too long."),
                say("Make it simpler."),
                place(part, line),
            )


class _Inspector:
    """Walks the syntax tree of one part."""

    def __init__(self, *, vocabulary: Vocabulary, part: str) -> None:
        self.vocabulary = vocabulary
        self.part = part
        self.found: set[str] = set()
        self.seen = 0

    def walk(self, node: nodes.Node, *, loops: tuple[str, ...]) -> None:
        """Refuse the first thing that is not allowed below this node."""
        self.seen += 1
        if self.seen > MOST_NODES:
            raise self.refuse(
                node, "template_too_complex", say("This template has too many parts."), say("Make it simpler.")
            )
        if not isinstance(node, _ALLOWED):
            name = type(node).__name__.lower()
            message = say("Mails may not use %(what)s.", what=_WORDS.get(name, name))
            raise self.refuse(node, "not_allowed", message, _ALLOWED_INSTEAD)
        check = getattr(self, f"_{type(node).__name__.lower()}", None)
        inner = check(node, loops) if check else loops
        if inner is None:
            return
        for child in node.iter_child_nodes():
            self.walk(child, loops=inner)

    def refuse(self, node: nodes.Node, code: str, message: str, remedy: str) -> WrongInput:
        return WrongInput(code, message, remedy, place(self.part, node.lineno))

    def _name(self, node: nodes.Name, loops: tuple[str, ...]) -> tuple[str, ...] | None:
        if node.name in loops or node.ctx == "store":
            return loops
        if node.name not in self.vocabulary.plain and node.name != FOOTER:
            raise self.vocabulary.unknown(node.name, where=place(self.part, node.lineno))
        self.found.add(node.name)
        return loops

    def _getattr(self, node: nodes.Getattr, loops: tuple[str, ...]) -> None:
        owner = node.node.name if isinstance(node.node, nodes.Name) else "..."
        known = owner not in loops and (owner != "loop" or loops) and self.vocabulary.has(owner, node.attr)
        if not known:
            raise self.vocabulary.unknown(f"{owner}.{node.attr}", where=place(self.part, node.lineno))
        if owner != "loop":
            self.found.add(f"{owner}.{node.attr}")

    def _for(self, node: nodes.For, loops: tuple[str, ...]) -> tuple[str, ...]:
        written = isinstance(node.iter, nodes.List | nodes.Tuple) and len(node.iter.items) <= LONGEST_LIST
        if not written or not isinstance(node.target, nodes.Name) or node.recursive or len(loops) >= DEEPEST_LOOPS:
            raise self.refuse(
                node,
                "loop_not_allowed",
                say(
                    "A loop runs over a list written in the template, of at most %(most)s things, and not more than"
                    " %(deepest)s deep.",
                    most=LONGEST_LIST,
                    deepest=DEEPEST_LOOPS,
                ),
                say("Write it like %(example)s.", example="{% for item in ['red', 'green'] %}"),
            )
        if node.target.name in self.vocabulary.plain | GROUPS | {FOOTER} or node.target.name.startswith(RESERVED):
            message = say("%(name)s has a meaning already.", name=node.target.name)
            raise self.refuse(node, "name_taken", message, say("Choose another name."))
        return (*loops, node.target.name)

    def _const(self, node: nodes.Const, loops: tuple[str, ...]) -> tuple[str, ...]:
        if len(str(node.value)) > LONGEST_CONSTANT:
            message = say("A value written here is too long.")
            raise self.refuse(node, "template_too_complex", message, say("Make it shorter."))
        return loops

    def _filter(self, node: nodes.Filter, loops: tuple[str, ...]) -> tuple[str, ...]:
        return self._listed(node, FILTERS, loops, say("There is no filter %(name)s.", name=node.name))

    def _test(self, node: nodes.Test, loops: tuple[str, ...]) -> tuple[str, ...]:
        return self._listed(node, TESTS, loops, say("There is no test %(name)s.", name=node.name))

    def _listed(
        self, node: nodes.Filter | nodes.Test, known: Mapping[str, Any], loops: tuple[str, ...], message: str
    ) -> tuple[str, ...]:
        kind = type(node).__name__.lower()
        if node.name not in known or node.node is None or node.dyn_args or node.dyn_kwargs:
            remedy = say("Known are: %(known)s.", known=", ".join(sorted(known)))
            raise self.refuse(node, f"{kind}_unknown", message, remedy)
        return loops


_WORDS = {
    "include": "include", "import": "import", "fromimport": "import", "extends": "extends", "block": "block",
    "macro": "macro", "callblock": "call", "call": say("calls"), "assign": "set", "assignblock": "set", "pow": "**",
    "getitem": say("brackets after a name"), "slice": say("slices"), "filterblock": say("filter blocks"),
    "with": "with", "dict": say("dicts"), "scope": "autoescape",
}  # fmt: skip
_ALLOWED_INSTEAD = say("Allowed are merge fields, filters, conditions and loops over a written list.")
