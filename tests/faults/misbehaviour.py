"""How mail servers misbehave, and where a mail ends that met it: the table that a real worker is tested against.

Of three mails to a server the first meets it. `then`: where it is when the worker has nothing left to do; `later`: how
it ends when everything is tried once more and the server is well again, as far as it ever is.

- `waits`: nothing was announced, no attempt is counted, and all three wait;
- `put off`: certainly not taken, so it is tried again, and that counts;
- `unknown`: nobody can know, so it is never tried again by itself;
- `sent`, `failed`: the server said so.
"""

# ruff: noqa: E501 - a table is read by its columns

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from tests.smtp_sink import Action, Behaviour, Drop, Hang, Say, on, say

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Row:
    """One misbehaviour. `scheme` and `offers`: how the server is spoken to, and what it adds to its offers."""

    fault: str
    does: str
    behave: Callable[[], Behaviour]
    then: str
    later: str = "sent"
    scheme: str = "smtp"
    login: str = ""
    offers: tuple[str, ...] = ()
    # For rows whose server never takes a mail without having said so.
    taken: int | None = None


def first(verb: str, action: Action, *, times: int = 1) -> Callable[[], Behaviour]:
    return lambda: on(verb, action, times=times)


def until_well(verb: str, action: Action) -> Callable[[], Behaviour]:
    """Every time, until the test makes the server well."""
    return lambda: on(verb, action)


def always(verb: str, action: Action) -> Callable[[], Behaviour]:
    """Every time, and it never gets well."""
    return lambda: on(verb, action)


def second(verb: str, action: Action) -> Callable[[], Behaviour]:
    return lambda: lambda at, _recipient, count: action if at == verb and count == 2 else None


def each(**actions: Action) -> Callable[[], Behaviour]:
    """Every verb does its own, the first time."""
    return lambda: lambda at, _recipient, count: actions.get(at) if count == 1 else None


def greets_nobody() -> Behaviour:
    return lambda at, _recipient, _count: say(451, "later") if at in {"EHLO", "HELO"} else None


def well() -> Behaviour:
    return lambda _verb, _recipient, _count: None


def greylist(times: int) -> Callable[[], Behaviour]:
    """Every recipient is put off so often."""

    def made() -> Behaviour:
        seen: dict[str, int] = {}

        def behave(verb: str, recipient: str, _count: int) -> Action | None:
            if verb != "RCPT":
                return None
            seen[recipient] = seen.get(recipient, 0) + 1
            return say(451, "4.7.1 greylisted, try again in 300 seconds") if seen[recipient] <= times else None

        return behave

    return made


# fmt: off
def drops() -> Sequence[Row]:
    return (
        Row("F12", "hangs up instead of a greeting", until_well("CONNECT", Drop()), "waits"),
        Row("F12", "hangs up at EHLO", until_well("EHLO", Drop()), "waits"),
        Row("F12", "hangs up at MAIL", first("MAIL", Drop()), "put off"),
        Row("F12", "hangs up at RCPT", first("RCPT", Drop()), "put off"),
        Row("F12", "hangs up at DATA", first("DATA", Drop()), "put off"),
        Row("F12", "hangs up while it reads the body", first("BODY", Drop()), "unknown", "unknown", taken=2),
        Row("F12", "hangs up after the dot, having taken it", first("DOT", Drop(taken=True)), "unknown", "unknown", taken=3),
        Row("F12", "hangs up after the dot, not having taken it", first("DOT", Drop()), "unknown", "unknown", taken=2),
        Row("F12", "hangs up at RSET after a refusal", each(RCPT=say(550, "5.7.1 no"), RSET=Drop()), "failed", "failed"),
        Row("F12", "hangs up at QUIT", first("QUIT", Drop()), "sent"),
        Row("F12", "hangs up at AUTH", until_well("AUTH", Drop()), "waits", login="me:secret@", offers=("AUTH PLAIN",)),
    )


