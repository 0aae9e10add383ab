"""Mail text in the form in which it travels: quoted-printable (RFC 2045, section 6.7), piece by piece.

Each piece begins and ends at the start of a line, so pieces can be put together in any order and number without
counting the length of a line again. What a template says for everybody is encoded once, when it is compiled; for a
recipient only the merged values are, which takes a fraction of the time of encoding the whole mail.

Blanks are encoded wherever the signature's canonical form would change them (RFC 6376, section 3.4.4), so the bytes
that leave are the bytes that are signed.
"""

import re
from binascii import b2a_qp
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer
from markupsafe import escape

from templates.filters import printable
from templates.sandbox import MailEnvironment

# With the `=` that ends it a line has the 76 characters that are allowed.
WIDTH = 75
# Characters that are likely to fit into one line, whatever they are.
SHORT = 40
SOFT_BREAK = "=\r\n"
# `/c/` and what else stands between the base of our addresses and a token.
LONGEST_PATH = 8
# Before the name of an address that comes quoted already.
READY = "ready_"

_ADDRESS = re.compile(r"(?:unsubscribe|preferences|why|renew|pixel)_url|url_\d+")
# No line end, no tab, no NUL, no two blanks in a row.
_FITS_A_LINE = re.compile(r"(?: ?[^\x00-\x20])+ ?")
# One line that stands for itself in quoted-printable and in HTML, and that no filter would change.
_ORDINARY = re.compile(r"(?!\.)(?: ?[!#-%(-;?-~]){1,37} ?")
# Letters and digits of any script, one blank between words: nothing of it is filtered out or escaped.
_WORDS = re.compile(r"[^\W_]+(?: [^\W_]+)*")
# All that stands for itself in an address, in quoted-printable as in HTML.
_HARMLESS = bytes(code for code in range(ord("!"), ord("~") + 1) if chr(code) not in "=&<>\"'")

_SPELLED = [f"={code:02X}" for code in range(256)]
for _sign in map(chr, range(ord(" "), ord("~") + 1)):
    _SPELLED[ord(_sign)] = _sign if _sign != "=" else "=3D"


def quoted(piece: str) -> str:
    """A piece of text as lines of quoted-printable; a line that goes on after the piece ends with a soft break.

    >>> quoted("Größe: 5 €").split()
    ['Gr=C3=B6=C3=9Fe:', '5', '=E2=82=AC=']
    """
    # Escaped text is of a kind of its own that escapes again whatever is done to it.
    piece = str(piece)
    if _is_plain(piece):
        return _broken(piece)
    if len(piece) <= SHORT and (spelled := _spelled(piece)):
        return spelled
    *whole, rest = piece.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n")
    lines = [SOFT_BREAK.join(_wrapped(line)) + "\r\n" for line in whole]
    return "".join(lines) + (SOFT_BREAK.join((*_wrapped(rest, ends=False), "")) if rest else "")


def _is_plain(piece: str) -> bool:
    """Whether all of it stands for itself: names and addresses mostly do, and this takes a tenth of encoding them."""
    return (
        piece.isascii()
        and piece.isprintable()
        and "=" not in piece
        and "." not in (piece[:1], piece[WIDTH : WIDTH + 1])
        and "  " not in piece
        and len(piece) <= 2 * WIDTH
    )


def _broken(plain: str) -> str:
    if len(plain) <= WIDTH:
        return f"{plain}=\r\n" if plain else ""
    return f"{plain[:WIDTH]}=\r\n{plain[WIDTH:]}=\r\n"


def _spelled(short: str) -> str:
    """A name with an umlaut as the C library spells it; nothing where it takes more than one line."""
    spelled = b2a_qp(short.encode("utf-8", "replace")).decode()
    if not _FITS_A_LINE.fullmatch(short) or spelled[0] == "." or len(spelled) > WIDTH:
        return ""
    return f"{spelled}=\r\n"


def _wrapped(line: str, *, ends: bool = True) -> list[str]:
    """One line of text over as many lines as it needs. No blank stays at its end, where servers may cut it off."""
    signs = [_SPELLED[code] for code in line.encode("utf-8", "replace")]
    for at, (before, sign) in enumerate(zip(["", *signs], signs, strict=False)):
        if sign == " " and before in {" ", "=20"}:
            signs[at] = "=20"
    if ends and signs and signs[-1] == " ":
        signs[-1] = "=20"
    lines = [""]
    for sign in signs:
        if len(lines[-1]) + len(sign) > WIDTH:
            lines.append("")
        # A dot at the start of a line would have to be doubled on the way (RFC 5321, section 4.5.2).
        lines[-1] += "=2E" if sign == "." and not lines[-1] else sign
    return lines


