"""May we write to these people now? The one question that plans, gates, previews and checks all ask in the same way."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Integer, cast, column, func, literal, select, table
from sqlalchemy.dialects.postgresql import ARRAY, ENUM
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SelectBase, Subquery
from sqlalchemy.types import Text

from contacts.models import Controller
from core import clock
from suppression.facts import Decision, Facts, Verdict
from suppression.gathering import (
    Asked,
    Names,
    Question,
    Reach,
    make_tables,
    put_audience,
    put_policies,
    put_recipients,
    put_situations,
    restore,
)
from suppression.lists.matching import catch_up, match_recipients
from suppression.lists.standing import required_versions
from suppression.marks import put_marks
from suppression.policy import UNKNOWN
from suppression.policy_table import Weighing, policy_lines
from suppression.rule_sets import RulesInForce, current
from suppression.rules import book, decide

VERDICT = ENUM("send", "hold", "block", name="verdict", create_type=False)


@dataclass(frozen=True)
class Assessment:
    """The answer for a whole audience. It lives as long as the transaction in which it was made.

    `rows` can be selected from and joined: contact_id, endpoint_id, address_id, verdict, reasons (the first one is the
    code), basis, code, consent_id, purchase_id, entry_id, list_version_id; one row per recipient. `list_versions` names
    the version of each required list that was asked, or None where there is none. `reach`: the ids between which the
    audience lies; who joins a big table with `rows` names them, so that PostgreSQL reads no more of it.
    """

    question: Question
    as_of: datetime
    rules_version: int
    list_versions: dict[str, int | None]
    reach: Reach
    audience: int
    situations: tuple[tuple[Decision, int], ...]
    rows: Subquery
    session: Session = field(repr=False, compare=False)

    def counts(self) -> dict[str, Any]:
        """`audience`, `send`, `hold`, `block`, and `reasons`: code → recipients, each recipient once."""
        verdicts, reasons = Counter[str](), Counter[str]()
        for decision, people in self.situations:
            verdicts[decision.verdict] += people
            reasons[decision.code] += people
        by_verdict = {str(verdict): verdicts[verdict] for verdict in Verdict}
        return {"audience": self.audience} | by_verdict | {"reasons": dict(reasons.most_common())}


def counts(assessment: Assessment) -> dict[str, Any]:
    """See `Assessment.counts`."""
    return assessment.counts()


def samples(assessment: Assessment, *, most: int = 5) -> dict[str, list[int]]:
    """Some contacts of each code, by id, so that people can look at examples. Erased contacts have no id to show."""
    rows = assessment.rows
    codes = sorted({decision.code for decision, _people in assessment.situations})
    return {
        code: list(
            assessment.session.scalars(
                select(rows.c.contact_id).where(rows.c.code == code, rows.c.contact_id.is_not(None)).limit(most)
            )
        )
        for code in codes
    }


def assess(
    session: Session,
    *,
    audience: SelectBase,
    question: Question,
    as_of: datetime | None = None,
    recheck_lists: bool = False,
    released: frozenset[str] = frozenset(),
    rules: RulesInForce | None = None,
    known_by: datetime | None = None,
) -> Assessment:
    """Decide about every recipient of `audience`, a SELECT of contact_id, endpoint_id, address_id (unique addresses).

    `recheck_lists` is for the gate, with batches of up to some thousands, whose addresses the caller holds locked: they
    are looked up in the lists themselves, not only among the known hits. `released`: codes of holds that compliance let
    pass for this run. A recipient without endpoint or contact counts as erased.

    `rules`: decide by this version instead of the one in force. `known_by`: decide by what was on record at that
    moment: consents, objections and lists as they stood then. What keeps no history (orders, choices of the preference
    page, the country of a contact) is taken as it stands now.

    A handful of queries, whatever the size of the audience.
    """
    moment = clock.require_aware(as_of) if as_of else clock.now()
    rules = rules or current(session)
    lists = required_versions(session, rules.settings, channel=question.channel, as_of=moment, known_by=known_by)
    if not recheck_lists:
        catch_up(session)
    names = make_tables(session)
    reach = put_audience(session, names, audience=audience, repeated=recheck_lists)
    sender = _country(session, question)
    lines = policy_lines(
        Weighing(rules.settings, sender, question.channel, lists=lists, as_of=moment, at_once=question.at_once)
    )
    asked = Asked(question, rules.settings, lists, lines, moment, known_by)
    people = _gather(session, names, reach, asked, recheck_lists=recheck_lists)
    restore(session)
    rulebook = book(question.purpose)
    decided = {number: decide(Facts.unpack(number), rulebook, released=released) for number in people}
    return Assessment(
        question=question,
        as_of=moment,
        rules_version=rules.version,
        list_versions={found.list_id: found.version_id for found in lists},
        reach=reach,
        audience=sum(people.values()),
        situations=tuple((decided[number], many) for number, many in people.items()),
        rows=_rows(names, decided),
        session=session,
    )


def _gather(session: Session, names: Names, reach: Reach, asked: Asked, *, recheck_lists: bool) -> dict[int, int]:
    """Sort everybody in the audience into situations: the number of the facts → recipients."""
    put_policies(session, names, lines=asked.lines)
    put_recipients(session, names, reach=reach, asked=asked)
    if recheck_lists:
        match_recipients(session, recipient=names.recipient, lists=asked.lists)
    put_marks(session, names, reach=reach, asked=asked)
    return put_situations(session, names, reach=reach)


def _country(session: Session, question: Question) -> str:
    found = session.scalar(select(Controller.country).where(Controller.id == question.controller_id))
    return found or UNKNOWN


def _rows(names: Names, decided: dict[int, Decision]) -> Subquery:
    ids = ("contact_id", "endpoint_id", "address_id")
    evidence = ("consent_id", "purchase_id", "entry_id", "list_version_id")
    situation = table(
        names.situation, column("facts", Integer), *(column(name, BigInteger) for name in (*ids, *evidence))
    )
    verdict = _verdicts(decided)
    return (
        select(
            *(situation.c[name] for name in ids),
            *(verdict.c[name] for name in ("verdict", "reasons", "basis", "code")),
            *(situation.c[name] for name in evidence),
        )
        .select_from(situation.join(verdict, verdict.c.facts == situation.c.facts))
        .subquery("assessed")
    )


def _verdicts(decided: dict[int, Decision]) -> Subquery:
    """What the rules said about each situation, as a relation of some dozen rows."""
    decisions = decided.values()
    told = (
        func.unnest(
            literal(list(decided), ARRAY(Integer)),
            literal([decision.verdict.value for decision in decisions], ARRAY(Text)),
            literal([" ".join(decision.reasons) for decision in decisions], ARRAY(Text)),
            literal([decision.basis and decision.basis.value for decision in decisions], ARRAY(Text)),
            literal([decision.code for decision in decisions], ARRAY(Text)),
        )
        .table_valued(
            column("facts", Integer),
            *(column(name, Text) for name in ("verdict", "reasons", "basis", "code")),
            name="told",
        )
        .render_derived()
    )
    reasons = func.string_to_array(told.c.reasons, " ", type_=ARRAY(Text))
    return (
        select(
            told.c.facts,
            cast(told.c.verdict, VERDICT).label("verdict"),
            reasons.label("reasons"),
            told.c.basis,
            told.c.code,
        )
        # Keeps the casts here, where they are done some dozen times, and not once for each recipient.
        .offset(0)
        .subquery("verdict")
    )