def answers() -> Sequence[Row]:
    return (
        Row("F13", "greets with 4xx", until_well("CONNECT", say(421, "busy")), "waits"),
        Row("F13", "greets with 5xx", until_well("CONNECT", say(554, "no mail here")), "waits"),
        Row("F13", "knows no EHLO", first("EHLO", say(502, "what?")), "sent"),
        Row("F13", "says 4xx to EHLO and takes HELO", first("EHLO", say(451, "later")), "sent"),
        Row("F13", "says 4xx to EHLO and HELO", greets_nobody, "waits"),
        Row("F13", "says 4xx to AUTH", until_well("AUTH", say(454, "4.7.0 later")), "waits", login="me:secret@", offers=("AUTH PLAIN",)),
        Row("F13", "says 5xx to AUTH", until_well("AUTH", say(535, "5.7.8 wrong")), "waits", login="me:secret@", offers=("AUTH PLAIN",)),
        Row("F13", "says 4xx to MAIL", first("MAIL", say(451, "later")), "put off"),
        Row("F13", "says 4xx to RCPT", first("RCPT", say(450, "4.2.1 busy")), "put off"),
        Row("F13", "says 4xx to DATA", first("DATA", say(451, "later")), "put off"),
        Row("F13", "says 4xx after the dot", first("DOT", say(452, "4.3.1 full")), "put off"),
        Row("F13", "says 4xx to RSET", each(RCPT=say(550, "5.7.1 no"), RSET=say(451)), "failed", "failed"),
        Row("F13", "says 5xx to MAIL", first("MAIL", say(550, "5.7.1 no")), "failed", "failed"),
        Row("F13", "says 5xx to RCPT", first("RCPT", say(550, "5.1.1 nobody")), "failed", "failed"),
        Row("F13", "says 5xx to DATA", first("DATA", say(554, "no")), "failed", "failed"),
        Row("F13", "says 5xx after the dot", first("DOT", say(554, "5.7.1 spam")), "failed", "failed"),
        Row("F13", "says 5xx to RSET", each(RCPT=say(550, "5.7.1 no"), RSET=say(502)), "failed", "failed"),
        Row("F13", "says 421 to the first MAIL", first("MAIL", say(421, "closing")), "put off"),
        Row("F13", "says 421 to RCPT", first("RCPT", say(421, "closing")), "put off"),
        Row("F13", "says 421 after the dot", first("DOT", say(421, "closing")), "put off"),
        Row("F13", "says 421 to the second MAIL: too many", second("MAIL", say(421, "4.7.0 too many mails")), "sent"),
        Row("F13", "hangs up at the second MAIL", second("MAIL", Drop()), "sent"),
    )