def whole(pieces: Iterable[str]) -> bytes:
    """All pieces of a part; it ends with a line end that counts, as the last line before a boundary must."""
    written = "".join(pieces)
    if not written or written.endswith(SOFT_BREAK):
        written += "\r\n"
    return written.encode("ascii")


class _QuotedCode(CodeGenerator):
    """Compiles a template so that it yields quoted-printable: text while compiling, values when it runs."""

    def _output_const_repr(self, group: Iterable[object]) -> str:
        return repr(quoted("".join(map(str, group))))

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:  # noqa: ARG002
        if not _is_ready(node):
            self.write("environment.printed(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:  # noqa: ARG002
        if not _is_ready(node):
            self.write(")")


class _ReadyAddresses(NodeTransformer):
    """Has a printed address of ours stand as it is: it comes quoted already, once for all its places in a mail."""

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 - named after the node
        node.nodes = [
            nodes.Name(f"{READY}{each.name}", "load", lineno=each.lineno)
            if isinstance(each, nodes.Name) and _ADDRESS.fullmatch(each.name)
            else each
            for each in node.nodes
        ]
        return node


def _is_ready(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Name) and node.name.startswith(READY)


class Values(dict[str, Any]):
    """What is merged into one mail."""

    def __missing__(self, _: str) -> Any:
        return missing


class _Merged(Context):
    """The values of one mail, and nothing of what only blocks, macros and assignments need: those are refused."""

    def __init__(self, environment: Environment, values: Values) -> None:
        self.environment = environment
        self.parent = values
        # Each name that a template uses is looked up through this, so it is the dictionary's own way.
        self.resolve_or_missing = values.__getitem__  # type: ignore[method-assign, assignment]


def merge(template: Template, values: Values) -> Iterable[str]:
    """What a template says with these values, piece by piece."""
    return template.root_render_func(_Merged(template.environment, values))


class QuotedEnvironment(MailEnvironment):
    """The sandbox, for templates whose output travels as it is."""

    code_generator_class = _QuotedCode

    def printed(self, value: Any) -> str:
        """What a value looks like in the mail; an ordinary word, as most values are, costs one look at it."""
        if type(value) is str:
            if _ORDINARY.fullmatch(value):
                return f"{value}=\r\n"
            if len(value) <= SHORT and _WORDS.fullmatch(value):
                return _spelled(value) or quoted(value)
        shown = printable(value)
        return quoted(escape(shown) if self.autoescape else shown)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(_ReadyAddresses().visit(source), name, filename, defer_init)


def ready(addresses: Mapping[str, str | None], *, plain: bool = False) -> tuple[dict[str, str], dict[str, str]]:
    """The addresses of one mail as its text and as its HTML print them; `plain` as `Urls.plain` says."""
    names, values = _ready_names(tuple(addresses)), [address or "" for address in addresses.values()]
    harmless = plain or not "".join(values).encode("utf-8", "replace").translate(None, _HARMLESS)
    if harmless and (lines := _in_lines(values, plain=plain)):
        said = dict(zip(names, lines, strict=True))
        return said, said
    in_text, in_html = ([quoted(as_is(value)) for value in values] for as_is in (str, escape))
    return dict(zip(names, in_text, strict=True)), dict(zip(names, in_html, strict=True))


@lru_cache(maxsize=16)
def is_plain_base(base: str) -> bool:
    """Whether an address that begins so and ends with a token needs no encoding, and its line ends within the token."""
    return len(base) < WIDTH - LONGEST_PATH and not base.encode("utf-8", "replace").translate(None, _HARMLESS)


@lru_cache(maxsize=64)
def _ready_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{READY}{name}" for name in names)


def _in_lines(harmless: list[str], *, plain: bool) -> list[str]:
    """As `quoted` does, for what stands for itself but for where lines end; nothing where that takes a closer look."""
    if not plain and max(map(len, harmless)) > 2 * WIDTH:
        return []
    lines = [f"{each[:WIDTH]}=\r\n{each[WIDTH:]}=\r\n" if each[WIDTH:] else _broken(each) for each in harmless]
    return lines if plain or f"{SOFT_BREAK}." not in SOFT_BREAK + "".join(lines) else []


QUOTED_HTML = QuotedEnvironment(autoescape=True)
QUOTED_PLAIN = QuotedEnvironment(autoescape=False)
