"""What a call centre, a print shop or a gateway reports back about a file it was given.

Each row names the file and the endpoint as they stood in it. An objection counts for all channels unless it names this
one; a number or address that reaches nobody counts as a hard bounce on its channel. Whatever else came of a line is
kept as it was reported.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.models import ChannelExport, ChannelResult
from contacts.importing import Field, Layout, Origin, Outcome, Reader, Rejected, Rejection, Row, cells
from contacts.models import Channel, Endpoint
from core.sentences import say
from suppression import Cause, NewEntry, add_many
from suppression.models import StoredDecision

FIELDS = (
    Field("export", required=True),
    Field("endpoint", required=True),
    Field("result", required=True),
    Field("at", required=True),
    Field("note"),
)
LONGEST = 500


class Result(StrEnum):
    """What can come of a line."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    OBJECTED = "objected"
    OBJECTED_CHANNEL = "objected_channel"
    UNDELIVERABLE = "undeliverable"
    DECEASED = "deceased"


class Reported(NamedTuple):
    """One row."""

    export: str
    endpoint: str
    result: Result
    at: datetime
    note: str | None


class ResultIntake:
    """Results, as the Intake of `crusoe import results`."""

    name = "results"
    _said: Reader

    def __init__(self) -> None:
        self._file: dict[str, str] = {}

    def fields(self, session: Session) -> Sequence[Field]:
        """The columns of a result."""
        del session
        return FIELDS

    def prepare(self, session: Session, *, layout: Layout, origin: Origin) -> None:
        """Note where the columns are and where the rows come from."""
        del session
        self._said = layout.reader(FIELDS)
        self._file = {"file": origin.name, "sha256": origin.sha256}

    def read(self, cells_: Sequence[str]) -> Reported:
        """One result, or `Rejected`."""
        said = self._said(cells_)
        word = said["result"].lower()
        if word not in set(Result):
            raise Rejected(
                "result",
                "result_unknown",
                say("%(cell)s is none of %(known)s.", cell=repr(word[:40]), known=", ".join(Result)),
            )
        at = cells.moment(said["at"], field="at")
        if at is None:
            raise Rejected("at", "missing", say("This cell must not be empty."))
        return Reported(
            export=cells.required(said["export"], field="export", longest=LONGEST),
            endpoint=said["endpoint"].strip(),
            result=Result(word),
            at=at,
            note=cells.text(said["note"], field="note", longest=LONGEST),
        )

    def identify(self, record: Reported) -> tuple[str, str]:
        """By file, endpoint, result and time."""
        key = repr((record.export, record.endpoint, record.result, record.at))
        return key, key

    def store(self, session: Session, rows: Sequence[Row[Reported]], *, rehearsal: bool) -> Outcome:
        """Store a chunk: the reports, and the objections that follow from them."""
        del rehearsal
        known = _addresses(session, rows)
        about = [(row, *known[row.record.export, row.record.endpoint]) for row in rows if _place(row) in known]
        strangers = [_stranger(row.line) for row in rows if _place(row) not in known]
        if not about:
            return Outcome(rejections=strangers)
        values = [
            {"export_id": export, "address_id": address_id}
            | {"result": row.record.result, "at": row.record.at, "note": row.record.note}
            for row, export, _channel, address_id in about
        ]
        stored = session.scalars(
            insert(ChannelResult).on_conflict_do_nothing().returning(ChannelResult.id), values
        ).all()
        add_many(session, [entry for one in about if (entry := self._entry(*one)) is not None])
        return Outcome(created=len(stored), unchanged=len(about) - len(stored), rejections=strangers)

    def _entry(self, row: Row[Reported], _export: int, channel: Channel, address_id: int) -> NewEntry | None:
        cause, on = {
            Result.OBJECTED: (Cause.OPTED_OUT, None),
            Result.OBJECTED_CHANNEL: (Cause.OPTED_OUT, channel.value),
            Result.UNDELIVERABLE: (Cause.HARD_BOUNCE, channel.value),
            Result.DECEASED: (Cause.DECEASED, None),
        }.get(row.record.result, (None, None))
        if cause is None:
            return None
        evidence = self._file | {"line": row.line, "export": row.record.export}
        return NewEntry(address_id, cause, row.record.at, "import", channel=on, evidence=evidence)


def _place(row: Row[Reported]) -> tuple[str, str]:
    return row.record.export, row.record.endpoint


def _addresses(session: Session, rows: Sequence[Row[Reported]]) -> dict[tuple[str, str], tuple[int, Channel, int]]:
    """(file, endpoint) → the file's id, its channel, the address; only of people who stand in that file."""
    found = session.execute(
        select(ChannelExport.id, ChannelExport.code, ChannelExport.channel, Endpoint.value, Endpoint.address_id)
        .join(StoredDecision, StoredDecision.batch_id == ChannelExport.decision_batch_id)
        .join(
            Endpoint,
            (Endpoint.address_id == StoredDecision.address_id) & (Endpoint.channel == ChannelExport.channel),
        )
        .where(
            StoredDecision.verdict == "send",
            ChannelExport.code.in_({row.record.export for row in rows}),
            Endpoint.value.in_({row.record.endpoint for row in rows}),
        )
    )
    return {(row.code, row.value): (row.id, row.channel, row.address_id) for row in found}


def _stranger(line: int) -> Rejection:
    message = say("No such file was made, or this endpoint does not stand in it.")
    return Rejection(line, "endpoint", "not_in_file", message)