def odd_bytes() -> Sequence[Row]:
    long = b"550-" + b"x" * 70 + b"\r\n"
    return (
        Row("F13", "answers in many lines", first("DOT", Say(b"250-2.0.0 one\r\n250-two\r\n250 three\r\n")), "sent"),
        Row("F13", "refuses in many lines", first("RCPT", Say(b"550-5.7.1 one\r\n550 5.7.1 two\r\n")), "failed", "failed"),
        Row("F13", "changes the code between two lines", first("DOT", Say(b"250-yes\r\n550 no\r\n")), "unknown", "unknown"),
        Row("F13", "answers RCPT with a megabyte of lines", first("RCPT", Say(long * (MEGABYTE // len(long)))), "put off"),
        Row("F13", "answers RCPT with a megabyte in one line", first("RCPT", Say(b"550 " + b"x" * MEGABYTE)), "put off"),
        Row("F13", "answers the dot with a megabyte", first("DOT", Say(b"250-" + b"x" * MEGABYTE)), "unknown", "unknown"),
        Row("F13", "refuses with 5,000 letters", first("RCPT", Say(b"550 " + b"\xc3\xbc" * 2500 + b"\r\n")), "failed", "failed"),
        Row("F13", "ends lines with LF alone", first("DOT", Say(b"250 2.0.0 ok\n")), "sent"),
        Row("F13", "answers byte by byte", first("DOT", Say(b"250 2.0.0 ok\r\n", dripping=True)), "sent"),
        Row("F13", "writes NUL into a yes", first("DOT", Say(b"250 2.0.0 o\0k\r\n")), "sent"),
        Row("F13", "writes NUL into a no", first("RCPT", Say(b"550 5.7.1 \0\x07\xff no\r\n")), "failed", "failed"),
        Row("F13", "answers the dot with NULs", first("DOT", Say(b"\0\0garbage\r\n")), "unknown", "unknown"),
        Row("F13", "speaks HTTP", first("RCPT", Say(b"HTTP/1.1 200 OK\r\n\r\n")), "put off"),
    )


def encryption() -> Sequence[Row]:
    starttls = {"scheme": "smtp+starttls"}
    return (
        Row("F14", "does not offer the STARTTLS that is required", well, "waits", "waits", **starttls),
        Row("F14", "refuses STARTTLS", always("STARTTLS", say(454, "no TLS")), "waits", "waits", offers=("STARTTLS",), **starttls),
        Row("F14", "hangs up at STARTTLS", always("STARTTLS", Drop()), "waits", "waits", offers=("STARTTLS",), **starttls),
        Row("F14", "cuts the handshake after STARTTLS", well, "waits", "waits", offers=("STARTTLS",), **starttls),
        Row("F14", "says more before the handshake", always("STARTTLS", Say(b"220 go\r\n250 me\r\n")), "waits", "waits", offers=("STARTTLS",), **starttls),
        Row("F14", "speaks no TLS where TLS is expected", well, "waits", "waits", scheme="smtps"),
    )


def partial() -> Sequence[Row]:
    return (
        Row("F15", "takes two recipients of three", second("RCPT", say(550, "5.7.1 not you")), "failed", "failed"),
        Row("F15", "takes it and talks of failure", first("DOT", say(250, "5.1.1 user unknown, message failed")), "sent"),
        Row("F15", "takes it without a word", first("DOT", Say(b"250\r\n")), "sent"),
        Row("F15", "takes it with another 2xx", first("DOT", say(252, "perhaps")), "sent"),
        Row("F15", "wants more after the dot", first("DOT", say(354, "go on")), "unknown", "unknown"),
        Row("F15", "takes all", well, "sent"),
    )


# fmt: on
def waits_for_nothing(*, pipelining: bool) -> Sequence[Row]:
    """Rows that need no timeout: they run with all other tests. Without pipelining those whose course that changes."""
    if not pipelining:
        return drops()
    return tuple(chain(drops(), answers(), odd_bytes(), encryption(), partial()))


# fmt: off
def keeps_waiting() -> Sequence[Row]:
    """Rows that last as long as our patience, which the tests make short: a second and a half for a reply."""
    slowly = {"dripping": True, "pause": 1.0}
    return (
        Row("F12", "is silent instead of a greeting", until_well("CONNECT", Hang(4)), "waits"),
        Row("F12", "is silent at EHLO", until_well("EHLO", Hang(4)), "waits"),
        Row("F12", "is silent at MAIL", first("MAIL", Hang(4)), "put off"),
        Row("F12", "is silent at RCPT", first("RCPT", Hang(4)), "put off"),
        Row("F12", "is silent at DATA", first("DATA", Hang(4)), "put off"),
        Row("F12", "is silent after the dot", first("DOT", Hang(4)), "unknown", "unknown"),
        Row("F13", "does not end its last line", first("RCPT", Say(b"250-ok\r\n")), "put off"),
        Row("F14", "says one byte a second to RCPT", first("RCPT", Say(b"250 ok\r\n", **slowly)), "put off"),
        Row("F14", "says one byte a second after the dot", first("DOT", Say(b"250 ok\r\n", **slowly)), "unknown", "unknown"),
        Row("F14", "greets with one byte a second", until_well("CONNECT", Say(b"220 hi\r\n", **slowly)), "waits"),
        Row("F13", "greylists once", greylist(1), "all put off", "sent"),
        Row("F13", "greylists twice", greylist(2), "all put off", "all put off"),
    )


# fmt: on
def leaves_a_line_open(*, pipelining: bool) -> Sequence[Row]:
    """With an envelope on its way the next answer ends the line: its yes counts, and the next mail waits."""
    then, later = ("put off", "sent") if pipelining else ("unknown", "unknown")
    return (Row("F13", "does not end its line", first("DOT", Say(b"250 ok")), then, later),)


# fmt: off
# What is shown by tests of its own: fault, what happens, which test.
ELSEWHERE = (
    ("F12", "a worker or a connection that dies with a mail in hand", "tests/delivery/test_journal.py::test_a_worker_killed_in_the_middle_costs_one_unknown_for_each_open_connection_at_most"),
    ("F13", "greylisting that ends by itself", "tests/delivery/test_outcomes.py::test_greylisting_ends_well"),
    ("F13", "a server that never takes it: trying ends", "tests/delivery/test_outcomes.py::test_trying_ends"),
    ("F13", "pauses outlast greylisting", "tests/faults/test_misbehaviour.py::test_pauses_outlast_every_usual_greylisting"),
    ("F13", "replies of a megabyte, mail after mail", "tests/faults/test_misbehaviour.py::test_long_replies_cost_no_memory"),
    ("F14", "nobody takes the connection (black hole)", "tests/faults/test_misbehaviour.py::test_a_server_that_drops_our_packets_holds_up_nobody_else"),
    ("F14", "a server that is away holds up its own mail only", "tests/delivery/test_outage.py::test_a_server_that_is_away_slows_no_other_sender_down"),
    ("F14", "a certificate of nobody", "tests/delivery/test_smtp.py::test_a_certificate_of_nobody_is_refused"),
    ("F15", "a bounce that comes after the yes", "tests/faults/test_misbehaviour.py::test_a_bounce_after_the_yes_is_recorded_and_nothing_is_sent_again"),
)
